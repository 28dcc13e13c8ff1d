//! Compares the declarations of this crate with `include/eml.h`: every constant, struct, field, callback and function.

use std::collections::BTreeMap;
use std::path::Path;

type Declarations = BTreeMap<String, String>;

#[test]
fn declarations_equal_the_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let text = read("../../../include/eml.h");
    let header = of_c(&text);
    let rust = of_rust(&(read("src/types.rs") + &read("src/functions.rs")));

    for (name, declaration) in &header {
        assert_eq!(rust.get(name), Some(declaration), "{name}: the crate (left) and the header (right) differ");
    }
    for name in rust.keys() {
        assert!(header.contains_key(name), "{name} is not in the header");
    }
    let count = |prefix: &str| header.values().filter(|text| text.starts_with(prefix)).count();
    let lines = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(count("fn"), lines("EML_API "));
    assert_eq!(count("struct") + count("opaque"), lines("typedef struct "));
    assert!(count("=") >= 60, "constants were overlooked");
}

/// Sizes that the C compiler gives on every 64-bit platform: no padding is hidden anywhere.
#[test]
fn structs_have_no_hidden_padding() {
    use eml_sys::*;
    assert_eq!(std::mem::size_of::<eml_error>(), 40);
    assert_eq!(std::mem::size_of::<eml_safetree_info>(), 32);
    assert_eq!(std::mem::size_of::<eml_model_options>(), 32);
    assert_eq!(std::mem::size_of::<eml_model_info>(), 64);
    assert_eq!(std::mem::size_of::<eml_progress>(), 48);
    assert_eq!(std::mem::size_of::<eml_train_options>(), 72);
    assert_eq!(std::mem::size_of::<eml_train_result>(), 56);
    assert_eq!(std::mem::size_of::<eml_snap_options>(), 56);
    assert_eq!(std::mem::size_of::<eml_snap_result>(), 48);
    assert_eq!(std::mem::size_of::<eml_audit_report>(), 64);
    assert_eq!(std::mem::size_of::<eml_event>(), 104);
    assert_eq!(std::mem::size_of::<eml_instruction>(), 8);
    assert_eq!(std::mem::size_of::<eml_machine_options>(), 16);
    assert_eq!(std::mem::size_of::<eml_machine_event>(), 80);
    assert_eq!(std::mem::size_of::<eml_machine_info>(), 40);
    assert_eq!(std::mem::size_of::<eml_wasm_call>(), 88);
    assert_eq!(std::mem::size_of::<eml_wasm_import>(), 56);
    assert_eq!(std::mem::size_of::<eml_wasm_options>(), 48);
    assert_eq!(std::mem::size_of::<eml_wasm_info>(), 80);
    assert_eq!(std::mem::size_of::<eml_wasm_text>(), 16);
    assert_eq!(std::mem::size_of::<eml_wasm_transfer>(), 32);
    assert_eq!(std::mem::size_of::<eml_wasm_wasi>(), 96);
    assert_eq!(std::mem::size_of::<eml_wasm_function>(), 56);
    assert_eq!(std::mem::size_of::<eml_text>(), 16);
    assert_eq!(std::mem::size_of::<eml_tokenizer_info>(), 16);
    assert_eq!(std::mem::size_of::<eml_lm_options>(), 32);
    assert_eq!(std::mem::size_of::<eml_lm_info>(), 64);
    assert_eq!(std::mem::size_of::<eml_lm_parity>(), 32);
    assert_eq!(std::mem::size_of::<eml_lm_session_info>(), 24);
    assert_eq!(std::mem::size_of::<eml_lm_token>(), 40);
    assert_eq!(std::mem::size_of::<eml_lm_generate_options>(), 112);
    assert_eq!(std::mem::size_of::<eml_lm_generation>(), 32);
    assert_eq!(std::mem::size_of::<eml_lm_score>(), 48);
    assert_eq!(std::mem::size_of::<eml_lm_trainer_options>(), 48);
    assert_eq!(std::mem::size_of::<eml_lm_trainer_info>(), 40);
    assert_eq!(std::mem::size_of::<eml_lm_training_step>(), 72);
    assert_eq!(std::mem::size_of::<eml_lm_training_plan>(), 80);
    assert_eq!(std::mem::size_of::<eml_lm_training_result>(), 32);
}

#[test]
fn the_library_is_this_abi() {
    // Loading refuses another one.
    assert_eq!(eml_sys::load(), Ok(()));
    // SAFETY: no arguments.
    assert_eq!(unsafe { eml_sys::eml_abi_version() }, eml_sys::EML_ABI_VERSION);
}

/// Name to a normal form in Rust's words: `= 3`, `struct {f: u32, …}`, `opaque`, `callback (…)`, `fn(…) -> i32`.
fn of_c(header: &str) -> Declarations {
    let text = without_comments(header, "/*", "*/");
    let mut found = Declarations::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("#define EML_")) {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let value = value.trim();
        if !value.is_empty() && name != "API" && name != "MUST_CHECK" {
            found.insert(format!("EML_{name}"), constant(value));
        }
    }
    let code: String = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join(" ");
    let code = code.replace("extern \"C\" {", "");
    for statement in statements(&code) {
        if let Some(rest) = statement.strip_prefix("typedef struct ") {
            match rest.split_once('{') {
                Some((name, body)) => {
                    let fields = body[..body.rfind('}').unwrap()].split(';').flat_map(c_fields);
                    found.insert(name.trim().into(), format!("struct {{{}}}", fields.collect::<Vec<_>>().join(", ")));
                }
                None => drop(found.insert(rest.split(' ').next().unwrap().into(), "opaque".into())),
            }
        } else if let Some(rest) = statement.strip_prefix("typedef int32_t (*") {
            let (name, parameters) = rest.split_once(")(").unwrap();
            found.insert(name.into(), format!("callback ({})", c_types(parameters.trim_end_matches(')'))));
        } else if let Some(rest) = statement.strip_prefix("EML_API ") {
            let (head, parameters) = rest.trim_start_matches("EML_MUST_CHECK ").split_once('(').unwrap();
            let (result, name) = c_variable(head);
            found.insert(name, format!("fn({}) -> {result}", c_types(parameters.trim_end_matches(')'))));
        }
    }
    found
}

/// The same of this crate's sources.
fn of_rust(source: &str) -> Declarations {
    let text: String = source.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join(" ");
    let text = text.replace(",)", ")").replace("r#", "");
    let mut found = Declarations::new();
    for item in text.split("pub ").map(squeeze) {
        let rest = |keyword: &str| item.strip_prefix(keyword).map(str::to_owned);
        if let Some(rest) = rest("const ") {
            let (name, value) = rest.split_once(": ").unwrap();
            let value = value.split_once("= ").unwrap().1;
            found.insert(name.into(), constant(value.split(';').next().unwrap()));
        } else if let Some(rest) = rest("struct ") {
            let name = rest.split(' ').next().unwrap().to_owned();
            if rest.contains("_private") {
                found.insert(name, "opaque".into());
            } else {
                found.insert(name, "struct {}".into());
            }
        } else if let Some(rest) = rest("type ") {
            let (name, target) = rest.split_once(" = ").unwrap();
            if let Some(start) = target.find("fn(") {
                let parameters = &target[start + 3..target.find(')').unwrap()];
                found.insert(name.into(), format!("callback ({})", rust_types(parameters)));
            }
        } else if let Some(rest) = rest("fn ") {
            let (name, rest) = rest.split_once('(').unwrap();
            let (parameters, result) = rest.split_once(')').unwrap();
            let result = result.trim().trim_start_matches("-> ").split(';').next().unwrap();
            found.insert(name.into(), format!("fn({}) -> {result}", rust_types(parameters)));
        }
    }
    // Fields begin with `pub` too, so structs are read once more as wholes.
    for body in text.split("pub struct ").skip(1) {
        let (name, rest) = body.split_once('{').unwrap();
        let fields = rest.split('}').next().unwrap().split(',').map(|field| field.replace("pub ", ""));
        let fields: Vec<String> = fields.map(|field| squeeze(&field)).filter(|field| !field.is_empty()).collect();
        if !fields[0].starts_with("_private") {
            found.insert(name.trim().into(), format!("struct {{{}}}", fields.join(", ")));
        }
    }
    found
}

fn constant(value: &str) -> String {
    let value = value.trim().trim_start_matches('(').trim_end_matches(')');
    let value = if value == "UINT64_MAX" { "u64::MAX" } else { value };
    format!("= {}", if value.starts_with('"') { value } else { value.trim_end_matches('u') })
}

/// `double a, b` to `a: f64`, `b: f64`.
fn c_fields(declaration: &str) -> Vec<String> {
    let mut names = declaration.split(',');
    let first = squeeze(names.next().unwrap());
    if first.is_empty() {
        return Vec::new();
    }
    let (kind, name) = c_variable(&first);
    std::iter::once(name).chain(names.map(squeeze)).map(|name| format!("{name}: {kind}")).collect()
}

fn c_types(parameters: &str) -> String {
    if parameters == "void" {
        return String::new();
    }
    parameters.split(',').map(|parameter| c_variable(parameter).0).collect::<Vec<_>>().join(", ")
}

fn rust_types(parameters: &str) -> String {
    let kinds = parameters.split(',').filter_map(|parameter| parameter.split_once(": "));
    kinds.map(|(_, kind)| squeeze(kind)).collect::<Vec<_>>().join(", ")
}

/// `const double *x` to (`*const f64`, `x`).
fn c_variable(declaration: &str) -> (String, String) {
    let declaration = squeeze(declaration);
    let is_array = declaration.ends_with(']');
    let declaration = declaration.split('[').next().unwrap();
    let start = declaration.rfind(|c: char| !c.is_alphanumeric() && c != '_').unwrap() + 1;
    let (kind, name) = declaration.split_at(start);
    let stars = kind.matches('*').count() + usize::from(is_array);
    let base = match kind.trim_start_matches("const ").trim_end_matches(['*', ' ']) {
        "double" => "f64",
        "float" => "f32",
        "int32_t" => "i32",
        "int64_t" => "i64",
        "uint8_t" => "u8",
        "uint32_t" => "u32",
        "uint64_t" => "u64",
        "char" => "c_char",
        "void" => "c_void",
        other => other,
    };
    let pointed_to_is_const = kind.starts_with("const ");
    let mut result = base.to_owned();
    for level in 0..stars {
        result = format!("*{} {result}", if level == 0 && pointed_to_is_const { "const" } else { "mut" });
    }
    (result, name.to_owned())
}

/// Splits at semicolons that are not inside braces.
fn statements(code: &str) -> Vec<String> {
    let mut depth = 0;
    let parts = code.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ';' && depth == 0
    });
    parts.map(squeeze).collect()
}

fn without_comments(text: &str, open: &str, close: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        out.push_str(before);
        rest = after.split_once(close).expect("a closed comment").1;
    }
    out + rest
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
