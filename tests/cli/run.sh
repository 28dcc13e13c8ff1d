#!/usr/bin/env bash
# End-to-end tests of the command line: every verb, its JSON, its refusals, Ctrl-C. EML names another executable.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
eml=${EML:-$PWD/build/eml}
[ -x "$eml" ] || { echo "$eml: not there; run make first" >&2; exit 1; }
data=$PWD/examples/data
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
# The portable command becomes its faster twin where there is one that the machine can run.
isa() { "$@" --version --json | sed 's/.*"isa":"\([^"]*\)".*/\1/'; }
mkdir -p twin/bin twin/lib/eml/x86-64-v3
cp -L "$eml" twin/bin/eml
check "alone it stays what it is" test "$(isa twin/bin/eml)" = x86-64
echo "no program" >twin/lib/eml/x86-64-v3/eml
chmod +x twin/lib/eml/x86-64-v3/eml
check "a twin that does not run is no harm" test "$(isa twin/bin/eml)" = x86-64
printf '#!/bin/sh\nprintf "%%s|" "$@"\n' >twin/lib/eml/x86-64-v3/eml
if /lib64/ld-linux-x86-64.so.2 --help | grep -q '^ *x86-64-v3 (supported'; then
  check "the twin takes over" test "$(isa "$eml")" = x86-64-v3
  odd=$(printf 'caf\351 \n*')
  check "arguments arrive byte for byte" test "$(twin/bin/eml a '' "$odd")" = "a||$odd|"
else
  echo "skipped: the twin for x86-64-v3, which this CPU lacks"
fi
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

# ---------------------------------------------------------------------------------------------- attention blocks
run attn
expect "eml attn alone prints its verbs" 0 'browser  +Train as' ''
small="--seq 2 --d-model 4 --d-k 2 --depth 3 --seed 7 --rounds 2 --samples 16"
# What the page computed with these numbers (shared golden data, browser_export.json), to 12 digits.
# shellcheck disable=SC2086 # words are meant
run attn browser $small --json
expect "attn browser --json" 0 '^\{"mode":"compare","seq_len":2,"d_model":4,"d_k":2,"depth":3,"seed":7,"rounds":2,"samples":16,"eml":\{"parameters":328,"trials_per_round":1312,"loss_before":0\.62326534766[0-9]+,"curve":\[0\.13434342754[0-9]+,0\.13198574094[0-9]+\],"loss_after":0\.13198574094[0-9]+,"converged":false,"evaluations":2624,"accepted":[0-9]+,"stability":\{"max_gradient":0\.00782[0-9]+,"mean_gradient":0\.00400[0-9]+,"trials":50,"tier":"stable"\}\},"baseline":\{"parameters":148,"trials_per_round":600,"loss_before":0\.14191415831[0-9]+,"curve":\[0\.05954125907[0-9]+,0\.02787312628[0-9]+\],.*"tier":"stable"\}\},"cancelled":false,"seconds":[^,]+,"out":null,"files":\[\]\}$' '^descent '
# shellcheck disable=SC2086
run attn browser $small --mode iter0 --out bundle
expect "attn browser --out" 0 '^saved +bundle/eml_attention_toy_out\.json$' '*'
check "and the loss" grep -q '^loss .* 0\.134392 after (not converged)$' out
run inspect bundle/eml_attention_toy_out.json --json
expect "the bundle's output map knows its loss" 0 '"kind":"SafeTree","depth":3,"inputs":4,"heads":8,"parameters":112,.*"trained":false,"name":"eml_attention_toy_out","mse":0\.13439177681[0-9]+,"timestamp":1[0-9.]+\}$' ''
run convert bundle/eml_attention_toy_q.json q.json
expect "and converts to eml-core's SafeTree" 0 '^saved' '*'
check "with its fields" grep -q '^{"depth":3,"inputs":8,"heads":4,"params":\[' q.json
run attn browser --mode baseline --out x
expect "the baseline is not exported" 2 '' '--out saves the block of eml functions'
check "and no folder is made" test ! -e x
run attn browser --d-k 9 --out x
expect "a key wider than the model" 1 '' 'd_k must be in 1\.\.=8'
check "and no folder is made for it" test ! -e x
run attn browser --mode joint
expect "an unknown mode" 2 '' 'joint'
run attn browser --seed 4294967296
expect "a seed past 32 bits" 2 '' 'from 0 to 4294967295'
run attn browser $small --out misra.json/sub
expect "a folder that cannot be" 1 '' '^eml: '

run attn train --task energy --seq 3 --d-model 4 --d-k 2 --heads 2 --nodes 2 --positional --samples 40 --evaluations 4000 --seed 5 --out block.json --audit block.log
expect "attn train" 0 '^held-out +MSE [0-9.e-]+ on 1,000 fresh samples; answering 0 gives 0\.0' '^(alignment|refinement) [0-9]+/4000  loss .* accepted '
check "with a loss curve" grep -Eq '^loss +trial +[0-9,]+ +[^ ]+ +#+$' out
check "and a round's line" grep -Eq '^round +1: loss .* before, .* after \((not )?converged\), [0-9]+ trials, [0-9]+ accepted$' out
run attn train --task energy --seq 3 --d-model 4 --d-k 2 --heads 2 --nodes 2 --positional --samples 40 --evaluations 4000 --seed 5 --out same.json --json
expect "attn train --json" 0 '^\{"data":"task energy, data seed 0","samples":40,"kind":"block","d_model":4,"d_k":2,"seq_len":3,"heads":2,"nodes":2,"positional":true,"residual":true,"chunk":0,"parameters":[0-9]+,"rounds":\[\{"loss_before":[^,]+,"loss_after":[^,]+,"converged":(true|false),"trials":[0-9]+,"accepted":[0-9]+,"evaluations":[0-9]+\}\],"held_out_mse":[^,]+,"zero_mse":[^,]+,"curve":\[\[[0-9]+,[^]]+\].*\],"cancelled":false,"seconds":[^,]+,"out":"same\.json","audit":\[\]\}$' '*'
check "the same options give the same block" cmp block.json same.json
run inspect block.json --json
expect "inspect a block" 0 '"kind":"EmlAttention","profile":"default","d_model":4,"d_k":2,"seq_len":3,"heads":2,"nodes":2,"positional":true,"residual":true,"chunk":0,"parameters":' ''
run convert block.json block.safetensors
run convert block.safetensors block.pb
run convert block.pb again.json
expect "convert a block" 0 '^saved +again\.json: EmlAttention, json$' ''
check "and lose nothing" cmp block.json again.json
run convert block.json block.browser.json
expect "a block has no browser format" 1 '' 'cannot carry an EmlAttention'
run audit verify block.log
expect "its log holds, of the task that it names" 0 '^verdict +ok: training again gives every record$' '*'
run audit verify block.log --task energy --samples 41
expect "and not of others" 1 '^verdict +other data, record 0$' 'block\.log: audit log: record 0'
run audit show block.log --json
expect "show a block's log" 0 '"kind":"EmlAttention",.*"max_evaluations":4000,"target_loss":0,"metadata":\{"data_seed":"0","samples":"40","task":"energy"\},' ''

# Two rows of a number each, learned in the other order; in a file.
awk 'BEGIN { print "x1,x2,y1,y2"; for (i = 0; i < 20; i++) { a = (i * 7 % 20) / 10 - 1; b = (i * 3 % 20) / 10 - 1; print a "," b "," b "," a } }' >swap.csv
run attn train swap.csv --seq 2 --d-model 1 --nodes 0 --positional --evaluations 6000 --out swap.pb --audit swap.log
expect "attn train on a file" 0 '^data +swap\.csv: 20 samples$' '*'
check "without held-out data" sh -c '! grep -q ^held-out out'
run attn forward swap.pb swap.csv --json
expect "attn forward --json with targets" 0 '^\{"model":"swap\.pb","rows":20,"mse":[0-9.Ee-]+,"out":null,"answers":\[\[' ''
check "learned" awk -v mse="$(number mse)" 'BEGIN { exit !(mse < 0.05) }'
cut -d, -f1,2 swap.csv >inputs.csv
run attn forward swap.pb inputs.csv --out answers.csv
expect "attn forward --out" 0 '^saved +answers\.csv: 20 rows$' ''
run attn forward swap.pb inputs.csv
expect "attn forward" 0 '^y1,y2$' ''
check "gives the same" cmp out answers.csv
run audit verify swap.log --data swap.csv
expect "a log of a file's data" 0 '^verdict +ok' '*'
run audit verify swap.log
expect "which needs the file" 1 '' 'the log names no task'
sed '5s/,[^,]*$/,x/' swap.csv >bad.csv
run attn train bad.csv --seq 2 --d-model 1
expect "a bad cell" 1 '' 'bad\.csv, line 5, column 4 \(y2\): "x" is not a number'
run attn train swap.csv --seq 3 --d-model 1
expect "too few columns" 1 '' 'swap\.csv: 4 columns; blocks of seq_len 3 and d_model 1 take 6: 3 inputs'
run attn forward swap.pb misra.csv --json
expect "columns that are not the block's" 0 '"mse":' '*'
run attn forward misra.json misra.csv
expect "a model that is no block" 1 '' 'misra\.json: holds no attention block \(its kind is EmlModel\)'

run attn train --task mean --kind toy --seq 2 --d-model 4 --d-k 2 --trials 200 --rounds 2 --out toy.safetensors --audit toy.log
expect "attn train --kind toy" 0 '^round +2: loss ' '^round 2 '
run audit verify toy.log.2
expect "one log a round" 0 '^model +ToyEmlAttention, .*, 1 round before$' '*'
run attn train --task mean --kind baseline --seq 2 --d-model 4 --trials 300 --rounds 1 --out base.json --audit base.log --json
expect "attn train --kind baseline" 0 '"kind":"baseline",.*"audit":\["base\.log"\]' '*'
run audit verify base.log --json
expect "and its log" 0 '"verdict":"ok",.*"kind":"BaselineAttention",.*"trials_per_round":300,' '*'
run attn train --task mean --kind toy --heads 2
expect "an option of another kind" 2 '' '--heads has no effect on --kind toy'
run attn train
expect "no data" 2 '' 'give either DATA\.csv or --task'
run attn train swap.csv --task mean
expect "data twice" 2 '' 'give either DATA\.csv or --task'
run attn train --task mean --d-k 9
expect "a key wider than a row" 1 '' 'd_k must be in 1\.\.=d_model'
run attn train --task mean --out x.browser.json
expect "a format that cannot hold it" 1 '' 'cannot carry an EmlAttention'

run attn gate --trials 100 --json
check "attn gate's status says whether all gates passed" sh -c "grep -q '\"passed\":$([ $rc -eq 0 ] && echo true || echo false),\"cancelled\":false' out && [ $rc -le 1 ]"
check "and every gate has its figures" sh -c "[ \$(grep -o '\"iteration\":' out | wc -l) = 15 ] && [ \$(grep -o '\"eml_core\":{\"passed\":' out | wc -l) = 15 ]"
check "identity is learned" grep -q '"gate":"G1 identity: MSE < 0.01 in <= 3 rounds","default":{"passed":true,' out
check "and not by eml-core's block" grep -Eq '"gate":"G1 identity: [^"]*","default":[^}]*\},"eml_core":\{"passed":false,' out
run attn compare --trials 5000 --json
# As the page eml-attention.mdx prints them, and all digits as the crate's program gives them.
expect "attn compare --json" 0 '^\{"eml_core":\{"shape":\[4,2,2,3\],"trials":5000,"rounds":3,"eml_param_count":352,"eml_baseline_mse":1\.478[0-9]+,"eml_final_mse":1\.541[0-9]+,"eml_mse_reduction":-0\.043[0-9]+,"eml_inference_ns_p99":[0-9]+,"baseline_param_count":148,"baseline_baseline_mse":0\.233[0-9]+,"baseline_final_mse":0\.055[0-9]+,"baseline_mse_reduction":0\.76[0-9]+,"baseline_inference_ns_p99":[0-9]+\},"default":\{.*"tasks":\[\{"task":"mean","zero_mse":' '*'
run attn compare --trials 100 --rounds 1
expect "attn compare" 0 '^  energy +[0-9.e-]+ +[0-9.e-]+ ' '*'

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

# ---------------------------------------------------------------------------------------------- Ctrl-C
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
# Noise in 21 columns: nothing to learn, and minutes of work to find that out.
awk 'BEGIN {
  for (j = 1; j < 21; j++) printf "x%d,", j
  print "y"
  for (i = 0; i < 5000; i++) for (j = 1; j <= 21; j++) {
    state = (state * 1103515245 + 12345) % 2147483648
    printf "%d%s", state / 65536, j < 21 ? "," : "\n"
  }
}' >noise.csv
interrupt fn train noise.csv --target y --depth 5 --out stopped.json --json
expect "Ctrl-C stops a training" 130 '"cancelled":true,.*"out":"stopped\.json"' '*'
run fn predict stopped.json noise.csv
expect "and the model that was reached is saved" 0 '^y$' ''
interrupt fn distill stopped.json --depth 4 --samples 20000 --out stopped.pb
expect "Ctrl-C stops a distillation" 130 '^saved +stopped\.pb' 'interrupted: this is the best state reached'
run inspect stopped.pb
expect "and the student that was reached is saved" 0 '^kind +EmlModel$' ''

interrupt attn browser --seq 8 --d-model 32 --d-k 32 --depth 5 --mode compare --out stopped --json
expect "Ctrl-C stops an attention training" 130 '"curve":\[\].*"baseline":null,"cancelled":true' '*'
check "and the block that was reached is saved" test -s stopped/eml_attention_toy_v.json
interrupt attn train --task softmax-mean --seq 64 --d-model 64 --nodes 32 --samples 1024 --evaluations 100000000 --out block.pb --audit block.log --json
expect "Ctrl-C stops the training of a block" 130 '"cancelled":true,.*"out":"block\.pb","audit":\["block\.log"\]\}$' '*'
run inspect block.pb
expect "and the block that was reached is saved" 0 '^kind +EmlAttention$' ''
run audit show block.log
expect "and its log is whole" 0 '^end +cancelled after' ''
interrupt attn compare --trials 10000000
expect "Ctrl-C stops a comparison" 130 '*' 'the comparison is not complete'
interrupt attn train --task mean --kind toy --seq 8 --d-model 32 --d-k 32 --depth 5 --trials 100000000 --out toy.pb
expect "Ctrl-C stops a toy's training" 130 '^saved +toy\.pb$' 'interrupted: this is the best state reached'
# ---------------------------------------------------------------------------------------------- audit logs
run fn train misra.csv --target y --seed 3 --out a.json --audit a.log
expect "train with an audit log" 0 '^audit log +a\.log$' '*'
run fn train misra.csv --target y --seed 3 --out b.json
check "the model is the same without" cmp -s a.json b.json
run audit verify a.log --data misra.csv
expect "the log holds" 0 '^verdict +ok: training again gives every record$' '*'
run audit verify a.log --data misra.csv --json
expect "the log holds, as JSON" 0 '^\{"log":"a\.log","verdict":"ok","record":[0-9]+,"offset":[0-9]+,"message":"[^"]+","records":[0-9]+,"changes":[0-9]+,"profile":"default","depth":4,"inputs":1,"heads":1,"seed":3,"max_sweeps":0,"target_loss":0,"data_sha256":"[0-9a-f]{64}","cancelled":false,"trials":[0-9]+,"loss":[^,]+,"final_hash":"[0-9a-f]{64}"\}$' '*'
check "the final hash is the log's last 32 bytes" test "$(number final_hash)" = "\"$(tail -c 32 a.log | od -An -tx1 | tr -d ' \n')\""
run audit show a.log
expect "show a log" 0 '^loss +trial +[0-9,]+ +[^ ]+ +#+$' ''
run audit show a.log --json
expect "show a log as JSON" 0 '"curve":\[\[[0-9]+,[^]]+\](,\[[0-9]+,[^]]+\])+\]\}$' ''
sed '3s/./9/' misra.csv >other.csv
run audit verify a.log --data other.csv
expect "other data" 1 '^verdict +other data, record 0$' 'a\.log: audit log: record 0, at byte 0: the data are not'
run audit verify a.log --data misra.csv --target x --inputs y
expect "other columns" 1 '^verdict +other data' '*'
run audit verify a.log --data misra.csv --inputs x,y
expect "more columns than the log has" 1 '' '1 column|--inputs names 2 columns; the log is of a training with 1'
flip() { # FILE OFFSET: with one bit of that byte changed
  { head -c "$2" "$1"; tail -c +$(($2 + 1)) "$1" | head -c 1 | LC_ALL=C tr '\000-\377' '\001-\377\000'; tail -c +$(($2 + 2)) "$1"; } >flipped.log
}
size=$(wc -c <a.log)
flip a.log $((size / 2))
run audit verify flipped.log --data misra.csv --json
expect "a changed byte" 1 '"verdict":"(changed|malformed|truncated)","record":[0-9]+' '*'
run audit show flipped.log
expect "a changed byte is found without the data too" 1 '^verdict +(changed|malformed|truncated), record [0-9]+$' 'flipped\.log: audit log: record'
head -c $((size - 100)) a.log >cut.log
run audit verify cut.log --data misra.csv
expect "a log that was cut off" 1 '^verdict +truncated, record [0-9]+$' 'the log is cut off; the [0-9]+ records before this place are whole'
run audit verify misra.csv --data misra.csv
expect "a file that is no log" 1 '^verdict +malformed, record 0$' '*'
run audit verify a.log --data few.csv
expect "too few data" 1 '^verdict +other data' '*'
run fn train misra.csv --target y --audit no/such/folder/a.log
expect "a log in a folder that does not exist" 1 '' 'does not exist'
cp a.log kept.log
run fn train few.csv --target y --profile eml-core-0.1 --audit kept.log
expect "a training that is refused" 1 '' '50'
check "leaves an old log as it was" cmp -s a.log kept.log
run fn train misra.csv --target y --audit /dev/full
expect "a log that cannot be written" 1 '' '^eml: cannot write /dev/full'
interrupt fn train noise.csv --target y --depth 5 --audit stopped.log --json
expect "Ctrl-C stops a training with a log" 130 '"cancelled":true,.*"audit":"stopped\.log"' '*'
run audit verify stopped.log --data noise.csv --json
expect "whose log is whole" 0 '"verdict":"ok",.*"cancelled":true' '*'
: >err
set -m
"$eml" fn train noise.csv --target y --depth 5 --profile eml-core-0.1 --audit killed.log >out 2>err </dev/null &
pid=$!
set +m
tries=0
until [ "$(wc -c 2>/dev/null <killed.log)" -gt 4000 ] || [ $tries -ge 600 ]; do sleep 0.1; tries=$((tries + 1)); done 2>/dev/null
kill -KILL "$pid"
wait "$pid" 2>/dev/null
run audit verify killed.log --data noise.csv --json
expect "a killed training leaves the beginning of a log" 1 '"verdict":"truncated","record":([2-9]|[1-9][0-9]+),' '*'
# ---------------------------------------------------------------------------------------------- attention blocks' bench
run attn bench --quick
expect "attn bench --quick" 0 '^4×8/1/8 +previous token +eml ' ''
check "and every task is learned by the block" awk '/ eml / { n++; if ($(NF-4) > 0.1 * $(NF-3)) bad = 1 } END { exit bad || n != 9 }' <(sed 's/ %//' out)
run attn bench --quick --json
expect "attn bench --json" 0 '^\{"seed":0,"training_samples":256,.*"task":"energy","trainer":"affine".*\}$' '^4×8/1/8 +energy +affine'
interrupt attn bench --json
expect "Ctrl-C stops it" 130 '"cancelled":true' 'the table is not complete'

# ---------------------------------------------------------------------------------------------- snap, show
awk 'BEGIN { print "length,width,price"; for (i = 0; i < 60; i++) { a = i % 10; b = i % 7; printf "%d,%d,%.17g\n", a, b, 3 + a / 2 - b / 3 } }' >price.csv
run fn train price.csv --target price --depth 3 --out price.json
run fn snap price.json price.csv --out simple.pb
expect "snap" 0 '^snapped +[0-9]+ constants among [0-9]+ parameters, now in the data.s units$' '*'
check "snap tells the losses" grep -Eq '^loss +[-0-9.E]+ before, [-0-9.E]+ after, [-0-9.E]+ allowed$' out
run fn snap price.json price.csv --out simple.json --tolerance 0.1 --max-increase 0.01 --json
expect "snap --json" 0 '^\{"model":"price\.json","parameters":[0-9]+,"snapped":\[\{"index":[0-9]+,"before":[^,]+,"after":[^}]+\}.*"unscaled":true,"cancelled":false,"evaluations":[0-9]+,"seconds":[^,]+,"out":"simple\.json","lost":\[\]\}$' '*'
run fn show simple.pb
expect "show" 0 '^price = 3 \+ 0\.5\*length - 1/3\*width$' ''
check "in one line" test "$(wc -l <out)" = 1
run fn show simple.pb --format latex
expect "show --format latex" 0 '^\\mathrm\{price\} &= 3 \+ 0\.5\\,\\mathrm\{length\} - \\frac\{1\}\{3\}\\,\\mathrm\{width\}$' ''
run fn show price.json --within price.csv
expect "show --within" 0 '^# limits that the recorded samples never meet' ''
run fn show price.json --format c --json
expect "show --json" 0 '^\{"model":"price\.json","format":"c","expression":"/\* .*EML_FUNCTION' ''
run fn show price.json --format c --within price.csv
expect "source code leaves nothing out" 2 '' '--within goes with --format text or latex'
part='{"inputs":2,"heads":2,"params":[1.0,0.0,0.0,1.0,0.0,0.0]}'
printf '{"name":"copy","d_model":1,"d_k":1,"seq_len":2,"q":%s,"k":%s,"v":%s,"out":%s,"scale":1.0,"trained":false,"training_rounds":0}' "$part" "$part" "$part" "$part" >copy.json
run fn show copy.json
expect "show an attention block" 0 '^y0 = e0_0/z0\*x0 \+ e0_1/z0\*x1$' ''
check "with its softmax" grep -q '^m0 = max(x0\*x1, x0\*x0)$' out
run fn show copy.json --format latex
expect "show an attention block in LaTeX" 0 '^z_\{0\} &= e_\{0,0\} \+ e_\{0,1\}' ''
run fn show price.json --format basic
expect "an unknown format" 2 '' 'basic'
run fn snap price.json price.csv --out s.json --tolerance -1
expect "a negative tolerance" 1 '' 'tolerance must be finite and not negative'
run fn snap misra.json price.csv --out s.json
expect "data without the model's columns" 1 '' 'no input column x'

# The code that show prints, run on all rows, against predict: the same digits.
# source_of MODEL DATA NAME: compares all three languages.
source_of() {
  run fn predict "$1" "$2"
  cp out predicted
  for format in c rust python; do run fn show "$1" --format $format; cp out "model.$format"; done
  inputs=$(head -n 1 "$2" | awk -F, '{ print NF - 1 }')
  {
    cat model.c
    printf '#include <stdio.h>\nint main(void) { double x[%d], y[1]; for (;;) { for (int j = 0; j < %d; j++) if (scanf(j ? ",%%lf" : "%%lf", x + j) != 1) return 0; scanf(",%%*f"); forward(x, y); printf("%%a\\n", y[0]); } }\n' "$inputs" "$inputs"
  } >model_main.c
  check "$3: C compiles" cc -std=gnu99 -O2 -w -o model_c model_main.c -lm
  tail -n +2 "$2" | ./model_c >from_c
  printf 'import sys\nsys.path.insert(0, ".")\nfrom model_python import forward\nfor line in list(open("%s"))[1:]:\n    print(forward([float(v) for v in line.split(",")[:%d]])[0].hex())\n' "$2" "$inputs" >model_main.py
  cp model.python model_python.py
  python3 model_main.py >from_python
  {
    cat model.rust
    printf 'fn main() { for line in std::fs::read_to_string("%s").unwrap().lines().skip(1) { let v: Vec<f64> = line.split(",").map(|t| t.parse().unwrap()).collect(); println!("{}", forward(&v[..%d].try_into().unwrap())[0].to_bits()); } }\n' "$2" "$inputs"
  } >model_main.rs
  check "$3: Rust compiles" rustc --edition 2021 -O -o model_rust model_main.rs
  ./model_rust >from_rust
  python3 - <<'END' >out 2>err
import struct
rows = [float(line) for line in list(open("predicted"))[1:]]
bits = [struct.pack("<d", y) for y in rows]
assert len(bits) > 5
assert bits == [struct.pack("<d", float.fromhex(line)) for line in open("from_c")], "C"
assert bits == [struct.pack("<d", float.fromhex(line)) for line in open("from_python")], "Python"
assert bits == [struct.pack("<Q", int(line)) for line in open("from_rust")], "Rust"
END
  check "$3: C, Python and Rust give the bits of predict" test $? = 0
}
if command -v cc >/dev/null && command -v python3 >/dev/null && command -v rustc >/dev/null; then
  source_of price.json price.csv "a trained model with scaling"
  source_of simple.pb price.csv "a snapped model"
  run fn train plane.csv --target y --profile eml-core-0.1 --depth 5 --out core.json
  source_of core.json plane.csv "a model of eml-core"
else
  echo "the source code of models not run: cc, python3 or rustc is not installed"
fi

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

. "$root/tests/cli/compact.sh"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
