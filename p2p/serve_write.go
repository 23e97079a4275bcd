package p2p

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sensocto/sensocto"
)

// work is what there is to write.
type work struct {
	queue  []*sensocto.Batch
	lagged bool
	sensor *sensocto.Sensor
	stale  bool
	watch  *watchFrame
	answer bool
}

func (w *work) nothing() bool {
	return len(w.queue) == 0 && !w.lagged && w.sensor == nil && !w.stale && w.watch == nil && !w.answer
}

// take takes all there is to write that is live. That rights may have changed, and
// answers, stay until they are looked at.
func (s *served) take() (w work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w = work{queue: s.queue, lagged: s.lagged, sensor: s.sensor, stale: s.stale, watch: s.watch, answer: len(s.answers) > 0}
	s.empty(false)
	s.sensor, s.watch = nil, nil
	return w
}

// writeAll writes until the context ends, or the right to see the sensor does.
func (s *served) writeAll(ctx context.Context) error {
	s.signal = s.live.PubSub.Subscribe(sensocto.SignalTopic(s.open.Sensor), s)
	if sensor, ok := s.live.Sensors.Sensor(s.open.Sensor); ok {
		s.tell(sensor)
	} else {
		s.tell(sensocto.UnknownSensor(s.open.Sensor))
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		w := s.take()
		if w.nothing() {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wake:
			case <-ping.C:
				if err := s.write(ctx, appendFrame(nil, framePing, nil)); err != nil {
					return err
				}
			}
			continue
		}
		if err := s.do(ctx, w); err != nil {
			return err
		}
	}
}

// do writes what there is: first what is live.
func (s *served) do(ctx context.Context, w work) error {
	if err := s.recheck(ctx); err != nil {
		return err
	}
	if w.sensor != nil {
		frame, err := appendJSONFrame(nil, frameState, stateOf(*w.sensor))
		if err == nil {
			err = s.write(ctx, frame)
		}
		if err != nil {
			return err
		}
	}
	if w.watch != nil {
		resumed, err := s.follow(ctx, w.watch)
		if err != nil {
			return err
		}
		w.lagged = w.lagged || resumed
	}
	if w.lagged && s.sub != nil {
		more, err := s.catchUp(ctx)
		if err != nil {
			return err
		}
		if more { // the queue comes from memory then, and answers behind it
			s.lag()
			return nil
		}
	}
	if err := s.sendAll(ctx, w.queue); err != nil || !w.answer {
		return err
	}
	return s.sendAnswer(ctx)
}

// recheck asks again for the rights where they may have changed. A right that ended, or
// begins later than before, ends the stream: what was made ready under it is not sent.
func (s *served) recheck(ctx context.Context) error {
	s.mu.Lock()
	stale := s.stale
	s.stale = false
	s.mu.Unlock()
	if !stale {
		return nil
	}
	rights, err := s.allowed(ctx)
	if err == nil && rights.LiveSince.After(s.rights.LiveSince) {
		err = errRights
	}
	if err != nil {
		s.live.count.revoked.Add(1)
		return err
	}
	s.rights = rights
	return nil
}

// errRights has the peer open the stream again.
var errRights = &sensocto.Error{Code: sensocto.CodeConflict, Message: "the right to the sensor has changed: open the stream again"}

// sendData sends frames with data while the right to see it lasts.
func (s *served) sendData(ctx context.Context, frames []byte) error {
	if err := s.recheck(ctx); err != nil {
		return err
	}
	return s.write(ctx, frames)
}

// lag has the writer go on from memory.
func (s *served) lag() {
	s.mu.Lock()
	s.lagged = true
	s.mu.Unlock()
	s.notify()
}

// write sends frames, which the peer has to take within a time.
func (s *served) write(ctx context.Context, frames []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return s.stream.Write(ctx, frames)
}

// follow looks at the sensor as closely as the peer does. It reports whether there is
// something to catch up with.
func (s *served) follow(ctx context.Context, w *watchFrame) (resumed bool, err error) {
	level, _ := sensocto.ParseAttentionLevel(w.Level) // look has checked it
	if level == sensocto.AttentionNone {
		s.blind()
	}
	if level == sensocto.AttentionNone || s.sub != nil {
		s.attend(level, w.NeverPause)
		return false, nil
	}
	s.sub = s.live.PubSub.Subscribe(sensocto.DataTopic(s.open.Sensor), s)
	begin, err := s.begins(ctx, w.From)
	if err != nil {
		return false, err
	}
	s.attend(level, w.NeverPause) // what the device sends from now on is among what follows
	return w.From != nil, s.write(ctx, appendFrame(nil, frameBegin, begin))
}

// attend has the sensor's device know how closely the peer looks.
func (s *served) attend(level sensocto.AttentionLevel, neverPause bool) {
	stop := s.live.Attention.Listen(s.open.Sensor, sensocto.Demand{Level: level, NeverPause: neverPause, Held: true})
	s.stop()
	s.stop = stop
}

// begins notes the numbers of the first samples that follow, and returns them as JSON.
func (s *served) begins(ctx context.Context, from map[string]int64) ([]byte, error) {
	latest, err := s.live.Samples.Latest(ctx, s.open.Sensor, sensocto.LatestQuery{Limit: 1})
	if err != nil {
		return nil, err
	}
	s.sent = make(map[string]int64, len(latest))
	for id, l := range latest {
		s.sent[id] = l.End
		if from != nil {
			s.sent[id] = min(max(0, from[id]), l.End) // beyond the end: the sensor was deleted and made again
		}
	}
	return json.Marshal(s.sent)
}

// blind ends what is live.
func (s *served) blind() {
	if s.sub != nil {
		s.sub.Close()
		s.sub = nil
	}
	s.mu.Lock()
	s.empty(false)
	s.mu.Unlock()
}

// quit ends all that the peer saw.
func (s *served) quit() {
	s.mu.Lock()
	s.ended = true // what is being delivered is not counted any more
	s.mu.Unlock()
	s.blind()
	s.stop()
	if s.signal != nil {
		s.signal.Close()
	}
}

// Deliver implements sensocto.Subscriber. It queues, in the sensor's turn. A queue
// that is full is dropped whole: what it had is read from memory when the peer takes
// more.
func (s *served) Deliver(m *sensocto.Message) {
	switch p := m.Payload.(type) {
	case sensocto.Sensor:
		s.tell(p)
		return
	case *sensocto.Batch:
		s.enqueue(p)
	}
	s.notify()
}

func (s *served) enqueue(b *sensocto.Batch) {
	documents := 0
	for i := range b.Measurements {
		documents += len(b.Measurements[i].Document)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	full := s.queued+len(b.Measurements) > maxQueued || s.documents+documents > maxQueuedDocuments || s.live.documents.Load()+int64(documents) > maxAllDocuments
	if full && len(s.queue) > 0 {
		s.empty(true)
		s.live.count.lagged.Add(1)
		return
	}
	s.queue, s.queued, s.documents = append(s.queue, b), s.queued+len(b.Measurements), s.documents+documents
	s.live.documents.Add(int64(documents))
}

// empty empties the queue, with mu held. lagged: what it had is to be read from memory.
func (s *served) empty(lagged bool) {
	s.live.documents.Add(-int64(s.documents))
	s.queue, s.queued, s.documents, s.lagged = nil, 0, 0, lagged
}

func (s *served) tell(sensor sensocto.Sensor) {
	s.mu.Lock()
	s.sensor = &sensor
	s.mu.Unlock()
	s.notify()
}

func stateOf(s sensocto.Sensor) stateFrame {
	f := stateFrame{Name: s.Name, Type: s.Type, ConnectorID: s.ConnectorID, ConnectorName: s.ConnectorName, SamplingRate: s.SamplingRate, Attributes: []stateAttribute{},
		Online: s.Activity == sensocto.ActivityOnline || s.Activity == sensocto.ActivityIdle}
	for _, a := range s.Attributes {
		f.Attributes = append(f.Attributes, stateAttribute{a.ID, a.Name, a.Type, a.Unit, a.SamplingRate})
	}
	return f
}

// sendAll sends batches: of each attribute every sample once and in order.
func (s *served) sendAll(ctx context.Context, queue []*sensocto.Batch) error {
	if len(queue) == 0 || s.sub == nil {
		return nil
	}
	s.out, s.at = beginFrame(s.out[:0], frameData)
	for _, b := range queue {
		for i := range b.Measurements {
			if err := s.add(ctx, &b.Measurements[i]); err != nil {
				return err
			}
		}
	}
	s.endRun()
	return s.sendOut(ctx)
}

// add adds a measurement to the frame that is being made, unless the peer has it. Runs
// go on from one batch to the next.
func (s *served) add(ctx context.Context, m *sensocto.Measurement) error {
	if m.Number < s.sent[m.AttributeID] {
		return nil
	}
	if r := &s.run; len(r.Samples) > 0 && (r.AttributeID != m.AttributeID || r.First+int64(len(r.Samples)) != m.Number || s.runBytes > answerPart) {
		s.endRun()
		if len(s.out)-s.at > answerPart {
			if err := s.sendOut(ctx); err != nil {
				return err
			}
		}
	}
	if len(s.run.Samples) == 0 {
		s.run.AttributeID, s.run.First = m.AttributeID, m.Number
	}
	s.run.Samples = append(s.run.Samples, m.Sample)
	s.runBytes += len(m.Document) + 12
	s.sent[m.AttributeID] = m.Number + 1
	return nil
}

// endRun puts the run into the frame.
func (s *served) endRun() {
	if len(s.run.Samples) == 0 {
		return
	}
	s.live.count.sent.Add(uint64(len(s.run.Samples)))
	s.out = appendRun(s.out, s.run.AttributeID, s.run.First, s.run.Samples)
	clear(s.run.Samples) // let go of documents
	s.run.Samples, s.runBytes = s.run.Samples[:0], 0
}

// sendOut sends the frame unless it is empty, and begins another.
func (s *served) sendOut(ctx context.Context) (err error) {
	if len(s.out) > s.at+frameHead {
		err = s.sendData(ctx, endFrame(s.out, s.at))
	}
	s.out, s.at = beginFrame(s.out[:0], frameData)
	return err
}

// catchUp sends from memory what the peer lacks, of each attribute a few parts. It
// reports whether there may be more: everything else has a turn before that.
func (s *served) catchUp(ctx context.Context) (more bool, err error) {
	sensor, _ := s.live.Sensors.Sensor(s.open.Sensor)
	for _, a := range sensor.Attributes {
		left := true
		for n := 0; left && n < catchUpParts; n++ {
			if left, err = s.catchUpWith(ctx, a.ID); err != nil {
				return false, err
			}
		}
		more = more || left
	}
	return more, nil
}

// catchUpWith sends a part of what is in memory of an attribute; it reports whether
// there may be more.
func (s *served) catchUpWith(ctx context.Context, attributeID string) (more bool, err error) {
	from := s.sent[attributeID]
	first, samples, cut, err := s.live.Samples.From(ctx, s.open.Sensor, attributeID, sensocto.NumberQuery{From: from, Limit: catchUpPart, Bytes: catchUpBytes})
	if err != nil {
		return false, err
	}
	if cut {
		s.live.count.cut.Add(1)
	}
	var out []byte
	more = len(samples) > 0
	if first > from {
		s.live.count.lost.Add(uint64(first - from))
		if out, err = appendJSONFrame(nil, frameLost, lostFrame{attributeID, first - from}); err != nil {
			return false, err
		}
	}
	for len(samples) > 0 {
		n := s.shown(samples)
		if n > 0 {
			out = s.appendPart(out, attributeID, first, samples[:n])
		}
		n = max(n, 1) // one that is not for the peer to see
		first, samples = first+int64(n), samples[n:]
		if len(out) > answerPart {
			if err := s.sendData(ctx, out); err != nil {
				return false, err
			}
			out = out[:0]
		}
	}
	s.sent[attributeID] = first
	if len(out) > 0 {
		err = s.sendData(ctx, out)
	}
	return more, err
}

// shown returns how many of the first samples the peer may see, and fit in a frame.
func (s *served) shown(samples []sensocto.Sample) (n int) {
	since := int64(0)
	if !s.rights.LiveSince.IsZero() {
		since = s.rights.LiveSince.UnixMicro()
	}
	for size := 0; n < len(samples) && samples[n].Timestamp >= since && size < answerPart; n++ {
		size += len(samples[n].Document) + 12
	}
	return n
}

func (s *served) appendPart(dst []byte, attributeID string, first int64, samples []sensocto.Sample) []byte {
	s.live.count.sent.Add(uint64(len(samples)))
	dst, at := beginFrame(dst, frameData)
	return endFrame(appendRun(dst, attributeID, first, samples), at)
}
