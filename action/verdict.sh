#!/usr/bin/env bash
# Gives the verdict. In: WORK with `outputs` and `why`. Out: the outputs of the action, and success for `pass` alone.
#
# It is the last step, so that summary, SARIF and comment are there when it fails. What left no verdict did not pass.
set -euo pipefail
# shellcheck source=action/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

if [[ ! -s ${WORK:-}/outputs || ! -s $WORK/why ]]; then
  printf 'verdict=failed\n' >>"$GITHUB_OUTPUT"
  annotate error "failed: the steps above say why"
  exit 1
fi
cat "$WORK/outputs" >>"$GITHUB_OUTPUT"
verdict=$(sed -n 's/^verdict=//p' "$WORK/outputs")
why=$(cat "$WORK/why")
if [[ $verdict == pass ]]; then
  say "pass: $why"
  exit 0
fi
annotate error "$verdict: $why"
exit 1
