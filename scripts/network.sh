#!/usr/bin/env bash
# What tests of slow and cut networks need: ip and tc, and the right to make
# network namespaces. Installs what is missing where that is possible, and says
# so where those tests will be skipped.
set -uo pipefail

missing() { ! { command -v ip && command -v tc; } >/dev/null; }

if missing && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing iproute2" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq iproute2; } >/dev/null
fi
if missing; then
  why="ip and tc (iproute2) are not installed"
elif [ "$(id -u)" != 0 ]; then
  why="only root may make network namespaces"
elif ! { ip netns add "sensocto-try-$$" && ip netns del "sensocto-try-$$"; } 2>/dev/null; then
  why="no network namespaces here"
else
  exit 0
fi
echo "SKIPPED: the tests of slow and cut networks: $why"
