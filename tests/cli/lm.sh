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

# ---------------------------------------------------------------------------------------------- checkpoints
tiny=$root/tests/data/lm/tiny-b.f32.safetensors
printf '{"sequence_len":16}' >config.json
for to in safetensors json npz pb; do
  run lm convert "$tiny" "tiny.$to" --config config.json
  expect "lm convert to .$to" 0 "^saved +tiny\.$to: language model of 140,809 parameters in f32, " ''
  run convert "tiny.$to" back.safetensors
  expect "convert from .$to" 0 '^saved +back\.safetensors: language model' ''
  check "gives the same bytes from .$to" cmp tiny.safetensors back.safetensors
done
run lm convert "$tiny" wrong.json --tokenizer "$tokens"
expect "a tokenizer of another model" 1 '' 'the tokenizer has 8192 tokens and the model 300'
run lm convert "$tiny" tiny.bin
expect "lm convert to no format" 1 '' 'tiny\.bin: the extension does not name a format of language models'
run lm convert "$root/tests/data/lm/tiny-b.f16.npz" half.safetensors --json
expect "lm convert from numpy" 0 '"format":"safetensors","parameters":140809,"type":"f32","tokenizer":false,"training":false,"bytes":[0-9]+,"lost":\[\]\}$' ''
head -c 3000 tiny.npz >cut.npz
run lm convert cut.npz cut.json
expect "an archive that is cut off" 1 '' 'cut\.npz: npz: .*it seems cut off.*EML_F_TRUNCATED'
run lm quantize tiny.json tiny8.safetensors --to int8
expect "quantize" 0 '^saved +tiny8\.safetensors: .* in int8, safetensors, ' ''
run lm quantize tiny.json tiny16.json --to bf16
expect "a format without bf16" 0 '^saved +tiny16\.json: .* in f32, json, ' 'cannot carry the type BF16: matrices are written as F32'
run lm quantize tiny.json tiny4.json --to int4
expect "no such type" 2 '' 'int4'
run lm parity tiny.json side.json --write --tokens 1 2 3 --count 8
expect "parity --write" 0 '^saved +side\.json: 3 tokens, 8 after them, 300 logits$' ''
run lm parity tiny.pb side.json
expect "parity" 0 '^logits +300, max \|Δ\| 0, tolerance 0\.0001' ''
run lm parity tiny8.safetensors side.json --json
expect "parity of other weights" 1 '^\{"right":false,"logits":300,"max_deviation":0\.[0-9]+,"tolerance":0\.0001,"greedy":8,' ''
run lm parity tiny.pb side.json --count 3
expect "parity without --write" 2 '' '--prompt, --tokens, --count and --all need --write'
run lm parity tiny.pb side.json --write --prompt x
expect "a prompt without a tokenizer" 1 '' 'the checkpoint has no tokenizer'
head -n 256 "$tokens" >bytes.tiktoken
run lm convert tiny.pb told.npz --tokenizer bytes.tiktoken
expect "lm convert --tokenizer" 0 '^saved +told\.npz: .* in f32, tokenizer, npz, ' ''
run lm parity told.npz side.json --write --prompt Hello --all --json
expect "parity --write --prompt" 0 '^\{"out":"side\.json","tokens":5,"greedy":16,"logits":1500\}$' ''
run lm parity tiny.json side.json
expect "parity of all logits" 0 '^tokens +all 16 as expected$' ''
