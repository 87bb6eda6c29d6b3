#!/usr/bin/env bash
# Keeps one comment on the pull request up to date. In: WORK with `report.md` and `outputs`, TOKEN, POLICY_PATH, COMMENT, the event.
# Out: a comment that is made or edited, or a line that says why there is none. It never fails: the verdict is about the policy.
#
# Ours is the comment that begins with our marker and that we wrote: anybody can copy a marker.
set -euo pipefail
# shellcheck source=action/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

# GitHub takes 65,536 characters; bytes are never fewer.
COMMENT_BYTES=65536

if [[ $COMMENT != true || ! -s ${WORK:-}/report.md || $GITHUB_EVENT_NAME != pull_request ]]; then exit 0; fi
number=$(ask '.pull_request.number // empty' "$GITHUB_EVENT_PATH")
if [[ ! $number =~ ^[0-9]+$ ]]; then exit 0; fi

# The request is in the configuration that curl reads, and the token nowhere else: arguments are shown to every process.
# request METHOD URL [FILE]: prints the status, and leaves the answer in `answer`.
request() {
  {
    printf 'header = "Authorization: Bearer %s"\n' "$TOKEN"
    printf 'header = "Accept: application/vnd.github+json"\nheader = "X-GitHub-Api-Version: 2022-11-28"\n'
    if [[ -n ${3:-} ]]; then printf 'header = "Content-Type: application/json"\n'; fi
  } | if [[ -n ${3:-} ]]; then
    curl --config - --silent --max-time 60 --request "$1" --data-binary "@$3" --output "$WORK/answer" --write-out '%{http_code}' --url "$2" || true
  else
    curl --config - --silent --max-time 60 --output "$WORK/answer" --write-out '%{http_code}' --url "$2" || true
  fi
}

# Ends the step with what GitHub said.
unwritten() {
  local head
  head=$(ask '.pull_request.head.repo.full_name // empty' "$GITHUB_EVENT_PATH")
  if [[ $1 == 403 && $head != "$GITHUB_REPOSITORY" ]]; then
    annotate notice "no comment: the token of a pull request from a fork cannot write. The summary of the job has the report"
  elif [[ $1 == 401 || $1 == 403 || $1 == 404 ]]; then
    annotate warning "no comment: GitHub answered $1. The job needs \`pull-requests: write\`, or \`comment: false\`"
  else
    annotate warning "no comment: GitHub answered $1, where 000 is not at all. The summary of the job has the report"
  fi
  exit 0
}

if [[ ! $TOKEN =~ ^[A-Za-z0-9_.-]+$ ]]; then
  annotate warning "no comment: \`token\` is empty, or is no token"
  exit 0
fi

comments=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/$number/comments
path=${POLICY_PATH#./}
path=$(jq -rn --arg path "${path%/}" '$path | @uri')
marker="<!-- ringfence: $path -->"

# The token of a job is no user of the REST interface; it has a name in the other one.
printf '{"query": "{viewer{login}}"}' >"$WORK/query.json"
me="github-actions[bot]"
if [[ $(request POST "${GITHUB_GRAPHQL_URL:-$GITHUB_API_URL/graphql}" "$WORK/query.json") == 200 ]]; then
  me=$(ask '.data.viewer.login // "github-actions[bot]"' "$WORK/answer") || me="github-actions[bot]"
fi

ours=
page=1
while [[ -z $ours ]]; do
  status=$(request GET "$comments?per_page=100&page=$page")
  [[ $status == 200 ]] || unwritten "$status"
  # A proxy may answer in its place.
  if [[ $(ask type "$WORK/answer" 2>/dev/null || true) != array ]]; then
    annotate warning "no comment: what GitHub answered is no list of comments. The summary of the job has the report"
    exit 0
  fi
  ours=$(jq -r --arg me "$me" --arg marker "$marker" \
    '[.[] | select(.user.login == $me and (.body | startswith($marker))) | .id][0] // empty' "$WORK/answer" | tr -d '\r')
  if (($(ask length "$WORK/answer") < 100)); then break; fi
  page=$((page + 1))
done

# Nobody wants to be told that nothing happened; who was told otherwise before has to be.
quiet=false
if grep -qx verdict=pass "$WORK/outputs" && grep -qx gains=false "$WORK/outputs"; then
  quiet=$(ask '([.counts[]] | add) == 0 and ([.shifts, .attackers, .guardRails | length] | add) == 0' "$WORK/diff.json")
fi
if [[ $quiet == true && -z $ours ]]; then
  say "no comment: no access changes, and nothing to object"
  exit 0
fi

commit=$(ask '.pull_request.head.sha // ""' "$GITHUB_EVENT_PATH")
foot="<sub><code>${path:-.}</code> at ${commit:0:10}, from [this run]($GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID). Edited in place.</sub>"
{
  printf '%s\n' "$marker"
  limited "$((COMMENT_BYTES - ${#marker} - ${#foot} - 10))" "$WORK/report.md"
  printf '\n%s\n' "$foot"
} >"$WORK/comment.md"
jq -n --rawfile body "$WORK/comment.md" '{body: $body}' >"$WORK/comment.json"
if [[ -n $ours ]]; then
  status=$(request PATCH "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/comments/$ours" "$WORK/comment.json")
  [[ $status == 200 ]] || unwritten "$status"
  say "the comment is edited"
else
  status=$(request POST "$comments" "$WORK/comment.json")
  [[ $status == 201 ]] || unwritten "$status"
  say "a comment is made"
fi
