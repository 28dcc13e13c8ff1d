#!/bin/sh
# Learns five measured data sets through the C interface, reloads the models in Rust and Python and compares the
# predictions bit by bit. `make run` calls it after the build. Exit code 0 only if every check held.
set -eu
cd "$(dirname "$0")/../.."
out=build/run
lib=$PWD/build/lib
failed=0

rm -rf "$out"
mkdir -p "$out/models"
${CC:-cc} -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude -o "$out/fit" examples/nist/*.c \
  -L"$lib" -leml -lm -Wl,-rpath,"$lib"
"$out/fit" examples/data "$out" || failed=$?
[ "$failed" -le 1 ] || exit "$failed" # 1 is a missed bound; after anything else there is nothing to compare

echo
echo "Reloaded, the same points predicted again, compared with the C program's bits:"
if command -v cargo >/dev/null; then
  if CARGO_TARGET_DIR=$out/rust-target cargo build --quiet --release --offline \
    --manifest-path examples/nist/rust/Cargo.toml 2>"$out/cargo.log"; then
    "$out/rust-target/release/nist-check" "$out" || failed=1
  else
    cat "$out/cargo.log" >&2
    failed=1
  fi
else
  echo "Rust: NOT CHECKED, there is no cargo on the PATH; install it (Debian: apt-get install cargo rustc)"
  failed=1
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=bindings/python python3 examples/nist/check.py "$out" || failed=1

if [ "$failed" -eq 0 ]; then
  echo "make run: every check that ran held; models and predictions are in $out"
else
  echo "make run: FAILED, see above"
fi
exit "$failed"
