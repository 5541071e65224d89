#!/usr/bin/env bash
# generated.sh check|write
#
# write: Go code from the templ files. check: fails when the committed code is not what the templ files give.
set -euo pipefail
cd "$(dirname "$0")/.."

mode="${1:-check}"
version="$(go list -m -f '{{.Version}}' github.com/a-h/templ)"

mapfile -d '' -t sources < <(find internal -name node_modules -prune -o -name '*.templ' -print0 | sort -z)
if ((${#sources[@]} == 0)); then
  echo 'no templ files'
  exit 0
fi

if [[ "$mode" == write ]]; then
  exec go run "github.com/a-h/templ/cmd/templ@$version" generate -log-level warn
fi

copy="$(mktemp -d)"
trap 'rm -rf "$copy"' EXIT
tar -cf - go.mod "${sources[@]}" | tar -xf - -C "$copy"
(tool="$copy/.bin" && GOBIN="$tool" go install "github.com/a-h/templ/cmd/templ@$version" && cd "$copy" && "$tool/templ" generate -log-level warn)

stale=0
for source in "${sources[@]}"; do
  generated="${source%.templ}_templ.go"
  # The path in error positions depends on the directory templ was run in; it is not part of what must agree.
  if ! cmp -s <(sed 's/FileName: `[^`]*`//' "$copy/$generated") <(sed 's/FileName: `[^`]*`//' "$generated"); then
    echo "stale: $generated (run: make generate)" >&2
    stale=1
  fi
done
exit "$stale"
