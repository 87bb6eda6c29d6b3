#!/usr/bin/env bash
# Gets the binary. In: ACTION_PATH, VERSION, DOWNLOADS, and what the runner says of itself. Out: `work`, the folder of this run,
# and `binary`.
#
# A download has to match the table of checksums in the action's own checkout, or it is never unpacked. What no table knows is
# built from the source that lies beside this script; a binary that happens to be on PATH is taken when it is asked for.
set -euo pipefail
here=${BASH_SOURCE[0]%/*}
# shellcheck source=action/lib.sh
source "$here/lib.sh"

WORK=$(mktemp -d "$RUNNER_TEMP/ringfence.XXXXXX")
printf 'work=%s\n' "$WORK" >>"$GITHUB_OUTPUT"

for tool in jq git curl; do
  command -v "$tool" >/dev/null || fail "the action needs $tool, which is not on PATH; runners of GitHub have it"
done

own=$(sed -nE '/^version = "/ { s/^version = "([^"]+)".*/\1/p; q; }' "$ACTION_PATH/Cargo.toml")

# done_with BINARY
done_with() {
  say "$("$1" --version) from $2"
  printf 'binary=%s\n' "$1" >>"$GITHUB_OUTPUT"
  exit 0
}

if [[ ${VERSION?} == path ]]; then
  binary=$(command -v ringfence) || fail "\`version: path\` takes the ringfence on PATH, and there is none"
  done_with "$binary" "PATH, as \`version\` asks for; nothing is known of where it comes from"
fi
version=${VERSION:-$own}
version=${version#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "\`version\` is not one version, as in $own: $VERSION"

suffix=
case $RUNNER_OS/$RUNNER_ARCH in
  Linux/X64) target=x86_64-unknown-linux-gnu ;;
  Linux/ARM64) target=aarch64-unknown-linux-gnu ;;
  macOS/X64) target=x86_64-apple-darwin ;;
  macOS/ARM64) target=aarch64-apple-darwin ;;
  Windows/X64) target=x86_64-pc-windows-msvc suffix=.exe ;;
  *) target=$RUNNER_OS-$RUNNER_ARCH ;;
esac
archive=ringfence-$version-$target.tar.gz
wanted=$(awk -v archive="$archive" '$2 == archive { print $1 }' "$here/checksums.txt")

if [[ -z $wanted ]]; then
  [[ $version == "$own" ]] ||
    fail "the table of this action, which is $own, has no checksum of $archive; take the action of that version, or leave \`version\` out"
  command -v cargo >/dev/null ||
    fail "there is no release of $version for $target, and no cargo to build it with; set up Rust before this step"
  say "there is no release of $version for $target: it is built from the source of the action, which takes minutes"
  # A second use in the same job finds it there.
  # Not where the checkout lies: a `rust-toolchain.toml` or a `.cargo` there could put a program of its own in cargo's place.
  (cd "$ACTION_PATH" && cargo install --locked --quiet --path . --root "$RUNNER_TEMP/ringfence-$own") ||
    fail "ringfence cannot be built from the source of the action; the log above says why"
  done_with "$RUNNER_TEMP/ringfence-$own/bin/ringfence$suffix" "source"
fi

[[ $wanted =~ ^[0-9a-f]{64}$ ]] || fail "the table of checksums has no single checksum of $archive"
from=${DOWNLOADS%/}/v$version/$archive
curl --fail --silent --show-error --location --retry 3 --proto '=https,http,file' --output "$WORK/$archive" --url "$from" ||
  fail "$from cannot be downloaded; \`downloads\` names a mirror"
if command -v sha256sum >/dev/null; then
  found=$(sha256sum <"$WORK/$archive")
else
  found=$(shasum -a 256 <"$WORK/$archive")
fi
found=${found%% *}
if [[ $found != "$wanted" ]]; then
  rm -f "$WORK/$archive"
  fail "$from is not what was released: its sha256 is $found, and the table of this action says $wanted. It was not run"
fi
mkdir "$WORK/bin"
tar -xzf "$WORK/$archive" -C "$WORK/bin" "ringfence$suffix"
rm -f "$WORK/$archive"
done_with "$WORK/bin/ringfence$suffix" "$from, which matches its checksum"
