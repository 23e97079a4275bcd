package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// streamChunk is how many bytes are gathered for one write.
const streamChunk = 32 << 10

// writeTimeout is how long a client may take to accept one chunk.
const writeTimeout = 20 * time.Second

type chunk struct{ b []byte }

// chunks recycles write buffers. Those that a large document has grown are
// left to the garbage collector.
var chunks = sync.Pool{New: func() any { return &chunk{make([]byte, 0, streamChunk+4<<10)} }}

// writeMeasurements answers with a page. Samples are appended by hand: no
// reflection and no allocation for a sample.
func writeMeasurements(w http.ResponseWriter, r *http.Request, samples []sensocto.Sample, next string, csv bool) {
	h := w.Header()
	h.Add("Vary", "Accept")
	h.Set("Content-Type", "application/json")
	if csv {
		h.Set("Content-Type", csvType+"; charset=utf-8; header=present")
	}
	if next != "" {
		h.Set("Link", "<"+nextLink(r.URL, next)+`>; rel="next"`)
	}
	if r.Method == http.MethodHead {
		return
	}
	c := chunks.Get().(*chunk)
	s := stream{w: w, deadline: http.NewResponseController(w), b: c.b[:0]}
	if csv {
		s.csv(samples)
	} else {
		s.json(samples, next)
	}
	s.flush()
	if cap(s.b) <= 4*streamChunk {
		c.b = s.b
		chunks.Put(c)
	}
}

// nextLink is the address of the next page. A token in the query stays out of
// it: links are passed on.
func nextLink(u *url.URL, next string) string {
	q := u.Query()
	q.Del("token")
	q.Set("next", next)
	return u.EscapedPath() + "?" + q.Encode()
}

// stream writes in chunks and gives up at the first error: the client is gone.
type stream struct {
	w        http.ResponseWriter
	deadline *http.ResponseController
	b        []byte
	err      error
}

func (s *stream) json(samples []sensocto.Sample, next string) {
	s.b = append(s.b, `{"measurements":[`...)
	for i := range samples {
		if i > 0 {
			s.b = append(s.b, ',')
		}
		s.b = append(s.b, `{"timestamp":`...)
		s.b = sensocto.AppendTimestamp(s.b, samples[i].Timestamp)
		s.b = append(s.b, `,"payload":`...)
		s.b = samples[i].AppendPayload(s.b)
		s.b = append(s.b, '}')
		if s.full() {
			return
		}
	}
	s.b = append(s.b, `],"next":`...)
	if next == "" {
		s.b = append(s.b, "null}\n"...)
		return
	}
	text, _ := json.Marshal(next) // base64url: cannot fail
	s.b = append(append(s.b, text...), "}\n"...)
}

func (s *stream) csv(samples []sensocto.Sample) {
	s.b = append(s.b, "timestamp,payload\n"...)
	for i := range samples {
		s.b = sensocto.AppendTimestamp(s.b, samples[i].Timestamp)
		s.b = append(s.b, ',')
		s.b = appendCSV(s.b, samples[i])
		s.b = append(s.b, '\n')
		if s.full() {
			return
		}
	}
}

// appendCSV appends numbers bare and documents quoted (RFC 4180), so that the
// number 1 and the string "1" stay apart.
func appendCSV(dst []byte, s sensocto.Sample) []byte {
	if !s.IsDocument() {
		return s.AppendPayload(dst)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(string(s.Document), `"`, `""`)...)
	return append(dst, '"')
}

// full writes when enough has gathered. It reports whether to give up.
func (s *stream) full() bool {
	if len(s.b) >= streamChunk {
		s.flush()
	}
	return s.err != nil
}

func (s *stream) flush() {
	if s.err != nil {
		return
	}
	// Not every ResponseWriter has deadlines; then the server's own applies.
	_ = s.deadline.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, s.err = s.w.Write(s.b)
	s.b = s.b[:0]
}
