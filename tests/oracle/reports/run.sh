#!/usr/bin/env bash
# Asks others about reports: whether GitHub would take the SARIF, and whether an XML reader reads the JUnit.
#
# In: every broken repository, every attack, and (RINGFENCE_DATA) real manifests; RINGFENCE names a binary that is built already.
# Out: a failure for each error or warning of `@microsoft/sarif-multitool validate`, by the rules of SARIF and by those of GitHub
# (`--rule-kind Ghas`). It is shown reports that are spoilt, too: a judge that cannot say no proves nothing.
#
# It wants node with npm and python3; without a network it says in a line that it is skipped.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export RINGFENCE_AS_OF=2026-11-22

fail() { printf 'FAILED %s\n' "$*" >&2; exit 1; }

ringfence=${RINGFENCE:-$target/debug/ringfence}
[[ -n ${RINGFENCE:-} ]] || cargo build --quiet --locked

modules=$root/target/node-reports
package=@microsoft/sarif-multitool
if [[ ! -d $modules/node_modules/$package ]]; then
  mkdir -p "$modules"
  if ! (cd "$modules" && npm install --silent --no-fund --no-audit "$package@5.7.0" >"$work/npm" 2>&1); then
    echo "reports: skipped, the judge of SARIF cannot be installed from here"
    exit 75
  fi
fi
judge=$(echo "$modules"/node_modules/$package-linux/Sarif.Multitool)
[[ -f $judge ]] || { echo "reports: skipped, the judge of SARIF has no binary for this system"; exit 75; }
chmod u+x "$judge"

# report NAME COMMAND...: writes what a command found; 1 means that it found something.
count=0
report() {
  local name=$1 status=0
  shift
  "$ringfence" "$@" >/dev/null 2>"$work/said" || status=$?
  ((status <= 1)) || { cat "$work/said" >&2; fail "$name ended with $status"; }
  count=$((count + 1))
}

mkdir "$work/sarif" "$work/junit"
for folder in fixtures/broken/*/*/; do
  name=$(basename "$(dirname "$folder")").$(basename "$folder")
  # Those of which there is only the page, and those that are written with escapes, are no repositories.
  [[ $(find "$folder" -name '*.yaml' | wc -l) -gt 0 && -z $(find "$folder" -name '*.escaped') ]] || continue
  report "$name" check "$folder" --fast -o "sarif=$work/sarif/$name.sarif" -o "junit=$work/junit/$name.xml"
done
for folder in fixtures/attack/*/; do
  name=$(basename "$folder")
  report "$name" diff --before "$folder/mended.yaml" --after "$folder/vulnerable.yaml" -o "sarif=$work/sarif/attack.$name.sarif"
done
data=${RINGFENCE_DATA:-../shared/data}
if [[ -d $data/real ]]; then
  for folder in "$data"/real/*/; do
    name=real.$(basename "$folder")
    report "$name" check "$folder" -o "sarif=$work/sarif/$name.sarif" -o "junit=$work/junit/$name.xml"
  done
else
  echo "reports: real manifests are skipped, there are none in $data/real"
fi

# judged FILE...: prints errors and warnings, a line each.
judged() {
  local kind
  for kind in Sarif Ghas; do
    "$judge" validate "$@" --rule-kind "$kind" --level 'Error;Warning' --output "$work/judged" --log ForceOverwrite >"$work/said" 2>&1 || true
    [[ -s $work/judged ]] || { cat "$work/said" >&2; fail "the judge of SARIF said nothing"; }
    python3 - "$work/judged" <<'PY'
import json, sys
for run in json.load(open(sys.argv[1]))["runs"]:
    for result in run.get("results", []):
        if result.get("level", "warning") in ("error", "warning"):
            where = result["locations"][0]["physicalLocation"]["artifactLocation"].get("uri", "")
            print(result["ruleId"], where, result["message"].get("arguments"))
PY
  done
}

found=$(judged "$work/sarif/*.sarif")
[[ -z $found ]] || { echo "$found" >&2; fail "reports that GitHub would not take as they are"; }
results=$(python3 -c 'import glob, json, sys; print(sum(len(json.load(open(f))["runs"][0]["results"]) for f in glob.glob(sys.argv[1])))' "$work/sarif/*.sarif")
((results > count)) || fail "few results: $results in $count reports"

spoil() {
  python3 - "$work/sarif/resolve.widens-mandate.sarif" "$work/spoilt.sarif" "$1" <<'PY'
import json, sys
document = json.load(open(sys.argv[1]))
run = document["runs"][0]
exec(sys.argv[3])
json.dump(document, open(sys.argv[2], "w"))
PY
  [[ -n $(judged "$work/spoilt.sarif") ]] || fail "a spoilt report was taken: $1"
}
spoil 'run["results"][0]["locations"] = []'
spoil 'del run["results"][0]["message"]'
spoil 'del run["tool"]["driver"]["rules"][0]["help"]'
spoil 'run["results"][0]["ruleIndex"] = 99'

python3 - "$work/junit" <<'PY'
import pathlib, sys
from xml.etree import ElementTree
files = sorted(pathlib.Path(sys.argv[1]).iterdir())
for file in files:
    suites = ElementTree.parse(file).getroot()
    cases, failures = suites.findall("testsuite/testcase"), suites.findall("testsuite/testcase/failure")
    assert (suites.tag, len(cases), len(failures)) == ("testsuites", int(suites.get("tests")), int(suites.get("failures"))), file
    assert cases, file
print(f"  junit: {len(files)} reports are read, and count what they hold")
PY
echo "  sarif: $results results of $count reports are taken by the rules of SARIF and of GitHub; 4 spoilt ones are not"
