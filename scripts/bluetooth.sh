#!/usr/bin/env bash
# What the tests of Bluetooth in a browser need: a D-Bus of their own, and Python with
# dbus-fast for the simulated devices on it. Installs what is missing where that is
# possible, and says so where those tests will be skipped.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.cache/bluetooth
requirements=$root/web/ui/e2e/bluetooth/requirements.txt

missing() { ! command -v dbus-daemon >/dev/null; }

if missing && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing dbus" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dbus; } >/dev/null
fi
if missing; then
  why="dbus-daemon (dbus) is not installed"
elif [ "$venv/installed" -nt "$requirements" ]; then
  exit 0
elif ! "$root/scripts/python-venv.sh" "$venv" "$requirements"; then
  why="Python with dbus-fast cannot be installed"
else
  touch "$venv/installed"
  exit 0
fi
echo "SKIPPED: the tests of Bluetooth in a browser: $why"
