#!/usr/bin/env bash
# Measures the twin that the loader would choose; writes build/bench.json and the table of README.md.
set -eu
cd "$(dirname "$0")/../.."
library=build/lib/libeml.so
for isa in x86-64-v3 x86-64-v4; do
    if /lib64/ld-linux-x86-64.so.2 --help | grep -q "^ *$isa (supported"; then library=build/lib/glibc-hwcaps/$isa/libeml.so; fi
done
mkdir -p build/tests
cc -std=gnu99 -O2 -Wall -Wextra -Werror -Iinclude -o build/tests/bench tests/bench/bench.c -ldl
build/tests/bench "$library" > build/bench.json
python3 tests/bench/table.py build/bench.json README.md
cat build/bench.json
