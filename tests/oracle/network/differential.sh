#!/usr/bin/env bash
# Holds the verifier against another reading of policies of the network: random policies and connections, each decided by
# both, and faults planted in the verifier, each of which has to be noticed.
#
#   tests/oracle/network/differential.sh [CASES [SEED]]     a case is some policies and 88 connections
set -euo pipefail
cd "$(dirname "$0")/../../.."

cases=${1:-1500}
seed=${2:-1}
here=$PWD/tests/oracle/network
work=$PWD/target/network
mkdir -p "$work"
cargo build --quiet --locked -p ringfence-verifier --example network_cases
tool=target/debug/examples/network_cases
if ! command -v go >/dev/null || ! (cd "$here" && go mod download); then
  echo "network: skipped, the oracle cannot be built without Go and its modules"
  exit 75
fi
(cd "$here" && go build -o "$work/oracle" .)

"$tool" generate "$seed" "$cases" >"$work/cases"
"$tool" judge <"$work/cases" >"$work/ours" &
"$work/oracle" <"$work/cases" >"$work/theirs"
wait %%
said=$("$here/compare.py" "$work/cases" "$work/ours" "$work/theirs")
echo "network, seed $seed: $said"

# Some of the cases are enough to notice a fault.
for name in cases theirs; do head -n 300 "$work/$name" >"$work/some-$name"; done
for fault in $("$tool" faults); do
  "$tool" judge "$fault" <"$work/some-cases" >"$work/faulty"
  if "$here/compare.py" "$work/some-cases" "$work/faulty" "$work/some-theirs" >/dev/null 2>&1; then
    echo "the fault \`$fault\` is not noticed" >&2
    exit 1
  fi
done
echo "network: $("$tool" faults | wc -l) planted faults noticed"
