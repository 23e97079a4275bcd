#!/usr/bin/env bash
# The figures of docs/performance.md: micro-benchmarks set against
# bench/base.txt, then every load scenario against the program and its floors.
#
#   bench/run.sh                 both
#   bench/run.sh micro           micro-benchmarks alone, compared with the base
#   bench/run.sh base            micro-benchmarks alone, which become the base
#   bench/run.sh load [NAME…]    load scenarios alone, all or the named ones
#
#   COUNT=10        runs of each micro-benchmark
#   ROUNDS=3        runs of each scenario and server
#   DURATION=10s    measured time of one run
#   OUT=bench/out   where reports go (tables, JSON, micro-benchmarks)
set -euo pipefail
cd "$(dirname "$0")/.."

COUNT=${COUNT:-10} ROUNDS=${ROUNDS:-3} DURATION=${DURATION:-10s} OUT=${OUT:-bench/out}
BASE=bench/base.txt
BIN=${BIN:-bin/sensocto}
PACKAGES=(./phx ./wire ./store ./pubsub ./sensor ./socket)
# Decode, encode, fan-out, hot append, a read across tiers, bytes of what is idle.
BENCHMARKS='^Benchmark(Decode|DecodeFrame|DecodeFrameStandard|EncodeBatch|FanOut|IdleViewer|Ingest|Publish|Put|Read|Sensor|IdleSensor|IdleSeries)$'
mkdir -p "$OUT"

micro() { # micro FILE
	go test -run '^$' -bench "$BENCHMARKS" -benchmem -benchtime "${BENCHTIME:-200ms}" -count "$COUNT" "${PACKAGES[@]}" | tee "$1"
}

compare() {
	micro "$OUT/micro.txt"
	if [ -s "$BASE" ]; then
		go tool -modfile=tools/go.mod benchstat "$BASE" "$OUT/micro.txt" | tee "$OUT/benchstat.txt"
	fi
}

# scenario NAME FILE [FLAG…]: a run that is not clean is reported and does not
# keep the others from running.
failed=0
scenario() {
	local name=$1 file=$2
	shift 2
	echo
	"$BIN" bench "$name" "$@" --out "$OUT/$file.json" | tee "$OUT/$file.txt" || { failed=1; echo "NOT CLEAN: $file"; }
}

wanted() { [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }

load() {
	only=("$@")
	[ -x "$BIN" ] || { echo "build first: make build" >&2; exit 1; }
	local floors=(--bare --rounds "$ROUNDS" --duration "$DURATION")
	for name in lobby high-attention fan-out ingest fan-out-saturated; do
		if wanted "$name"; then scenario "$name" "$name" "${floors[@]}"; fi
	done
	if wanted lobby-200; then scenario lobby lobby-200 --sensors 200 --rounds "$ROUNDS" --duration "$DURATION"; fi
	if wanted attention; then scenario attention attention --rounds "$ROUNDS"; fi
	if wanted tiles; then scenario tiles tiles --rounds "$ROUNDS" --duration "$DURATION"; fi
	if wanted idle; then scenario idle idle; fi
	if wanted stalled; then scenario stalled stalled --pairs 5; fi
}

case ${1:-all} in
all) compare; load ;;
micro) compare ;;
base) micro "$BASE" ;;
load) shift; load "$@" ;;
*) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
exit $failed
