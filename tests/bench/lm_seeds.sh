#!/usr/bin/env bash
# Bits per byte on held-out text after the same training here and in PyTorch, from the same weights on the same rows, for three seeds:
# tests/bench/lm_seeds.sh FOLDER [STEPS], where eml lm prepare wrote the folder. Needs Debian's torch.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1
shape=(--depth 4 --batch-tokens 2048 --seq 512 --warmdown 0.5 --rate 0.5 --eval-tokens 16384)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
line='import json, sys
found = json.load(sys.stdin)
print("%-8s seed %s: %.4f bits per byte, %s tokens/s" % (sys.argv[1], sys.argv[2], found["val_bpb"], format(found["tokens_per_second"], ",.0f")))'
for seed in 1 2 3; do
    build/eml lm train "$folder" "${shape[@]}" --seed $seed --steps 0 --out "$work/start$seed" --json > /dev/null 2>&1
    build/eml lm train "$folder" "${shape[@]}" --seed $seed --steps "${2:-40}" --threads 2 --eval-every 0 --out "$work/$seed" --json 2> /dev/null | python3 -c "$line" libeml $seed
    OPENBLAS_NUM_THREADS=2 /usr/bin/python3 tests/bench/lm_train_torch.py "$folder" "${shape[@]}" --group-tokens 2048 --steps "${2:-40}" --start "$work/start$seed/model.safetensors" |
        python3 -c "$line" PyTorch $seed
done
