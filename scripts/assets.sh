#!/usr/bin/env bash
# assets.sh check|write
#
# write: builds the style sheet and copies the vendored scripts into internal/edge/page/static.
# check: builds them again and fails when the committed files differ. The product needs npm only to change
# them, so a machine without npm skips the check and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

mode="${1:-check}"
assets=internal/edge/page/assets
static=internal/edge/page/static

if [[ ! -f "$assets/package.json" || ! -d "$static" ]]; then
  echo 'no page assets'
  exit 0
fi
if ! command -v npm >/dev/null; then
  echo 'npm is not installed: the committed page assets are used as they are'
  [[ "$mode" == check ]] && exit 0
  exit 1
fi

before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
cp -a "$static/." "$before/"

# Not `npm ci`: it wants an entry for every platform's optional binary, which not every registry serves. The versions
# still come from the lock file, and --no-save keeps it as it is.
(cd "$assets" && npm install --no-save --no-audit --no-fund --loglevel=error >&2 && npm run --silent build >&2)

if [[ "$mode" == check ]] && ! diff -rq "$before" "$static" >&2; then
  # Leave the tree as it was found: a check changes nothing.
  rm -rf "$static" && mkdir -p "$static" && cp -a "$before/." "$static/"
  echo 'stale page assets (run: make assets)' >&2
  exit 1
fi
