#!/usr/bin/env bash
# Checks the policy, once, in every format that is needed. In: WORK, RINGFENCE, and the inputs POLICY_PATH, AS_OF, FACTS,
# BASELINE, FAIL_ON, FAIL_ON_GAIN, COMMENT. Out: annotations, and below WORK `check.status` with `check.json` and its like.
#
# Findings do not fail this step: the last one gives the verdict, when everything is written.
set -euo pipefail
# shellcheck source=action/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

[[ $GITHUB_EVENT_NAME != pull_request_target ]] ||
  fail "this runs on pull_request: on pull_request_target the checkout is the base, and a token that writes lies beside what strangers send"
for input in "fail-on-gain: $FAIL_ON_GAIN" "comment: $COMMENT"; do
  [[ $input =~ :\ (true|false)$ ]] || fail "this input is true or false: $input"
done
[[ -n $POLICY_PATH && $POLICY_PATH != -* ]] || fail "\`path\` is no path: $POLICY_PATH"

arguments=(check --format concise --fail-on "$FAIL_ON")
for output in json=check.json sarif=check.sarif github=check.github junit=check.xml markdown=check.md; do
  arguments+=(-o "${output%%=*}=$WORK/${output#*=}")
done
[[ -z $AS_OF ]] || arguments+=("--as-of=$AS_OF")
[[ -z $FACTS ]] || arguments+=("--facts=$FACTS")
[[ -z $BASELINE ]] || arguments+=("--baseline=$BASELINE")

status=0
"$RINGFENCE" "${arguments[@]}" -- "$POLICY_PATH" >"$WORK/check.txt" 2>"$WORK/check.err" || status=$?
print "$WORK/check.txt"
print "$WORK/check.err"
annotations "$WORK/check.github"

# A run that claims to have looked, and left nothing, has not looked.
if ((status <= 1)); then
  for file in check.json check.sarif check.md check.xml; do
    [[ -s $WORK/$file ]] || fail "ringfence ended with $status and wrote no $file"
  done
fi
printf '%s\n' "$status" >"$WORK/check.status"
