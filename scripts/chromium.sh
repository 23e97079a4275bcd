#!/usr/bin/env bash
# The browser that tests of the pages drive. Installs Debian's where there is none and
# that is possible, and says so where those tests will be skipped. With "find" it
# only looks.
set -uo pipefail

missing() { ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; }

if [ "${1:-}" = find ]; then
  missing || exit 0
  echo "SKIPPED: the tests of pages in a browser: Chromium is not installed"
  exit 1
fi
if missing && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null
fi
if missing; then
  echo "SKIPPED: the tests of pages in a browser: Chromium is not installed"
fi
