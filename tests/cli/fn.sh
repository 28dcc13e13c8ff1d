# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Learned functions: train, predict, distill; convert, inspect; help, misuse, terminals.

# ---------------------------------------------------------------------------------------------- help, version, usage
run
expect "eml alone prints help" 0 'fn  +Learned functions' ''
run --help
expect "--help" 0 '^Usage:' ''
run fn
expect "eml fn prints its verbs" 0 'distill <MODEL>' ''
run fn train --help
expect "help of a verb" 0 '--target <COL> \(REQUIRED\)' ''
run --version
expect "--version" 0 '^eml [0-9]+\.[0-9]+\.[0-9]+$' ''
# The portable command becomes the best of its twins that the machine can run.
isa() { "$@" --version --json | sed 's/.*"isa":"\([^"]*\)".*/\1/'; }
supported() { /lib64/ld-linux-x86-64.so.2 --help | grep -q "^ *$1 (supported"; }
mkdir -p twin/bin twin/lib/eml/x86-64-v3 twin/lib/eml/x86-64-v4
cp -L "$eml" twin/bin/eml
check "alone it stays what it is" test "$(isa twin/bin/eml)" = x86-64
best=x86-64
odd=$(printf 'caf\351 \n*')
for level in x86-64-v3 x86-64-v4; do
  echo "no program" >twin/lib/eml/$level/eml
  chmod +x twin/lib/eml/$level/eml
  check "a twin that does not run is no harm" test "$(isa twin/bin/eml)" = x86-64
  supported $level || { echo "skipped: the twin for $level, which this CPU lacks"; rm twin/lib/eml/$level/eml; continue; }
  best=$level
  printf '#!/bin/sh\nprintf "%%s|" "$@"\n' >twin/lib/eml/$level/eml
  check "arguments arrive byte for byte" test "$(twin/bin/eml a '' "$odd")" = "a||$odd|"
  rm twin/lib/eml/$level/eml
done
check "the best twin takes over" test "$(isa "$eml")" = $best
run --version --json
expect "--version --json" 0 '^\{"version":"[0-9.]+","commit":"[^"]*","rid":"[^"]+","isa":"[^"]+","runtime":"\.NET [0-9.]+"\}$' ''
run nonsense
expect "an unknown verb" 2 '' "nonsense"
run fn train data.csv
expect "a missing option" 2 '' "'--target' is required; see eml fn train --help"
run fn train data.csv --target y --depth 6
expect "a depth out of range" 2 '' '--depth 6: must be a whole number from 2 to 5'
run fn train data.csv --target y --depth x --json
expect "misuse with --json" 2 '^\{"error":\{"code":-1,"name":"EML_E_ARGUMENT","sub_code":0,"offset":null,"message":"--depth x' '--depth x'
run fn train data.csv --target y --profile other
expect "an unknown profile" 2 '' "other"
run fn train data.csv --target y --profile eml-core-0.1 --seed 5
expect "a seed where it has no effect" 2 '' 'seed is fixed'

# ---------------------------------------------------------------------------------------------- train
nist DanWood >danwood.csv
nist Misra1a >misra.csv
check "DanWood has 6 rows" test "$(wc -l <danwood.csv)" = 7
run fn train misra.csv --target y --out misra.json
expect "train" 0 '^target +y: MSE [-0-9.E+]+, R² 0\.99[0-9]*, 14 samples$' '*'
check "train reports the loss before and after" grep -Eq '^loss +[-0-9.E]+ before, [-0-9.E]+ after' out
check "train says what it saved" grep -Eq '^saved +misra\.json$' out
check "a training tells its phases on standard error, without escape sequences" test "$(grep -c $'\e' err)" = 0 -a -s err
run fn train misra.csv --target y --json --out again.json
expect "train --json" 0 '^\{"data":"misra.csv","samples":14,"inputs":\["x"\],"targets":\["y"\],"profile":"default","depth":4,"parameters":[0-9]+,"seed":0,"samples_used":14,"loss_before":[^,]+,"loss_after":[^,]+,"converged":true,"cancelled":false,"evaluations":[0-9]+,"accepted":[0-9]+,"sweeps":[0-9]+,"seconds":[^,]+,"fit":\[\{"target":"y","samples":14,"mse":[^,]+,"r2":0\.99[0-9]+\}\],"out":"again.json","lost":\[\],"audit":null\}$' '*'
check "the same data and seed give the same bytes" cmp -s misra.json again.json
run fn train misra.csv --target y --seed 7 --out seed7.json
check "another seed gives another model" test "$rc" = 0 -a "$(cksum <seed7.json)" != "$(cksum <misra.json)"
"$eml" fn train - --target y --out piped.json <misra.csv >out 2>err
rc=$?
expect "train from standard input" 0 'standard input|-: 14 rows' '*'
check "and the same model comes out" cmp -s misra.json piped.json
run fn train misra.csv --target y --depth 2
expect "train without --out says that nothing was saved" 0 'not saved: give --out' '*'

plane 60 >plane.csv
run fn train plane.csv --target y --out plane.json --json
expect "two inputs by default" 0 '"inputs":\["a","b"\],"targets":\["y"\]' '*'
check "R² of a plane" at_least "$(number r2)" 0.99
run fn train plane.csv --target y --inputs b,a --depth 3 --json
expect "inputs by name, in the order given" 0 '"inputs":\["b","a"\],"targets":\["y"\],"profile":"default","depth":3' '*'
run fn train plane.csv --target y,b --json --depth 2
expect "two targets" 0 '"inputs":\["a"\],"targets":\["y","b"\].*\{"target":"y","samples":60,.*\{"target":"b","samples":60,' '*'
awk -F, 'NR > 1 && NR % 3 == 0 { $3 = "" } { print $1 "," $2 "," $3 }' plane.csv >holes.csv
run fn train holes.csv --target y --json --depth 2
expect "an empty target cell is a target that is not known" 0 '"samples":60,.*"fit":\[\{"target":"y","samples":40,' '*'
awk -F, '{ print (NR == 1 ? "note" : "text, too") "|" $1 "|" $2 "|" $3 }' plane.csv |
  awk -F'|' '{ print "\"" $1 "\"," $2 "," $3 "," $4 }' >text.csv
run fn train text.csv --target y --inputs a,b --depth 2
expect "columns that are not used may hold text" 0 '^target +y' '*'
run fn train plane.csv --target y --profile eml-core-0.1 --depth 2 --json
expect "profile eml-core-0.1" 0 '"profile":"eml-core-0.1","depth":2,"parameters":26,' '*'

# ---------------------------------------------------------------------------------------------- refused data
run fn train nowhere.csv --target y
expect "a file that is not there" 1 '' '^eml: nowhere\.csv: no such file$'
run fn train . --target y
expect "a folder" 1 '' 'a folder'
run fn train plane.csv --target z
expect "a target that is not there" 1 '' 'plane\.csv: no target column z; the header has a, b, y$'
run fn train plane.csv --target y --inputs a,c,d
expect "inputs that are not there" 1 '' 'no input column c, d; the header has a, b, y$'
run fn train plane.csv --target y --inputs a,y
expect "an input that is the target" 1 '' 'y is both an input and a target'
run fn train plane.csv --target y,a,b
expect "targets only" 1 '' 'every column is a target'
run fn train plane.csv --target y,,b
expect "a list with an empty name" 1 '' 'name 2 is empty'
refuse() { # NAME TEXT ERR
  printf '%b' "$2" >bad.csv
  run fn train bad.csv --target y
  expect "$1" 1 '' "^eml: bad\.csv.*$3"
}
refuse "an empty file" '' 'line 1: empty'
refuse "a header without rows" 'x,y\n' 'no rows'
refuse "a word where a number belongs" 'x,y\n1,2\n3,four\n' ', line 3, column 2 \(y\): "four" is not a number'
refuse "an empty input" 'x,y\n1,2\n,4\n' ', line 3, column 1 \(x\): empty'
refuse "a decimal comma" 'x,y\n1,2\n"3,5",4\n' ', line 3, column 1 \(x\): .*decimals with a point'
refuse "semicolons" 'x;y\n1;2\n' ', line 1, column 1: .*semicolons'
refuse "tabs" 'x\ty\n1\t2\n' ', line 1, column 1: .*tabs'
refuse "a short row" 'x,y\n1,2\n3\n' ', line 3: 1 column, but the header has 2'
refuse "a long row" 'x,y\n1,2\n3,4,5\n' ', line 3: 3 columns, but the header has 2'
refuse "a name that is there twice" 'x,y,x\n1,2,3\n' ', line 1, column 3: .*already that of column 1'
refuse "no header" '1,2\n3,4\n' ', line 1, column 1: .*header'
refuse "NaN" 'x,y\nNaN,2\n' ', line 2, column 1 \(x\): "NaN" is not a finite'
refuse "a number past the range of doubles" 'x,y\n1,1e400\n' ', line 2, column 2 \(y\): "1e400" is not a finite'
refuse "an open quote" 'x,y\n1,"2\n3,4\n' ', line 2, column 2: .*never closed'
refuse "bytes that are not UTF-8" 'x,y\n\377,2\n' 'not UTF-8'
run fn train bad.csv --target y --json
expect "a refusal with --json" 1 '^\{"error":\{"code":-8,"name":"EML_E_FORMAT","sub_code":[0-9]+,"offset":null,"message":"bad\.csv: bytes' 'bad\.csv'
run fn train plane.csv --target y --out model.txt
expect "an extension that means no format" 1 '' 'model\.txt'
run fn train plane.csv --target y --out x.browser.json
expect "a format that cannot carry the model" 1 '' 'browser'
run fn train plane.csv --target y --out no/such/folder/m.json
expect "a folder that does not exist is told before the training" 1 '' '^eml: no/such/folder/m\.json: the folder .* does not exist'
check "and nothing was trained" test "$(wc -l <err)" = 1
head -3 misra.csv >few.csv
run fn train few.csv --target y --profile eml-core-0.1
expect "too few samples for eml-core" 1 '' '50'

# ---------------------------------------------------------------------------------------------- predict
run fn predict misra.json misra.csv
expect "predict" 0 '^y$' ''
check "one line a row, and the header" test "$(wc -l <out)" = 15
cp out misra.pred
check "predictions are in the user's units" awk -F, '
  NR == FNR { if (FNR > 1) y[FNR] = $1; next }
  FNR > 1 { d = $1 - y[FNR]; s += d * d } END { exit !(s / 14 < 2) }' misra.csv misra.pred
run fn predict misra.json misra.csv --out pred.csv
expect "predict --out" 0 '^saved +pred\.csv: 14 rows$' ''
check "and the file holds the same bytes" cmp -s pred.csv misra.pred
"$eml" fn predict misra.json - <misra.csv >out 2>err
check "predict from standard input" cmp -s out misra.pred
run fn predict misra.json misra.csv --json
expect "predict --json" 0 '^\{"model":"misra\.json","targets":\["y"\],"rows":14,"predictions":\[\[[-0-9.Ee+]+\](,\[[-0-9.Ee+]+\]){13}\]\}$' ''
sed -E 's/.*"predictions":\[//; s/\]\}$//; s/\],\[/\n/g; s/[][]//g' out >json.pred
check "with the same digits" diff -q <(tail -n +2 misra.pred) json.pred
awk -F, '{ print $2 "," $1 "," NR }' plane.csv | sed '1s/.*/b,a,row/' >shuffled.csv
run fn predict plane.json plane.csv
cp out plane.pred
run fn predict plane.json shuffled.csv
check "columns are found by their names" cmp -s out plane.pred
printf 'a,c\n1,2\n' >wrong.csv
run fn predict plane.json wrong.csv
expect "missing columns are named, and those that are there" 1 '' '^eml: wrong\.csv: no input column b; the header has a, c$'
printf 'x\n1\nzwei\n' >half.csv
run fn predict misra.json half.csv
expect "a bad row leaves no half of a result" 1 '' 'line 3, column 1 \(x\): "zwei"'
run fn predict misra.csv misra.csv
expect "data in the model's place" 1 '' 'misra\.csv'
run fn predict nowhere.json misra.csv
expect "a model that is not there" 1 '' 'nowhere\.json'
run fn predict misra.json misra.csv --out no/such/folder/p.csv
expect "predict into a folder that does not exist" 1 '' 'does not exist'
"$eml" fn predict misra.json misra.csv 2>err >/dev/full
rc=$?
: >out
expect "a full disk is a failure" 1 '' '^eml: '

# ---------------------------------------------------------------------------------------------- convert
for to in safetensors pb json; do
  run convert misra.json "c.$to"
  expect "json to $to" 0 "^saved +c\.$to: EmlModel, $to$" ''
  run fn predict "c.$to" misra.csv
  check "the same predictions from .$to" cmp -s out misra.pred
done
run convert c.pb back.safetensors --json
expect "convert --json" 0 '^\{"in":"c\.pb","out":"back\.safetensors","kind":"EmlModel","format":"safetensors","lost":\[\]\}$' ''
check "protobuf and json give the same safetensors" cmp -s back.safetensors c.safetensors
run convert c.safetensors back.json
check "and the way back ends with the same bytes" cmp -s back.json misra.json
run convert misra.json m.browser.json
expect "the browser's format is refused for a model" 1 '' 'm\.browser\.json.*SafeTree'
check "and nothing is written" test ! -e m.browser.json
run convert misra.json model.xyz
expect "an unknown extension" 1 '' 'model\.xyz'
run convert few.csv out.json
expect "a file that is no model" 1 '' 'few\.csv'

# ---------------------------------------------------------------------------------------------- SafeTrees
# v = 2 x + 3, then 1 - ln(|v| + 1).
printf '{"depth":1,"inputs":1,"heads":1,"params":[2.0,3.0,0.0,0.0,0.0]}' >tree.json
printf 'anything\n-1.5\n-1\n' >tree.csv
for to in browser.json safetensors pb; do
  run convert tree.json "tree.$to"
  expect "a SafeTree to $to" 0 "^saved +tree\.$to: SafeTree, $to$" ''
  run fn predict "tree.$to" tree.csv
  check "a SafeTree's values from .$to; columns are taken in order" test "$(tr '\n' ' ' <out)" = "y 1 0.3068528194400547 "
  run convert "tree.$to" again.json
  check "and back to the same JSON from .$to" cmp -s again.json tree.json
done
run fn predict tree.json plane.csv
expect "as many columns as inputs if the model knows no names" 1 '' 'plane\.csv: 3 columns \(a, b, y\), but tree\.json takes 1 input'
run inspect tree.pb
expect "inspect a SafeTree" 0 '^kind +SafeTree$' ''
sed 's/"model_name": "[^"]*"/"model_name": "toy_q"/; s/"trained": false/"trained": true/; s/"mse": null/"mse": 0.25/' \
  tree.browser.json >toy.browser.json
run inspect toy.browser.json --json
expect "inspect the browser's export" 0 '"format":"browser\.json","kind":"SafeTree","depth":1,"inputs":1,"heads":1,"parameters":5,"min":0,"max":3,.*"trained":true,"name":"toy_q","mse":0\.25,"timestamp":0\}$' ''
run convert toy.browser.json toy.pb
expect "what a format cannot carry is said" 0 '^saved' 'warning: toy\.pb: this format cannot carry .* MSE'
run convert toy.browser.json toy.safetensors --json
expect "and listed in the JSON" 0 '"lost":\["[^"]+"\]\}$' ''
run convert toy.browser.json copy.browser.json
check "the browser's own format keeps it" cmp -s copy.browser.json toy.browser.json
run fn distill tree.json --depth 2 --out d.json
expect "a SafeTree cannot be distilled" 1 '' 'tree\.json: a SafeTree'

# ---------------------------------------------------------------------------------------------- distill
run fn distill misra.json --depth 2 --samples 200 --out small.pb
expect "distill" 0 '^student +depth 2, [0-9]+ parameters$' '*'
run fn predict small.pb misra.csv
expect "a distilled model knows its columns and units" 0 '^y$' ''
run fn distill misra.json --depth 3 --samples 60 --out small.json --json
expect "distill --json" 0 '^\{"model":"misra\.json","profile":"default","teacher_depth":4,"teacher_parameters":[0-9]+,"depth":3,"parameters":[0-9]+,"samples_used":60,"loss_before":[^,]+,"loss_after":[^,]+,"converged":(true|false),"cancelled":false,.*"out":"small\.json","lost":\[\]\}$' '*'
run fn distill small.json --depth 4 --out deep.json
expect "a student that is not shallower" 1 '' 'depth'
check "and nothing is written" test ! -e deep.json
run fn distill misra.json --depth 2 --samples 49 --out s.json
expect "too few samples" 2 '' '--samples 49: must be'
run fn distill misra.json --depth 2
expect "distill needs --out" 2 '' "'--out' is required"

# ---------------------------------------------------------------------------------------------- inspect
run inspect misra.json
expect "inspect" 0 '^kind +EmlModel$' ''
check "with the file's hash" grep -q "^sha-256 *$(sha256sum <misra.json | cut -d' ' -f1)" out
check "with the columns" grep -Eq '^input +x: offset' out
run inspect c.safetensors --json
expect "inspect --json" 0 '^\{"file":"c\.safetensors","bytes":[0-9]+,"sha256":"[0-9a-f]{64}","format":"safetensors","kind":"EmlModel","profile":"default","depth":4,"inputs":1,"heads":1,"parameters":[0-9]+,"min":[^,]+,"max":[^,]+,"parameters_sha256":"[0-9a-f]{64}","trained":true,"name":"","metadata":\{"inputs":"\[\\"x\\"\]","targets":"\[\\"y\\"\]"\},"scaling":\{"inputs":\[\{"offset":[^,]+,"factor":[^,]+\}\],"targets":\[\{"offset":[^,]+,"factor":[^,]+\}\]\}\}$' ''
hash=$(number parameters_sha256)
run inspect c.pb --json
check "the parameters' hash does not depend on the format" test "$hash" = "$(number parameters_sha256)"
# An ordinary safetensors file: a 2-element F32 and a scalar U8, as any other program may write it.
tensors() { # METADATA-VALUE
  local header='{"__metadata__":{"by":"'$1'"},"weights":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"flag":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}'
  printf "\\x$(printf %x ${#header})\0\0\0\0\0\0\0"
  printf %s "$header"
  printf '\0\0\200\77\0\0\0\100\1'
}
tensors hand >foreign.safetensors
run inspect foreign.safetensors
expect "tensors of others are listed" 0 '^ *weights +F32 +\[1, 2\] +8 bytes$' ''
run inspect foreign.safetensors --json
expect "tensors of others as JSON" 0 '^\{"file":"foreign\.safetensors","bytes":[0-9]+,"sha256":"[0-9a-f]{64}","format":"safetensors","kind":"tensors","metadata":\{"by":"hand"\},"tensors":\[\{"name":"weights","dtype":"F32","shape":\[1,2\],"bytes":8\},\{"name":"flag","dtype":"U8","shape":\[\],"bytes":1\}\]\}$' ''
tensors '\u001b[7m' >control.safetensors
run inspect control.safetensors
expect "a file's control characters do not reach the terminal" 0 '^metadata +by = .\[7m$' ''
check "in any form" test "$(grep -c $'\e' out)" = 0
head -c 100 c.safetensors >cut.safetensors
run inspect cut.safetensors
expect "a truncated file is refused with the reason and the place" 1 '' '^eml: cut\.safetensors: .*byte.*\(EML_F_TRUNCATED.*\)$'
run inspect cut.safetensors --json
expect "and as JSON" 1 '^\{"error":\{"code":-8,"name":"EML_E_FORMAT","sub_code":1,"offset":[0-9]+,"message":"cut\.safetensors: [^"]*"\}\}$' '*'
head -c 60 misra.json >cut.json
run inspect cut.json
expect "a truncated JSON file" 1 '' 'cut\.json: .*byte.*\(EML_F_[A-Z_]+.*\)$'
run inspect misra.csv
expect "a file of no known format" 1 '' 'misra\.csv: .*\(EML_F_[A-Z_]+'
: >empty.pb
run inspect empty.pb
expect "an empty file" 1 '' 'empty\.pb'
run inspect nowhere.json
expect "inspect a file that is not there" 1 '' 'nowhere\.json'

# ---------------------------------------------------------------------------------------------- terminals
if command -v script >/dev/null; then
  TERM=xterm script -qec "'$eml' fn train plane.csv --target y --depth 3" /dev/null >out 2>err </dev/null
  check "a terminal gets a bar" grep -q '\[#*\.*\]' out
  TERM=xterm script -qec "'$eml' nonsense" /dev/null >out 2>err </dev/null
  check "and colours" grep -q $'\e\[31m' out
  NO_COLOR=1 TERM=xterm script -qec "'$eml' nonsense" /dev/null >out 2>err </dev/null
  check "but not with NO_COLOR" test "$(grep -c $'\e\[31m' out)" = 0
else
  echo "tests of the terminal's bar and colours not run: script(1) is not installed"
fi
