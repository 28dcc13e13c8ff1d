#!/usr/bin/env bash
# Installs into a temporary folder, uses what was installed as a user would, looks at the libraries, and uninstalls.
set -u
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() { # WHAT COMMAND...
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        sed 's/^/    /' <<<"$output"
    fi
}

equal() { [ "$1" = "$2" ] || { echo "expected: $1"; echo "found:    $2"; return 1; }; }
same_lines() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); }

version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)
prefix=/opt/eml
root=$work/dest$prefix
loader=/lib64/ld-linux-x86-64.so.2
twins=("x86-64 lib" "x86-64-v3 lib/glibc-hwcaps/x86-64-v3" "x86-64-v4 lib/glibc-hwcaps/x86-64-v4")
isa_supported() { [ "$1" = x86-64 ] || "$loader" --help | grep -q "^ *$1 (supported"; }
best=x86-64
for isa in x86-64-v3 x86-64-v4; do isa_supported $isa && best=$isa; done

# ------------------------------------------------------------------------------------------------ build, install
times() { stat -Lc '%n %y' build/eml build/lib/eml/*/eml build/lib/libeml.so build/lib/glibc-hwcaps/*/libeml.so; }
before=$(times)
check "make install" make install "DESTDIR=$work/dest" "PREFIX=$prefix"
check "a second make builds nothing" equal "$before" "$(times)"
header_version() { sed -n 's/#define EML_VERSION_STRING "\(.*\)"/\1/p' include/eml.h; }
check "the header has the version of the build" equal "$version" "$(header_version)"
check "eml --version" grep -qF "$version" <("$root/bin/eml" --version)

# ------------------------------------------------------------------------------------------------ what is missing
# Every command of this machine but cargo, for somebody who is not root.
mkdir "$work/commands"
for folder in ${PATH//:/ }; do ln -s "$folder"/* "$work/commands/" 2>/dev/null || true; done
rm -f "$work/commands/cargo" "$work/commands/id"
printf '#!/bin/sh\necho 1000\n' >"$work/commands/id" && chmod +x "$work/commands/id"
demanded=$(PATH=$work/commands "$BASH" .ci/deps run 2>&1)
check "make run demands cargo" equal "1 Install them, as root: apt-get install cargo" "$? $(tail -n 1 <<<"$demanded")"

# ------------------------------------------------------------------------------------------------ pkg-config, CMake
export PKG_CONFIG_PATH=$root/lib/pkgconfig
check "pkg-config --modversion" equal "$version" "$(pkg-config --modversion eml)"
by_pkg_config() {
    # shellcheck disable=SC2046 # the flags are words
    gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -o "$work/app" tests/packaging/app.c $(pkg-config --cflags --libs eml) &&
        equal "$version $best 2.7182818284590451" "$(LD_LIBRARY_PATH=$root/lib "$work/app")"
}
check "a C program by way of pkg-config; the loader takes $best" by_pkg_config
by_cmake() {
    cmake -S tests/packaging -B "$work/cmake" -DCMAKE_PREFIX_PATH="$root" && cmake --build "$work/cmake" &&
        equal "$version $best 2.7182818284590451" "$("$work/cmake/app")"
}
check "a C program by way of CMake" by_cmake
by_cmake_version() {
    cmake -S tests/packaging -B "$work/cmake-ok" -DCMAKE_PREFIX_PATH="$root" -DWANTED="${version%.*}" &&
        ! cmake -S tests/packaging -B "$work/cmake-99" -DCMAKE_PREFIX_PATH="$root" -DWANTED=99
}
check "CMake finds its version and refuses another" by_cmake_version

# ------------------------------------------------------------------------------------------------ the libraries
declared=$(gcc -E -P include/eml.h | grep -oE '\beml_[a-z0-9_]+ *\(' | tr -d ' (' | LC_ALL=C sort -u)
for twin in "${twins[@]}"; do
    read -r isa dir <<<"$twin"
    library=$root/$dir/libeml.so.1
    check "$isa: SONAME" grep -qF 'Library soname: [libeml.so.1]' <(readelf -d "$library")
    check "$isa: NODELETE" grep -qE 'FLAGS_1.*NODELETE' <(readelf -d "$library")
    # The learned functions alone take 3.80 MB, with attention blocks, their trainers, files and audit logs 4.9, with the compact
    # interpreter and its files 5.15, with the machines that run WebAssembly and language models, tokenizers and sessions 6.96, with the
    # four formats of language models 7.30.
    check "$isa: smaller than 8 MB" test "$(stat -Lc %s "$library")" -lt 8000000
    exported=$(nm -D --defined-only --without-symbol-versions "$library" | awk '$2 == "T" { print $3 }' | LC_ALL=C sort -u)
    check "$isa: exports what the header declares" same_lines "$declared" "$exported"
    others=$(nm -D --defined-only "$library" | awk '$2 != "T" { print $3 }')
    check "$isa: exports nothing else" equal EML_1 "$others"
    check "$isa: needs the C library only" equal "" \
        "$(readelf -d "$library" | sed -n 's/.*Shared library: \[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|ld-linux-x86-64)\.so\.[0-9]+$')"
    check "$isa: symbols are in the side file" equal "" "$(nm "$library" 2>/dev/null)"
    check "$isa: the side file is there" grep -q libeml.so.dbg <(readelf --string-dump=.gnu_debuglink "build/$dir/libeml.so")
    check "$isa: the side file has symbols" grep -q ' [tT] ' <(nm "build/$dir/libeml.so.dbg")
    check "$isa: no path of this machine inside" equal "" "$(strings "$library" | grep -F "$PWD" | head -3)"
    check "$isa: dlopen name links to the soname" equal libeml.so.1 "$(readlink "$root/$dir/libeml.so")"
    if isa_supported "$isa"; then
        check "$isa: runs and knows its name" equal "$version $isa 2.7182818284590451" \
            "$(LD_LIBRARY_PATH=$PWD/build/twins/$isa "$work/app" 2>&1)"
    else
        echo "not run: this CPU lacks $isa"
    fi
done

# ------------------------------------------------------------------------------------------------ manual pages
for page in man1/eml.1 man3/eml.3; do
    check "$page reads without a warning" equal "" "$(man --warnings -Tutf8 -l "$root/share/man/$page" 2>&1 >/dev/null)"
done
manual=$(tr -d '\\' <"$root/share/man/man3/eml.3" | grep -oE '\beml_[a-z0-9_]+' | LC_ALL=C sort -u)
check "eml(3) names every function" equal "" "$(LC_ALL=C comm -23 <(echo "$declared") <(echo "$manual"))"
manual_example() {
    sed -n '/^#include <eml.h>$/,/^}$/{s/\\e/\\/g;p}' "$root/share/man/man3/eml.3" >"$work/example.c" &&
        gcc -std=c99 -Wall -Wextra -Werror -o "$work/example" "$work/example.c" -I"$root/include" -L"$root/lib" -leml &&
        LD_LIBRARY_PATH=$root/lib "$work/example" | grep -E '^0\.2[0-9]*$'
}
check "the example of eml(3) compiles and learns 0.5 * 0.5" manual_example

# ------------------------------------------------------------------------------------------------ uninstall
echo kept >"$root/lib/not-ours"
check "make uninstall" make uninstall "DESTDIR=$work/dest" "PREFIX=$prefix"
check "uninstall leaves nothing of ours and all of others" equal "$root/lib/not-ours" "$(find "$work/dest" ! -type d)"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
