#!/usr/bin/env bash
# font.sh check|write
#
# write: cuts the font of the PDF files out of Noto Sans SC, which npm fetches (about 60 MB).
# check: cuts it again and fails when the committed font differs. Needs Node 20; not part of `make check`, because
# the font changes only when internal/base/pdf/assets does.
set -euo pipefail
cd "$(dirname "$0")/../internal/base/pdf"

mode="${1:-check}"
before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
cp NotoSansSC.ttf OFL.txt "$before/"

(cd assets && npm install --no-save --no-audit --no-fund --loglevel=error >&2 && npm run --silent build >&2)

if [[ "$mode" == check ]] && ! { cmp NotoSansSC.ttf "$before/NotoSansSC.ttf" && cmp OFL.txt "$before/OFL.txt"; } >&2; then
  cp "$before"/* .
  echo 'the font is not what internal/base/pdf/assets makes (run: scripts/font.sh write)' >&2
  exit 1
fi
