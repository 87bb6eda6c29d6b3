#!/usr/bin/env bash
# Compiles whole policy repositories and asks others about every file that comes out:
#
#   crd         the API server's own code: strict decoding, schemas, CEL rules, built-in kinds, kustomizations
#   istio       Istio's own webhook code
#   guard       the API server's admission code: strangers are kept out, the controller is not
#   round trip  PyYAML reads the same values as our reader
#   repeated    one thread or two, the bytes are the same
#   refusals    what we say is refused is refused by both, and nothing else (tests/oracle/refusals.sh)
#
# The repositories under tests/conformance hold policy only; their inventory is real and lies outside this repository, in
# RINGFENCE_DATA or ../shared/data. Without it they are left out, and a line says so.
#
#   tests/conformance.sh               builds the binary (or takes CONFORMANCE_BINARY) and checks every repository
#   tests/conformance.sh tree DIR...   checks output trees that are there already
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

# Exceptions end; a suite that read the clock would turn red on that day.
AS_OF=2026-11-22

target=${CARGO_TARGET_DIR:-$root/target}
binary=${CONFORMANCE_BINARY:-$target/debug/ringfence}
data=${RINGFENCE_DATA:-$root/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
fail() { printf 'FAILED %s\n' "$*" >&2; exit 1; }

# quiet NAME COMMAND...: runs a check and prints its last line; all of it if it fails.
quiet() {
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    say "  $name: $(tail -n 1 "$work/log")"
  else
    cat "$work/log" >&2
    fail "$name: $*"
  fi
}

build_oracles() {
  mkdir -p "$target/oracle"
  (cd tests/oracle/crd && go build -ldflags='-s -w' -o "$target/oracle/crd" .)
  (cd tests/oracle/istio && go build -ldflags='-s -w' -o "$target/oracle/istio" .)
}

crds() { say "$data/crds/istio.yaml,$data/crds/gateway-api-standard.yaml"; }

# Checks one output tree. The second argument names a user who may write, if the guard is to be tried.
check_tree() {
  local tree=$1 writer=${2:-}
  if [[ -f $data/crds/istio.yaml ]]; then
    quiet crd "$target/oracle/crd" validate --crds "$(crds)" "$tree"
    if [[ -n $writer ]]; then
      local cluster
      for cluster in "$tree"/clusters/*/; do try_guard "$cluster" "$writer"; done
    else
      say "  guard: skipped, no cluster names a writer"
    fi
  else
    say "  crd, guard: skipped, there are no definitions in $data/crds"
  fi
  # Warnings pass, and are worth reading.
  "$target/oracle/istio" "$tree" >"$work/istio" || { cat "$work/istio" >&2; fail "istio: $tree"; }
  sed 's/^/  istio: /' "$work/istio"
  if [[ -f compiler/examples/yaml_objects.rs ]]; then
    cargo run --quiet --locked --package ringfence-compiler --example yaml_objects -- "$tree" >"$work/objects.json"
    quiet "round trip" tests/oracle/python tests/oracle/roundtrip.py "$tree" "$work/objects.json"
  else
    say "  round trip: skipped, there is no compiler/examples/yaml_objects.rs"
  fi
}

# Asks the guard of one cluster about an AuthorizationPolicy out of the same tree.
try_guard() {
  local cluster=$1 writer=$2 object
  object=$(grep -rl --include='*.yaml' '^kind: AuthorizationPolicy$' "$cluster" | LC_ALL=C sort | sed -n 1p)
  [[ -n $object ]] || fail "guard: $cluster holds no AuthorizationPolicy to ask about"
  # The same object as somebody would write it by hand: no label, no annotation, a name of its own.
  tests/oracle/python - "$object" >"$work/intruder.yaml" <<'PYTHON'
import sys, yaml
policy = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
metadata = policy["metadata"]
policy["metadata"] = {"name": "intruder", "namespace": metadata["namespace"]}
policy["spec"] = {"rules": [{}]}
yaml.safe_dump(policy, sys.stdout)
PYTHON
  ask "$cluster" denied "$work/intruder.yaml" --user mallory --operation CREATE
  ask "$cluster" denied "$object" --user mallory --operation UPDATE
  ask "$cluster" denied "$object" --user mallory --operation DELETE
  ask "$cluster" admitted "$object" --user "$writer" --operation CREATE
  ask "$cluster" admitted "$object" --user "$writer" --operation DELETE
  ask "$cluster" admitted "$work/intruder.yaml" --user mallory --namespace nobody-governs-this
  say "  guard: 6 passed, 0 failed ($(basename "$cluster"))"
}

ask() {
  local cluster=$1 expected=$2 object=$3 answer status=0
  shift 3
  answer=$("$target/oracle/crd" admit --crds "$(crds)" --policies "$cluster" --object "$object" "$@" 2>&1) || status=$?
  case $expected-$status in
    admitted-0 | denied-1) ;;
    *) fail "guard: expected $expected for $* on $object, got: $answer" ;;
  esac
}

# compile REPOSITORY: compiles twice, compares, checks.
compile() {
  local repository=$1 name threads
  name=$(basename "$repository")
  say "$name"
  for threads in 1 2; do
    RAYON_NUM_THREADS=$threads "$binary" compile --as-of "$AS_OF" --out "$work/$name-$threads" "$repository" >"$work/log" 2>&1 ||
      { cat "$work/log" >&2; fail "compile: $repository with $threads thread(s)"; }
  done
  diff -r "$work/$name-1" "$work/$name-2" >&2 || fail "repeated: the bytes depend on the number of threads"
  say "  repeated: $(find "$work/$name-1" -type f | wc -l) files alike"
  check_tree "$work/$name-1" "$(writer "$repository")"
}

# The first user that a repository's clusters name as a writer.
writer() { grep -rhoE 'writers: \["[^"]+"' "$1" --include='*.yaml' | sed -n 1p | sed 's/.*"\(.*\)"/\1/'; }

# compile_real NAME CLUSTER FILE: puts a real inventory beside the policy, in a copy.
compile_real() {
  local name=$1 cluster=$2 file=$3
  if [[ ! -f $data/real/$file ]]; then
    say "$name: skipped, there is no $data/real/$file"
    return
  fi
  mkdir -p "$work/repositories"
  cp -R "tests/conformance/$name" "$work/repositories/$name"
  mkdir -p "$work/repositories/$name/inventory/$cluster"
  cp "$data/real/$file" "$work/repositories/$name/inventory/$cluster/"
  compile "$work/repositories/$name"
}

build_oracles
if [[ ${1:-} == tree ]]; then
  shift
  for tree in "$@"; do
    say "$tree"
    check_tree "$tree"
  done
  exit
fi

[[ -n ${CONFORMANCE_BINARY:-} ]] || cargo build --quiet --locked
compile fixtures/bank
compile fixtures/bookinfo
compile fixtures/edge
compile_real online-boutique boutique online-boutique/helm-all-policies.yaml
compile_real kubeflow kubeflow kubeflow/example-sidecar.yaml
RINGFENCE_DATA=$data ORACLES=$target/oracle tests/oracle/refusals.sh
say "conformance: passed"
