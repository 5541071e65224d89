#!/usr/bin/env bash
# with-postgres.sh COMMAND…
#
# Starts a PostgreSQL 15 cluster that lives only as long as COMMAND, gives its address to COMMAND in
# YUNSHI_TEST_POSTGRES, and removes it afterwards, also when COMMAND fails or is interrupted.
# The cluster keeps nothing safe (fsync is off): it is for tests and must never hold data of value.
# With YUNSHI_PG_DURABLE=1 it lives on disk with safe settings instead, for measuring.
# When YUNSHI_TEST_POSTGRES is already set, COMMAND runs with it unchanged.
set -euo pipefail

say() { printf 'with-postgres: %s\n' "$*" >&2; }

if (($# == 0)); then
  say 'usage: with-postgres.sh COMMAND…'
  exit 2
fi
if [[ -n "${YUNSHI_TEST_POSTGRES:-}" ]]; then
  exec "$@"
fi

bin=''
for candidate in /usr/lib/postgresql/15/bin /usr/pgsql-15/bin /opt/homebrew/opt/postgresql@15/bin "$(dirname "$(command -v postgres || echo /nowhere/postgres)")"; do
  if [[ -x "$candidate/initdb" && -x "$candidate/pg_ctl" ]]; then
    bin="$candidate"
    break
  fi
done
if [[ -z "$bin" ]]; then
  say 'PostgreSQL 15 is not installed; scripts/setup-tests.sh installs it'
  exit 1
fi

# Memory is several times faster than a disk here, when there is enough of it.
parent="${TMPDIR:-/tmp}"
if [[ -z "${YUNSHI_PG_DURABLE:-}" && -d /dev/shm && -w /dev/shm ]]; then
  free_kb="$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')"
  ((free_kb >= 1024 * 1024)) && parent=/dev/shm
fi
home="$(mktemp -d "$parent/yunshi-pg.XXXXXX")"

# PostgreSQL refuses to run as root, so root borrows an unprivileged user.
as_owner=()
if ((EUID == 0)); then
  owner=nobody
  id postgres >/dev/null 2>&1 && owner=postgres
  chown "$owner" "$home"
  as_owner=(runuser -u "$owner" --)
fi
chmod 700 "$home"

child=''
cleanup() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n "$child" ]] && kill -0 "$child" 2>/dev/null; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  (cd / && "${as_owner[@]}" "$bin/pg_ctl" -D "$home/data" -m immediate -w -t 30 stop >/dev/null 2>&1) || true
  rm -rf "$home"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# A password, because any user of this machine can reach the loopback port.
password="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
(umask 077 && printf '%s\n' "$password" >"$home/password")
((EUID == 0)) && chown "$owner" "$home/password"

cd /
if ! "${as_owner[@]}" "$bin/initdb" -D "$home/data" -U yunshi --pwfile="$home/password" -A scram-sha-256 \
  -E UTF8 --locale=C.UTF-8 --no-sync >"$home/initdb.log" 2>&1; then
  cat "$home/initdb.log" >&2
  exit 1
fi
cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$home'
max_connections = 200
shared_buffers = 128MB
CONF
if [[ -z "${YUNSHI_PG_DURABLE:-}" ]]; then
  cat >>"$home/data/postgresql.conf" <<CONF
# Tests make and drop hundreds of databases; safety against power loss would only make them slow.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
CONF
fi

port=''
for _ in 1 2 3 4 5 6 7 8; do
  try=$((20000 + RANDOM % 12000))
  if "${as_owner[@]}" "$bin/pg_ctl" -D "$home/data" -o "-p $try" -l "$home/server.log" -w -t 60 start >/dev/null 2>&1; then
    port="$try"
    break
  fi
done
if [[ -z "$port" ]]; then
  say 'the cluster did not start:'
  "${as_owner[@]}" tail -n 20 "$home/server.log" >&2 || true
  exit 1
fi

export YUNSHI_TEST_POSTGRES="postgres://yunshi:$password@127.0.0.1:$port/postgres?sslmode=disable"
cd "$OLDPWD"
# In the background with the terminal's input, so that a signal reaches this script at once.
"$@" <&0 &
child=$!
status=0
wait "$child" || status=$?
child=''
exit "$status"
