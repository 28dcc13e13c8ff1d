# shellcheck shell=bash
# The verbs of WebAssembly. Read by run.sh, whose functions and scratch folder it uses.
programs=$root/examples/wasm

run wasm
expect "eml wasm prints its verbs" 0 'spectest' ''

# ------------------------------------------------------------------------------------------------ run, and the examples
for program in "$programs"/*.wasm; do
  name=$(basename "$program" .wasm)
  input=/dev/null
  [ -f "$programs/$name.in" ] && input=$programs/$name.in
  "$eml" wasm run "$program" <"$input" >out 2>err
  rc=$?
  check "$name puts out what is expected" test "$rc" = 0 -a ! -s err -a "$(cksum <out)" = "$(cksum <"$programs/$name.expected")"
  # README.md has the commands and the counts.
  "$eml" wasm run "$program" --json --input "$input" >out 2>err
  rc=$?
  count=$(grep -F "examples/wasm/$name.wasm" "$programs/README.md" | sed -E 's/.*\| ([0-9,]+) \|$/\1/' | tr -d ,)
  expect "$name, --json, as many instructions as README.md says" 0 "\"instructions\":${count:-none}," ''
done
run wasm run "$programs/hello.wasm" --json
expect "--json" 0 '^\{"results":\[\],"output":\[\],"stdout":"[^"]+\\n","instructions":409,"tokens":[0-9]+,"prompt_tokens":[0-9]+,"seconds":[^,]+,"state_bytes":[0-9]+,"pages":[0-9]+,"status":"(done|exited)","exit_code":(null|0),"trap":null\}$' ''
run wasm run "$programs/hello.wasm" --json --dense --fuel 40
expect "--dense, with little fuel" 1 '"tokens":40,.*"status":"out_of_fuel"' 'stopped after 40 tokens'
run wasm run "$programs/lisp.wasm" --fuel 1000
expect "--fuel" 1 '' 'stopped after 1,000 tokens, as --fuel says'
printf '(car 7)' | "$eml" wasm run "$programs/lisp.wasm" >out 2>err
rc=$?
expect "the program's exit code is ours" 1 '^error: not a pair: 7$' ''
run wasm run "$programs/hello.wasm" --trace
check "--trace shows every token" test "$rc" = 0 -a "$(grep -c '^ *[0-9]* *function' err)" -ge 409
check "and what it wrote" grep -Eq 'function [0-9]+, byte 0x[0-9a-f]+: i32\.const +slot [0-9]+ = [0-9]+$' err

# div(a, b: i32) -> i32, wide(x: i64) -> i64, echo() reads and writes one number.
printf '\000asm\001\000\000\000\001\024\004\140\000\001\177\140\001\177\000\140\002\177\177\001\177\140\001\176\001\176\002\032\002\003env\005input\000\000\003env\006output\000\001\003\004\003\002\003\000\007\025\003\003div\000\002\004wide\000\003\004echo\000\004\012\033\003\007\000\040\000\040\001m\013\004\000\040\000\013\014\000\020\000\020\001\020\000\020\001\101\007\013' >small.wasm
run wasm run small.wasm --invoke div 0x10 -3
expect "a function with arguments" 0 '^-5$' ''
run wasm run small.wasm --invoke div -16 3 --json
expect "results are unsigned in JSON" 0 '^\{"results":\[4294967291\],' ''
run wasm run small.wasm --invoke wide 18446744073709551615
expect "64 bits" 0 '^-1$' ''
run wasm run small.wasm --invoke wide 0xfedcba9876543210 --json
expect "64 bits in JSON" 0 '"results":\[18364758544493064720\]' ''
run wasm run small.wasm --invoke div 1 0
expect "a trap" 134 '' 'wasm trap: integer divide by zero'
run wasm run small.wasm --invoke div -2147483648 -1 --json
expect "a trap in JSON" 134 '"results":\[\],.*"status":"trapped","exit_code":null,"trap":"integer overflow"' 'integer overflow'
printf '5, -6' | "$eml" wasm run small.wasm --invoke echo >out 2>err
rc=$?
check "env.input and env.output" test "$rc" = 0 -a "$(tr '\n' ' ' <out)" = "5 4294967290 7 "
run wasm run small.wasm --invoke echo --json
expect "env.input has ended" 0 '"results":\[7\],"output":\[4294967295,4294967295\]' ''
printf '5 x6' >numbers
run wasm run small.wasm --invoke echo --input numbers
expect "env.input is no number" 1 '^5$' "small\.wasm: numbers: 'x6' at byte 2 is no number"

run wasm run small.wasm
expect "no function to start with" 1 '' 'small\.wasm: it has no function _start, run or main; it exports div, wide, echo; name one with --invoke'
run wasm run small.wasm --invoke none
expect "no such function" 1 '' "exports no function 'none'; it exports div, wide, echo"
run wasm run small.wasm --invoke div 1
expect "too few arguments" 1 '' 'div has the type \[i32 i32\] -> \[i32\]: it takes 2 arguments, and 1 is given'
run wasm run small.wasm --invoke div 1 4294967296
expect "an argument out of range" 1 '' 'argument 2 of div, 4294967296: must be an i32'
run wasm run small.wasm --invoke div 1 0x --json
expect "an argument that is none, in JSON" 1 '^\{"error":\{"code":-1,' 'argument 2 of div, 0x: must be an i32'
head -c 60 small.wasm >broken.wasm
run wasm run broken.wasm
expect "a module that ends too soon" 1 '' 'broken\.wasm: malformed'
run wasm run none.wasm
expect "a module that is not there" 1 '' 'cannot read none\.wasm'
run wasm run small.wasm --invoke div 1 1 --fuel -1
expect "a fuel that is none" 2 '' '--fuel -1: must be a whole number from 0'

: >empty.wasm
run wasm run empty.wasm
expect "an empty module" 1 '' 'empty\.wasm: malformed module at byte 0: unexpected end'
mkdir -p folder.wasm
run wasm run folder.wasm
expect "a folder as module" 1 '' 'cannot read folder\.wasm: Is a directory'
run wasm run small.wasm --invoke div 1 1 --input folder.wasm
expect "a folder as input" 1 '' 'cannot read folder\.wasm: Is a directory'
run wasm run "$programs/hello.wasm" --fuel 0 --json
expect "no fuel at all" 1 '"tokens":0,.*"status":"out_of_fuel"' 'stopped after 0 tokens'
# (module (func (export "f") (result f32) (f32.const 1)))
printf '\000asm\001\000\000\000\001\005\001\140\000\001\175' >float.wasm
run wasm run float.wasm --json
expect "floating point, with its place" 1 '"name":"EML_E_UNSUPPORTED","sub_code":0,"offset":14,' 'float\.wasm: byte 14: type f32'
# (module (memory 65536) (func (export "run") (result i32) (i32.store8 (i32.const -1) (i32.const 7)) (i32.load8_u (i32.const -1))))
printf '\000asm\001\000\000\000\001\005\001\140\000\001\177\003\002\001\000\005\005\001\000\200\200\004\007\007\001\003run\000\000\012\020\001\016\000\101\177\101\007\072\000\000\101\177\055\000\000\013' >large.wasm
run wasm run large.wasm --json
expect "a memory of 4 GiB" 0 '^\{"results":\[7\],.*"state_bytes":[0-9]{1,6},"pages":65536,' ''
# Closed streams: nothing of the runtime's own is read or written.
"$eml" wasm run "$programs/lisp.wasm" <&- >out 2>err
rc=$?
expect "standard input is closed" 0 '' ''
"$eml" wasm run "$programs/hello.wasm" >&- 2>err
rc=$?
: >out
expect "standard output is closed" 1 '' 'reading or writing failed'
"$eml" wasm run "$programs/hello.wasm" >out 2>&-
rc=$?
: >err
expect "standard error is closed" 0 '^Hello' ''
"$eml" wasm run "$programs/primes.wasm" 2>err | head -c 1 >out
rc=${PIPESTATUS[0]}
check "nobody reads on: no crash" test "$rc" -lt 2 -a "$(cat out)" = 2
"$eml" wasm run "$programs/hello.wasm" >/dev/full 2>err
rc=$?
: >out
expect "standard output is full" 1 '' 'reading or writing failed'
# (module (func (export "run") (loop (br 0)))); a shell lets what runs in the background ignore SIGINT, SIGTERM does the same.
printf '\000asm\001\000\000\000\001\004\001\140\000\000\003\002\001\000\007\007\001\003run\000\000\012\011\001\007\000\003\100\014\000\013\013' >spin.wasm
"$eml" wasm run spin.wasm --json >out 2>err &
sleep 0.5
kill -TERM $!
wait $!
rc=$?
expect "stopped by a signal" 130 '"status":"cancelled"' 'interrupted after [0-9,]+ tokens'
mkfifo silent
sleep 60 >silent &
silence=$!
"$eml" wasm run "$programs/lisp.wasm" <silent >out 2>err &
sleep 0.5
kill -TERM $!
wait $!
rc=$?
kill $silence
expect "stopped while it waits for input" 143 '' ''

# ------------------------------------------------------------------------------------------------ spectest
tar -xzf "$root/tests/data/wasm/spec.tar.gz" i32 br_table memory_trap
run wasm spectest i32/i32.json br_table/br_table.json memory_trap/memory_trap.json
expect "three files of the specification" 0 '^i32/i32\.json: [0-9]{3} passed, 0 failed, [0-9]+ skipped' ''
check "with a total" grep -Eq '^total: [0-9]+ passed, 0 failed' out
run wasm spectest memory_trap/memory_trap.json --json
expect "spectest --json" 0 '^\{"files":\[\{"file":"memory_trap/memory_trap\.json","passed":[0-9]+,"failed":0,"skipped":[0-9]+,"skipped_because":\{.*\},"failures":\[\]\}\],"passed":' ''
sed 's/"value": "[0-9]*"}\]/"value": "77"}]/' memory_trap/memory_trap.json >memory_trap/wrong.json
run wasm spectest memory_trap/wrong.json
expect "wrong expectations fail" 1 "line [0-9]+: assert_return: '[0-9]+' expected, not '" ''
echo '{"commands":[{}]}' >bad.json
run wasm spectest bad.json
expect "another JSON file" 1 '' 'bad\.json: not a file that wast2json makes'

# ------------------------------------------------------------------------------------------------ export
# $numpy: the interpreter that compact.sh found.
if [ -n "$numpy" ]; then
  # numpy_gives NAME WANTED FUNCTION ARG...: numpy alone generates as many tokens as eml does, and the same result.
  numpy_gives() {
    local name=$1 wanted=$2
    shift 2
    run wasm export small.wasm --invoke "$@" --out machine
    run wasm run small.wasm --invoke "$@" --json
    tokens=$(grep -o '"tokens":[0-9]*' out | cut -d: -f2)
    "$numpy" -W error "$root/examples/python/run_exported.py" machine --tokens generated >out 2>err
    check "$name: numpy generates the same number of tokens" test $? = 0 -a "$(wc -l <generated)" = "$tokens"
    check "$name: and the same result" grep -qx "outputs $wanted" out
  }
  numpy_gives "a quotient" 142 div 1000 7
  numpy_gives "a negative quotient" 4294967291 div 0xfffffff0 3
  numpy_gives "64 bits" 18364758544493064720 wide 0xfedcba9876543210
  run wasm specialize small.wasm --invoke div 1000 7 --out special.safetensors
  "$numpy" -W error "$root/examples/python/run_exported.py" special.safetensors >out 2>err
  check "numpy runs a specialised machine" grep -qx "outputs 142" out
else
  echo "the exported machine for WebAssembly not run by numpy: python3-numpy is not installed"
fi
run wasm export small.wasm --invoke div 1 --out machine
expect "export with too few arguments" 1 '' 'it takes 2 arguments, and 1 is given'
run wasm export small.wasm --invoke div 1 2
expect "export without a folder" 2 '' '\-\-out'

# ------------------------------------------------------------------------------------------------ specialize
run wasm specialize small.wasm --invoke div 1000 7 --out special.safetensors
expect "specialize" 0 'weights +[0-9]+, of which the program.s [0-9]+' ''
run wasm run special.safetensors --invoke div 1000 7
expect "a specialised machine runs" 0 '^142$' ''
run wasm run special.safetensors --invoke wide 0xfedcba9876543210 --json
expect "its other functions too, without a prompt" 0 '"prompt_tokens":1,' ''
run wasm run special.safetensors --invoke nothing
expect "it names what it exports" 1 '' "special\.safetensors: .*'nothing'"
head -c 100000 special.safetensors >cut.safetensors
run wasm run cut.safetensors --invoke div 1 1
expect "half a specialised machine" 1 '' 'cut\.safetensors'
run wasm specialize special.safetensors --out again.safetensors
expect "specialising a specialised machine" 1 '' 'special\.safetensors: '

# ------------------------------------------------------------------------------------------------ bench
run wasm bench --golden "$root/tests/data/wasm/programs" --json
expect "bench: what an instruction touches and what the core could do" 0 '"core":\{"vector_multiply_adds_per_second":[0-9.]+,.*"program":"golden [a-z]+",.*"nonzeros_per_instruction":[0-9.]+,.*"limit_instructions_per_second":[0-9.]+' ''
run wasm bench --golden folder.wasm
expect "bench of golden programs that are not there" 1 '' 'it has no NAME\.json beside a NAME\.wasm'
run wasm bench "$dir"
expect "bench of a folder without the programs" 1 '*' 'cannot read .*collatz\.wasm'
