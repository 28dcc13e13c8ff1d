#!/usr/bin/env bash
# Builds the crate eml-core from its source and measures it. Usage: run.sh DIR-OF-THE-CRATE > eml-core.json
# Its dependencies come from cargo's registry, or from the distribution's crates if those are installed.
set -eu
crate=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../../build/tests/eml-core
mkdir -p "$work/src"
cp "$here/main.rs" "$work/src/main.rs"
cat > "$work/Cargo.toml" <<EOF
[package]
name = "eml-core-bench"
version = "0.1.0"
edition = "2021"
[dependencies]
eml-core = { path = "$crate", features = ["experimental-attention"] }
[profile.release]
lto = true
codegen-units = 1
[workspace]
EOF
distribution=/usr/share/cargo/registry
config=()
if ls -d $distribution/serde_json-[0-9]* >/dev/null 2>&1; then
    config=(--offline --config 'source.crates-io.replace-with="local"' --config "source.local.directory=\"$distribution\"")
fi
cd "$work"
cargo build --quiet --release "${config[@]}" >&2
target/release/eml-core-bench
