package p2p

import (
	"context"
	"errors"
	"time"

	"github.com/sensocto/sensocto"
)

// leftoverAge is how long a document has had no room before it is removed: a document
// is made before the database knows of it.
const leftoverAge = time.Hour

// leftoverPause is the time between two looks for such documents.
const leftoverPause = 10 * time.Minute

// leftovers finds documents that no room has: a server that is killed between making a
// document and storing its ticket leaves one, as does a sidecar that ends before it has
// removed one.
type leftovers struct {
	*RoomSync
	since map[string]time.Time // by document: when it was first seen without a room
}

// run removes leftovers until the context ends.
func (l *leftovers) run(ctx context.Context) {
	ticker := time.NewTicker(leftoverPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			err := l.look(ctx, now)
			if err != nil && ctx.Err() == nil && !errors.Is(err, errDown) { // that it is down is logged elsewhere
				l.log.Warn("documents that no room has were not removed; it is tried again", "err", err)
			}
		}
	}
}

// look removes the documents that have had no room for long, and notes the others that
// have none.
func (l *leftovers) look(ctx context.Context, now time.Time) error {
	docs, err := l.options.Sidecar.Docs(ctx)
	if err != nil {
		return err
	}
	before := l.since
	l.since = map[string]time.Time{}
	removed := 0
	for _, d := range docs {
		leave, _ := l.bring(d.Doc) // no room comes to have it meanwhile
		if leave == nil {
			continue
		}
		since, seen := before[d.Doc]
		if !seen {
			since = now
		}
		if now.Sub(since) < leftoverAge {
			l.since[d.Doc] = since
		} else if failed := l.options.Sidecar.Drop(ctx, d.Doc); failed != nil && sensocto.ErrorCode(failed) != sensocto.CodeNotFound {
			l.since[d.Doc] = since
			err = errors.Join(err, failed)
		} else {
			removed++
		}
		leave()
	}
	if removed > 0 {
		l.counts.leftovers.Add(uint64(removed))
		l.log.Info("documents that no room has were removed", "documents", removed)
	}
	return err
}
