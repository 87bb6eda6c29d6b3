#!/usr/bin/env bash
# Holds the verifier against real Envoys: random policies and requests, each judged by both, and faults planted in the
# verifier, each of which has to be noticed.
#
#   tests/oracle/envoy/differential.sh [CASES [SEED]]     a case is some policies and a hundred requests
#
# The newest Envoy is asked about all of it. The oldest is asked about 2000 cases, or as many as CASES if that is fewer, that
# leave out what docs/deviations.md tells of.
set -euo pipefail
cd "$(dirname "$0")/../../.."

cases=${1:-10000}
seed=${2:-1}
newest=${ENVOY_DIFFERENTIAL_VERSIONS:-1.40.0}
oldest=${ENVOY_DIFFERENTIAL_OLDEST:-1.36.2}
work=target/envoy/differential
mkdir -p "$work"
cargo build --quiet --locked -p ringfence-verifier --example envoy_cases
tool=target/debug/examples/envoy_cases

# compare VERSIONS COUNT [once]
compare() {
  "$tool" generate "$seed" "${@:2}" >"$work/cases"
  "$tool" judge <"$work/cases" >"$work/ours" &
  local status=0
  tests/oracle/envoy/run.py --versions "$1" "$work/cases" >"$work/envoys" || status=$?
  wait %%
  if [[ $status == 3 ]]; then
    exit 0
  elif [[ $status != 0 ]]; then
    exit "$status"
  fi
  local said
  said=$(tests/oracle/envoy/compare.py "$work/cases" "$work/ours" "$work/envoys") || status=$?
  echo "differential, seed $seed, Envoy $1: $said"
  return "$status"
}

compare "$oldest" $((cases < 2000 ? cases : 2000)) once
compare "$newest" "$cases"

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
