#!/usr/bin/env bash
# Measures the market on this machine, in one run, on durable settings. Figures mean something only beside
# the pgbench and SQLite lines of the same run. Arguments go to the measuring program: -skip-import,
# -short, -lists DIR, -json FILE, -profiles DIR, … (internal/app/bench).
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED=0
scripts/setup-tests.sh
work="$(mktemp -d "${TMPDIR:-/tmp}/yunshi-bench.XXXXXX")"
trap 'rm -rf "$work"' EXIT
go build -trimpath -o "$work/yunshi" ./cmd/yunshi
go build -trimpath -o "$work/debcatalog" ./examples/debcatalog
go build -trimpath -o "$work/bench" ./internal/app/bench
YUNSHI_PG_DURABLE=1 scripts/with-postgres.sh "$work/bench" -yunshi "$work/yunshi" -debcatalog "$work/debcatalog" -dir "$work" \
  -commit "$(git describe --always --dirty 2>/dev/null || true)" "$@"
