package sqlite

import "github.com/sensocto/sensocto"

// RangeQuery shows the query of a range to the test of its plan.
func RangeQuery(r sensocto.ChunkRange, id int64, spans uint64) (string, []any) {
	return rangeQuery(r, id, spans)
}
