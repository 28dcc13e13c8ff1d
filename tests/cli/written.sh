# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Functions as formulas and as source code, and the snapping that makes them readable.

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
run attn show copy.json
expect "attn show" 0 '^y0 = e0_0/z0\*x0 \+ e0_1/z0\*x1$' ''
cp out copy.text
run fn show copy.json
check "is what fn show prints" cmp -s out copy.text
run attn show copy.json --format python --json
expect "attn show --json" 0 '^\{"model":"copy\.json","format":"python","expression":"[^"]*def forward' ''
run attn show swap.pb --within swap.csv
expect "attn show --within" 0 '^y1 = ' ''
run attn show swap.pb --within inputs.csv
expect "attn show --within inputs alone" 0 '^y1 = ' ''
run attn show swap.pb --within price.csv
expect "ranges of other columns" 1 '' 'price\.csv: 3 columns; swap\.pb takes 2 inputs'
run attn show swap.pb --within swap.csv --format c
expect "source code of a block leaves nothing out" 2 '' '--within goes with --format text or latex'
run attn show price.json
expect "attn show of another model" 1 '' 'price\.json: holds no attention block \(its kind is EmlModel\); eml fn show is for other models'
run attn snap swap.pb swap.csv --out swapped.pb
expect "attn snap" 0 '^snapped +[0-9]+ constants among 10 parameters$' '*'
run attn show swapped.pb
expect "and the truth is read off" 0 '^y0 = x1$' ''
check "in two lines" test "$(tail -n 1 out) $(wc -l <out)" = "y1 = x0 2"
run attn snap toy.safetensors toy.csv --out t.json
expect "data that are not there" 1 '' 'toy\.csv: no such file'
awk 'BEGIN { for (i = 1; i <= 8; i++) printf "x%d,", i; for (i = 1; i <= 8; i++) printf "y%d%s", i, i < 8 ? "," : "\n"
  for (n = 0; n < 30; n++) for (i = 0; i < 16; i++) printf "%g%s", (n * 7 + i * 5) % 23 / 23, i < 15 ? "," : "\n" }' >toy.csv
run attn snap toy.safetensors toy.csv --out t.json --tolerance 0.02 --max-increase 0.01 --json
expect "attn snap --json" 0 '^\{"model":"toy\.safetensors","parameters":[0-9]+,"snapped":\[\{"index":[0-9]+,"before":[^,]+,"after":[^}]+\}.*"unscaled":false,"cancelled":false,"evaluations":[0-9]+,"seconds":[^,]+,"out":"t\.json","lost":\[\]\}$' '*'
check "within the bound" awk -v after="$(number loss_after)" -v allowed="$(number loss_allowed)" 'BEGIN { exit !(after <= allowed) }'
run inspect t.json
expect "a toy stays a toy" 0 '^kind +ToyEmlAttention$' ''
head -n 2 toy.csv >one.csv
run attn snap toy.safetensors one.csv --out o.pb
expect "one sequence is enough" 0 '^saved +o\.pb$' '*'
run attn snap toy.safetensors swap.csv --out o.pb
expect "sequences of another shape" 1 '' 'swap\.csv: 4 columns; blocks of seq_len 2 and d_model 4 take 16'
run attn snap toy.safetensors toy.csv --out o.browser.json
expect "a format that cannot carry the block" 1 '' 'cannot carry a ToyEmlAttention'
run attn snap price.json price.csv --out o.json
expect "attn snap of another model" 1 '' 'holds no attention block \(its kind is EmlModel\); eml fn snap is for other models'
run attn snap swap.pb swap.csv
expect "attn snap needs --out" 2 '' "'--out' is required"
run attn snap swap.pb swap.csv --out s.pb --tolerance -1
expect "a negative tolerance of attn snap" 1 '' 'tolerance must be finite and not negative'
run fn snap swap.pb swap.csv --out s.pb
expect "fn snap of a block" 1 '' 'swap\.pb: .* this verb needs an EmlModel'
run fn show price.json --format basic
expect "an unknown format" 2 '' 'basic'
run fn snap price.json price.csv --out s.json --tolerance -1
expect "a negative tolerance" 1 '' 'tolerance must be finite and not negative'
run fn snap misra.json price.csv --out s.json
expect "data without the model's columns" 1 '' 'no input column x'

# The code that show prints, run on all rows, against predict or forward: the same digits.
# source_of GROUP VERB MODEL DATA INPUTS NAME: compares all three languages with a verb; the row's other columns are targets.
source_of() {
  local group=$1 verb=$2 model=$3 table=$4 inputs=$5 name=$6 outputs
  run "$group" "$verb" "$model" "$table"
  cp out predicted
  outputs=$(head -n 1 predicted | awk -F, '{ print NF }')
  for format in c rust python; do run "$group" show "$model" --format $format; cp out "model.$format"; done
  {
    cat model.c
    printf '#include <stdio.h>\nint main(void) { double x[%d], y[%d]; for (;;) { for (int j = 0; j < %d; j++) if (scanf(j ? ",%%lf" : "%%lf", x + j) != 1) return 0; scanf("%%*[^\\n]"); forward(x, y); for (int h = 0; h < %d; h++) printf("%%a\\n", y[h]); } }\n' "$inputs" "$outputs" "$inputs" "$outputs"
  } >model_main.c
  check "$name: C compiles" cc -std=gnu99 -O2 -w -o model_c model_main.c -lm
  tail -n +2 "$table" | ./model_c >from_c
  printf 'import sys\nsys.path.insert(0, ".")\nfrom model_python import forward\nfor line in list(open("%s"))[1:]:\n    print("\\n".join(y.hex() for y in forward([float(v) for v in line.split(",")[:%d]])))\n' "$table" "$inputs" >model_main.py
  cp model.python model_python.py
  python3 model_main.py >from_python
  {
    cat model.rust
    printf 'fn main() { for line in std::fs::read_to_string("%s").unwrap().lines().skip(1) { let v: Vec<f64> = line.split(",").map(|t| t.parse().unwrap()).collect(); for y in forward(&v[..%d].try_into().unwrap()) { println!("{}", y.to_bits()); } } }\n' "$table" "$inputs"
  } >model_main.rs
  check "$name: Rust compiles" rustc --edition 2021 -O -o model_rust model_main.rs
  ./model_rust >from_rust
  python3 - <<'END' >out 2>err
import struct
numbers = [float(value) for line in list(open("predicted"))[1:] for value in line.split(",")]
bits = [struct.pack("<d", y) for y in numbers]
assert len(bits) > 5
assert bits == [struct.pack("<d", float.fromhex(line)) for line in open("from_c")], "C"
assert bits == [struct.pack("<d", float.fromhex(line)) for line in open("from_python")], "Python"
assert bits == [struct.pack("<Q", int(line)) for line in open("from_rust")], "Rust"
END
  check "$name: C, Python and Rust give the bits of the command" test $? = 0
}
if command -v cc >/dev/null && command -v python3 >/dev/null && command -v rustc >/dev/null; then
  source_of fn predict price.json price.csv 2 "a trained model with scaling"
  source_of fn predict simple.pb price.csv 2 "a snapped model"
  run fn train plane.csv --target y --profile eml-core-0.1 --depth 5 --out core.json
  source_of fn predict core.json plane.csv 2 "a model of eml-core"
  source_of attn forward toy.safetensors toy.csv 8 "eml-core's attention block"
  source_of attn forward base.json toy.csv 8 "eml-core's affine attention block"
  awk -F, 'NR == 1 || n++ < 20' toy.csv | cut -d, -f1-12 >block.csv
  source_of attn forward block.json block.csv 12 "an attention block"
else
  echo "the source code of models not run: cc, python3 or rustc is not installed"
fi
