#!/usr/bin/env bash
# Runs every suite of the project, shows a table, and ends with the sum as `N passed, N failed`.
# A suite that exits non-zero, prints no such line or ran no test counts as failed.
# Usage: tests/all.sh [SUITE...]  (names as in the table, `c/*` works; no argument: all)
set -u
cd "$(dirname "$0")/.."
logs=$PWD/build/test-logs
rm -rf "$logs" && mkdir -p "$logs"
wanted=("$@")
table=() passed_sum=0 failed_sum=0

is_wanted() {
    [ ${#wanted[@]} -eq 0 ] && return 0
    local pattern
    # shellcheck disable=SC2053 # a pattern is meant
    for pattern in "${wanted[@]}"; do [[ $1 == $pattern ]] && return 0; done
    return 1
}

suite() { # NAME COMMAND...
    local name=$1 log=$logs/${1//\//-}.log begin=$SECONDS status line passed=0 failed=0 note=
    shift
    is_wanted "$name" || return 0
    echo "=== $name: $*"
    "$@" 2>&1 </dev/null | tee "$log"
    status=${PIPESTATUS[0]}
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        failed=1 note="exit $status without a result line"
    else
        passed=${line%% passed*} failed=${line#*passed, } failed=${failed%% failed*}
        if [ "$failed" -eq 0 ] && [ "$status" -ne 0 ]; then failed=1 note="exit $status"; fi
        if [ "$failed" -eq 0 ] && [ "$passed" -eq 0 ]; then failed=1 note="ran no test"; fi
    fi
    passed_sum=$((passed_sum + passed)) failed_sum=$((failed_sum + failed))
    table+=("$(printf '%-24s %8d %8d %6d s  %s' "$name" "$passed" "$failed" $((SECONDS - begin)) "$note")")
}

skip() { # NAME REASON
    is_wanted "$1" && table+=("$(printf '%-24s %8s %8s %6s    skipped: %s' "$1" - - - "$2")")
}

# Can this machine run code for the instruction set? The loader knows.
loader_has() {
    [ "$1" = x86-64 ] || /lib64/ld-linux-x86-64.so.2 --help | grep -q "^ *$1 (supported"
}

suite format bash tests/format.sh
suite xunit bash tests/xunit.sh
# The just-in-time compiler chooses the paths that the CPU has; switched off one after the other, all of them run.
suite xunit/256-bit env DOTNET_EnableAVX512=0 bash tests/xunit.sh Category=Paths
suite xunit/128-bit env DOTNET_EnableAVX2=0 bash tests/xunit.sh Category=Paths
suite xunit/scalar env DOTNET_EnableHWIntrinsic=0 bash tests/xunit.sh Category=Paths

best=x86-64
for isa in x86-64-v3 x86-64-v4; do if loader_has $isa; then best=$isa; fi; done
for isa in x86-64 x86-64-v3 x86-64-v4; do
    if ! loader_has $isa; then
        skip $isa "this CPU lacks it"
        continue
    fi
    # This folder holds one twin only, so there is no choice.
    twin=$PWD/build/twins/$isa
    suite c/$isa env EML_LIB_DIR="$twin" sh tests/c/run.sh
    suite rust/$isa env EML_RUST="$([ $isa = "$best" ] && echo all || echo library)" EML_LIBRARY="$twin/libeml.so" bash bindings/rust/test.sh
    suite python/$isa env EML_LIBRARY="$twin/libeml.so" bash bindings/python/test.sh
done

suite c/arm64 bash tests/arm64.sh
suite cli bash tests/cli/run.sh
suite readme bash tests/run-readme.sh
suite packaging bash tests/packaging.sh

printf '\n%-24s %8s %8s %6s\n' suite passed failed time
printf '%s\n' "${table[@]}"
printf '\n%d passed, %d failed\n' $passed_sum $failed_sum | tee "$logs/total"
sed -i '/^$/d' "$logs/total"
[ $failed_sum -eq 0 ] && [ $passed_sum -gt 0 ]
