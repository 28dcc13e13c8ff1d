#!/bin/sh
# Tests the Rust crates against build/lib/libeml.so, or against the one library in EML_LIB_DIR.
# Ends with one line `N passed, N failed`; fails if a test, a warning or the formatting fails.
set -u
cd "$(dirname "$0")" || exit 1
root=$(cd ../.. && pwd)
export CARGO_TARGET_DIR="$root/build/rust"
# --offline: nothing here needs a network.
export CARGO_NET_OFFLINE=true
export RUSTFLAGS="${RUSTFLAGS-} -D warnings"

if [ -n "${EML_LIB_DIR-}" ]; then
    EML_LIB_DIR=$(cd "$EML_LIB_DIR" && pwd) || exit 1
    EML_LIBRARY="$EML_LIB_DIR/libeml.so"
    export EML_LIB_DIR EML_LIBRARY
fi

work="$CARGO_TARGET_DIR/test-sh"
mkdir -p "$work"
log="$work/log"
: > "$log"
problems=0

# cargo wants to know every optional dependency of a workspace, used or not. So that the tests need no registry, serde
# comes from the distribution's crates, or, where they are missing, from a placeholder that is resolved but never built.
distribution=/usr/share/cargo/registry
if [ -n "$(ls -d $distribution/serde-1.* 2>/dev/null)" ]; then
    have_serde=yes
    source=$distribution
else
    have_serde=no
    source="$work/no-registry"
    mkdir -p "$source/serde/src"
    printf '[package]\nname = "serde"\nversion = "1.0.0"\n[features]\nderive = []\n' > "$source/serde/Cargo.toml"
    echo 'compile_error!("a placeholder, to satisfy the resolver");' > "$source/serde/src/lib.rs"
    echo '{"files":{}}' > "$source/serde/.cargo-checksum.json"
fi
registry="$work/registry.toml"
printf '[source.crates-io]\nreplace-with = "local"\n[source.local]\ndirectory = "%s"\n' "$source" > "$registry"
# A lock file that was made with another registry would ask for crates that this one lacks.
rm -f Cargo.lock tests/drop-in/Cargo.lock tests/drop-in-serde/Cargo.lock

# run WHAT COMMAND...: shows the output and counts a failure that no test accounts for.
run() {
    what=$1
    shift
    echo "== $what"
    before=$(grep -c '^test result: FAILED' "$log")
    "$@" > "$work/out" 2>&1
    status=$?
    cat "$work/out"
    cat "$work/out" >> "$log"
    after=$(grep -c '^test result: FAILED' "$log")
    if [ $status -ne 0 ] && [ "$before" -eq "$after" ]; then
        echo "FAILED: $what"
        problems=$((problems + 1))
    fi
}

features=eml-native/experimental-attention
[ $have_serde = no ] || features=$features,eml-native/serde
run "all features" cargo test --quiet --config "$registry" --workspace --no-fail-fast --features $features
# EML_RUST=library: only what depends on the library (another twin, say) and not on the sources alone.
if [ "${EML_RUST:-all}" = all ]; then
    run "unit and integration tests" cargo test --quiet --config "$registry" --workspace --no-fail-fast
    run "the feature experimental-attention" cargo test --quiet --config "$registry" --workspace --no-fail-fast \
        --features eml-native/experimental-attention
    run "a user's crate" sh -c 'cd tests/drop-in && cargo test --quiet && cargo build --quiet'
    run "a user's program, started by hand" env -u LD_LIBRARY_PATH "$CARGO_TARGET_DIR/debug/drop-in"
    if [ $have_serde = yes ]; then
        run "the feature serde" cargo test --quiet --config "$registry" --workspace --no-fail-fast --features eml-native/serde
        run "a user's crate with serde" sh -c "cd tests/drop-in-serde && cargo test --quiet --config '$registry'"
    else
        echo "== the feature serde was not tested: there is no serde in $distribution (Debian: librust-serde-json-dev)"
    fi
    run "the example of a kernel" sh -c "cd '$root/examples/kernel' && cargo test --quiet --no-fail-fast"
    if cargo clippy --version > /dev/null 2>&1; then
        run "clippy" cargo clippy --quiet --config "$registry" --workspace --all-targets -- -D warnings
        run "clippy of the attention blocks" cargo clippy --quiet --config "$registry" --workspace --all-targets \
            --features eml-native/experimental-attention -- -D warnings
        run "clippy of a user's crate" sh -c 'cd tests/drop-in && cargo clippy --quiet --all-targets -- -D warnings'
        run "clippy of the example" sh -c "cd '$root/examples/kernel' && cargo clippy --quiet --all-targets -- -D warnings"
    else
        echo "== cargo clippy is not installed"
    fi
    run "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --config "$registry" --workspace --no-deps
    run "documentation of the attention blocks" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --config "$registry" --workspace \
        --no-deps --features eml-native/experimental-attention
    if cargo fmt --version > /dev/null 2>&1; then
        run "formatting" cargo fmt --all --check
        run "formatting of the users' crates" sh -c 'cd tests/drop-in && cargo fmt --check && cd ../drop-in-serde && cargo fmt --check'
        run "formatting of the example" sh -c "cd '$root/examples/kernel' && cargo fmt --check -- --config-path '$PWD'"
    else
        echo "== cargo fmt is not installed"
    fi
fi
[ -d "$root/../shared/golden/eml-core" ] || echo "== ../shared/golden is missing: only the selection in tests/data was compared"

passed=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$log")
failed=$(awk '/^test result:/ { n += $6 } END { print n + 0 }' "$log")
failed=$((failed + problems))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
