#!/usr/bin/env bash
# Installs what the tests need beside Go on Debian 12: PostgreSQL 15, Chromium, a Chinese font and Node.
# Installs only what is missing; on a machine that has everything it does nothing and needs no rights.
set -euo pipefail

say() { printf 'setup-tests: %s\n' "$*" >&2; }

missing=()
# The same places with-postgres.sh looks in.
beside="$(dirname "$(command -v postgres || echo /nowhere/postgres)")"
[[ -x /usr/lib/postgresql/15/bin/initdb || -x /usr/pgsql-15/bin/initdb || -x "$beside/initdb" ]] || missing+=(postgresql-15)
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  missing+=(chromium)
fi
# The independent verifier of evidence (examples/verifier) is run beside our own.
command -v node >/dev/null || missing+=(nodejs)
if ! command -v fc-list >/dev/null || [[ -z "$(fc-list ':lang=zh-cn' 2>/dev/null | head -n 1)" ]]; then
  missing+=(fontconfig fonts-noto-cjk)
fi

if ((${#missing[@]} == 0)); then
  say 'PostgreSQL, Chromium, a Chinese font and Node are present'
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  say "please install: ${missing[*]} (this script knows only apt-get)"
  # Outside CI the tests that need the browser are skipped, so this is not yet a failure.
  [[ "${CI:-}" == true ]] && exit 1
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    say "please install as root: apt-get install ${missing[*]}"
    [[ "${CI:-}" == true ]] && exit 1
    exit 0
  fi
  as_root=(sudo)
fi

# Package servers fail now and then; three tries with a pause cost nothing when the first succeeds.
retry() {
  local attempt
  for attempt in 1 2 3; do
    if "$@"; then return 0; fi
    say "attempt $attempt failed: $*"
    sleep $((attempt * 5))
  done
  return 1
}

# The distribution's package makes and starts a cluster "main"; the tests use clusters of their own.
drop_in=/etc/postgresql-common/createcluster.d/yunshi-tests.conf
if [[ " ${missing[*]} " == *' postgresql-15 '* ]]; then
  "${as_root[@]}" mkdir -p "$(dirname "$drop_in")"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$drop_in" >/dev/null
  trap '"${as_root[@]}" rm -f "$drop_in"' EXIT
fi

log="$(mktemp)"
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" >"$log" 2>&1 </dev/null ||
    { tail -n 20 "$log" >&2; return 1; }
}

say "installing ${missing[*]} (a few minutes on a new machine)"
retry apt update
retry apt install -y --no-install-recommends "${missing[@]}"
rm -f "$log"
say 'done'
