package p2p

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// asked is a question that waits for its answer.
type asked struct {
	question question
	parts    []byte
	once     sync.Once
	done     chan struct{} // closed with what follows set
	answer   []byte
	err      error
}

func (a *asked) finish(answer []byte, err error) {
	a.once.Do(func() {
		a.answer, a.err = answer, err
		close(a.done)
	})
}

// ask asks the server of the sensor. Where that could not be reached a moment ago, the
// answer is ErrSensorAway at once.
func (r *remote) ask(ctx context.Context, q question) ([]byte, error) {
	a, err := r.begin(q)
	if err != nil {
		return nil, err
	}
	r.poke()
	defer r.forget(a)
	timer := time.NewTimer(connectTime)
	defer timer.Stop()
	for patient := false; ; {
		select {
		case <-a.done:
			return a.answer, a.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C:
			if patient || !r.isConnected() {
				return nil, ErrSensorAway
			}
			patient = true
			timer.Reset(askTime)
		}
	}
}

// begin notes a question.
func (r *remote) begin(q question) (*asked, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.dropped:
		return nil, ErrSensorAway
	case r.away != nil && !r.connected:
		if r.usedAt = time.Now(); time.Since(r.triedAt) > time.Second {
			wake(r.kick)
		}
		return nil, ErrSensorAway
	case len(r.asked) >= maxAsked:
		return nil, errManyAsked
	}
	r.lastAsked++
	q.ID = r.lastAsked
	a := &asked{question: q, done: make(chan struct{})}
	r.asked[q.ID], r.usedAt = a, time.Now()
	return a, nil
}

func (r *remote) forget(a *asked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.usedAt = time.Now()
	if r.asked[a.question.ID] == a {
		delete(r.asked, a.question.ID)
	}
}

func (r *remote) isConnected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connected
}

// answered takes a part of an answer. The newest samples are answered when all that
// came before them was published here: whoever reads them next to what is live meets
// each sample once.
func (s *session) answered(ctx context.Context, body []byte) error {
	in := reader{rest: body}
	id, last := in.uvarint(), in.byte() == 1
	if in.failed {
		return errFrame
	}
	s.mu.Lock()
	a := s.asked[id] // nil where nobody waits any more
	s.mu.Unlock()
	if a != nil {
		if a.parts = append(a.parts, in.rest...); len(a.parts) > maxAnswerBytes {
			return errFrame
		}
	}
	if !last {
		return nil
	}
	if a != nil {
		if a.question.Latest != nil {
			if err := s.live.Sensors.SyncRemote(ctx, s.id); err != nil {
				return err
			}
		}
		a.finish(a.parts, nil)
	}
	s.done(id)
	return nil
}

// refused takes a failure: of a question, or of the stream.
func (s *session) refused(body []byte) error {
	var f failedFrame
	if json.Unmarshal(body, &f) != nil {
		return errFrame
	}
	if f.ID == 0 {
		return f.err()
	}
	s.mu.Lock()
	a := s.asked[f.ID]
	s.mu.Unlock()
	if a != nil {
		a.finish(nil, f.err())
	}
	s.done(f.ID)
	return nil
}

// done makes room for the next question.
func (s *session) done(id uint64) {
	s.mu.Lock()
	delete(s.sent, id)
	delete(s.asked, id)
	s.usedAt = time.Now()
	s.mu.Unlock()
	wake(s.wake)
}

// reads is a store that asks other servers about their sensors.
type reads struct {
	sensocto.Store
	live *live
}

// Reader returns a store that reads sensors of other servers there. Where one cannot be
// reached, what is kept of it here is the answer, or else ErrSensorAway.
func (s *RoomSync) Reader(local sensocto.Store) sensocto.Store {
	if s.live == nil {
		return local
	}
	return reads{local, s.live}
}

// ask returns the answer to a question, in its binary form, and false for sensors that
// are of no other server.
func (r reads) ask(ctx context.Context, sensorID string, q question) (in reader, remote bool, err error) {
	to := r.live.remote(sensorID)
	if to == nil {
		return in, false, nil
	}
	answer, err := to.ask(ctx, q)
	return reader{rest: answer}, true, err
}

var errAnswer = &sensocto.Error{Code: sensocto.CodeUnavailable, Message: "the sensor's server answered something that this one does not understand: update both"}

// checked returns why an answer does not count.
func (r *reader) checked() error {
	if r.failed || len(r.rest) > 0 {
		return errAnswer
	}
	return nil
}

func (r reads) Latest(ctx context.Context, sensorID string, q sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	in, remote, err := r.ask(ctx, sensorID, question{Latest: &q})
	if remote && err == nil {
		return in.latest(time.Now(), min(max(q.Limit, 0), maxAskedSamples)), in.checked()
	}
	kept, failed := r.Store.Latest(ctx, sensorID, q)
	if remote && (failed != nil || len(kept) == 0) {
		return nil, err
	}
	return kept, failed
}

// maxWholeRead bounds the samples of a Read without a limit; its page says where to
// continue.
const maxWholeRead = 1 << 20

func (r reads) Read(ctx context.Context, sensorID, attributeID string, q sensocto.Query) (page sensocto.Page, err error) {
	for limit := cmp.Or(q.Limit, maxWholeRead); ; {
		in, remote, err := r.ask(ctx, sensorID, question{AttributeID: attributeID, Read: &q})
		if !remote || err != nil {
			return r.kept(ctx, sensorID, attributeID, q, err)
		}
		part := in.page(time.Now(), askedSamples(q))
		if in.checked() != nil || !isPage(part, q) {
			return sensocto.Page{}, errAnswer
		}
		page.Samples, page.Next = append(page.Samples, part.Samples...), part.Next
		if part.Next == nil || len(part.Samples) == 0 || len(page.Samples) >= limit {
			return page, nil
		}
		if q.After = part.Next; q.Limit > 0 {
			q.Limit = limit - len(page.Samples)
		}
	}
}

// askedSamples is how many samples a page has at most.
func askedSamples(q sensocto.Query) int {
	if q.Limit <= 0 || q.Limit > maxAskedSamples {
		return maxAskedSamples
	}
	return q.Limit
}

// isPage reports whether a page may be the answer to a question: its samples are within
// the bounds and in order, and it goes on behind its last one.
func isPage(p sensocto.Page, q sensocto.Query) bool {
	var last sensocto.Cursor
	if q.After != nil {
		last = *q.After
	}
	for i, s := range p.Samples {
		inside := s.Timestamp >= q.From && (q.To == 0 || s.Timestamp < q.To)
		if !inside || ((i > 0 || q.After != nil) && compare(s.Timestamp, last.Timestamp, q.Order) < 0) {
			return false
		}
		last.Timestamp = s.Timestamp
	}
	next := p.Next
	if next == nil {
		return true
	}
	forward := q.After == nil || next.Timestamp != q.After.Timestamp || compare(next.Seq, q.After.Seq, q.Order) > 0
	return len(p.Samples) > 0 && next.Timestamp == last.Timestamp && forward
}

// compare is positive where a comes behind b in an order.
func compare(a, b int64, order sensocto.Order) int {
	if order == sensocto.Descending {
		a, b = b, a
	}
	return cmp.Compare(a, b)
}

// kept reads what is stored here; away is why its server was not asked, if it should
// have been.
func (r reads) kept(ctx context.Context, sensorID, attributeID string, q sensocto.Query, away error) (sensocto.Page, error) {
	page, err := r.Store.Read(ctx, sensorID, attributeID, q)
	if away != nil && (err != nil || len(page.Samples) == 0) {
		return sensocto.Page{}, away
	}
	return page, err
}

func (r reads) History(ctx context.Context, sensorID, attributeID string, q sensocto.HistoryQuery) (sensocto.History, error) {
	in, remote, err := r.ask(ctx, sensorID, question{AttributeID: attributeID, History: &q})
	if remote && err == nil {
		return in.history(time.Now()), in.checked()
	}
	h, failed := r.Store.History(ctx, sensorID, attributeID, q)
	if remote && (failed != nil || len(h.Buckets)+len(h.Samples) == 0) {
		return sensocto.History{}, err
	}
	return h, failed
}
