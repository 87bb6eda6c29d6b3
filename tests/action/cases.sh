# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Each case is one run of the job, or a few, and what has to be so after it. What they use is in `repository.sh`; how the
# action is broken for them is in `planted.txt`.

CASES="passes finds empties tampered unreleased widens quiet paged forked shallow private unknown nested long hostile target gone bare rendered ungated garbled"

case_passes() {
  run push main
  expect ended 0
  expect output verdict pass
  expect output errors 0
  expect output gains ''
  expect counts ringfence.sarif '.runs[0].results | length' 0
  expect summarised 'Policy: no errors'
  expect logged 'matches its checksum'
}

case_finds() {
  run push broken
  expect ended 1
  expect only_the_verdict_failed
  expect output verdict findings
  expect output errors 2
  expect logged '::error file=policy/assertions.yaml,line=7,.*title=verify/assertion-broken'
  expect counts ringfence.sarif '.runs[0].results | length' 2
  expect counts findings.sarif '.runs[0].results | length' 2
  expect counts check.json .counts.errors 2
  expect summarised 'Policy: 2 errors'
  expect holds report.md 'assertion-broken'
}

case_empties() {
  run push empty
  expect ended 1
  expect output verdict no-input
  expect output sarif ''
  expect summarised 'an empty gate must not pass'
}

case_tampered() {
  run push main IN_DOWNLOADS="file://$work/tampered"
  expect ended 1
  expect output verdict failed
  expect absent "$work/ran"
  expect logged 'is not what was released'
  expect summarised 'It was not run'
}

# Without a line in the table it is built from source; cargo is ours here, and shows what it was asked.
case_unreleased() {
  cp "$root/action/checksums.txt" "$work/action/action/checksums.txt"
  mkdir -p "$work/cargo"
  cat >"$work/cargo/cargo" <<SH
#!/usr/bin/env bash
printf '%s %s\n' "\$PWD" "\$*" >"$work/cargo/asked"
mkdir -p "\${*: -1}/bin"
cp "$ringfence" "\${*: -1}/bin/ringfence"
SH
  chmod +x "$work/cargo/cargo"
  PATH=$work/cargo:$PATH run push main
  expect ended 0
  # Where the action lies: in the checkout a pull request may name a toolchain of its own.
  expect grep -qE '^[^ ]*ringfence[^ ]* install --locked --quiet --path \. --root' "$work/cargo/asked"
  expect logged 'built from the source of the action'
  # Its source is no other version.
  PATH=$work/cargo:$PATH run push main IN_VERSION=9.9.9
  expect ended 1
  expect output verdict failed
  expect logged 'has no checksum of ringfence-9.9.9'
  # What is on PATH is taken when it is asked for.
  ln -sf "$ringfence" "$work/cargo/ringfence"
  PATH=$work/cargo:$PATH run push main IN_VERSION=path
  expect ended 0
  expect logged 'from PATH'
}

# The same change tells the same story everywhere, by the same id; the comment is made once and then edited.
case_widens() {
  local copied='{"id": 1, "user": {"login": "stranger"}, "body": "<!-- ringfence: . --> copied"}'
  github "[$copied]" write
  event wide
  run pull_request merged-wide
  expect ended 0
  expect output verdict pass
  expect output gains true
  expect comment length 2
  expect comment '.[1].user.login' 'github-actions[bot]'
  local id
  # People are shown the first digits of it.
  id=$(jq -r '.runs[1].results[0].partialFingerprints["ringfence/v1"][:8]' "$out/ringfence.sarif")
  expect test "${id#a-}" != "$id"
  expect commented 1 "$id"
  expect summarised "$id"
  expect logged "::warning file=policy/.*title=access/gained $id"
  expect logged "\\[$id\\] gateway:ingress -> bookinfo/productpage"
  # What is opened stands before what is wrong.
  expect test "$(jq -r '.[1].body' "$work/comments.json" | grep -oE '^### (Access|Policy)' | tr '\n' ' ')" = '### Access ### Policy '
  run pull_request merged-wide IN_FAIL_ON_GAIN=true
  expect ended 1
  expect only_the_verdict_failed
  expect output verdict findings
  expect comment length 2
  expect asked PATCH 1
  # The change is taken back: who was told of it is told so.
  event same
  run pull_request merged-same
  expect ended 0
  expect comment length 2
  expect asked PATCH 2
  expect commented 1 'No access changes'
  expect commented 0 'copied'
}

case_quiet() {
  github '[]' write
  event same
  run pull_request merged-same
  expect ended 0
  expect output gains false
  expect comment length 0
  expect logged 'no comment: no access changes'
  # What is wrong is said, though nothing was said before.
  event broken
  run pull_request merged-broken
  expect ended 1
  expect only_the_verdict_failed
  expect comment length 1
  expect commented 0 '**findings**: the policy has findings that count'
  expect commented 0 'Policy: 2 errors'
}

case_paged() {
  local others='[range(130) | {id: ., user: {login: "stranger"}, body: "words"}] + [{id: 3000000007, user: {login: "github-actions[bot]"}, body: "<!-- ringfence: . -->\nold"}]'
  github "$(jq -n "$others")" write
  event wide
  run pull_request merged-wide
  expect ended 0
  expect asked 'PATCH .*/comments/3000000007' 1
  expect comment length 131
}

case_forked() {
  github '[]' read
  event wide stranger/mesh
  run pull_request merged-wide
  expect ended 0
  expect output verdict pass
  expect asked POST 2
  expect comment length 0
  expect logged 'the token of a pull request from a fork cannot write'
  expect summarised '### Access'
}

# What is checked out is the head itself, without its past: nothing says where it parted.
case_shallow() {
  github '[]' write
  event wide
  run pull_request wide
  expect ended 1
  expect output verdict failed
  expect logged 'set `fetch-depth: 0`'
  run pull_request wide DEPTH=50
  expect ended 0
  expect output gains true
}

# The base is not in the checkout, which keeps no credentials, and the repository is private.
case_private() {
  github '[]' write
  event wide
  local git=$api/acme/mesh.git tool
  # Arguments are shown to every process of the machine.
  mkdir -p "$work/seen"
  for tool in curl git; do
    printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>"%s"\nexec %s "$@"\n' "$work/seen/arguments" "$(command -v "$tool")" >"$work/seen/$tool"
    chmod +x "$work/seen/$tool"
  done
  rm -f "$work/seen/arguments"
  PATH=$work/seen:$PATH run pull_request merged-wide REMOTE="$git" GITHUB_SERVER_URL="$api"
  expect ended 0
  expect output gains true
  expect asked 'GET /acme/mesh.git/info/refs' 2
  expect test "$(grep -c token-of-the-job "$log")" = 0
  expect test "$(grep -c 'repos/acme/mesh/issues/7/comments' "$work/seen/arguments")" = 2
  expect test "$(grep -cE "token-of-the-job|$(printf 'x-access-token:token-of-the-job' | base64)" "$work/seen/arguments")" = 0
}

# Where one side says nothing, nobody is told that no access changes.
case_unknown() {
  run push main DEPTH=50 IN_BASE=none
  expect ended 0
  expect output gains unknown
  expect summarised 'nothing to compare with'
  run push main DEPTH=50 IN_BASE=none IN_FAIL_ON_GAIN=true
  expect ended 1
  expect output verdict findings
  run push repaired DEPTH=50 IN_BASE=unreadable
  expect ended 0
  expect output gains unknown
  expect summarised 'Access: not compared'
  run push merged-wide DEPTH=50 IN_BASE=start
  expect ended 0
  expect output gains true
  expect summarised 'against <code>start at'
  run push main IN_BASE=nowhere
  expect ended 1
  expect output verdict failed
  expect logged 'set `fetch-depth: 0`'
}

# What stands in an input is never run, nor is what stands in a policy taken for a command to the runner.
case_hostile() {
  run push main IN_PATH="x\$(touch $work/ran)\`touch $work/ran\`;touch $work/ran"
  expect ended 1
  expect absent "$work/ran"
  run push main IN_PATH=--version
  expect ended 1
  expect output verdict failed
  expect logged 'is no path: --version'
  run push main IN_BASE="--upload-pack=touch $work/ran;"
  expect ended 1
  expect absent "$work/ran"
  expect logged 'is no branch, tag or commit'
  # A file in the log is between two words that nobody can guess.
  printf '::error::from a policy\n' >"$work/said"
  (
    # shellcheck source=action/lib.sh
    source "$work/action/action/lib.sh"
    print "$work/said"
  ) >"$log"
  expect test "$(sed -E -n -e '1s/^::stop-commands::(stop-[0-9a-f]{32})$/\1/p' "$log")" = "$(sed -n -e '$s/::\(.*\)::/\1/p' "$log")"
  expect logged '^::stop-commands::stop-'
}

# A second project of the same repository has a comment of its own, and a category of its own for code scanning.
case_nested() {
  github '[{"id": 5, "user": {"login": "github-actions[bot]"}, "body": "<!-- ringfence: . -->\nof the other project"}]' write
  event nested-wide
  run pull_request nested-wide DEPTH=50 IN_BASE=nested IN_PATH='./team a/mesh/'
  expect ended 0
  expect output gains true
  expect comment length 2
  expect commented 0 'of the other project'
  expect commented 1 '<!-- ringfence: team%20a%2Fmesh -->'
  expect logged '::warning file=team a/mesh/policy/.*title=access/gained'
  expect counts ringfence.sarif '[.runs[].automationDetails.id | select(contains("mesh/"))] | length' 2
}

# More than GitHub takes is cut at the end of a line, and said.
case_long() {
  github '[]' write
  event wide
  mkdir -p "$work/long"
  cat >"$work/long/ringfence" <<SH
#!/usr/bin/env bash
status=0
"$ringfence" "\$@" || status=\$?
for argument in "\$@"; do
  if [[ \$argument == markdown=*/check.md ]]; then
    { echo "<details><summary>long</summary>"; yes "a line of many, as long as this one" | head -n 40000; } >>"\${argument#*=}"
  fi
done
exit "\$status"
SH
  chmod +x "$work/long/ringfence"
  PATH=$work/long:$PATH run pull_request merged-wide IN_VERSION=path
  expect ended 0
  expect comment length 1
  expect commented 0 'Cut here'
  # What was cut is closed, and the foot is no part of it.
  expect comment '.[0].body | [scan("<details>")] | length' "$(jq -r '.[0].body | [scan("</details>")] | length' "$work/comments.json")"
  expect commented 0 'Edited in place'
  expect summarised 'Cut here'
  expect test "$(summary | wc -c)" -gt 1000000 -a "$(summary | wc -c)" -lt 1048577
}

case_target() {
  event wide
  run pull_request_target main
  expect ended 1
  expect output verdict failed
  expect logged 'this runs on pull_request'
}

# A project that is no more is not plain manifests.
case_gone() {
  github '[]' write
  event gone
  run pull_request merged-gone
  expect ended 1
  expect output verdict no-input
  expect logged 'is policy, and no `ringfence.yaml` is there or above it'
  event bared
  run pull_request merged-bared
  expect ended 1
  expect output verdict failed
  expect logged 'there was a policy project here, and there is none now'
}

# What can be committed is no repository to ask.
case_bare() {
  github '[]' write
  event bare
  run pull_request merged-bare IN_PATH=policy
  expect absent "$work/ran"
  expect ended 0
  expect output gains true
}

# What is checked is what is compared.
case_rendered() {
  github '[]' write
  event same
  run pull_request merged-same RENDER="sed -i 's/methods: \[GET, POST\]/methods: [GET, POST, PUT]/' policy/shop/bookinfo/access.yaml"
  expect ended 0
  expect output gains true
}

# A gate for gains that has nothing to compare with is no gate.
case_ungated() {
  run push main IN_FAIL_ON_GAIN=true
  expect ended 1
  expect only_the_verdict_failed
  expect output verdict failed
  expect summarised 'there is nothing to compare with'
}

# What answers in the place of GitHub changes no verdict.
case_garbled() {
  github '{"message": "down for maintenance"}' write
  event wide
  run pull_request merged-wide
  expect ended 0
  expect output verdict pass
  expect logged 'what GitHub answered is no list of comments'
}
