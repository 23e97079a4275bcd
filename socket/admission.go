package socket

import (
	"time"

	"github.com/sensocto/sensocto"
)

// Bounds of a connection that has not shown yet who it is: no credential came
// with its upgrade, and it has joined nothing.
const (
	// anonymousFrame bounds its messages: a join with its token and a hundred
	// attributes fits.
	anonymousFrame = 16 << 10
	// keptShare is the part of Limits.Connections, as 1/n, that is kept for
	// clients with a valid credential in the upgrade.
	keptShare = 8
)

// identified lifts the bounds of a connection that has shown who it is. The
// reader calls it, before anybody else knows the connection or while it joins.
func (c *conn) identified() {
	if c.anonymous.CompareAndSwap(true, false) {
		c.srv.anonymous.Remove(c.address)
	}
	c.in.MaxText, c.in.MaxBinary = c.srv.limits.TextBytes, c.srv.limits.BinaryBytes
}

// overdue reports whether a connection has been anonymous for too long.
func (c *conn) overdue(now time.Duration) bool {
	return c.anonymous.Load() && now-c.began > c.srv.limits.JoinTimeout
}

var errTooManyWatched = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_watched", Message: "the connection, or all together, watch as many sensors as the server allows"}

// reserveWatch counts one more sensor that the connection watches, and reports
// whether that is allowed.
func (c *conn) reserveWatch() bool {
	switch {
	case c.watched.Add(1) > int64(c.srv.limits.Watched):
	case c.srv.watched.Reserve(1):
		return true
	}
	c.watched.Add(-1)
	c.srv.count.refusedWatches.Add(1)
	return false
}

func (c *conn) releaseWatch() {
	c.watched.Add(-1)
	c.srv.watched.Release(1)
}
