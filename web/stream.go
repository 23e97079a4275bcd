package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
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
	if next != "" {
		w.Header().Set("Link", "<"+nextLink(r.URL, next)+`>; rel="next"`)
	}
	write(w, r, csv, func(s *stream) {
		if csv {
			s.csv(samples)
		} else {
			s.json(samples, next)
		}
	})
}

// writeHistory answers with buckets, or with samples.
func writeHistory(w http.ResponseWriter, r *http.Request, h *sensocto.History, csv bool) {
	write(w, r, csv, func(s *stream) {
		switch {
		case !csv:
			s.history(h)
		case h.Points != sensocto.PointsNone:
			s.csv(h.Samples)
		default:
			s.bucketsCSV(h)
		}
	})
}

// write sets the headers and lets body fill a stream, unless nobody asked for it.
func write(w http.ResponseWriter, r *http.Request, csv bool, body func(*stream)) {
	h := w.Header()
	h.Add("Vary", "Accept")
	h.Set("Content-Type", "application/json")
	if csv {
		h.Set("Content-Type", csvType+"; charset=utf-8; header=present")
	}
	if r.Method == http.MethodHead {
		return
	}
	c := chunks.Get().(*chunk)
	s := stream{w: w, deadline: http.NewResponseController(w), b: c.b[:0]}
	body(&s)
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
	s.samples(samples)
	s.b = append(s.b, `],"next":`...)
	if next == "" {
		s.b = append(s.b, "null}\n"...)
		return
	}
	text, _ := json.Marshal(next) // base64url: cannot fail
	s.b = append(append(s.b, text...), "}\n"...)
}

// samples writes the items of a list.
func (s *stream) samples(samples []sensocto.Sample) {
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
}

func (s *stream) history(h *sensocto.History) {
	for _, field := range []struct {
		name  string
		value int64
	}{{`{"width":`, h.Width}, {`,"from":`, h.From}, {`,"to":`, h.To}} {
		s.b = sensocto.AppendTimestamp(append(s.b, field.name...), field.value)
	}
	s.b = strconv.AppendInt(append(s.b, `,"documents":`...), h.Documents, 10)
	s.b = append(append(append(s.b, `,"points":"`...), h.Points...), `","buckets":[`...)
	for i := range h.Buckets {
		if i > 0 {
			s.b = append(s.b, ',')
		}
		s.b = append(h.Buckets[i].AppendFields(append(s.b, '{')), '}')
		if s.full() {
			return
		}
	}
	s.b = append(s.b, `],"measurements":[`...)
	s.samples(h.Samples)
	s.b = append(s.b, "]}\n"...)
}

func (s *stream) bucketsCSV(h *sensocto.History) {
	s.b = append(s.b, "start,count,min,max,mean,first,last,from,to\n"...)
	for i := range h.Buckets {
		b := &h.Buckets[i]
		s.b = sensocto.AppendTimestamp(s.b, b.From-b.From%h.Width) // no clock shows a time before 1970
		s.b = strconv.AppendInt(append(s.b, ','), b.Count, 10)
		for _, v := range [...]float64{b.Min, b.Max, b.Mean(), b.First, b.Last} {
			s.b = sensocto.AppendNumber(append(s.b, ','), v)
		}
		s.b = sensocto.AppendTimestamp(append(s.b, ','), b.From)
		s.b = sensocto.AppendTimestamp(append(s.b, ','), b.To)
		s.b = append(s.b, '\n')
		if s.full() {
			return
		}
	}
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
