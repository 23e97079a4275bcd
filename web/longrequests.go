package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// longRequests are the downloads and uploads in progress, which no timeout ends.
// Each ends with the credential that it was begun with, and with the right to it.
type longRequests struct {
	mu      sync.Mutex                       // guards running
	running map[string]map[*running]struct{} // by identity
}

// running is one long request.
type running struct {
	cancel             context.CancelCauseFunc
	control            *http.ResponseController
	identityID, userID string
	may                func() bool // still
}

// watch returns a context that ends, with sensocto.ErrUnauthorized, when the
// identity's credential does, or when rights have changed and may says no: what is
// being read from or written to the client then fails at once. end is called when
// the request is over. Without a control the context alone ends, for a part of a
// request.
func (l *longRequests) watch(ctx context.Context, id sensocto.Identity, may func() bool, control *http.ResponseController) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	identityID := id.ID
	r := &running{cancel, control, identityID, id.UserID, may}
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
		r.stop()
	}
}

// rightsChanged is called with the users whose rights may have changed; nil stands
// for everybody.
func (l *longRequests) rightsChanged(userIDs []string) {
	var affected []*running
	l.mu.Lock()
	for _, requests := range l.running {
		for r := range requests {
			if userIDs == nil || r.userID != "" && slices.Contains(userIDs, r.userID) {
				affected = append(affected, r)
			}
		}
	}
	l.mu.Unlock()
	for _, r := range affected {
		if !r.may() {
			l.stop(r)
		}
	}
}

// stop stops a request that still runs: the connection of one that has ended may
// carry the next.
func (l *longRequests) stop(r *running) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, runs := l.running[r.identityID][r]; runs {
		r.stop()
	}
}

func (r *running) stop() {
	r.cancel(sensocto.ErrUnauthorized)
	if r.control == nil {
		return
	}
	now := time.Now() // not every ResponseWriter has deadlines; the context ends in any case
	_, _ = r.control.SetReadDeadline(now), r.control.SetWriteDeadline(now)
}
