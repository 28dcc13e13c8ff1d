#!/bin/sh
# exports.sh LIBRARY - the header, the library's dynamic symbols, the bindings and the table of handles.c name the same
# functions; the library is named and marked as it should be. Ends with "N passed, N failed".
set -eu
library=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
passed=0
failed=0

# check DESCRIPTION COMMAND...: passes if the command does.
check() {
  description=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "  FAIL $description"
    sed 's/^/    /' "$work/output"
  fi
}

# Prototypes without comments, one line each.
${CC:-cc} -E -P -I "$root/include" "$root/include/eml.h" | tr '\n' ' ' | tr ';' '\n' | grep -v typedef >"$work/prototypes"
grep -oE '\beml_[a-z0-9_]+ ?\(' "$work/prototypes" | tr -d ' (' | sort -u >"$work/header"
check 'the header declares functions' test "$(wc -l <"$work/header")" -gt 60

nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u >"$work/symbols"
grep '^eml_' "$work/symbols" >"$work/exports" || true
check 'eml.h and the exports of the library are the same' diff "$work/header" "$work/exports"
# Besides these the runtime needs one symbol of its own.
grep -v '^eml_' "$work/symbols" >"$work/others" || true
check 'the library exports nothing else but one symbol of the runtime' test "$(wc -l <"$work/others")" -le 1

readelf -d "$library" >"$work/dynamic"
check 'the soname is libeml.so.1' grep -q 'SONAME.*\[libeml\.so\.1\]' "$work/dynamic"
check 'the library is marked nodelete' grep -q 'NODELETE' "$work/dynamic"
check 'the library needs no libstdc++' sh -c "! grep -q 'NEEDED.*libstdc' '$work/dynamic'"
check 'the library has no run path' sh -c "! grep -qE 'RPATH|RUNPATH' '$work/dynamic'"

rust=$root/bindings/rust/eml-sys/src
grep -rhoE 'fn eml_[a-z0-9_]+' "$rust" | sed 's/fn //' | sort -u >"$work/rust"
check 'eml.h and the Rust declarations are the same' diff "$work/header" "$work/rust"

python=$root/bindings/python
PYTHONPATH=$python PYTHONDONTWRITEBYTECODE=1 python3 -c '
import importlib.util, sys
spec = importlib.util.spec_from_file_location("abi", sys.argv[1] + "/eml/abi.py")
abi = importlib.util.module_from_spec(spec)
spec.loader.exec_module(abi)
print("\n".join(abi.FUNCTIONS))' "$python" | sort -u >"$work/python"
check 'eml.h and the Python declarations are the same' diff "$work/header" "$work/python"

# Every function whose first parameter is a handle stands in the table of handles.c.
grep -oE 'eml_[a-z0-9_]+ ?\((const )?eml_(model|safetree|attention|cancel|buffer|machine|wasm|tokenizer|token_stream|lm|lm_session|lm_batch|lm_trainer) \*[a-z]' "$work/prototypes" |
  sed 's/ *(.*//' | sort -u >"$work/handles"
sed -nE 's/^ *(ENTRY|FREES)\([A-Z]+, (eml_[a-z0-9_]+)\),$/\2/p' "$root/tests/c/handles.c" | sort -u >"$work/table"
check 'handles.c tests every function that takes a handle' diff "$work/handles" "$work/table"

echo "exports: $passed passed, $failed failed"
test "$failed" -eq 0
