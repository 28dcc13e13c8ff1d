# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Attention blocks.

# ---------------------------------------------------------------------------------------------- attention blocks
run attn
expect "eml attn alone prints its verbs" 0 'browser  +Train as' ''
check "snap and show among them" sh -c "grep -q '^  snap <MODEL> <DATA.csv> ' out && grep -q '^  show <MODEL> ' out"
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

# ---------------------------------------------------------------------------------------------- attention blocks' bench
run attn bench --quick
expect "attn bench --quick" 0 '^4×8/1/8 +previous token +eml ' ''
check "and every task is learned by the block" awk '/ eml / { n++; if ($(NF-4) > 0.1 * $(NF-3)) bad = 1 } END { exit bad || n != 9 }' <(sed 's/ %//' out)
run attn bench --quick --json
expect "attn bench --json" 0 '^\{"seed":0,"training_samples":256,.*"task":"energy","trainer":"affine".*\}$' '^4×8/1/8 +energy +affine'
interrupt attn bench --json
expect "Ctrl-C stops it" 130 '"cancelled":true' 'the table is not complete'
