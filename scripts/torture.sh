#!/usr/bin/env bash
# Starts two nodes, PostgreSQL and a payment provider of its own, lets clients buy, and hurts all of them
# (docs/torture.md). Arguments go to the program: -smoke, -seed N, -only B1,B4, -json FILE, -kills N, …
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_ENABLED=0
scripts/setup-tests.sh
work="$(mktemp -d "${TMPDIR:-/tmp}/yunshi-torture.XXXXXX")"
child=''
# The program stops what it has started. This is for the case that it was killed itself.
cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n "$child" ]] && kill -0 "$child" 2>/dev/null; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  local note
  for note in "$work"/run/*.pid; do
    [[ -e "$note" ]] && kill -KILL "$(<"$note")" 2>/dev/null || true
  done
  if [[ -e "$work/run/postgres.home" ]]; then
    local home
    home="$(<"$work/run/postgres.home")"
    umount "$home/data" "$home/wal" 2>/dev/null || true
    rm -rf "$home"
  fi
  if ((status != 0)) && [[ -d "$work/run" ]]; then
    local kept="${TMPDIR:-/tmp}/yunshi-torture-failed"
    rm -rf "$kept"
    mkdir -p "$kept"
    cp -r "$work"/run "$work"/diaries "$kept"/ 2>/dev/null || true
    printf 'torture: logs and diaries are kept in %s\n' "$kept" >&2
  fi
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

go build -trimpath -o "$work/yunshi" ./cmd/yunshi
go build -trimpath -o "$work/torture" ./internal/app/torture
mkdir "$work/run"
"$work/torture" -yunshi "$work/yunshi" -dir "$work" -commit "$(git describe --always --dirty 2>/dev/null || true)" "$@" <&0 &
child=$!
status=0
wait "$child" || status=$?
child=''
exit "$status"
