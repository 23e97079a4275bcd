package request

import (
	"context"

	"github.com/sensocto/sensocto/phx"
)

// Handler is what a topic does for one joiner. All calls come from the connection's
// reader, one at a time, except Recheck and Close, which may come from anywhere; Close
// also twice.
type Handler interface {
	// Join prepares the channel and returns the response, a JSON object. What
	// it subscribed to is held until Joined is called.
	Join(ctx context.Context, p Params) (response []byte, err error)
	// Joined is called when the response is on its way.
	Joined()
	// Handle answers an event. It returns a *ws.Error for a frame that
	// ends the connection, ErrUnknownEvent, or any error for the reply.
	Handle(ctx context.Context, f *phx.Frame) error
	// Recheck is called when rights may have changed, also while the channel joins
	// and from several goroutines: what may not be shown any more ends. only names
	// the sensor that is concerned; "" is any. It reports whether the channel may stay.
	Recheck(ctx context.Context, only string) (stays bool)
	// Close ends all that Join began. It may block.
	Close()
}
