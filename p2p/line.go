package p2p

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// protocolVersion is the version of the line protocol; the sidecar has the same.
const protocolVersion = 1

// maxLine is the longest line that is read from the sidecar, in bytes: a page of
// entries is at most 512 KiB of values and one value more, in base64.
const maxLine = 2 << 20

// request is a line to the sidecar. Fields that an operation does not have stay
// empty, and are not sent.
type request struct {
	ID       uint64     `json:"id"`
	Op       string     `json:"op"`
	Protocol any        `json:"protocol,omitempty"` // a number for hello, a name for streams
	Doc      string     `json:"doc,omitempty"`
	Ticket   string     `json:"ticket,omitempty"`
	Key      *string    `json:"key,omitempty"`
	Entries  []newEntry `json:"entries,omitempty"`
	Prefix   *string    `json:"prefix,omitempty"`
	Offset   *uint64    `json:"offset,omitempty"`
	Limit    *uint64    `json:"limit,omitempty"`
	Write    *bool      `json:"write,omitempty"`
	Peer     string     `json:"peer,omitempty"`
	Stream   uint64     `json:"stream,omitempty"`
	Max      int        `json:"max,omitempty"`
	Data     []byte     `json:"data,omitempty"`
}

type newEntry struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// answer is what the sidecar answers to a request.
type answer struct {
	Doc      string          `json:"doc,omitempty"`
	Write    *bool           `json:"write,omitempty"`
	Ticket   string          `json:"ticket,omitempty"`
	Entries  *[]Entry        `json:"entries,omitempty"`
	Next     *uint64         `json:"next,omitempty"`
	Skipped  uint64          `json:"skipped,omitempty"`
	Docs     *[]DocStatus    `json:"docs,omitempty"`
	Peers    *[]PeerStatus   `json:"peers,omitempty"`
	Endpoint *EndpointStatus `json:"endpoint,omitempty"`
	Stream   uint64          `json:"stream,omitempty"`
	Data     []byte          `json:"data,omitempty"`
	End      bool            `json:"end,omitempty"`
	Deleted  *uint64         `json:"deleted,omitempty"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Entry is an entry of a document, as one author wrote it.
type Entry struct {
	Key    string `json:"key"`
	Author string `json:"author"`
	AtUS   uint64 `json:"at"` // by the author's clock, in µs since 1970
	Value  []byte `json:"value,omitempty"`
	// State says why there is no value: missing or too_large.
	State string `json:"state,omitempty"`
}

// DocStatus is what the sidecar knows of a document.
type DocStatus struct {
	Doc        string   `json:"doc"`
	Write      bool     `json:"write"`
	Open       bool     `json:"open"`
	Neighbours []string `json:"neighbours"` // endpoints that hold it and are connected
	SyncedAtUS uint64   `json:"synced_at"`  // of the last exchange that succeeded; 0 for never
	Entries    uint64   `json:"entries"`
	Missing    uint64   `json:"missing"` // values that have not arrived
	Flooded    bool     `json:"flooded"` // has too many entries, and is not synchronized
}

// PeerStatus is an endpoint that holds a document that is open here.
type PeerStatus struct {
	Peer      string   `json:"peer"`
	Path      string   `json:"path"` // direct, relay or none
	Addresses []string `json:"addresses"`
}

// EndpointStatus is this server's endpoint.
type EndpointStatus struct {
	ID        string   `json:"id"`
	Addresses []string `json:"addresses"`
	Relay     string   `json:"relay,omitempty"`
}

// Event is something that the sidecar tells without having been asked. Its Name
// says which fields it has: docs/p2p.md.
type Event struct {
	Name     string `json:"event"`
	Protocol any    `json:"protocol,omitempty"` // a number in hello, a name in stream
	Version  string `json:"version,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Doc      string `json:"doc,omitempty"`
	Peer     string `json:"peer,omitempty"`
	Up       *bool  `json:"up,omitempty"`
	Received *int   `json:"received,omitempty"`
	Sent     *int   `json:"sent,omitempty"`
	Entries  int    `json:"entries,omitempty"`
	Dropped  int    `json:"dropped,omitempty"`
	Stream   uint64 `json:"stream,omitempty"`
	Message  string `json:"message,omitempty"`
}

// The names of events.
const (
	eventHello      = "hello"
	eventChanged    = "changed"
	eventNeighbour  = "neighbour"
	eventSynced     = "synced"
	eventSyncFailed = "sync_failed"
	eventFlooded    = "flooded"
	eventStream     = "stream"
	eventLagged     = "lagged"
	eventRefused    = "refused"
)

// line is a line from the sidecar: an answer, a failure or an event.
type line struct {
	ID    uint64   `json:"id,omitempty"`
	OK    *answer  `json:"ok,omitempty"`
	Error *failure `json:"error,omitempty"`
	*Event
}

var errLine = errors.New("a line of the sidecar is neither an answer nor an event")

// decodeLine reads a line. Fields that a later version may add are ignored.
func decodeLine(text []byte) (line, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return line{}, fmt.Errorf("decode a line of the sidecar: %w", err)
	}
	isEvent := l.Event != nil && l.Event.Name != ""
	if isEvent == (l.OK != nil || l.Error != nil) || (l.OK != nil && l.Error != nil) || (!isEvent && l.ID == 0) {
		return line{}, errLine
	}
	if !isEvent {
		l.Event = nil
	}
	return l, nil
}

// encodeRequest returns a request as a line.
func encodeRequest(r request) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(r)
	return b.Bytes(), err
}
