# shellcheck shell=bash
# What the scripts of the action share. In: WORK, the folder of this run, where each step leaves what the next ones read.
# Out: functions; each writes to the log in such a way that nothing in a policy is taken for a command to the runner.
#
# The scripts run on every runner of GitHub: bash 3.2 on macOS, so no `mapfile`, and no array that may be empty.

# What looks like a bare repository can be committed anywhere below the root, with settings that name programs: git takes none for one.
configured=${GIT_CONFIG_COUNT:-0}
export GIT_CONFIG_COUNT=$((configured + 1)) "GIT_CONFIG_KEY_$configured=safe.bareRepository" "GIT_CONFIG_VALUE_$configured=explicit"

# Prints a sentence for the log.
say() { printf 'ringfence: %s\n' "$*"; }

# Escapes a message as workflow commands want it.
escaped() {
  local text=$*
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  printf '%s' "${text//$'\n'/%0A}"
}

# annotate LEVEL MESSAGE: shows a message on the page of the run.
annotate() {
  local level=$1
  shift
  printf '::%s title=ringfence::%s\n' "$level" "$(escaped "$*")"
}

# Ends the step because the policy could not be judged; the report repeats why.
fail() {
  annotate error "$*"
  if [[ -d ${WORK:-} ]]; then printf '%s\n' "$*" >"$WORK/failed"; fi
  exit 1
}

# Prints a file into the log. What lies in it comes from the policy, which may hold what looks like a command to the runner.
print() {
  local word
  if [[ ! -s $1 ]]; then return; fi
  word=stop-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$word"
  cat "$1"
  printf '\n::%s::\n' "$word"
}

# Prints the annotations of a file, and nothing else that may stand in it.
annotations() {
  if [[ -f $1 ]]; then grep -E '^::(error|warning|notice) ' "$1" || true; fi
}

# Asks a JSON file; jq writes line ends of its own on Windows.
ask() { jq -r "$1" "$2" | tr -d '\r'; }

# limited BYTES FILE: prints a Markdown file, cut at the end of a line when it is longer. What is open there is closed, or
# GitHub would put the sentence about the cut, and whatever follows, into a folded part.
limited() {
  local limit=$1 file=$2
  if (($(wc -c <"$file") <= limit)); then
    cat "$file"
    return
  fi
  LC_ALL=C awk -v limit="$((limit - 200))" '
    { used += length($0) + 1 }
    used > limit { exit }
    { print }
    { opened += gsub(/<details>/, ""); opened -= gsub(/<\/details>/, "") }
    { pre += gsub(/<pre>/, ""); pre -= gsub(/<\/pre>/, "") }
    END {
      while (pre-- > 0) print "</pre>"
      print ""
      while (opened-- > 0) print "</details>\n"
      print "\n**Cut here: this is more than GitHub takes.** The whole report is in the file that the output `report` names."
    }' "$file"
}
