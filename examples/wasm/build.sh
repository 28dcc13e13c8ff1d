#!/usr/bin/env bash
# Builds the .wasm files of this folder again (clang and lld with the target wasm32; Debian 12: apt-get install clang lld).
# Usage: examples/wasm/build.sh [NAME...]   The committed files came from clang 14.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- $(basename -s .c ./*.c)
for name; do
    ${CLANG:-clang} --target=wasm32 -mcpu=mvp -mno-bulk-memory -mno-sign-ext -ffreestanding -fno-builtin -nostdlib -O2 \
        -std=c11 -Wall -Wextra -Werror -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=65536 -o "$name.wasm" "$name.c"
    echo "$name.wasm: $(stat -c %s "$name.wasm") bytes"
done
