#!/usr/bin/env bash
# The figures of docs/performance.md: micro-benchmarks set against
# bench/base.txt, then every load scenario against the program and its floors,
# then the store alone, and what it answers.
#
#   bench/run.sh                 everything
#   bench/run.sh micro           micro-benchmarks alone, compared with the base
#   bench/run.sh base            micro-benchmarks alone, which become the base
#   bench/run.sh load [NAME…]    load scenarios alone, all or the named ones
#   bench/run.sh store           durable ingest into SQLite and into a PostgreSQL
#   bench/run.sh history         history of long series, in both and over HTTP; encodings
#
#   COUNT=10        runs of each micro-benchmark
#   ROUNDS=3        runs of each scenario and server
#   DURATION=10s    measured time of one run
#   STORE=60s       measured time of durable ingest
#   OUT=bench/out   where reports go (tables, JSON, micro-benchmarks)
set -euo pipefail
cd "$(dirname "$0")/.."

COUNT=${COUNT:-10} ROUNDS=${ROUNDS:-3} DURATION=${DURATION:-10s} STORE=${STORE:-60s} OUT=${OUT:-bench/out}
BASE=bench/base.txt
BIN=${BIN:-bin/sensocto}
PACKAGES=(./phx ./wire ./store ./pubsub ./sensor ./socket)
# Decode, encode, fan-out, hot append, the journal's ledger, chunks, a read across tiers, bytes of what is idle.
BENCHMARKS='^Benchmark(Codec|Decode|DecodeAcknowledged|DecodeFrame|DecodeFrameStandard|EncodeBatch|FanOut|IdleViewer|Ingest|Ledger|Publish|Put|Read|Sensor|IdleSensor|IdleSeries)$'
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
	if wanted ingest-acked; then scenario ingest-acked ingest-acked --rounds "$ROUNDS" --duration "$DURATION"; fi
	if wanted lobby-200; then scenario lobby lobby-200 --sensors 200 --rounds "$ROUNDS" --duration "$DURATION"; fi
	if wanted attention; then scenario attention attention --rounds "$ROUNDS"; fi
	if wanted tiles; then scenario tiles tiles --rounds "$ROUNDS" --duration "$DURATION"; fi
	if wanted idle; then scenario idle idle; fi
	if wanted stalled; then scenario stalled stalled --pairs 5; fi
	if wanted restart; then scenario restart restart; fi
}

# without_postgres says so where there is no PostgreSQL to measure.
without_postgres() {
	if scripts/postgres.sh find >/dev/null; then return 1; fi
	echo "PostgreSQL is not installed ('make postgres' installs it): not measured"
}

# store is durable ingest, for so long that the cold tier's lag would show.
store() {
	[ -x "$BIN" ] || { echo "build first: make build" >&2; exit 1; }
	scenario store store-sqlite --duration "$STORE"
	if without_postgres; then return; fi
	local line script
	coproc POSTGRES { exec scripts/postgres.sh run 54328 2>&1; }
	script=$POSTGRES_PID
	trap 'kill $script 2>/dev/null || true' EXIT
	read -r line <&"${POSTGRES[0]}"
	case $line in postgres://*) ;; *) echo "PostgreSQL does not start: $line" >&2; exit 1 ;; esac
	scenario store store-postgres --duration "$STORE" --database-url "$line" --pid "$(pgrep -P "$script" postgres)"
	kill "$script"
	wait "$script" 2>/dev/null || true
	trap - EXIT
}

# history is what reads cost: a few runs each, since databases are filled first.
history() {
	local off=${SENSOCTO_TEST_POSTGRES:-}
	if without_postgres; then off=off; fi
	SENSOCTO_TEST_POSTGRES=$off go test -run '^$' -bench '^Benchmark(Encodings|History|HistoryHTTP|HistoryPostgres)$' -benchtime 20x ./store ./web |
		tee "$OUT/history.txt"
}

case ${1:-all} in
all) compare; load; store; history ;;
store) store ;;
history) history ;;
micro) compare ;;
base) micro "$BASE" ;;
load) shift; load "$@" ;;
*) sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
exit $failed
