#!/usr/bin/env bash
# End-to-end tests of the command line: every verb, its JSON, its refusals, Ctrl-C. EML names another executable.
# The parts below are read one after the other and use files that earlier ones have made.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
eml=${EML:-$PWD/build/eml}
[ -x "$eml" ] || { echo "$eml: not there; run make first" >&2; exit 1; }
data=$PWD/examples/data
parts=$PWD/tests/cli
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0
failed=0

ok() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "FAILED: $1"
  sed 's/^/  out: /' out | head -c 2000
  sed 's/^/  err: /' err | head -c 2000
}

# run ARGS...: the command's status, standard output and error end up in $rc, out and err.
run() { "$eml" "$@" >out 2>err </dev/null; rc=$?; }

# expect NAME STATUS OUT ERR: of the last run. OUT and ERR are extended regular expressions; "" means that nothing was
# printed, "*" that anything may have been.
expect() {
  if [ "$rc" != "$2" ]; then bad "$1 (status $rc, not $2)"; return; fi
  matches out "$3" || { bad "$1 (standard output does not match $3)"; return; }
  matches err "$4" || { bad "$1 (standard error does not match $4)"; return; }
  ok
}
matches() {
  case $2 in
    '') [ ! -s "$1" ] ;;
    '*') true ;;
    *) grep -Eq -e "$2" "$1" ;;
  esac
}
# check NAME COMMAND...: the command succeeds.
check() { local name=$1; shift; if "$@"; then ok; else bad "$name"; fi; }
# number KEY: the value of a member of the JSON object in out.
number() { sed -E "s/.*\"$1\":([^,}]*).*/\1/" out; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 >= b + 0) }'; }
# nist NAME: the certified data set as CSV (y,x).
nist() {
  awk '/^Data: +y +x *$/ { print "y,x"; on = 1; next } on && NF == 2 { sub(/\r$/, ""); print $1 "," $2 }' "$data/$1.dat"
}
plane() { awk -v n="$1" 'BEGIN { print "a,b,y"; for (i = 0; i < n; i++) { a = i % 17; b = i % 23; print a "," b "," 3 * a - 2 * b + 100 } }'; }
# interrupt ARGS...: starts the command, waits until it reports progress, sends SIGINT; a process group of its own, since
# shells let background jobs of scripts ignore SIGINT.
interrupt() {
  : >out; : >err
  set -m
  "$eml" "$@" >out 2>err </dev/null &
  local pid=$! tries=0
  set +m
  until [ -s err ] || [ $tries -ge 600 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -INT "$pid"
  wait "$pid"
  rc=$?
}

for part in fn attn trainings written formula lm lm-prepare lm-run; do
  # shellcheck source=/dev/null
  . "$parts/$part.sh"
done

. "$root/tests/cli/compact.sh"
. "$root/tests/cli/wasm.sh"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
