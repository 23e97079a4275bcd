package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// endings ends long requests whose credential ends: downloads and uploads take
// as long as they take.
type endings struct {
	mu      sync.Mutex                       // guards running
	running map[string]map[*running]struct{} // by identity
}

// running is one long request.
type running struct {
	cancel  context.CancelCauseFunc
	control *http.ResponseController
}

// watch returns a context that ends, with sensocto.ErrUnauthorized, when the
// identity's credential does: what is being read from or written to the client
// then fails at once. end is called when the request is over.
func (e *endings) watch(ctx context.Context, identityID string, control *http.ResponseController) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	r := &running{cancel, control}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running == nil {
		e.running = make(map[string]map[*running]struct{})
	}
	if e.running[identityID] == nil {
		e.running[identityID] = make(map[*running]struct{})
	}
	e.running[identityID][r] = struct{}{}
	return ctx, func() {
		cancel(nil)
		e.mu.Lock()
		defer e.mu.Unlock()
		if delete(e.running[identityID], r); len(e.running[identityID]) == 0 {
			delete(e.running, identityID)
		}
	}
}

// revoked is called when a credential ends.
func (e *endings) revoked(identityID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range e.running[identityID] {
		r.cancel(sensocto.ErrUnauthorized)
		now := time.Now() // not every ResponseWriter has deadlines; the context ends in any case
		_, _ = r.control.SetReadDeadline(now), r.control.SetWriteDeadline(now)
	}
}
