#!/usr/bin/env bash
# Everything that must hold before a change is taken: format, vet, build, generated files, tests on
# both database engines and in a real browser. Installs what is missing (see setup-tests.sh).
# With CI=true a missing browser is a failure; elsewhere the tests that need it are skipped. `make check` is
# the quick variant that needs nothing but Go.
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED="${CGO_ENABLED:-0}"
# The flags of torture.sh and of a release: with others, everything would be compiled a second time.
export GOFLAGS="${GOFLAGS:-} -trimpath"

# The slowest first, so that the end of the run has work for every core: go keeps this order.
slow=(./internal/app/demo ./internal/edge/shop ./internal/edge/vendordesk ./internal/edge/operatordesk ./internal/sim)
# The pattern ./... leaves every folder named "vendor" out, also our package of that name.
packages=("${slow[@]}" ./... ./internal/market/vendor)

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

step 'setup'
scripts/setup-tests.sh
if [[ "${CI:-}" == true ]]; then
  go mod download
fi

step 'gofmt'
unformatted="$(find . -name node_modules -prune -o -name '*.go' -print0 | xargs -0 -r gofmt -l)"
if [[ -n "$unformatted" ]]; then
  printf 'not formatted by gofmt:\n%s\n' "$unformatted" >&2
  exit 1
fi

step 'go build'
go build "${packages[@]}"

step 'go vet'
go vet "${packages[@]}"

step 'generated files'
scripts/generated.sh check
scripts/assets.sh check

step 'go test'
flags=(-p 2 -timeout 15m -vet=off) # vetted above, test files too
if [[ "${CI:-}" == true ]]; then
  flags+=(-count=1)
fi
scripts/with-postgres.sh go test "${flags[@]}" "${packages[@]}"

# By itself: it measures how soon a killed node serves again.
step 'torture, the short version'
scripts/torture.sh -smoke

step 'all passed'
