#!/bin/sh
# run.sh LIBRARY - C writes models in every format; Python and Rust read them and write them back: the same bytes, and the
# same bits from every prediction. Ends with "N passed, N failed".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
EML_LIBRARY=$1 # the bindings load this very file
export EML_LIBRARY
build=$root/build/tests/crosslang
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$build" "$work/c" "$work/python" "$work/rust" "$work/lib"
passed=0
failed=0

fail() {
  failed=$((failed + 1))
  echo "  FAIL $*"
}

compare() { # LANGUAGE: every file of C came back from it
  for file in "$work"/c/*; do
    name=$(basename "$file")
    if cmp "$file" "$work/$1/$name"; then passed=$((passed + 1)); else fail "$1: $name differs"; fi
  done
}

ln -s "$EML_LIBRARY" "$work/lib/libeml.so.1"
${CC:-cc} -std=c99 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -pedantic -I "$root/include" "$here/write.c" -o "$build/write" \
  "$work/lib/libeml.so.1"
if ! LD_LIBRARY_PATH="$work/lib" "$build/write" "$work/c"; then
  echo 'crosslang: 0 passed, 1 failed'
  exit 1
fi

if PYTHONPATH=$root/bindings/python PYTHONDONTWRITEBYTECODE=1 python3 "$here/rewrite.py" "$work/c" "$work/python"; then
  compare python
else
  fail 'rewrite.py'
fi

# rustc by hand: the crates have no dependencies, and cargo would want a package and a lock file for rewrite.rs.
rust() { # NAME SOURCE ARGUMENTS...
  name=$1
  source=$2
  shift 2
  rustc --edition 2021 -O -D warnings --crate-name "$name" "$source" --out-dir "$build" -L "$build" "$@"
}
crates=$root/bindings/rust
if ! command -v rustc >/dev/null; then
  echo 'crosslang: no rustc here: the Rust part is not run'
elif rust eml_sys "$crates/eml-sys/src/lib.rs" --crate-type rlib &&
  rust eml_native "$crates/eml-native/src/lib.rs" --crate-type rlib --extern eml_sys &&
  rust rewrite "$here/rewrite.rs" --extern eml_native &&
  "$build/rewrite" "$work/c" "$work/rust"; then
  compare rust
else
  fail 'rewrite.rs'
fi

echo "crosslang: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
