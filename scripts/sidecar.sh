#!/usr/bin/env bash
# Builds the sidecar under .cache/sidecar: one profile, also for its tests and for
# clippy, since a cold build takes 8 to 12 minutes of two cores.
#   sidecar.sh build   build bin/sensocto-sidecar; waits for a build that is under way
#   sidecar.sh begin   begin to build it with its tests in the background
#   sidecar.sh wait    wait for that, and say what is missing; 3 where it cannot be built here
#   sidecar.sh test    its tests, its format, and clippy without warnings
# SIDECAR_TARGET is where cargo builds, default .cache/sidecar.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${SIDECAR_TARGET:-$PWD/.cache/sidecar}
log=.cache/sidecar.log
mkdir -p .cache

missing() {
  command -v cargo >/dev/null || { echo "SKIPPED the sidecar: there is no cargo. Install Rust (https://rustup.rs) to build and test it."; return 0; }
  (cd sidecar && cargo fetch --locked --quiet) || { echo "SKIPPED the sidecar: the crates that it needs cannot be fetched, see above."; return 0; }
  return 1
}

case ${1:-} in
build)
  if missing; then exit 1; fi
  echo "building the sidecar; for the first time that takes about 10 minutes"
  exec 9>.cache/sidecar.lock
  flock 9
  (cd sidecar && cargo build --release --locked --quiet)
  mkdir -p bin
  install -m 755 "$CARGO_TARGET_DIR/release/sensocto-sidecar" bin/
  ;;
begin)
  command -v cargo >/dev/null || exit 0
  (
    exec 9>.cache/sidecar.lock
    flock -n 9 || exit 0 # it is being built
    cd sidecar && nice -n 19 cargo test --release --locked --no-run
  ) >"$log" 2>&1 </dev/null &
  ;;
wait)
  if missing; then exit 3; fi
  exec 9>.cache/sidecar.lock
  flock -n 9 || { echo "waiting for the sidecar's build, see $log"; flock 9; }
  ;;
test)
  cd sidecar
  cargo test --release --locked --quiet
  if rustup which rustfmt >/dev/null 2>&1 || { ! command -v rustup >/dev/null && command -v rustfmt >/dev/null; }; then cargo fmt --check; else echo "SKIPPED rustfmt: it is not installed (rustup component add rustfmt)"; fi
  # cargo clippy would build all dependencies again for its own purposes.
  driver=$(rustup which clippy-driver 2>/dev/null || command -v clippy-driver) || { echo "SKIPPED clippy: it is not installed (rustup component add clippy)"; exit 0; }
  CLIPPY_ARGS=-Dwarnings RUSTC_WORKSPACE_WRAPPER=$driver cargo build --release --locked --quiet --lib
  ;;
*)
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
  ;;
esac
