#!/usr/bin/env bash
# Starts the server with demo sensors on loopback; Ctrl-C ends both. Guests may
# view and bring sensors, so a browser and a first device need no token.
#   SENSOCTO_RUN_LISTEN   address, default 127.0.0.1:4000
#   SENSOCTO_RUN_DATA     data directory, default ./data
#   SENSOCTO_RUN_P2P      UDP address through which rooms are shared with other servers, default 127.0.0.1:0
set -euo pipefail
cd "$(dirname "$0")/.."
listen=${SENSOCTO_RUN_LISTEN:-127.0.0.1:4000}
data=${SENSOCTO_RUN_DATA:-data}
urls=$(mktemp -u)
mkfifo "$urls"
trap 'rm -f "$urls"; kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'exit 0' INT TERM

bin/sensocto serve --listen "$listen" --data-dir "$data" --guests view,ingest --registration open --guest-accounts \
  --p2p-listen "${SENSOCTO_RUN_P2P-127.0.0.1:0}" >"$urls" &
server=$!
if ! read -r url <"$urls"; then
  wait "$server"
fi
bin/sensocto simulate --server "$url" --sensors 3 --scenario all --quiet >&2 &
cat <<TEXT

  SensOcto is running:  ${url/127.0.0.1/localhost}
  Stream a recording:   bin/sensocto replay FILE.hea --server $url
  Watch in a terminal:  bin/sensocto watch --server $url
  Stop:                 Ctrl-C

TEXT
wait "$server"
