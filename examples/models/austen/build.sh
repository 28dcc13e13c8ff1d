#!/usr/bin/env bash
# Makes a model of Jane Austen's novels, from the Debian package to the parity sidecar: examples/models/austen/build.sh [FOLDER]. The steps and the
# seed are fixed, so that every machine gets the same bits; with two cores it takes some 8 minutes, most of them training.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
eml=${EML:-$here/../../../build/eml}
work=${1:-$here/../../../build/austen}
mkdir -p "$work"
cd "$work"
if ! ls r-cran-janeaustenr_*.deb >/dev/null 2>&1; then
    apt-get download r-cran-janeaustenr
fi
python3 "$here/novels.py" r-cran-janeaustenr_*.deb text
rm -rf data
"$eml" lm prepare text/train.jsonl --val text/val.jsonl --vocab 4096 --out data
"$eml" lm train data --depth 4 --steps 450 --batch-tokens 4096 --seq 512 --warmdown 0.8 --optimizer muon --k-max 1 --eval-every 50 \
    --eval-tokens 32768 --seed 1 --out run $([ -f run/state.safetensors ] && echo --resume)
"$eml" lm export run --out austen.int8.safetensors
rm -f austen.parity.json
"$eml" lm parity austen.int8.safetensors austen.parity.json --write --prompt "It is a truth"
"$eml" lm report run
"$eml" lm eval austen.int8.safetensors text/val.txt
ls -l austen.int8.safetensors austen.parity.json run/report.html
