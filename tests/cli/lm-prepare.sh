# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Training data of texts.

texts=$root/tests/data/lm/prepare
run lm prepare "$texts" --vocab 300 --out tokens
expect "prepare" 0 '^saved +tokens: 300 tokens in the vocabulary, ' '^encoding '
check "prepare tells what it made" grep -Eq '^train +6 documents, 0\.0 MB, [0-9,]+ tokens, [0-9.]+ bytes each$' out
check "prepare names bad lines" grep -Eq 'warning: .*lines\.jsonl, line 2: left out: no field "text"$' err
check "prepare warns of no validation" grep -q 'no document was put aside for validation' err
run lm prepare "$texts" --vocab 300 --out tokens2 --json
expect "prepare --json" 0 '^\{"out":"tokens2","vocabulary":300,"train":\{"documents":6,"tokens":[0-9]+,"bytes":[0-9]+,"shards":1\},"validation":\{"documents":0,"tokens":0,"bytes":0,"shards":1\},"bad_lines":7,"bad":\[\{"file":"[^"]*lines\.jsonl","line":2,"reason":"no field' '*'
check "prepare again gives the same bytes" diff -r tokens tokens2
check "prepare's files" test "$(cd tokens && echo *)" = 'data.json token_bytes.json tokenizer.json train-00000.tok val.tok'
run lm tokenize --tokenizer tokens/tokenizer.json 'the cat' --count --json
expect "the tokenizer of prepare" 0 '^\{"tokens":[1-6],"bytes":7\}$' ''
run lm prepare "$texts" --val "$texts/pages.txt" --tokenizer "$root/tests/data/lm/tokenizer.tiktoken" --out tokens3 --json
expect "prepare --val --tokenizer" 0 '"vocabulary":8192,"train":\{"documents":6,.*"validation":\{"documents":3,' '*'
gzip -c "$texts/lines.jsonl" >lines.jsonl.gz
run lm prepare lines.jsonl.gz --vocab 270 --out tokens4 --json
expect "prepare of gzip" 0 '"train":\{"documents":3,.*"bad_lines":6,' '*'
head -c 200 lines.jsonl.gz >cut.jsonl.gz
run lm prepare cut.jsonl.gz --vocab 270 --out tokens5
expect "prepare of gzip that is cut off" 1 '' 'cut\.jsonl\.gz: up to byte 200 it is no gzip stream, or a damaged one'
run lm prepare "$texts" --vocab 300 --out tokens
expect "prepare onto a folder" 1 '' 'cannot write tokens: it is there already and not an empty folder'
printf PAR1 >some.parquet
run lm prepare some.parquet --out tokens5
expect "prepare of Parquet" 1 '' 'some\.parquet: Parquet is not read here; .*python3 -c "import json.* some\.parquet > some\.jsonl'
run lm prepare nothing.txt --out tokens5
expect "prepare of no file" 1 '' 'cannot read nothing\.txt: No such file'
run lm prepare "$texts" --vocab 300 --tokenizer tokens/tokenizer.json --out tokens5
expect "prepare --vocab --tokenizer" 2 '' '--vocab has no effect with --tokenizer'
run lm prepare "$texts" --vocab 259 --out tokens5
expect "prepare --vocab 259" 2 '' 'must be a whole number from 260 to 1048576'
# Words without end, so that it is still at work when it is told to stop.
awk 'BEGIN { srand(1); for (i = 0; i < 3000000; i++) printf "%s%c%c%c%c%c%c", i % 12 ? " " : "\n", 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26 }' >long.txt
interrupt lm prepare long.txt --out tokens5
expect "prepare, interrupted" 130 '' 'interrupted: nothing was written$'
check "prepare leaves nothing" test ! -e tokens5
check "prepare leaves nothing beside" test -z "$(find . -maxdepth 1 -name '.eml-*')"
rm long.txt
