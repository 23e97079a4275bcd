package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// longRequests are the downloads and uploads in progress, which no timeout ends.
// Each ends with the credential that it was begun with.
type longRequests struct {
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
func (l *longRequests) watch(ctx context.Context, identityID string, control *http.ResponseController) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	r := &running{cancel, control}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == nil {
		l.running = make(map[string]map[*running]struct{})
	}
	if l.running[identityID] == nil {
		l.running[identityID] = make(map[*running]struct{})
	}
	l.running[identityID][r] = struct{}{}
	return ctx, func() {
		cancel(nil)
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.running[identityID], r); len(l.running[identityID]) == 0 {
			delete(l.running, identityID)
		}
	}
}

// revoked is called when a credential ends.
func (l *longRequests) revoked(identityID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r := range l.running[identityID] {
		r.cancel(sensocto.ErrUnauthorized)
		now := time.Now() // not every ResponseWriter has deadlines; the context ends in any case
		_, _ = r.control.SetReadDeadline(now), r.control.SetWriteDeadline(now)
	}
}
