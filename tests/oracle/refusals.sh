#!/usr/bin/env bash
# Asks the API server's own code and Istio's webhook about every object of fixtures/admission/objects.yaml: those whose name
# begins with "refused" (in any case) must be refused by one of them, all others taken by both. The verifier is held to the same
# names by verifier/tests/refusals.rs. Needs the definitions of Istio's kinds in RINGFENCE_DATA or ../shared/data.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
data=${RINGFENCE_DATA:-$root/../shared/data}
oracles=${ORACLES:-${CARGO_TARGET_DIR:-$root/target}/oracle}
objects=fixtures/admission/objects.yaml
work=$(mktemp -d)
if [[ ! -f $data/crds/istio.yaml ]]; then
  echo "refusals: skipped, there are no definitions in $data/crds"
  exit
fi
mkdir -p "$oracles"
for oracle in crd istio; do
  [[ -x $oracles/$oracle ]] || (cd "tests/oracle/$oracle" && go build -ldflags='-s -w' -o "$oracles/$oracle" .)
done
# Both end with 1 where they refuse something, which is what is asked for.
"$oracles/crd" validate --crds "$data/crds/istio.yaml" "$objects" >"$work/said" || [[ $? == 1 ]]
"$oracles/istio" "$objects" >>"$work/said" || [[ $? == 1 ]]
grep -v ': warning: ' "$work/said" | sed -nE 's|^[^:]*: ([A-Za-z]+) shop/([^: ]+): .*|\1 \2|p' | LC_ALL=C sort -u >"$work/refused"
kind=''
while read -r first second; do
  case $first in
    kind:) kind=$second ;;
    'metadata:') echo "$kind $(sed -E 's/^\{name: ([^,]+),.*/\1/' <<<"$second")" ;;
  esac
done <"$objects" | LC_ALL=C sort >"$work/all"
grep -i ' refused' "$work/all" >"$work/expected"
diff "$work/expected" "$work/refused" >"$work/differences" || {
  echo "FAILED refusals: < expected and taken, > refused and not expected"
  cat "$work/differences"
  exit 1
}
echo "refusals: $(wc -l <"$work/all") objects, $(wc -l <"$work/expected") refused, as expected"
