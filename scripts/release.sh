#!/usr/bin/env bash
# Packs archives under dist/: sensocto with LICENSE, README and docs, for each platform,
# and sensocto-sidecar beside it for the platform of this machine alone, since it is not
# cross-compiled. The archive of this machine is unpacked and started: its server must
# find its sidecar.
#   release.sh [OS/ARCH]…   default: linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
# VERSION names the archives; OUT is where they go, default dist.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${VERSION:-$(git describe --tags --always --dirty)}
out=${OUT:-dist}
host=$(go env GOHOSTOS)/$(go env GOHOSTARCH)
platforms=("$@")
[ $# -gt 0 ] || platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
mkdir -p "$out"
out=$(cd "$out" && pwd)

# The same source gives the same bytes: names in order, no users, the time of the commit.
pack() {
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - "$1" | gzip -n -9 >"$out/$1.tar.gz"
}

archives=()
for platform in "${platforms[@]}"; do
  name=sensocto-$version-${platform/\//-}
  mkdir -p "$work/$name"
  echo "building $name"
  CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -ldflags "-s -w -X main.version=$version" -o "$work/$name/sensocto" ./cmd/sensocto
  if [ "$platform" = "$host" ]; then
    install -m 755 bin/sensocto-sidecar "$work/$name/"
  else
    echo "  without sensocto-sidecar, which is built on the platform itself ('make sidecar'): rooms are not shared with other servers without it"
  fi
  cp -R LICENSE README.md CHANGELOG.md docs "$work/$name/"
  pack "$name"
  archives+=("$name.tar.gz")
done
(cd "$out" && sha256sum "${archives[@]}" | tee SHA256SUMS)

name=sensocto-$version-${host/\//-}
[ -e "$out/$name.tar.gz" ] || exit 0
echo "starting $name"
mkdir "$work/unpacked"
tar -C "$work/unpacked" -xzf "$out/$name.tar.gz"
mkfifo "$work/url"
"$work/unpacked/$name/sensocto" serve --listen 127.0.0.1:0 --data-dir "$work/data" --p2p-listen 127.0.0.1:0 --p2p-discovery none >"$work/url" 2>"$work/log" &
server=$!
read -r url <"$work/url" || { cat "$work/log"; exit 1; }
for _ in $(seq 300); do
  if curl -sf "$url/metrics" | grep -qx 'sensocto_p2p_up 1'; then
    echo "its server finds its sidecar"
    exit 0
  fi
  sleep 0.1
done
echo "its server does not find its sidecar:"
cat "$work/log"
exit 1
