#!/bin/sh
# Compares our YAML reader and emitter with kubectl's (Go) and PyYAML on generated texts.
# usage: run.sh [count] [seed] [directory-with-yaml-files...]
set -eu

count=${1:-300000}
seed=${2:-1}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

if ! command -v go >/dev/null 2>&1; then
    echo "YAML oracle: skipped, Go is not installed"
    exit 75
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$here" && go build -o "$work/oracle" .)
(cd "$root" && cargo build --quiet --profile test -p ringfence-compiler --example yaml_differential)
driver=${CARGO_TARGET_DIR:-$root/target}/debug/examples/yaml_differential

failed=0
"$driver" read "$work/oracle" "$count" "$seed" || failed=1
"$driver" emit "$work/oracle" "$((count / 3))" "$seed" || failed=1
if python3 -c 'import yaml' 2>/dev/null; then
    "$driver" emit "python3 $here/pyyaml.py" "$((count / 30))" "$seed" || failed=1
else
    echo "YAML oracle: PyYAML is not installed, the emitter is compared with Go alone"
fi
if [ "$#" -gt 2 ]; then
    shift 2
    "$driver" files "$work/oracle" "$@" || failed=1
fi
exit "$failed"
