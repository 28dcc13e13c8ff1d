# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Trainings that are stopped, and audit logs.

# ---------------------------------------------------------------------------------------------- Ctrl-C
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
