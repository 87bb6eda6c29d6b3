#!/usr/bin/env bash
# Compares who reaches what with the base. In: WORK, RINGFENCE, TOKEN, the inputs POLICY_PATH, AS_OF, FACTS, BASE, and the event.
# Out: annotations, and below WORK `base` in words, and `diff.status` with `diff.json` and its like. The status is that of `ringfence diff`, or
# `none` where there is nothing to compare with, or `new` where the base has no policy.
#
# What lies in the checkout is compared, as it was checked: a step before may have rendered it.
#
# A base that is not in the checkout is fetched; where that cannot be, the step fails and says what to set.
set -euo pipefail
# shellcheck source=action/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

folder=$POLICY_PATH name=
if [[ ! -d $folder ]]; then
  folder=$(dirname "$POLICY_PATH")
  name=$(basename "$POLICY_PATH")
fi
# The root of the checkout is the nearest folder with `.git` in it, which nobody can commit. Git before 2.38 has to be led there.
top=$(cd "$folder" && pwd -P)
while [[ -n $top && ! -e $top/.git ]]; do top=${top%/*}; done
below=$(cd "$folder" && pwd -P)
below=${below#"$top"}
below=${below#/}
in_git() { git -C "${top:-/}" "$@"; }
commit() { in_git rev-parse --verify --quiet --end-of-options "$1^{commit}"; }
event() { ask "$1 // empty" "$GITHUB_EVENT_PATH"; }
conclude() {
  printf '%s\n' "$1" >"$WORK/diff.status"
  exit 0
}

# What cannot be read, or is not there, has nothing to compare; the check has said so.
if (($(cat "$WORK/check.status") > 1)); then conclude none; fi

# Fetches one commit. Where the checkout keeps no credentials, and the first try fails, git gets ours through its environment.
fetch() {
  local depth=--no-tags header
  if [[ $(in_git rev-parse --is-shallow-repository) == true ]]; then depth=--depth=1; fi
  export GIT_TERMINAL_PROMPT=0
  if in_git fetch --quiet --no-tags "$depth" origin "$1" 2>"$WORK/fetch.err"; then return; fi
  header=$(printf 'x-access-token:%s' "$TOKEN" | base64 | tr -d '\n')
  (
    at=$GIT_CONFIG_COUNT
    export GIT_CONFIG_COUNT=$((at + 1)) "GIT_CONFIG_KEY_$at=http.$GITHUB_SERVER_URL/.extraheader" \
      "GIT_CONFIG_VALUE_$at=AUTHORIZATION: basic $header"
    in_git fetch --quiet --no-tags "$depth" origin "$1" 2>"$WORK/fetch.err"
  )
}

base=${BASE?}
merged=
if [[ -z $base ]]; then
  # Where the checkout is the merge of the pull request, as it is by default, its first parent is what it is merged into. It is
  # written in the commit, whether or not the checkout holds it.
  wanted=$(event .pull_request.head.sha)
  parents=$(in_git cat-file commit HEAD 2>/dev/null | sed -n '1,/^$/s/^parent //p' | tr '\n' ' ') || parents=
  if [[ -n $wanted && $parents =~ ^([0-9a-f]+)\ "$wanted"\ $ ]]; then
    base=${BASH_REMATCH[1]}
    merged=true
  else
    base=$(event '.pull_request.base.sha // .merge_group.base_sha')
  fi
fi
[[ -n $base ]] || conclude none
[[ $base != -* && $base != +* && $base != *[[:space:]:]* && $base != *..* ]] || fail "\`base\` is no branch, tag or commit: $base"
in_git rev-parse --git-dir >/dev/null 2>&1 || fail "\`$POLICY_PATH\` is in no git checkout; \`actions/checkout\` comes before this"

if ! found=$(commit "$base" || commit "origin/$base"); then
  if fetch "$base"; then found=$(commit FETCH_HEAD); else
    print "$WORK/fetch.err"
    fail "the base $base is not in the checkout and cannot be fetched; set \`fetch-depth: 0\` at \`actions/checkout\`"
  fi
fi
if [[ -z $merged ]]; then
  found=$(in_git merge-base "$found" HEAD) ||
    fail "the checkout does not hold where HEAD and $base parted; set \`fetch-depth: 0\` at \`actions/checkout\`"
fi
inside=$below${below:+${name:+/}}$name
in_git rev-parse --verify --quiet --end-of-options "$found:$inside" >/dev/null || conclude new

# What people call it; a name may hold anything that is no space.
label=${BASE:-$(event '.pull_request.base.ref')}
printf '%s at %s\n' "${label:-the base}" "${found:0:10}" >"$WORK/base"

arguments=(diff --format concise)
for output in json=diff.json sarif=diff.sarif github=diff.github markdown=diff.md; do
  arguments+=(-o "${output%%=*}=$WORK/${output#*=}")
done
[[ -z $AS_OF ]] || arguments+=("--as-of=$AS_OF")
[[ -z $FACTS ]] || arguments+=("--facts=$FACTS")
status=0
"$RINGFENCE" "${arguments[@]}" -- "$found" "$POLICY_PATH" >"$WORK/diff.txt" 2>"$WORK/diff.err" || status=$?
print "$WORK/diff.txt"
print "$WORK/diff.err"
annotations "$WORK/diff.github"
if ((status == 0)) && [[ ! -s $WORK/diff.json || ! -s $WORK/diff.md ]]; then fail "ringfence compared, and wrote nothing"; fi
if ((status == 3)); then status=new; fi
conclude "$status"
