# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Language models at work: trained, spoken to, measured.

# ---------------------------------------------------------------------------------------------- train
cp "$root/README.md" "$root/CHANGELOG.md" "$root/include/eml.h" .
mv eml.h eml.txt
mv README.md readme.txt
mv CHANGELOG.md changes.txt
run lm prepare readme.txt eml.txt --val changes.txt --vocab 512 --out corpus
expect "prepare" 0 '^train +[0-9,]+ documents' '*'
lm_train() { run lm train corpus --depth 2 --batch-tokens 512 --seq 128 --eval-every 6 --eval-tokens 512 "$@"; }
lm_train --steps 12 --threads 1 --out whole --json
expect "train" 0 '"val_bpb":[0-9.]+,"train_loss":[0-9.]+,"steps":12,"tokens":6144,"tokens_per_second":[0-9.]+,' '*'
whole=$(number hash)
check "a line for each step, two validations, one for the shape" test "$(wc -l <whole/log.jsonl)" = 15
: >err
set -m
"$eml" lm train corpus --depth 2 --batch-tokens 512 --seq 128 --eval-every 6 --eval-tokens 512 --steps 12 --out parts --threads 2 >out 2>err </dev/null &
lm_pid=$!
set +m
until grep -q '"step":2,' parts/log.jsonl 2>/dev/null || ! kill -0 $lm_pid 2>/dev/null; do sleep 0.05; done
kill -INT $lm_pid 2>/dev/null
wait $lm_pid
lm_train --steps 12 --out parts
expect "a run is not overwritten" 1 '' 'there is a run already; go on with --resume'
lm_train --steps 12 --out parts --resume --seed 2
expect "another seed" 1 '' 'the run was begun with another seed'
lm_train --steps 12 --out parts --resume --threads 2 --json
expect "resume" 0 '"done":true' '*'
check "stopped, gone on and on two threads: the same bits" test "$(number hash)" = "$whole"
run lm report whole
expect "report" 0 '^saved +whole/report\.html$' ''
check "the page needs nothing else" sh -c '! grep -Eq "src=|href=|@import" whole/report.html && grep -q "<svg" whole/report.html'
lm_train --steps 1 --minutes 1 --out x
expect "steps and minutes" 2 '' 'give --steps or --minutes'
run lm train nowhere --out x --steps 1
expect "no data" 1 '' 'nowhere'
run lm train corpus --depth 2 --batch-tokens 512 --seq 1024 --steps 1 --out x
expect "a sequence longer than a step" 1 '' '512 tokens of a step; give at least a sequence, 1024'

# ---------------------------------------------------------------------------------------------- speak
model=whole/model.safetensors
run lm generate $model 'The library' --max-tokens 20 --seed 3 --threads 1
expect "generate" 0 . ''
cp out one
run lm generate $model 'The library' --max-tokens 20 --seed 3 --threads 2
check "the same text on two threads" cmp out one
run lm generate $model 'The library' --max-tokens 20 --seed 4
check "another seed, another text" test "$(cmp out one >/dev/null 2>&1; echo $?)" = 1
run lm generate $model 'The' --max-tokens 8 --greedy --json
expect "generate --json" 0 '"end":"length"' ''
run lm generate $model 'The' --max-tokens 5000000 --temperature -1
expect "a temperature below 0" 2 '' 'temperature -1: must be a number from 0 to 100'
run lm generate "$root/tests/data/lm/tiny-b.f32.safetensors" --config "$root/tests/data/lm/tiny-b.json" --tokens "1 2 3" --max-tokens 4 --greedy
expect "a model without tokenizer prints ids" 0 '^[0-9 ]+$' ''
run lm generate "$root/tests/data/lm/tokenizer.tiktoken" x
expect "no model" 1 '' 'tokenizer\.tiktoken'
"$eml" lm generate $model 'The' --max-tokens 2000 2>err | head -c 10 >out
check "a closed pipe is quiet" test ! -s err
printf 'Hello\n/seed 5\nWhat is it?\n/reset\n/nonsense\n' | "$eml" lm chat $model --max-tokens 8 --greedy >out 2>err
check "chat answers through a pipe" test -s out
run lm embed $model 'some words'
expect "embed" 0 '^\{?.*\[-?[0-9]' ''
run lm eval $model changes.txt --json
expect "eval" 0 '"bits_per_byte":[0-9.]+' '*'
run lm eval $model nothing.txt
expect "no text" 1 '' 'nothing\.txt'

# ---------------------------------------------------------------------------------------------- check
run lm kv-parity $model --tokens 150
expect "kv-parity" 0 . ''
tiny=$root/tests/data/lm/tiny-b
ids=$(sed -n 's/.*"tokens": *\[\([0-9, ]*\)\].*/\1/p' "$tiny.json" | head -n 1)
[ -n "$ids" ] || ids=$(tr -d '\n ' <"$tiny.json" | sed 's/.*"tokens":\[\([0-9,]*\)\].*/\1/')
run lm layer-dump "$tiny.f32.safetensors" --config "$tiny.json" --tokens "$ids" --against "$tiny.expected.safetensors"
expect "layer-dump agrees with the reference" 0 . ''
run lm layer-dump "$tiny.int8.safetensors" --config "$tiny.json" --tokens "$ids" --against "$tiny.expected.safetensors"
expect "layer-dump names the first part that differs" 1 embed_norm '*'
run lm quantize $model small.safetensors --to int8
expect "quantize a trained model" 0 'int8' ''
run lm generate small.safetensors 'The library' --max-tokens 4 --greedy
expect "and speak to it" 0 . ''
run lm export whole --out shipped.safetensors
expect "export a run" 0 'int8' ''
check "export is quantize of the run's model" cmp small.safetensors shipped.safetensors
run lm export nowhere --out shipped.safetensors
expect "export of no run" 1 '' 'nowhere'
run lm train corpus --depth 2 --batch-tokens 512 --seq 128 --eval-tokens 512 --steps 3 --optimizer muon --out muon --json
expect "train --optimizer muon" 0 '"steps":3,' '*'
run lm train corpus --depth 2 --batch-tokens 512 --seq 128 --eval-tokens 512 --steps 5 --out muon --resume
expect "going on with another optimizer" 1 '' 'begun with another optimizer'
run lm train corpus --steps 1 --optimizer sgd --out x
expect "an unknown optimizer" 2 '' "'sgd' not recognized.*adamw.*muon"
run lm train corpus --depth 2 --batch-tokens 512 --seq 128 --eval-tokens 512 --steps 2 --weights bf16 --out rounded --json
expect "train --weights bf16" 0 '"steps":2,' '*'
run lm export rounded --out rounded.bf16.safetensors --to bf16
run lm convert rounded.bf16.safetensors rounded.json
run lm quantize rounded.json rounded.f32.safetensors --to f32
check "bfloat16 loses nothing of it" sh -c '"$0" lm generate rounded.f32.safetensors The --greedy --max-tokens 8 >a && "$0" lm generate rounded/model.safetensors The --greedy --max-tokens 8 >b && cmp a b' "$eml"
run lm tune whole/model.safetensors corpus --sweeps 1 --tokens 512 --out tuned.safetensors --json
expect "tune" 0 '"loss_before":[0-9.]+,"loss_after":[0-9.]+,"val_bpb_before":[0-9.]+,"val_bpb_after":[0-9.]+,"passes":[0-9]+,"kept":[0-9]+,"tokens":512,"done":true,' '*'
check "tuning lowers the loss" sh -c 'sed -E "s/.*loss_before\":([0-9.]+),\"loss_after\":([0-9.]+).*/\1 \2/" out | awk "{ exit !(\$2 < \$1) }"'
run lm tune whole/model.safetensors corpus --tensors wte.weight --out x.safetensors
expect "tune too many numbers" 1 '' 'at most 4096 can be tuned without gradients'
run lm tune small.safetensors corpus --out x.safetensors
expect "tune int8" 1 '' 'is stored as I8; convert the model to F32 first'
austen=$root/examples/models/austen/austen
run lm parity "$austen.int8.safetensors" "$austen.parity.json"
expect "the model that is shipped" 0 'parity +yes' ''
check "is no larger than 8 MB" test "$(stat -c %s "$austen.int8.safetensors")" -le 8000000
