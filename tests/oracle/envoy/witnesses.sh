#!/usr/bin/env bash
# Replays in a real Envoy what the verifier says of folders: each witness of an open gate has to be admitted, and near
# requests of callers whose gate is shut have to be refused.
#
#   tests/oracle/envoy/witnesses.sh [PATH...]     by default our fixtures, and the manifests in RINGFENCE_DATA if there are some
set -euo pipefail
cd "$(dirname "$0")/../../.."

folders=("$@")
if ((${#folders[@]} == 0)); then
  folders=(fixtures/bank fixtures/bookinfo)
  data=${RINGFENCE_DATA:-../shared/data}/real
  if [[ -d $data ]]; then
    # The boutique comes in several editions, each of which is a mesh of its own.
    folders+=("$data"/online-boutique/*.yaml "$data/kubeflow")
  else
    echo "witnesses: there are no manifests in $data, those are skipped"
  fi
fi
work=target/envoy/witnesses
mkdir -p "$work"
cargo build --quiet --locked -p ringfence-verifier --example envoy_cases
target/debug/examples/envoy_cases witnesses "$work/expected" "${folders[@]}" >"$work/cases"

status=0
tests/oracle/envoy/run.py --versions "${ENVOY_DIFFERENTIAL_VERSIONS:-1.40.0}" "$work/cases" >"$work/envoys" || status=$?
if [[ $status == 3 ]]; then
  exit 0
elif [[ $status != 0 ]]; then
  exit "$status"
fi
said=$(tests/oracle/envoy/compare.py "$work/cases" "$work/expected" "$work/envoys") || status=$?
echo "witnesses, ${#folders[@]} meshes, Envoy ${ENVOY_DIFFERENTIAL_VERSIONS:-1.40.0}: $said"
if [[ $status != 0 ]]; then exit "$status"; fi

# A comparison that takes anything compares nothing: with every verdict turned round, it has to object.
sed 's/"allow"/"open"/g; s/"deny"/"allow"/g; s/"open"/"deny"/g' "$work/expected" >"$work/turned"
if tests/oracle/envoy/compare.py "$work/cases" "$work/turned" "$work/envoys" >/dev/null 2>&1; then
  echo "verdicts that are turned round are not noticed" >&2
  exit 1
fi
