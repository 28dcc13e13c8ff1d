# shellcheck shell=bash disable=SC2154 # run.sh reads this file and has the functions and variables.
# Closed forms.

awk -v OFS=, 'BEGIN { print "mass", "speed", "energy"; for (i = 0; i < 20; i++) for (j = 0; j < 20; j++) { m = 1.1 + i / 10; v = 1.15 + j / 10; printf "%.17g,%.17g,%.17g\n", m, v, m / v } }' >quotient.csv
run formula find quotient.csv --target energy --functions 300000 --max-k 17
expect "formula find" 0 '^formula +energy = mass/speed$' '^K = 17'
check "tells the form" grep -Eq '^form +[1xyE]{17}, K = 17$' out
check "tells what was searched" grep -Eq '^searched +no shorter form over real numbers through K = 15 on these rows; [0-9,]+ functions' out
run formula find quotient.csv --target energy --functions 300000 --max-k 17 --json
expect "formula find --json" 0 '^\{"form":"[1xyE]{17}","k":17,"text":"mass/speed","latex":"\\\\frac\{mass\}\{speed\}","error":[0-9.eE-]+,"exhausted_k":15,' '*'
run formula find quotient.csv --target energy --inputs mass --functions 20000 --max-k 9
expect "no formula" 0 '^formula +none$' '*'
run formula find quotient.csv --target nothing
expect "no such column" 1 '' 'nothing'
run formula find quotient.csv --target energy --max-k 100
expect "--max-k 100" 2 '' 'must be a whole number from 1 to 99'
interrupt formula find quotient.csv --target energy --inputs mass --functions 100000000 --max-k 99 --seconds 1000
expect "find, interrupted" 130 '^formula +none' '*'
run formula show 1111xEE1EEyE1EE1E
expect "formula show" 0 '^x\*y$' ''
run formula show 11xE1EE --latex
expect "formula show --latex" 0 '^.ln.left\(x.right\)$' ''
run formula show 11xE1EE --json
expect "formula show --json" 0 '^\{"form":"11xE1EE","k":7,"depth":3,"text":"ln\(x\)",' ''
run formula show 1E
expect "no form" 1 '' 'E at character 1 needs two operands'
run formula eval 11xE1EE --x 2
expect "formula eval" 0 '^0\.69314718055994' ''
run formula eval xyE --x 2
expect "a variable without a value" 1 '' 'it has variable y'
run formula eval x --x two
expect "no number" 2 '' '--x two: must be a number'
