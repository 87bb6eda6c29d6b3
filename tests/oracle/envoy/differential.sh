#!/usr/bin/env bash
# Holds the verifier against a real Envoy: random policies and requests, each judged by both, and faults planted in the
# verifier, each of which has to be noticed.
#
#   tests/oracle/envoy/differential.sh [CASES [SEED]]     a case is some policies and a hundred requests
set -euo pipefail
cd "$(dirname "$0")/../../.."

cases=${1:-10000}
seed=${2:-1}
work=target/envoy/differential
mkdir -p "$work"
cargo build --quiet --locked -p ringfence-verifier --example envoy_cases
tool=target/debug/examples/envoy_cases

"$tool" generate "$seed" "$cases" >"$work/cases"
"$tool" judge <"$work/cases" >"$work/ours" &
status=0
tests/oracle/envoy/run.py --versions "${ENVOY_DIFFERENTIAL_VERSIONS:-1.40.0}" "$work/cases" >"$work/envoys" || status=$?
wait %1
if [[ $status == 3 ]]; then
  exit 0
elif [[ $status != 0 ]]; then
  exit "$status"
fi
echo "differential, seed $seed: $(tests/oracle/envoy/compare.py "$work/cases" "$work/ours" "$work/envoys")"

# Some of the cases are enough to notice a fault.
for name in cases envoys; do head -n 400 "$work/$name" >"$work/some-$name"; done
for fault in $("$tool" faults); do
  "$tool" judge "$fault" <"$work/some-cases" >"$work/faulty"
  if tests/oracle/envoy/compare.py "$work/some-cases" "$work/faulty" "$work/some-envoys" >/dev/null 2>&1; then
    echo "the fault \`$fault\` is not noticed" >&2
    exit 1
  fi
done
echo "differential: $("$tool" faults | wc -l) planted faults noticed"
