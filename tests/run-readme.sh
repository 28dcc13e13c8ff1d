#!/usr/bin/env bash
# Runs every snippet of README.md, and the small programs in examples/. The word after a fence's language says what to do:
#   ```sh run  ```c run  ```python run  ```rust run   run it, in a scratch folder that looks like the repository
#   ```toml run                                       the Cargo.toml of the Rust snippet after it
#   ```cmake run                                      the CMakeLists.txt of the C snippet before it
#   ```text output                                    what the snippet before it must print
#   ```text nist                                      what examples/nist/fit must print, but for the times
# Any other fence is a failure, so nothing in README.md goes untested.
set -u
cd "$(dirname "$0")/.."
repository=$PWD
work=$repository/build/readme
scratch=$work/scratch
passed=0 failed=0
export PYTHONDONTWRITEBYTECODE=1

rm -rf "$work" && mkdir -p "$scratch" "$work/home" "$work/nist/models"
for folder in bindings build examples include; do ln -s "$repository/$folder" "$scratch/$folder"; done

# ------------------------------------------------------------------------------------------------ how each kind is run
warnings=(-Wall -Wextra -Wpedantic -Werror)

run_sh() { # FILE
    # HOME is a scratch folder, so that what a snippet installs there disturbs nobody; make needs the true one.
    REPOSITORY=$repository TRUE_HOME=$HOME HOME=$work/home EXAMPLE=$1 bash -eu -o pipefail -c '
        make() { HOME=$TRUE_HOME command make -s -C "$REPOSITORY" "$@"; }
        . "$EXAMPLE"'
}

run_c() { # FILE
    cp "$1" snippet.c &&
        "${CC:-cc}" -std=c99 "${warnings[@]}" -Iinclude -o snippet snippet.c -Lbuild/lib -leml -lm -Wl,-rpath,"$repository/build/lib" &&
        ./snippet
}

run_python() { # FILE
    PYTHONPATH=bindings/python python3 -W error "$1"
}

run_cargo() { # FOLDER
    RUSTFLAGS="-D warnings" CARGO_TARGET_DIR=$work/target cargo run --quiet --offline --manifest-path "$1/Cargo.toml"
}

run_rust() { # FILE
    cp "$1" src/main.rs && run_cargo .
}

run_toml() { # FILE
    mkdir -p src && echo 'fn main() {}' >src/main.rs &&
        { printf '[package]\nname = "snippet"\nversion = "0.1.0"\nedition = "2021"\n\n' && cat "$1"; } >Cargo.toml &&
        run_cargo .
}

run_cmake() { # FILE
    { printf 'cmake_minimum_required(VERSION 3.16)\nproject(app C)\nadd_executable(app snippet.c)\n' && cat "$1" &&
        printf 'target_link_libraries(app PRIVATE m)\n'; } >CMakeLists.txt &&
        cmake -S . -B cmake -DCMAKE_PREFIX_PATH="$work/home/.local" >/dev/null && cmake --build cmake >/dev/null && cmake/app
}

# The table that the example prints, without the two columns of times.
nist_table() { grep -E '^(Misra1a|DanWood|Chwirut2|Kirby2|Thurber) ' "$1" | awk '{ NF -= 2; print }'; }

# ------------------------------------------------------------------------------------------------ one test
have() { command -v "$1" >/dev/null; }

needs() { # KIND: the program without which it cannot run
    case $1 in rust | toml | cargo) echo cargo ;; python) echo python3 ;; cmake) echo cmake ;; *) echo sh ;; esac
}

test_one() { # NAME KIND FILE EXPECTED-OUTPUT-FILE-OR-NOTHING
    local name=$1 kind=$2 file=$3 expected=${4:-} tool
    tool=$(needs "$kind")
    if ! have "$tool"; then
        echo "not run: $name, this machine has no $tool"
    elif ! (cd "$scratch" && "run_$kind" "$file") >"$work/stdout" 2>"$work/stderr"; then
        failed=$((failed + 1))
        echo "FAILED: $name"
        sed 's/^/    /' "$work/stdout" "$work/stderr"
    elif [ -n "$expected" ] && ! diff "$expected" "$work/stdout" >"$work/diff"; then
        failed=$((failed + 1))
        echo "FAILED: $name prints something else (<: the README, >: the snippet)"
        sed 's/^/    /' "$work/diff"
    else
        passed=$((passed + 1))
    fi
}

# ------------------------------------------------------------------------------------------------ README.md
# LINE.KIND.WORD for every fenced block.
awk -v out="$work" '
    /^```/ && file != "" { close(file); file = ""; next }
    /^```/ { kind = substr($1, 4); word = $2; file = sprintf("%s/%04d.%s.%s", out, NR, kind, word); printf "" >file; next }
    file != "" { print >file }
    END { if (file != "") { print "README.md: the last fence is not closed"; exit 1 } }' README.md || failed=$((failed + 1))

snippet=()
flush() {
    [ ${#snippet[@]} -eq 0 ] || test_one "${snippet[@]}"
    snippet=()
}
for file in "$work"/[0-9]*; do
    IFS=. read -r line kind word <<<"${file##*/}"
    name="README.md, line $((10#$line)), $kind"
    case $kind.$word in
        sh.run | c.run | python.run | rust.run | toml.run | cmake.run) flush && snippet=("$name" "$kind" "$file") ;;
        text.output) snippet+=("$file") ;;
        text.nist) nist=$file ;;
        *) failed=$((failed + 1)) && echo "FAILED: $name: '$word' is not one of the words that tests/run-readme.sh knows" ;;
    esac
done
flush
for kind in sh c python rust; do
    compgen -G "$work/*.$kind.run" >/dev/null || { failed=$((failed + 1)) && echo "FAILED: README.md has no $kind snippet"; }
done

# ------------------------------------------------------------------------------------------------ examples
test_one examples/c/quickstart.c c "$repository/examples/c/quickstart.c"
test_one examples/python/quickstart.py python "$repository/examples/python/quickstart.py"
test_one examples/rust cargo "$repository/examples/rust"
test_one examples/kernel cargo "$repository/examples/kernel"

run_nist() { # README's table
    "${CC:-cc}" -std=c99 -O2 "${warnings[@]}" -Iinclude -o "$work/fit" examples/nist/*.c -Lbuild/lib -leml -lm \
        -Wl,-rpath,"$repository/build/lib" && "$work/fit" examples/data "$work/nist" >"$work/fit.txt" &&
        nist_table "$work/fit.txt" && nist_table "$1" >"$work/nist.txt" && [ -s "$work/nist.txt" ]
}
test_one "examples/nist/fit prints README.md's table" nist "${nist:-/dev/null}" "$work/nist.txt"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
