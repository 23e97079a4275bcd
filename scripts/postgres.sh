#!/usr/bin/env bash
# PostgreSQL for tests and for trying things out. Nothing of it is a service:
# the server that 'run' starts ends with the script and leaves nothing behind.
#   scripts/postgres.sh install      install PostgreSQL where there is none (Debian, Ubuntu)
#   scripts/postgres.sh find         print where its programs are; fails where there are none
#   scripts/postgres.sh run [PORT]   start an empty one, print its URL, until Ctrl-C
# A server cannot run as root: it runs as the user postgres or nobody then.
set -euo pipefail

# bindir prints where the server's programs are, the newest version last.
bindir() {
  local initdb
  initdb=$( { command -v initdb || true; ls -d /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb 2>/dev/null || true; } | sort -V | tail -1)
  [ -n "$initdb" ] || return 1
  dirname "$(readlink -f "$initdb")"
}

install() {
  if ! bindir >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    if ! command -v apt-get >/dev/null || ! command -v "${as_root[0]:-true}" >/dev/null; then
      echo "PostgreSQL is not installed, and cannot be installed from here: install version 14 or later with initdb on the PATH," \
        "or switch its tests off with SENSOCTO_TEST_POSTGRES=off" >&2
      exit 1
    fi
    echo "installing the system's PostgreSQL" >&2
    # Without a cluster of its own: tests bring theirs.
    "${as_root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.d/sensocto.conf >/dev/null
    "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
  fi
  bindir
}

run() {
  local bin dir port=${1:-54329} as=()
  bin=$(install)
  dir=$(mktemp -d "${TMPDIR:-/tmp}/sensocto-postgres.XXXXXX")
  if [ "$(id -u)" = 0 ]; then
    local user=nobody
    id postgres >/dev/null 2>&1 && user=postgres
    chown "$user" "$dir"
    as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
  fi
  trap 'rm -rf "$dir"' EXIT
  cd /
  "${as[@]}" "$bin/initdb" -D "$dir/data" -U sensocto -A trust -E UTF8 --locale=C -N >/dev/null
  "${as[@]}" "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= >"$dir/log" 2>&1 &
  server=$!
  trap 'kill -INT $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$dir"' EXIT
  trap 'exit 0' INT TERM
  for _ in $(seq 100); do
    "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && break
    kill -0 $server 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
    read -rt 0.1 <> <(:) || true
  done
  "$bin/createdb" -h 127.0.0.1 -p "$port" -U sensocto sensocto
  echo "postgres://sensocto@127.0.0.1:$port/sensocto"
  wait $server
}

case "${1:-}" in
  install) install ;;
  find) bindir ;;
  run) shift; run "$@" ;;
  *) sed -n '2,8s/^# //p' "$0"; exit 2 ;;
esac
