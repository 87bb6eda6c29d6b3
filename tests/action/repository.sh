# shellcheck shell=bash disable=SC2154
# What the cases run on. In: `root`, `here`, `work` and `ringfence`. Out: a repository with a branch a case, a release with its
# checksums, a checkout of the action, and `run`, which is one run of a job.

# Makes a branch from main, and its merge as GitHub has it checked out for a pull request.
branch() {
  local name=$1 edit=$2
  git checkout --quiet -B "$name" start
  bash -c "$edit"
  git add --all
  git commit --quiet --message "$name" --allow-empty
  git checkout --quiet -B "merged-$name" main
  git merge --quiet --no-ff --message "merge $name" "$name"
}

make_origin() {
  origin=$work/origin
  mkdir -p "$origin"
  cd "$origin" || exit
  git init --quiet --initial-branch=main
  # A clone of one commit may ask for another one by its hash, as GitHub has it.
  git config uploadpack.allowAnySHA1InWant true
  git commit --quiet --allow-empty --message 'no policy yet'
  git branch none
  cp -r "$root/fixtures/bookinfo/." .
  git add --all
  git commit --quiet --message 'the policy'
  git branch start
  # Main goes on, so that what is compared is not where the branch began.
  printf '\n' >>README.md
  git commit --quiet --all --message 'later'
  local access=policy/shop/bookinfo/access.yaml
  branch same 'printf "\nmore\n" >>policy/shop/note.txt'
  branch wide "sed -i 's/methods: \[GET, POST\]/methods: [GET, POST, PUT]/' $access"
  branch broken "sed -i 's/from: reviews\$/from: [reviews, productpage]/' $access"
  # The project goes, and what was its policy stays; then the policy as well, so that manifests are left.
  branch gone 'git rm -q ringfence.yaml'
  branch bared 'git rm -r -q ringfence.yaml policy expected'
  # What git takes for a repository by itself, with settings that name programs.
  branch bare "$(printf '%s\n' \
    'mkdir -p policy/objects policy/refs; touch policy/objects/keep policy/refs/keep; echo "ref: refs/heads/main" >policy/HEAD' \
    "printf '[core]\n\tbare = true\n\tfsmonitor = touch $work/ran\n[protocol]\n\tallow = always\n[remote \"origin\"]\n\turl = ext::touch $work/ran\n' >policy/config" \
    "sed -i 's/methods: \[GET, POST\]/methods: [GET, POST, PUT]/' $access")"
  branch empty 'git rm -r -q policy inventory ringfence.yaml expected'
  # One where the policy could not be read, and what is built on it.
  branch unreadable "sed -i 's/^kind: Access/kind: Acces/' $access"
  git checkout --quiet -b repaired unreadable
  git checkout --quiet start -- policy
  git commit --quiet --all --message 'repaired'
  # A project that is not the root, in a folder with a space.
  git checkout --quiet -b nested none
  mkdir 'team a'
  cp -r "$root/fixtures/bookinfo" 'team a/mesh'
  git add --all
  git commit --quiet --message 'a folder'
  git checkout --quiet -b nested-wide
  sed -i 's/methods: \[GET, POST\]/methods: [GET, POST, PUT]/' "team a/mesh/$access"
  git commit --quiet --all --message 'wide'
  git checkout --quiet main
  cd "$root" || exit
}

# Packs the binary as a release has it, and a second one that shows whether it was ever run.
make_release() {
  release=$work/release
  archive=ringfence-$("$ringfence" --version | awk '{print $2}')-x86_64-unknown-linux-gnu.tar.gz
  version=v$("$ringfence" --version | awk '{print $2}')
  mkdir -p "$release/$version" "$work/tampered/$version" "$work/pack"
  cp "$ringfence" "$work/pack/ringfence"
  strip "$work/pack/ringfence" 2>/dev/null || true
  tar -C "$work/pack" -cf - ringfence | gzip -1 >"$release/$version/$archive"
  printf '#!/bin/sh\ntouch "%s/ran"\nexit 0\n' "$work" >"$work/pack/ringfence"
  chmod +x "$work/pack/ringfence"
  tar -C "$work/pack" -czf "$work/tampered/$version/$archive" ringfence
}

# Makes a checkout of the action as it is after a release: the table has the checksum.
make_action() {
  # Of the case before, whose pull request is no business of this one.
  rm -f "$work/event.json"
  rm -rf "$work/action"
  mkdir "$work/action"
  cp -r "$root/action.yml" "$root/action" "$root/Cargo.toml" "$work/action"
  (cd "$release/$version" && sha256sum "$archive") >>"$work/action/action/checksums.txt"
}

# Writes the event of a pull request: event BRANCH [REPOSITORY OF THE HEAD].
event() {
  jq -n --arg head "$(git -C "$origin" rev-parse "$1")" --arg base "$(git -C "$origin" rev-parse start)" --arg from "${2:-acme/mesh}" \
    '{number: 7, pull_request: {number: 7, head: {sha: $head, ref: "head", repo: {full_name: $from}}, base: {sha: $base, ref: "main"}}}' \
    >"$work/event.json"
}

# Starts a GitHub with these comments: github JSON RIGHTS. It ends with the case.
github() {
  printf '%s' "$1" >"$work/comments.json"
  rm -f "$work/comments.json.log" "$work/port"
  python3 "$here/github.py" "$work/comments.json" "$2" "$origin/.git" >"$work/port" &
  # shellcheck disable=SC2064 # the process of now
  trap "kill $! 2>/dev/null || true" EXIT
  local tries=0
  until [[ -s $work/port ]]; do
    if ((++tries > 100)); then fail 'the small GitHub does not start'; fi
    sleep 0.05
  done
  api=http://127.0.0.1:$(cat "$work/port")
}

# run EVENT BRANCH [NAME=VALUE...]: one run of the job. Leaves `status`, `log` and the files below `out`.
run() {
  local on=$1 on_branch=$2 given arguments=()
  shift 2
  out=$work/out
  log=$work/log
  rm -rf "$out" "$work/job" "$work/ran"
  mkdir -p "$out" "$work/job/.github/workflows"
  cp "$here/workflow.yaml" "$work/job/.github/workflows/"
  git -C "$work/job" init --quiet --initial-branch=main
  git -C "$work/job" add --all
  git -C "$work/job" commit --quiet --message job
  [[ -f $work/event.json ]] || printf '{}' >"$work/event.json"
  for given in ORIGIN="file://$origin" BRANCH="$on_branch" DEPTH=1 OUT="$out" IN_PATH=. IN_FAIL_ON_GAIN=false \
    IN_DOWNLOADS="file://$release" GITHUB_REPOSITORY=acme/mesh GITHUB_API_URL="${api:-http://127.0.0.1:9}" \
    GITHUB_GRAPHQL_URL="${api:-http://127.0.0.1:9}/graphql" "$@"; do
    arguments+=(--env "$given")
  done
  status=0
  act "$on" --directory "$work/job" --platform ubuntu-latest=-self-hosted --no-cache-server --eventpath "$work/event.json" \
    --local-repository "ringfence/ringfence@v0=$work/action" "${arguments[@]}" >"$log" 2>&1 || status=$?
}

# What a case expects. The log is shown where it is otherwise.
expect() { "$@" || { cat "$log" >&2; fail "${FUNCNAME[1]}: not so: $*"; }; }
ended() { [[ $status == "$1" ]]; }
output() { [[ $(jq -r ".$1" "$out/outputs.json") == "$2" ]]; }
logged() { grep -qE -- "$1" "$log"; }
# `act` shows the summary of each step in the log, between two of its own lines.
summary() { awk '/ Summary - /{on = 1; sub(/^.* Summary - /, ""); print; next} /^\[workflow/{on = 0} on' "$log"; }
summarised() { [[ $(summary) == *"$1"* ]]; }
holds() { grep -qF -- "$2" "$out/$1"; }
counts() { [[ $(jq "$2" "$out/$1") == "$3" ]]; }
absent() { [[ ! -e $1 ]]; }
asked() { [[ $(grep -c -- "^$1" "$work/comments.json.log") == "$2" ]]; }
comment() { [[ $(jq -r "$1" "$work/comments.json") == "$2" ]]; }
commented() { [[ $(jq -r ".[$1].body" "$work/comments.json") == *"$2"* ]]; }
# What failed, and that it was the last step of the action.
only_the_verdict_failed() {
  logged 'Failure - Main Give the verdict' && [[ $(grep -c 'Failure - Main .*\(Install\|Check\|Compare\|report\|Comment\)' "$log") == 0 ]]
}
