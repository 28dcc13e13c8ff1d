#!/usr/bin/env bash
# Makes spec.tar.gz of the specification's test files. Usage: make.sh FOLDER-OF-WAST-FILES [WORK-FOLDER]
# Needs wast2json (Debian: wabt), perl and python3. Only the folder's files are read; NAME/NAME.json and NAME/NAME.N.wasm are left in the work folder.
set -eu
cd "$(dirname "$0")"
here=$PWD
wast=$(cd "$OLDPWD" && cd "$1" && pwd)
work=${2:-$(mktemp -d)}
mkdir -p "$work"
cd "$work"

# All but those that are about floating point alone.
names="address align binary binary-leb128 block br br_if br_table break-drop call call_indirect comments const custom data elem endianness
    exports fac forward func func_ptrs globals i32 i64 if imports inline-module int_exprs int_literals labels left-to-right linking load
    local_get local_set local_tee loop memory memory_grow memory_redundancy memory_size memory_trap names nop return select
    skip-stack-guard-page stack start store switch token traps type typecheck unreachable unreached-invalid unwind
    utf8-custom-section-id utf8-import-field utf8-import-module"

# Those of them whose modules mix integers and floating point: once more without it.
mixed="address block br br_if br_table call call_indirect endianness func globals if labels left-to-right load local_get local_set local_tee
    loop memory_redundancy memory_trap nop return select start store traps type unreachable unwind"

convert() { # NAME: from NAME/NAME.wast
    wast2json --disable-multi-value --disable-bulk-memory --disable-reference-types --disable-saturating-float-to-int \
        --disable-sign-extension --disable-simd "$1/$1.wast" -o "$1/$1.json"
    [ -s "$1/$1.json" ] || { echo "$1: nothing was made" >&2; exit 1; }
    # Modules in text form are for programs that read text; their commands stay in the JSON.
    rm -f "$1"/*.wat
    sed -i "s|\"source_filename\": \"[^\"]*\"|\"source_filename\": \"$1.wast\"|" "$1/$1.json"
}

for name in $names; do
    rm -rf "$name" && mkdir "$name"
    # Where these files were changed for another reader: block types, the table of an element segment and of a call, a second table.
    perl -0pe 's/\((block|loop|if) (i32|i64|f32|f64)(?=\s)/($1 (result $2)/g;
        s/\(elem \(table \$tab\) (\(i32.const 1\)) func \$f \$g\)/(elem $1 \$f \$g)/g;
        s/call_indirect \$tab \(type 0\)/call_indirect (type 0)/g;
        s/^  \(table \(export "table-10-20"\)/  ;; $&/m;
        s/\(module\n(  \(import "spectest" "table" \(table 0 funcref\)\)\n){2}(  \(table 10 funcref\)\n){2}\)\n//' \
        "$wast/$name.wast" >"$name/$name.wast"
    convert "$name"
done
for name in $mixed; do
    rm -rf "$name-integers" && mkdir "$name-integers"
    python3 "$here/integers.py" "$name/$name.wast" >"$name-integers/$name-integers.wast"
    convert "$name-integers"
done
rm -f ./*/*.wast
# The same bytes whenever it is made.
# shellcheck disable=SC2086 # a list
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - $names $(printf '%s-integers ' $mixed) | gzip -9n >"$here/spec.tar.gz"
ls -l "$here/spec.tar.gz"
