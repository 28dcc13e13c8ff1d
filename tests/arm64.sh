#!/usr/bin/env bash
# The C tests against the arm64 library, under user-mode emulation.
# What they compile is started through a wrapper, so the programs that start themselves or are killed are left out.
set -eu
cd "$(dirname "$0")/.."
library=$PWD/build/arm64/lib
[ -e "$library/libeml.so" ] || { echo "no $library/libeml.so: run make arm64 first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for language in gcc g++; do
    cat >"$work/$language" <<WRAPPER
#!/usr/bin/env bash
# Cross-compiles; an executable F becomes F.arm64, and F a script that emulates it.
aarch64-linux-gnu-$language "\$@" || exit
while [ \$# -gt 1 ] && [ "\$1" != -o ]; do shift; done
[ "\${1:-}" = -o ] || exit 0
mv "\$2" "\$2.arm64"
printf '#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu %s "\$@"\n' "\$2.arm64" >"\$2"
chmod +x "\$2"
WRAPPER
    chmod +x "$work/$language"
done

# The full libm comparison would take minutes in emulation; the golden results are compared all the same.
CC=$work/gcc CXX=$work/g++ EML_LIB_DIR=$library EML_LIBM_COUNT=20000 sh tests/c/run.sh \
    layout rules handles strings options model training formats safetree events callbacks concurrency guard libm
