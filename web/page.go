package web

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Page is the part of an answer that says where a list goes on.
type Page struct {
	Next string `json:"next" doc:"Where the list goes on; empty at its end."`
}

// pageOf returns the page that a query selects of a whole list, which is short, and
// where the list goes on. cursor returns an item's position (see cursorOf).
func pageOf[T any](all []T, q *PageQuery, cursor func(T) string) (items []T, page Page) {
	all = slices.SortedFunc(slices.Values(all), func(a, b T) int { return strings.Compare(cursor(a), cursor(b)) })
	begin := slices.IndexFunc(all, func(item T) bool { return cursor(item) > q.After })
	if begin < 0 {
		return []T{}, page
	}
	all = all[begin:]
	if len(all) <= q.Limit {
		return all, page
	}
	return all[:q.Limit], Page{cursor(all[q.Limit-1])}
}

// cursorOf returns the position of an item in the order of when it was made. It has
// the form of an id, whatever the item's own id looks like: 48 bits of milliseconds,
// and a hash of the id. So a list goes on also where the item has gone meanwhile.
func cursorOf(made time.Time, id string) string {
	hash := sha256.Sum256([]byte(id))
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(0, made.UnixMilli())))
	b := append(ms[2:], hash[:10]...)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
