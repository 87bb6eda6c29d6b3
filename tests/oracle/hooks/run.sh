#!/usr/bin/env bash
# Lets real hook managers stop real commits: pre-commit, prek, lefthook, husky, and git alone.
#
# In: copies of fixtures/bookinfo, what docs/hooks.md says that files hold, hooks from `.pre-commit-hooks.yaml` of this commit; RINGFENCE names a binary that is built
# already. Out: a failure for a commit that should have been stopped and was not, was stopped for another reason, or should have
# passed. HOOKS_RUST=no leaves out the twin that pre-commit builds from source, which takes minutes.
#
# It wants python3, and node with npm for two of them; without a network it says in a line what it leaves out.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Nothing of who runs this: no settings of git, no caches of hook managers.
export HOME=$work/home GIT_CONFIG_NOSYSTEM=1 RINGFENCE_AS_OF=2026-11-22
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export PRE_COMMIT_HOME=$work/pre-commit PREK_HOME=$work/prek
mkdir -p "$HOME"
CARGO_HOME=${CARGO_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.cargo}
RUSTUP_HOME=${RUSTUP_HOME:-${CARGO_HOME%/.cargo}/.rustup}
export CARGO_HOME
[[ ! -d $RUSTUP_HOME ]] || export RUSTUP_HOME

say() { printf '  %s\n' "$*"; }
fail() { printf 'FAILED %s\n' "$*" >&2; [[ ! -s $work/said ]] || cat "$work/said" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

ringfence=${RINGFENCE:-$target/debug/ringfence}
[[ -n ${RINGFENCE:-} ]] || cargo build --quiet --locked
mkdir "$work/bin"
ln -s "$ringfence" "$work/bin/ringfence"

venv=$root/target/venv-hooks
if ! "$venv/bin/python" -c 'import pre_commit, prek' 2>/dev/null && ! {
  python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check pre-commit==4.7.0 prek==0.5.11
} >"$work/said" 2>&1; then
  echo "hooks: skipped, pre-commit and prek cannot be installed from here"
  exit 75
fi
export PATH=$work/bin:$venv/bin:$PATH

# This commit, as those who use the hooks fetch it.
git clone --quiet "$root" "$work/ringfence"
revision=$(git -C "$work/ringfence" rev-parse HEAD)

# project NAME: a project whose page nobody may administer, in a repository of its own.
project() {
  rm -rf "${work:?}/$1"
  mkdir "$work/$1"
  cp -r "$root/fixtures/bookinfo/." "$work/$1"
  cd "$work/$1"
  cat >policy/shop/bookinfo/no-admin.yaml <<'YAML'
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: no-admin}
spec:
  to: productpage
  deny:
    - ports: [9080]
      paths: [/admin, "/admin/{**}"]
      reason: administration goes through the bastion
YAML
  cat >policy/no-admin.yaml <<'YAML'
apiVersion: ringfence/v1alpha1
kind: Assertion
metadata: {name: nobody-administers}
spec:
  requests:
    - {from: "gateway:ingress", to: productpage, port: 9080, method: GET, path: /admin/users, expect: denied}
YAML
  git init --quiet --initial-branch main .
  git add --all
  git commit --quiet --message start
}

# page FILE: prints what docs/hooks.md says that the file holds.
page() {
  local text
  text=$(awk -v name="# file: $1" '/^```/ { if (on) exit; next } $0 == name { on = 1; next } on' "$root/docs/hooks.md")
  [[ -n $text ]] || fail "docs/hooks.md has no file $1"
  printf '%s\n' "$text"
}

# hooks ID...: names hooks of this repository for pre-commit and prek.
hooks() {
  {
    printf 'repos:\n  - repo: %s\n    rev: %s\n    hooks:\n' "$work/ringfence" "$revision"
    printf '      - id: %s\n' "$@"
  } >.pre-commit-config.yaml
  git add .pre-commit-config.yaml
  git commit --quiet --no-verify --message hooks
}

passes() { git commit --quiet --message "$1" >"$work/said" 2>&1 || fail "stopped: $1"; }

# stopped WHAT WHY...: the commit has to be stopped, and each WHY to be said.
stopped() {
  local what=$1
  shift
  if git commit --quiet --message "$what" >"$work/said" 2>&1; then fail "not stopped: $what"; fi
  for why in "$@"; do grep -qF -- "$why" "$work/said" || fail "not said of \"$what\": $why"; done
  git reset --quiet --hard
}

access=policy/shop/bookinfo/access.yaml
narrow='methods: \[GET\]$'

# What every manager has to get right, whose hook is installed in the folder.
commits() {
  echo "# a comment" >>$access
  git add --all
  passes 'what changes nothing'

  git rm --quiet policy/shop/bookinfo/no-admin.yaml
  stopped 'what only removes a deny' verify/assertion-broken 'GET' '/admin/users'

  # What is left would be plain manifests.
  git rm --quiet ringfence.yaml
  stopped 'what removes the project' 'there was a policy project here at `HEAD`'

  sed -i '/^  deny:/,$d' policy/shop/bookinfo/no-admin.yaml
  echo '  allow: [{from: "gateway:ingress", ports: [9080], methods: [HEAD]}]' >>policy/shop/bookinfo/no-admin.yaml
  git add --all
  stopped 'a deny that becomes an allow' verify/assertion-broken

  sed -i 's/^  owners:.*/&\n  defaults: {mtls: permissive}/' policy/shop/bookinfo/workspace.yaml
  git add --all
  stopped 'what a mandate refuses' resolve/widens-mandate 'stay within the mandate, or have an Exception to it approved'
}

staged() {
  # What is staged is judged, whatever lies on disk.
  sed -i "s/$narrow/methods: [GETT]/" $access
  echo "# another" >>policy/organization.yaml
  git add policy/organization.yaml
  passes 'right in the index and wrong on disk'
  git checkout --quiet $access
  git rm --quiet --cached policy/shop/bookinfo/no-admin.yaml
  stopped 'wrong in the index and right on disk' verify/assertion-broken

  # `git commit -a` has an index of its own.
  rm policy/shop/bookinfo/no-admin.yaml
  if git commit --quiet --all --message 'all that is removed' >"$work/said" 2>&1; then fail 'not stopped: commit --all'; fi
  grep -qF verify/assertion-broken "$work/said" || fail 'commit --all was stopped for another reason'
  git reset --quiet --hard
}

# What every manager has to get right that passes on what git says of a push.
pushes() {
  git init --quiet --bare "$work/$1-remote"
  git remote add origin "$work/$1-remote"
  git push --quiet origin main >"$work/said" 2>&1 || fail "$1: a push of what is proved was stopped"
  # A branch that is not checked out, beside one that is right.
  git checkout --quiet -b wrong
  git rm --quiet policy/shop/bookinfo/no-admin.yaml
  git commit --quiet --no-verify --message 'past the first hook'
  git checkout --quiet main
  if git push --quiet origin wrong >"$work/said" 2>&1; then fail "$1: a push of another branch was not looked at"; fi
  grep -qF verify/assertion-broken "$work/said" || fail "$1: the push was stopped for another reason"
  if git push --quiet origin main:same wrong >"$work/said" 2>&1; then fail "$1: one of two branches was not looked at"; fi
}

for manager in pre-commit prek; do
  project "$manager-system"
  page .pre-commit-config.yaml | sed "s|https://.*|$work/ringfence|; s|rev: .*|rev: $revision|" >.pre-commit-config.yaml
  git add --all
  git commit --quiet --message hooks
  "$manager" install --hook-type pre-commit --hook-type pre-push >"$work/said" 2>&1 || fail "$manager install"
  commits
  # They lay away what is not staged, so that only git alone shows the rest.
  git rm --quiet --cached policy/shop/bookinfo/no-admin.yaml
  stopped 'wrong in the index and right on disk' verify/assertion-broken

  git init --quiet --bare "$work/$manager-remote"
  git remote add origin "$work/$manager-remote"
  git push --quiet origin main >"$work/said" 2>&1 || fail "$manager: a push of what is proved was stopped"
  git rm --quiet policy/shop/bookinfo/no-admin.yaml
  git commit --quiet --no-verify --message 'past the first hook'
  if git push --quiet origin main >"$work/said" 2>&1; then fail "$manager: a push of what is wrong was not stopped"; fi
  grep -qF verify/assertion-broken "$work/said" || fail "$manager: the push was stopped for another reason"
  git reset --quiet --hard HEAD~1

  project "$manager-diff"
  hooks ringfence-diff-system
  "$manager" install >"$work/said" 2>&1 || fail "$manager install"
  sed -i "s/$narrow/methods: [GET, POST]/" $access
  git add --all
  stopped 'what lets in more' '6 gained' 'POST /ratings/x as cluster.local/ns/bookinfo/sa/bookinfo-reviews'
  git rm --quiet policy/shop/bookinfo/no-admin.yaml
  stopped 'what only removes a deny' '/admin'

  # A folder of a larger repository, and one without any policy: an empty gate must not pass.
  project "$manager-below"
  mkdir services
  git mv policy inventory ringfence.yaml services/
  git commit --quiet --message moved
  {
    printf 'repos:\n  - repo: %s\n    rev: %s\n    hooks:\n' "$work/ringfence" "$revision"
    printf '      - id: ringfence-system\n        args: [services]\n'
  } >.pre-commit-config.yaml
  git add --all
  git commit --quiet --message hooks
  "$manager" install >"$work/said" 2>&1 || fail "$manager install"
  git rm --quiet services/policy/shop/bookinfo/no-admin.yaml
  stopped 'what only removes a deny, below' verify/assertion-broken
  git rm --quiet -r services/policy services/inventory services/ringfence.yaml
  stopped 'what removes all policy' 'there is no `services`'
  say "$manager: commits and pushes are stopped and pass as they should"
done

if [[ ${HOOKS_RUST:-yes} == yes ]]; then
  project rust
  hooks ringfence
  pre-commit install >"$work/said" 2>&1 || fail 'pre-commit install'
  # Cheap settings: what is built is tried once.
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=false CARGO_TARGET_DIR=$target/hooks
  if pre-commit install-hooks >"$work/said" 2>&1; then
    rm "$work/bin/ringfence"
    commits
    ln -s "$ringfence" "$work/bin/ringfence"
    say 'pre-commit builds the hook from source, and it stops the same commits'
  else
    fail 'pre-commit could not build the hook'
  fi
  unset CARGO_TARGET_DIR
else
  say 'the twin that is built from source is left out: HOOKS_RUST=no'
fi

project plain
for hook in pre-commit pre-push; do
  { echo '#!/bin/sh'; page .git/hooks/$hook; } >.git/hooks/$hook
  chmod +x .git/hooks/$hook
done
commits
staged
pushes plain
say 'a hook of git alone stops the same commits, and judges the index'

if has npm; then
  for manager in lefthook husky; do
    project "$manager"
    printf 'node_modules/\n' >>.gitignore
    echo '{"private": true, "name": "policy", "version": "1.0.0"}' >package.json
    version=2.2.2
    [[ $manager == lefthook ]] || version=9.1.7
    if ! npm install --silent --no-fund --no-audit --save-dev "$manager@$version" >"$work/said" 2>&1; then
      say "$manager: skipped, it cannot be installed from here"
      continue
    fi
    if [[ $manager == lefthook ]]; then
      page lefthook.yml >lefthook.yml
      npx lefthook install >"$work/said" 2>&1 || fail 'lefthook install'
    else
      npx husky >"$work/said" 2>&1 || fail 'husky'
      page .husky/pre-commit >.husky/pre-commit
      page .husky/pre-push >.husky/pre-push
    fi
    git add --all
    git commit --quiet --no-verify --message "$manager"
    commits
    pushes "$manager"
    say "$manager: stops the same commits and pushes"
  done
else
  say 'lefthook and husky: skipped, there is no npm'
fi
