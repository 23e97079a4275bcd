package store

import (
	"bytes"
	"context"
	"math"
	"sort"

	"github.com/sensocto/sensocto"
)

// knownSamples walks through what a series held when an import began, beside
// what is imported. The first page makes the others a snapshot, so that it
// never meets what the import itself brings.
type knownSamples struct {
	read  func(context.Context, sensocto.Query) (sensocto.Page, error) // of bounded size
	query sensocto.Query
	page  []sensocto.Sample // from the present time on
	more  bool              // there may be more behind the page

	at    int64             // the present time
	equal []sensocto.Sample // of the present time, that were not taken yet
}

// take reports whether a sample is there, and takes it: of equal ones each
// counts once. Samples come in order of time.
func (k *knownSamples) take(ctx context.Context, s *sensocto.Sample) (bool, error) {
	if len(k.page) == 0 && !k.more && len(k.equal) == 0 {
		return false, nil
	}
	if s.Timestamp != k.at {
		k.at, k.equal = s.Timestamp, k.equal[:0]
		if err := k.advance(ctx); err != nil {
			return false, err
		}
	}
	for i := range k.equal {
		if same(&k.equal[i], s) {
			// Usually it is the first, and what is left stays in order.
			k.equal = append(k.equal[:i], k.equal[i+1:]...)
			return true, nil
		}
	}
	return false, nil
}

// advance moves on to the present time.
func (k *knownSamples) advance(ctx context.Context) error {
	for {
		n := 0
		if len(k.page) > 0 && k.page[0].Timestamp < k.at {
			n = sort.Search(len(k.page), func(i int) bool { return k.page[i].Timestamp >= k.at })
		}
		k.page = k.page[n:]
		for len(k.page) > 0 && k.page[0].Timestamp == k.at {
			k.equal, k.page = append(k.equal, k.page[0]), k.page[1:]
		}
		if len(k.page) > 0 || !k.more {
			return nil
		}
		if err := k.turn(ctx); err != nil {
			return err
		}
	}
}

// turn reads the next page that may hold something of the present time.
func (k *knownSamples) turn(ctx context.Context) error {
	switch after := k.query.After; {
	case after == nil:
		k.query.From = k.at
	case after.Timestamp < k.at-1:
		after.Timestamp, after.Seq = k.at-1, math.MaxInt64
	}
	page, err := k.read(ctx, k.query)
	if err != nil {
		return err
	}
	k.page, k.more = page.Samples, page.Next != nil
	k.query.After = page.Next
	return nil
}

// same reports whether two samples of one time are equal to the bit.
func same(a, b *sensocto.Sample) bool {
	if a.IsDocument() || b.IsDocument() {
		return a.IsDocument() && b.IsDocument() && bytes.Equal(a.Document, b.Document)
	}
	return math.Float64bits(a.Value) == math.Float64bits(b.Value)
}
