package p2p

import (
	"context"
	"errors"
)

// Status is what the sidecar knows of itself.
type Status struct {
	Endpoint EndpointStatus
	Peers    []PeerStatus
	Docs     []DocStatus
}

// pageEntries is how many entries are asked for at once.
const pageEntries uint64 = 512

// maxEntries is how many entries of a document are read. The sidecar stops to
// synchronize a document that has more.
const maxEntries = 20_000

func pointer[T any](v T) *T { return &v }

// Create makes a document and returns its id.
func (s *Sidecar) Create(ctx context.Context) (doc string, err error) {
	a, err := s.call(ctx, request{Op: "create"})
	return a.Doc, err
}

// Open synchronizes a document that is stored here from now on.
func (s *Sidecar) Open(ctx context.Context, doc string) (write bool, err error) {
	a, err := s.call(ctx, request{Op: "open", Doc: doc})
	return a.Write != nil && *a.Write, err
}

// Import stores and opens the document of one of Iroh's tickets.
func (s *Sidecar) Import(ctx context.Context, ticket string) (doc string, write bool, err error) {
	a, err := s.call(ctx, request{Op: "import", Ticket: ticket})
	return a.Doc, a.Write != nil && *a.Write, err
}

// TicketDoc returns the document of one of Iroh's tickets, which it does not import, and
// whether the ticket has the secret to write.
func (s *Sidecar) TicketDoc(ctx context.Context, ticket string) (doc string, write bool, err error) {
	a, err := s.call(ctx, request{Op: "ticket_info", Ticket: ticket})
	return a.Doc, a.Write != nil && *a.Write, err
}

// Close no longer synchronizes a document, which stays stored.
func (s *Sidecar) Close(ctx context.Context, doc string) error {
	_, err := s.call(ctx, request{Op: "close", Doc: doc})
	return err
}

// Drop removes a document.
func (s *Sidecar) Drop(ctx context.Context, doc string) error {
	_, err := s.call(ctx, request{Op: "drop", Doc: doc})
	return err
}

// Sync exchanges a document with all peers that are known to have it.
func (s *Sidecar) Sync(ctx context.Context, doc string) error {
	_, err := s.call(ctx, request{Op: "sync", Doc: doc})
	return err
}

// Share returns one of Iroh's tickets for a document.
func (s *Sidecar) Share(ctx context.Context, doc string, write bool) (ticket string, err error) {
	a, err := s.call(ctx, request{Op: "share", Doc: doc, Write: &write})
	return a.Ticket, err
}

// setBytes is how many bytes of values are written with one request: a line has at
// most 1 MiB.
const setBytes = 256 << 10

// Set writes entries. When it fails, some may have been written.
func (s *Sidecar) Set(ctx context.Context, doc string, values map[string][]byte) error {
	var page []newEntry
	size := 0
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		_, err := s.call(ctx, request{Op: "set", Doc: doc, Entries: page})
		page, size = nil, 0
		return err
	}
	for key, value := range values {
		page = append(page, newEntry{key, value})
		if size += len(key) + len(value); size >= setBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// errNewer says that entries stay which their author deleted: of two at the same key, or at a
// beginning of it, the one with the later time counts.
var errNewer = errors.New("it was written at a later time than the clock of this machine shows: set the clock, or wait")

// Delete removes what this server has written under a key, and under all keys that begin
// with it. What others wrote stays. It fails where the clock was set back since, and not all
// of it goes: of that the sidecar hears nothing, so it is asked again.
func (s *Sidecar) Delete(ctx context.Context, doc, key string) error {
	for range 2 {
		a, err := s.call(ctx, request{Op: "delete", Doc: doc, Key: &key})
		if err != nil || a.Deleted == nil || *a.Deleted == 0 {
			return err
		}
	}
	return errNewer
}

// Get returns what all authors wrote under a key, 512 entries at most.
func (s *Sidecar) Get(ctx context.Context, doc, key string) ([]Entry, error) {
	a, err := s.call(ctx, request{Op: "get", Doc: doc, Key: &key})
	if err != nil || a.Entries == nil {
		return nil, err
	}
	return *a.Entries, nil
}

// Entries returns the entries of all authors, up to a bound.
func (s *Sidecar) Entries(ctx context.Context, doc string) ([]Entry, error) {
	var all []Entry
	offset := pointer(uint64(0))
	for offset != nil && len(all) < maxEntries {
		a, err := s.call(ctx, request{Op: "list", Doc: doc, Prefix: pointer(""), Offset: offset, Limit: pointer(pageEntries)})
		if err != nil {
			return nil, err
		}
		if a.Entries != nil {
			all = append(all, *a.Entries...)
		}
		offset = a.Next
	}
	return all, nil
}

// Docs returns the documents that are stored, open or not.
func (s *Sidecar) Docs(ctx context.Context) ([]DocStatus, error) {
	a, err := s.call(ctx, request{Op: "docs"})
	if err != nil || a.Docs == nil {
		return nil, err
	}
	return *a.Docs, nil
}

// Status returns the endpoint, its peers and the documents.
func (s *Sidecar) Status(ctx context.Context) (Status, error) {
	a, err := s.call(ctx, request{Op: "status"})
	if err != nil || a.Endpoint == nil || a.Peers == nil || a.Docs == nil {
		return Status{}, err
	}
	return Status{*a.Endpoint, *a.Peers, *a.Docs}, nil
}
