#!/bin/sh
# run.sh - compiles and runs the C tests of libeml's ABI and prints "N passed, N failed".
#
#   EML_LIB_DIR=FOLDER   the folder of libeml.so (default build/lib); that very file is tested, not one of its
#                        glibc-hwcaps twins: give a twin's folder to test the twin
#   EML_LIBM_COUNT=N     random arguments per function in libm.c (default 2000000; 1000000000 is the full check)
#   run.sh NAME...       only these programs, without the scripts
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$(cd "${EML_LIB_DIR:-$root/build/lib}" && pwd)
library=$folder/libeml.so
[ -e "$library" ] || library=$folder/libeml.so.1
[ -e "$library" ] || { echo "run.sh: no libeml.so in $folder: run make first" >&2; exit 2; }

programs=${*:-layout rules handles strings options model training audit formats safetree attention attention_training expression events callbacks concurrency guard
  machine wasm wasi tokenizer lm lm_trainer libm interpose memory load firstcall kill}
work=$root/build/tests/c
mkdir -p "$work"
# A folder with nothing but the library to test under its run-time name, so that the loader has no choice.
ln -sf "$library" "$work/libeml.so.1"
flags="-std=c99 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -pedantic -pthread -fno-builtin -ffp-contract=off -I $root/include"

passed=0
failed=0
count() { # adds the "N passed, N failed" of a program's last line; a program without one counts as a failure
  line=$(tail -n 1 "$1" | grep -E '[0-9]+ passed, [0-9]+ failed$' || echo '0 passed, 1 failed')
  passed=$((passed + $(echo "$line" | sed -E 's/.*[^0-9]?\b([0-9]+) passed.*/\1/')))
  failed=$((failed + $(echo "$line" | sed -E 's/.*, ([0-9]+) failed/\1/')))
}

run() { # NAME COMMAND...
  name=$1
  shift
  status=0
  "$@" >"$work/$name.log" 2>&1 || status=$?
  cat "$work/$name.log"
  count "$work/$name.log"
  if [ "$status" -gt 1 ]; then
    echo "$name ended with status $status (128 + signal number, or it could not run)"
    tail -n 1 "$work/$name.log" | grep -q 'failed$' && failed=$((failed + 1))
  fi
  return 0
}

compile() { # OUTPUT ARGUMENTS...
  output=$1
  shift
  # shellcheck disable=SC2086
  ${CC:-cc} $flags -o "$work/$output" "$@"
}

# The header stands alone, in every language that includes it.
for standard in c99 c11; do
  echo '#include "eml.h"' | ${CC:-cc} -std=$standard -Wall -Wextra -Werror -pedantic -I "$root/include" -x c -fsyntax-only -
  passed=$((passed + 1))
done
echo '#include "eml.h"
int main() { return eml_abi_version() == EML_ABI_VERSION && eml_version() != nullptr ? 0 : 1; }' |
  ${CXX:-c++} -std=c++11 -Wall -Wextra -Werror -pedantic -I "$root/include" -x c++ - -x none -o "$work/header_cxx" \
    "$work/libeml.so.1" -Wl,-rpath,"$work"
"$work/header_cxx" && passed=$((passed + 1))

golden=$root/tests/data/libm
if [ -d "$root/../shared/golden/libm" ]; then
  golden="$golden $root/../shared/golden/libm"
else
  echo "libm: ../shared/golden/libm is missing: only the small copy in tests/data/libm is compared"
fi

for name in $programs; do
  case $name in
    libm)
      compile libm "$here/libm.c" "$work/libeml.so.1" -lm -Wl,-rpath,"$work"
      # shellcheck disable=SC2086
      run libm "$work/libm" "${EML_LIBM_COUNT:-2000000}" $golden ;;
    interpose)
      compile libmshim.so -shared -fPIC "$here/libmshim.c" -ldl
      compile interpose "$here/interpose.c" "$work/libeml.so.1" -lm -Wl,-rpath,"$work"
      run interpose "$work/interpose" "$work/libmshim.so" ;;
    wasi)
      compile wasi "$here/wasi.c" "$work/libeml.so.1" -Wl,-rpath,"$work"
      run wasi "$work/wasi" "$root/examples/wasm" "$root/tests/data/wasm" ;;
    tokenizer|lm|lm_trainer)
      compile "$name" "$here/$name.c" "$work/libeml.so.1" -Wl,-rpath,"$work"
      run "$name" "$work/$name" "$root/tests/data/lm" ;;
    load)
      compile load "$here/load.c" -ldl
      run load "$work/load" "$library" ;;
    *)
      compile "$name" "$here/$name.c" "$work/libeml.so.1" -Wl,-rpath,"$work"
      run "$name" "$work/$name" ;;
  esac
done

if [ $# -eq 0 ]; then
  run exports "$here/exports.sh" "$library"
  run crosslang "$here/crosslang/run.sh" "$library"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
