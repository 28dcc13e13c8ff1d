#!/usr/bin/env bash
# Measures the twin that the loader would choose; writes build/bench.json and the table of README.md.
# EML_CORE=DIR (the crate's source): eml-core is built and measured too, in the same run.
set -eu
cd "$(dirname "$0")/../.."
library=build/lib/libeml.so
for isa in x86-64-v3 x86-64-v4; do
    if /lib64/ld-linux-x86-64.so.2 --help | grep -q "^ *$isa (supported"; then library=build/lib/glibc-hwcaps/$isa/libeml.so; fi
done
mkdir -p build/tests
core=()
if [ -n "${EML_CORE:-}" ]; then
    tests/bench/eml-core/run.sh "$EML_CORE" > build/tests/eml-core.json
    core=(build/tests/eml-core.json)
fi
cc -std=gnu99 -O2 -Wall -Wextra -Werror -Iinclude -o build/tests/bench tests/bench/bench.c -ldl
build/tests/bench "$library" > build/bench.json
build/eml compact bench --json > build/tests/compact.json
golden=(../shared/golden/wasm/programs)
[ -d "${golden[0]}" ] && golden=(--golden "${golden[0]}") || golden=()
build/eml wasm bench examples/wasm "${golden[@]}" --long --json > build/tests/wasm.json
python3 tests/bench/compare.py build/bench.json README.md build/tests/compact.json build/tests/wasm.json "${core[@]}"

# Language models: inference beside the limit of this machine's memory, the tokenizer, training; and PyTorch where it is installed.
build/eml lm bench --json > build/tests/lm.json
[ -d ../shared/golden/lm/corpus ] && text=../shared/golden/lm/corpus/train.txt || text=README.md
build/eml lm tokenize-bench --tokenizer tests/data/lm/tokenizer.tiktoken "$text" --json > build/tests/lm-tokenizer.json
rm -rf build/tests/lm-train && mkdir -p build/tests/lm-train
build/eml lm prepare "$text" --tokenizer tests/data/lm/tokenizer.tiktoken --out build/tests/lm-train/tokens > /dev/null 2>&1
# peak FILE COMMAND...: prints the most memory that the command had, in bytes; its output goes to the file.
peak() {
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True, stdout=open(sys.argv[1], "w"), stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)' "$@"
}
has_torch=$(/usr/bin/python3 -c 'import torch; print(1)' 2> /dev/null || true)
for depth in 4 6; do
    for threads in 1 2; do
        run=build/tests/lm-train/$depth-$threads
        shape=(--depth "$depth" --threads "$threads" --steps 12 --batch-tokens 1024 --seq 256 --group-tokens 1024)
        peak "$run.json" build/eml lm train build/tests/lm-train/tokens "${shape[@]}" --eval-every 0 --eval-tokens 1 --out "$run" --json > "$run.peak"
        # OpenBLAS does not ask PyTorch how many threads it may have; with one of PyTorch's own beside them both cores are used best.
        [ -z "$has_torch" ] || OPENBLAS_NUM_THREADS=$threads /usr/bin/python3 tests/bench/lm_train_torch.py build/tests/lm-train/tokens "${shape[@]}" \
            --threads 1 --eval-tokens 1 > "$run-torch.json"
    done
done
if [ -n "$has_torch" ]; then
    for threads in 1 2; do
        OPENBLAS_NUM_THREADS=$threads /usr/bin/python3 tests/bench/lm_torch.py --threads $threads > build/tests/lm-torch-$threads.json
    done
fi
python3 tests/bench/lm_table.py build/tests
