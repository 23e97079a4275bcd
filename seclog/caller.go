package seclog

import (
	"context"
	"log/slog"

	"github.com/sensocto/sensocto"
)

// WithCaller returns a handler that adds to each record who caused it, where its
// context names a sensocto.Caller: the keys by, credential and address.
func WithCaller(h slog.Handler) slog.Handler { return callerHandler{h} }

type callerHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h callerHandler) Handle(ctx context.Context, r slog.Record) error {
	caller := sensocto.CallerOf(ctx)
	if caller.Identity.OwnerID != "" {
		r.AddAttrs(slog.String("by", caller.Identity.OwnerID), slog.String("credential", caller.Identity.ID))
	}
	if caller.Address != "" {
		r.AddAttrs(slog.String("address", sensocto.HostOf(caller.Address)))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h callerHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return callerHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h callerHandler) WithGroup(name string) slog.Handler {
	return callerHandler{h.Handler.WithGroup(name)}
}
