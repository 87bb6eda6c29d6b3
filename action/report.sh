#!/usr/bin/env bash
# Writes down what is known, and decides. In: WORK with what the steps before left, POLICY_PATH, SARIF_FILE, FAIL_ON_GAIN.
# Out: the job summary, and below WORK `report.md`, `ringfence.sarif`, `outputs` (what the action gives out, a line each) and
# `why` (the verdict in a sentence). It does not fail: the last step does.
set -euo pipefail
# shellcheck source=action/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"

# GitHub takes a mebibyte of each step, and drops the whole where it is more.
SUMMARY_BYTES=1048576

if [[ ! -d ${WORK:-} ]]; then exit 0; fi
read_or() { if [[ -s $WORK/$1 ]]; then cat "$WORK/$1"; else printf '%s' "$2"; fi; }
checked=$(read_or check.status '')
compared=$(read_or diff.status '')

as_text() { sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'; }

# quoted FILE...: shows what was said, as text.
quoted() {
  printf '<pre>\n'
  cat "$@" 2>/dev/null | as_text || true
  printf '</pre>\n'
}

gains=
case $compared in
  '' | none) ;;
  0) gains=$(ask .gains "$WORK/diff.json") ;;
  *) gains=unknown ;;
esac

verdict=pass
why='nothing to object'
if [[ -f $WORK/failed ]]; then
  verdict=failed why=$(cat "$WORK/failed")
elif [[ $checked == 3 ]]; then
  verdict=no-input why="there is no policy at \`$POLICY_PATH\`, and an empty gate must not pass"
elif [[ $checked != [01] ]]; then
  verdict=failed why="the policy could not be checked"
elif [[ $compared != none && $compared != new && $compared != [01] ]]; then
  verdict=failed why="the change could not be compared with the base"
elif [[ $checked == 1 ]]; then
  verdict=findings why="the policy has findings that count"
elif [[ $FAIL_ON_GAIN == true && $gains == true ]]; then
  verdict=findings why="somebody gains access, or may, and \`fail-on-gain\` is set"
elif [[ $FAIL_ON_GAIN == true && -z $gains ]]; then
  verdict=failed why="there is nothing to compare with, and \`fail-on-gain\` is set: set \`base\`, or leave it out where this is no pull request"
elif [[ $FAIL_ON_GAIN == true && $gains == unknown ]]; then
  verdict=findings why="nobody knows who gains access, because the base could not be compared, and \`fail-on-gain\` is set"
fi

{
  if [[ $verdict != pass ]]; then printf '**%s**: %s\n\n' "$verdict" "$(as_text <<<"$why")"; fi
  # What is opened comes before what is wrong: the one is in force once it is merged.
  case $compared in
    0)
      # People know the base by its name, not by the hash that was compared.
      printf '### Access: what changes against <code>%s</code>\n' "$(as_text <"$WORK/base")"
      sed '1{/^### /d;}' "$WORK/diff.md"
      ;;
    new) printf '### Access: nothing to compare with\n\nThe base has no policy at this path. Who reaches what is new as a whole.\n' ;;
    '' | none) ;;
    *)
      printf '### Access: not compared\n\nOne of the two sides cannot be read.\n\n'
      quoted "$WORK/diff.err" "$WORK/diff.txt"
      ;;
  esac
  printf '\n'
  if [[ $checked == [01] ]]; then
    cat "$WORK/check.md"
  else
    printf '### Policy: not checked\n\n'
    if [[ -s $WORK/check.err ]]; then quoted "$WORK/check.err"; fi
  fi
} >"$WORK/report.md"
limited "$SUMMARY_BYTES" "$WORK/report.md" >>"$GITHUB_STEP_SUMMARY"

count() { if [[ $checked == [01] ]]; then ask ".counts.$1" "$WORK/check.json"; fi; }
sarif=
json=
if [[ $checked == [01] ]]; then
  json=$WORK/check.json
  sarif=$WORK/ringfence.sarif
  runs=("$WORK/check.sarif")
  if [[ $compared == 0 ]]; then runs+=("$WORK/diff.sarif"); fi
  # Each run has a category of its own, by which GitHub keeps them apart.
  jq -s '.[0] + {runs: [.[].runs[]]}' "${runs[@]}" >"$sarif"
  if [[ -n $SARIF_FILE ]]; then
    mkdir -p "$(dirname "$SARIF_FILE")"
    # A link of this name would lead elsewhere.
    rm -f -- "$SARIF_FILE"
    cp -- "$sarif" "$SARIF_FILE"
  fi
fi
{
  printf 'verdict=%s\ngains=%s\n' "$verdict" "$gains"
  printf 'errors=%s\nwarnings=%s\nnotes=%s\n' "$(count errors)" "$(count warnings)" "$(count notes)"
  printf 'sarif=%s\njson=%s\nreport=%s\n' "$sarif" "$json" "$WORK/report.md"
} >"$WORK/outputs"
printf '%s\n' "$why" >"$WORK/why"
