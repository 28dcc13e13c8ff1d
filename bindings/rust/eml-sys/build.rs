//! Finds the folder that holds libeml and bakes its path into the crate (see src/loader.rs for what is done with it).
//!
//! 1. the environment variable EML_LIB_DIR,
//! 2. `build/lib` of the repository that this crate lies in, if it has been built,
//! 3. the `libdir` that `pkg-config` knows for `eml`.
//!
//! Nothing is linked, so finding nothing is not an error yet: the library may be installed or built later.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=EML_LIB_DIR");

    let repository = repository();
    if let Some(root) = &repository {
        // A folder that does not exist yet counts as changed, so `make build` is noticed.
        println!("cargo:rerun-if-changed={}", root.join("build/lib").display());
    }

    let found = from_environment()
        .or_else(|| {
            let built = repository.as_ref()?.join("build/lib");
            built.join("libeml.so").exists().then_some(built)
        })
        .or_else(from_pkg_config);

    if found.is_none() {
        println!(
            "cargo:warning=libeml was not found: run `make build` in its repository, install it, or set EML_LIB_DIR \
             to the folder of libeml.so; otherwise programs will look for libeml.so.1 where the system's loader looks"
        );
    }
    // Even before `make build` the repository's own folder is the best guess.
    let folder = found.or_else(|| Some(repository?.join("build/lib")));
    if let Some(folder) = folder.as_deref().and_then(Path::to_str) {
        println!("cargo:rustc-env=EML_SYS_LIB_DIR={folder}");
        // For build scripts of dependents: DEP_EML_LIB_DIR.
        println!("cargo:lib_dir={folder}");
    }
}

fn from_environment() -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("EML_LIB_DIR")?);
    if folder.as_os_str().is_empty() {
        return None;
    }
    let absolute = folder.canonicalize().unwrap_or_else(|error| {
        eprintln!("EML_LIB_DIR is {}, but that cannot be used: {error}", folder.display());
        exit(1)
    });
    Some(absolute)
}

/// The root of the libeml repository, if this crate is still inside it.
fn repository() -> Option<PathBuf> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    let root = manifest.ancestors().nth(3)?;
    root.join("include/eml.h").exists().then(|| root.to_path_buf())
}

fn from_pkg_config() -> Option<PathBuf> {
    let output = Command::new("pkg-config").args(["--variable=libdir", "eml"]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let folder = folder.trim();
    (output.status.success() && !folder.is_empty()).then(|| PathBuf::from(folder))
}
