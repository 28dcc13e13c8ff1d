# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Language models.

# ---------------------------------------------------------------------------------------------- tokenizer
tokens=$root/tests/data/lm/tokenizer.tiktoken
run lm
expect "eml lm alone prints its verbs" 0 '^  tokenize ' ''
run lm tokenize --tokenizer "$tokens" 'Hello world! 123'
expect "tokenize" 0 '^72 580 111 1745 33 32 1373 51$' ''
run lm tokenize --tokenizer "$tokens" --decode 72 580 111 1745 33
expect "tokenize --decode" 0 '^Hello world!$' ''
run lm tokenize --tokenizer "$tokens" 'a<|reserved_0|>' --json
expect "special tokens are text" 0 '^\{"tokens":9,"bytes":15,"ids":\[97,60,124,' ''
run lm tokenize --tokenizer "$tokens" 'a<|reserved_0|>' --special --json
expect "tokenize --special --json" 0 '^\{"tokens":2,"bytes":15,"ids":\[97,8188\]\}$' ''
run lm tokenize --tokenizer "$tokens" --decode 195 --json
expect "half a character" 0 '^\{"tokens":1,"bytes":1,"text":"�"\}$' ''
run lm tokenize --tokenizer "$tokens" --file "$tokens" --count
expect "tokenize --count" 0 '^bytes +118,046, [0-9.]+ a token$' ''
run lm tokenize --tokenizer "$tokens" --file "$tokens"
mv out ids
run lm tokenize --tokenizer "$tokens" --decode --file ids
expect "tokenize --decode --file" 0 '^IHQ= 257$' ''
check "gives the same bytes" cmp out "$tokens"
printf 'Hello' | "$eml" lm tokenize --tokenizer "$tokens" >out
check "standard input" grep -qx '72 580 111' out
run lm tokenize --tokenizer "$tokens" --decode 8192
expect "an id past the last" 1 '' 'ids\[0\] is 8192; the tokenizer has the ids 0 to 8191'
run lm tokenize --tokenizer "$tokens" --decode x
expect "no id" 1 '' '--decode: x is no id'
run lm tokenize --tokenizer "$tokens" --decode 1 --file ids
expect "ids twice" 2 '' 'give either --file or'
run lm tokenize --tokenizer "$tokens" --decode 1 --special
expect "--special with --decode" 2 '' '--special has no effect with --decode'
run lm tokenize text
expect "no tokenizer" 2 '' '--tokenizer'
printf 'a\377' >latin1
run lm tokenize --tokenizer "$tokens" --file latin1
expect "no UTF-8" 1 '' 'latin1: text: byte 1 \(0xFF\)'
run lm tokenize --tokenizer latin1 x
expect "no tokenizer's file" 1 '' 'latin1: tokenizer: line 1, byte 0.*EML_F_UNKNOWN'
{ cat "$tokens"; echo 'AAECAwQ= 8189'; } >gap.tiktoken
run lm tokenize --tokenizer gap.tiktoken x
expect "a gap in the ranks" 1 '' 'no token has the rank 8188'
run lm tokenize-bench --tokenizer "$tokens" "$tokens" --json
expect "tokenize-bench --json" 0 '^\{"rows":\[\{"file":"[^"]*","bytes":118046,"tokens":[0-9]+,"encode_seconds":[^,]+,"decode_seconds":[^,]+,"encode_mb_per_second":[0-9.]+,"decode_mb_per_second":[0-9.]+\}\]\}$' ''
run lm tokenize-bench --tokenizer "$tokens" "$tokens"
expect "tokenize-bench" 0 '^ +118,046 +[0-9,]+ +[0-9.]+ +[0-9.]+ +[0-9.]+  .*tokenizer\.tiktoken$' ''
