# shellcheck shell=bash
# The compact interpreter's verbs. Read by run.sh, whose functions and scratch folder it uses.
programs=$root/examples/compact

run compact
expect "eml compact prints its verbs" 0 'repl' ''
run compact ops
expect "ops lists the instructions" 0 '^0x6C  i32\.mul +2 -> 1 +second \* top, modulo 256$' ''
check "ops lists 26 instructions" test "$(grep -c '^0x' out)" = 26
run compact ops --json
expect "ops --json" 0 '^\{"instructions":\[\{"code":0,"hex":"0x00","name":"i32\.const","operand":"value 0-255","pops":0,"pushes":1,.*"limits":\{"value":255,"stack":256,"program":4096,"nesting":64,"iterations":256,"descriptors":4,"file":32\}\}$' ''

# ------------------------------------------------------------------------------------------------ run, and the examples
run compact run "$programs/factorial.wat"
expect "factorials" 0 '^output +1 2 6 24 120 208 176$' ''
check "and says how it ended" grep -Eq '^status +done$' out
run compact run "$programs/fibonacci.wat" --dense
expect "Fibonacci numbers, dense" 0 '^output +1 1 2 3 5 8 13 21 34 55 89 144 233$' ''
run compact run "$programs/primes.wat"
expect "primes below 50" 0 '^output +2 3 5 7 11 13 17 19 23 29 31 37 41 43 47$' ''
printf 'hello' >hello.bin
run compact run "$programs/reverse.wat" --file 0=hello.bin
expect "a file is reversed into another" 0 '^file 1 +111 108 108 101 104$' ''
run compact run "$programs/checksum.wat" --file 0=hello.bin --json
expect "check sums" 0 '^\{"outputs":\[20,81\],"files":\[\[104,101,108,108,111\],\[\],\[\],\[\]\],"steps":[0-9]+,"prompt_tokens":[0-9]+,"seconds":[^,]+,"status":"done","dense":false,"trace":null\}$' ''
printf 'i32.const 5 i32.const 3\ni32.add ;; 8\noutput halt\n' >sum.wat
"$eml" compact run - --trace <sum.wat >out 2>err
rc=$?
expect "a program from standard input, with its trace" 0 '^ +2  i32\.add +8$' ''
run compact run sum.wat --trace --json
expect "--trace --json" 0 '"status":"done","dense":false,"trace":\[\{"step":0,"instruction":0,"text":"i32\.const 5","token":5,"name":"5"\},.*\{"step":4,"instruction":4,"text":"halt","token":257,"name":"<halt>"\}\]\}$' ''
cp out fast.json
run compact run sum.wat --trace --json --dense
check "the dense engine has the same trace" test "$(sed 's/.*"trace"//' fast.json)" = "$(sed 's/.*"trace"//' out)"
run compact run "$programs/primes.wat" --fuel 100 --json
expect "--fuel" 1 '"steps":100,.*"status":"out_of_fuel"' 'stopped after 100 instructions'
run compact run "$programs/primes.wat" --fuel -1
expect "a fuel that is none" 2 '' '--fuel -1: must be a whole number from 0'

printf 'i32.const 1\n  i32.foo\n' >bad.wat
run compact run bad.wat
expect "a word that is no instruction" 1 '' 'bad\.wat: line 2, column 3: .i32\.foo. is not an instruction.*byte 14'
printf 'i32.const 1\ni32.add halt\n' >bad.wat
run compact run bad.wat --json
expect "a program that is refused, with its line" 1 '^\{"error":\{"code":-1,.*"message":"bad\.wat: line 2, column 1: instruction 1 \(i32\.add\) needs 2 values' 'needs 2 values'
: >bad.wat
run compact run bad.wat
expect "an empty program" 1 '' 'bad\.wat: the program is empty'
printf 'halt \377' >bad.wat
run compact run bad.wat
expect "bytes that are no text" 1 '' 'byte 5 \(0xFF\) is not valid UTF-8'
printf 'loop i32.const 7 output i32.const 1\nbr_if end_loop halt' >forever.wat
run compact run forever.wat
expect "a loop without end" 1 '^output +7 7 7' 'forever\.wat: line 2, column 1: instruction 4 \(br_if 0\), step [0-9]+, goes back for the 256th time'
run compact run forever.wat --json
expect "a loop without end, --json" 1 '^\{"error":\{"code":-10,"name":"EML_E_LIMIT"' '256th'
run compact run none.wat
expect "a program that is not there" 1 '' 'cannot read none\.wat'
run compact run sum.wat --file 4=hello.bin
expect "a file number out of range" 1 '' '--file 4=hello\.bin: must be D=PATH with D from 0 to 3'
run compact run sum.wat --file 0=hello.bin --file 0=hello.bin
expect "a file given twice" 1 '' 'file 0 was given before'
head -c 33 /dev/zero >long.bin
run compact run sum.wat --file 0=long.bin
expect "a file that is too long" 1 '' 'long\.bin: it has 33 bytes; the limit is 32'

# ------------------------------------------------------------------------------------------------ repl
printf '%s\n' 'i32.const 5 i32.const 3' 'i32.add' 'i32.foo' 'local.set 1' 'loop' 'local.get 1 i32.const 4 i32.sub local.tee 1' 'br_if' 'end_loop' \
  'i32.add' 'local.get 1 output' ':files' ':nonsense' 'halt' 'i32.const 1' ':reset' 'i32.const 9' ':quit' 'i32.const 8' >lines
"$eml" compact repl --file 0=hello.bin <lines >out 2>err
rc=$?
expect "the repl shows what was read, and where it came from" 0 '^ +2  i32\.add +-> 8 +stack 1 +top = 3 from step 1 \(i32\.const 3\); second = 5 from step 0 \(i32\.const 5\)$' \
  "'i32\.foo' is not an instruction"
check "a loop runs when it is complete" test "$(grep -c 'i32\.sub  ' out)" = 2
check "a local comes from where it was set" grep -Eq 'local\.get 1 +-> 4 .*local = 4 from step [0-9]+ \(local\.tee 1\)$' out
check "a refused line changes nothing" grep -q 'needs 2 values on the stack' err
check "output is marked" grep -Eq 'output +-> 0 \(output\)' out
check "the files are shown" grep -q '^file 0: 104 101 108 108 111$' out
check "an unknown command is told" grep -q ':nonsense is no command' err
check "after halt, nothing but :reset" grep -q 'has halted; :reset begins' err
check "and then it counts from 0" grep -Eq '^ +0  i32\.const 9' out
check "after :quit, nothing" test "$(grep -c 'i32\.const 8' out)" = 0
"$eml" compact repl --file 0=hello.bin --json <lines >out 2>err
rc=$?
expect "repl --json" 0 '^\{"events":\[\{"step":0,"text":"i32\.const 5","token":5,"name":"5","is_output":false,"stack_depth":1,"reads":\[\]\},.*\{"error":"line 1, column 1: .i32\.foo.*"outputs":\[\],"files":\[\[104' ''

# ------------------------------------------------------------------------------------------------ xray
run compact xray sum.wat --step 2
expect "xray of one step" 0 '^step 2 at position 13: given 3, executes instruction 2 \(i32\.add\), generates 8$' ''
check "xray shows heads with their winners" grep -Eq 'head +second: 5, 0 \(hard_max, position 12: step 1 \(i32\.const 3\)\)' out
check "xray shows active units" grep -Eq '^ +unit +add: 8$' out
check "xray shows changed channels" grep -Eq '^ +changed result: 0 -> 8 \(channel [0-9]+, by units\)$' out
check "xray shows every layer" test "$(grep -c '^  layer' out)" = 8
run compact xray sum.wat
check "xray shows every step" test "$rc" = 0 -a "$(grep -c '^step' out)" = 5
run compact xray sum.wat --json
expect "xray --json" 0 '^\{"steps":\[\{"step":0,"position":11,"given":258,"instruction":0,"text":"i32\.const 5","token":5,"name":"5","embedded":\[\{"channel":' ''
run compact xray sum.wat --step 5 --json
expect "a step that is not there" 1 '^\{"error":\{"code":-1,.*there is no step 5; the program ends with step 4' 'no step 5'
if command -v script >/dev/null; then
  printf '\n\ns 2\nn\nx\ns 99\nq\n' | TERM=xterm script -qec "'$eml' compact xray sum.wat" /dev/null >out 2>err
  check "on a terminal, xray goes layer by layer" grep -q 'step 0, layer 1> ' out
  check "and to a step" grep -q 'step 2 at position 13' out
  check "and on to the next" grep -q 'step 3, layer 0> ' out
  check "and no further than there is" grep -q 'there is no step 99' out
else
  echo "the terminal form of eml compact xray not run: script(1) is not installed"
fi

# ------------------------------------------------------------------------------------------------ export
run compact export machine --program "$programs/factorial.wat" --json
expect "export" 0 '^\{"weights":[0-9]+,"files":\["machine/model\.safetensors","machine/config\.json","machine/tokens\.json","machine/prompt\.json"\]\}$' ''
run inspect machine/model.safetensors
expect "the weights are safetensors" 0 'layers\.7\.output +F64 +\[4, 100, 2\]' ''
check "and inspect knows whose" grep -q "a transformer that eml compact export wrote" out
run compact export machine --file 0=hello.bin
expect "a file without a program" 2 '' '--file belongs to a program'
run compact export sum.wat/machine
expect "a folder that cannot be made" 1 '' 'cannot write sum\.wat/machine'
run compact export sum.wat
expect "a file in the folder's place" 1 '' 'cannot write sum\.wat: it is a file; give the name of a folder'
# python3 with numpy: Debian's own interpreter sees Debian's numpy.
numpy=
for python in /usr/bin/python3 python3; do "$python" -c 'import numpy' 2>/dev/null && numpy=$python && break; done
if [ -n "$numpy" ]; then
  # same_tokens NAME PROGRAM [--file D=PATH]: numpy alone generates the tokens that eml does.
  same_tokens() {
    local name=$1
    shift
    run compact export machine --program "$@"
    run compact run "$@" --trace --json
    grep -o '"token":[0-9]*' out | cut -d: -f2 >wanted
    "$numpy" -W error "$root/examples/python/run_exported.py" machine --tokens generated >out 2>err
    check "$name: numpy generates the same tokens" test $? = 0 -a -s wanted -a "$(cksum <wanted)" = "$(cksum <generated)"
  }
  same_tokens "factorial" "$programs/factorial.wat"
  check "numpy prints the output" grep -q '^outputs 1 2 6 24 120 208 176$' out
  same_tokens "fibonacci" "$programs/fibonacci.wat"
  same_tokens "reverse" "$programs/reverse.wat" --file 0=hello.bin
  same_tokens "checksum" "$programs/checksum.wat" --file 0=hello.bin
  "$eml" compact export machine --program forever.wat >/dev/null
  "$numpy" "$root/examples/python/run_exported.py" machine >out 2>err
  check "numpy, too, stops a loop without end" test $? = 1 -a "$(grep -c 'taken more than 255 times' err)" = 1
else
  echo "the export not run by numpy: python3-numpy is not installed"
fi
