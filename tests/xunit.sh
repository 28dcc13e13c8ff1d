#!/usr/bin/env bash
# Runs the xunit tests that `make test` has built. Usage: tests/xunit.sh [FILTER]
# A skipped test counts as failed: nothing may pass by not running.
set -u
cd "$(dirname "$0")/.."
[ -d ../shared/golden ] || echo "skipped golden: ../shared/golden is missing; the tests use the small copies in tests/data"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
DOTNET_CLI_UI_LANGUAGE=en dotnet test tests/Eml.Tests -c Release --no-build ${1:+--filter "$1"} 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# Passed!  - Failed:     0, Passed:     7, Skipped:     0, Total:     7, Duration: …
counts=$(sed -nE 's/.*Failed: *([0-9]+), Passed: *([0-9]+), Skipped: *([0-9]+),.*/\1 \2 \3/p' "$log" | tail -n 1)
read -r failed passed skipped <<<"${counts:-1 0 0}"
failed=$((failed + skipped))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
