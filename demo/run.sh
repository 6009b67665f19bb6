#!/bin/sh
# The main job on the demo data: examine, train, evaluate, answer. `make demo` runs it with the programs of its venv.
set -eu
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
out=runs/demo

run() {
    if [ -t 1 ]; then printf '\n\033[1m$ %s\033[0m\n' "$*"; else printf '\n$ %s\n' "$*"; fi
    program=$1
    shift
    "$bin/$program" "$@"
}

rm -rf "$out"
mkdir -p "$out"
run sentimo analyze "I love it" "The battery died after two days." "这家酒店的服务太差了，再也不会来了。"
run sentimo doctor demo/reviews.csv --test demo/reviews.test.csv --text text --label label
run sentimo train demo/recipe.yaml -o "$out/model"
run sentimo evaluate "$out/model" demo/reviews.test.csv
run sentimo analyze --model "$out/model" "Great value, would buy again."
run sentimo predict demo/reviews.csv -o "$out/answers.csv" --text text --model "$out/model"
run sentimo baseline demo/reviews.zh.csv
printf '\nThe model is in %s/model, the answers in %s/answers.csv.\n' "$out" "$out"
