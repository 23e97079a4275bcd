package storetest

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// faulty is a cold tier, of whatever kind, whose writes can be told to fail.
// It is for one goroutine.
type faulty struct {
	store.Cold
	good int   // writes that succeed before err
	err  error // nil: none fails
	late bool  // what fails was written all the same, as where a connection breaks before the answer
}

// WriteChunks implements store.Cold.
func (f *faulty) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	if f.err == nil {
		return f.Cold.WriteChunks(ctx, chunks)
	}
	f.good--
	if f.good < 0 && !f.late {
		return f.err
	}
	if err := f.Cold.WriteChunks(ctx, chunks); err != nil || f.good >= 0 {
		return err
	}
	return f.err
}
