#!/usr/bin/env bash
# Asks the API server's own code about every object that is written below `delivery/`, under the definitions of Flux and Argo CD
# as their releases have them: strict decoding, so that a field which does not exist is refused, schemas and CEL rules.
#
# The definitions come from the modules of the controllers, by the Go module proxy. Where that cannot be reached, a line says so.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
binary=${CONFORMANCE_BINARY:-$target/debug/ringfence}
oracle=${ORACLES:-$target/oracle}/crd
work=$(mktemp -d)
# The cache of modules is written so that nobody deletes it by accident.
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
say() { printf 'glue: %s\n' "$*"; }

# Exceptions of the fixture end; a suite that read the clock would turn red on that day.
AS_OF=2026-11-22
FLUX_SOURCES=github.com/fluxcd/source-controller@v1.9.6
FLUX_STAGES=github.com/fluxcd/kustomize-controller@v1.9.6
ARGOCD=github.com/argoproj/argo-cd/v3@v3.5.7
# The last one without `sourceIntegrity`.
ARGOCD_BEFORE=github.com/argoproj/argo-cd/v3@v3.4.3

# Says where the files of a module are.
module() {
  (cd "$work" && timeout 300 go mod download -json "$1" 2>>"$work/log") | sed -nE 's/^[[:space:]]*"Dir": "(.*)",?$/\1/p'
}

sources=$(module "$FLUX_SOURCES") && stages=$(module "$FLUX_STAGES") && argocd=$(module "$ARGOCD") && before=$(module "$ARGOCD_BEFORE") || true
if [[ -z ${sources:-} || -z ${stages:-} || -z ${argocd:-} || -z ${before:-} ]]; then
  say "skipped, the modules of the controllers cannot be had from here"
  exit 75
fi
flux=$sources/config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml
flux+=,$sources/config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml
flux+=,$stages/config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml
[[ -x $oracle ]] || (cd tests/oracle/crd && go build -ldflags='-s -w' -o "$oracle" .)

# check NAME DEFINITIONS DELIVERY: compiles a fixture that says this of delivery, and asks.
check() {
  local name=$1 definitions=$2 repository=$work/$1
  cp -R fixtures/bank "$repository"
  cp -R compiler/tests/delivery/keys "$repository/keys"
  printf 'apiVersion: ringfence/v1alpha1\nkind: Project\nmetadata: {name: bank}\nspec: {delivery: {%s}}\n' "$3" >"$repository/ringfence.yaml"
  "$binary" compile --as-of "$AS_OF" "$repository" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  "$oracle" validate --crds "$definitions" "$repository/out/delivery" >"$work/log" 2>&1 || { cat "$work/log" >&2; say "FAILED: $name"; exit 1; }
  say "$name: $(tail -n 1 "$work/log")"
}

trust='trust: {cosign: [keys/release.pem], pgp: [keys/alice.asc, keys/robot.asc], ssh: [keys/allowed_signers]}'
git='git: {url: https://git.acme.example/mesh, secret: mesh-read}'
oci='oci: {url: oci://registry.acme.example/mesh, secret: mesh-read}'
check artifact "$flux" "$oci, $trust, flux: {version: \"2.9\"}"
check branch "$flux" "$git, $trust, flux: {version: \"2.9\"}"
check argocd "$argocd/manifests/crds/application-crd.yaml,$argocd/manifests/crds/appproject-crd.yaml" "$git, $trust, argocd: {version: \"3.5\"}"
check argocd-before "$before/manifests/crds/application-crd.yaml,$before/manifests/crds/appproject-crd.yaml" "$git, $trust, argocd: {version: \"3.4\"}"

# One that cannot say no proves nothing: what 3.5 has is unknown to the version before.
if "$oracle" validate --crds "$before/manifests/crds/application-crd.yaml,$before/manifests/crds/appproject-crd.yaml" \
  "$work/argocd/out/delivery/argocd" >"$work/log"; then
  say "FAILED: sourceIntegrity is taken where it does not exist"
  exit 1
fi
grep -q sourceIntegrity "$work/log" || { cat "$work/log" >&2; exit 1; }
say "what a version does not have is refused"

if ! command -v kubectl >/dev/null; then
  say "stages are not built, there is no kubectl"
  exit
fi
# Every path that a Kustomization names is one that kustomize builds, from the root of what is fetched, which is that of the output.
built=0
for cluster in "$work"/artifact/out/clusters/*/; do
  name=$(basename "$cluster")
  while read -r path; do
    kubectl kustomize "$work/artifact/out/$path" >"$work/built" || exit 1
    [[ -s $work/built ]] || { say "FAILED: $name $path builds nothing"; exit 1; }
    built=$((built + 1))
  done < <(sed -nE 's/^  path: "?([^"]+)"?$/\1/p' "$work/artifact/out/delivery/flux/$name.yaml")
done
((built > 10)) || { say "FAILED: only $built stages were built"; exit 1; }
say "kustomize builds each of $built stages"
