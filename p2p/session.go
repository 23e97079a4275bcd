package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/sensocto/sensocto"
)

// session is one stream to the server of a sensor.
type session struct {
	*remote
	place  place
	stream *Stream
	level  sensocto.AttentionLevel // that was said last
	never  bool                    // as was said: that the device may not be paused
	sent   map[uint64]bool         // questions under way
	names  map[string]string
	ahead  map[string]int64 // next, when the sensor has taken the frame that is read
	kept   bool             // the catalog has the sensor
	lossy  bool             // samples were lost, and that was logged
}

// session opens a stream and follows what is wanted, until nothing is.
func (r *remote) session(ctx context.Context) error {
	r.mu.Lock()
	s := &session{remote: r, place: r.place, sent: map[uint64]bool{}, names: map[string]string{}, ahead: map[string]int64{}}
	r.mu.Unlock()
	if s.place.as == "" {
		return errReadsOnly
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1) // one result
	go func() { ended <- s.listen(ctx) }()
	err, over := s.follow(ctx, ended)
	cancel()
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), openTime)
	defer done()
	_ = s.stream.Close(closing)
	if !over {
		<-ended
	}
	return err
}

// connect opens the stream and says who asks for what.
func (s *session) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if s.stream, err = s.live.sync.options.Sidecar.OpenStream(ctx, s.place.endpoint, sensorProtocol); err != nil {
		return err
	}
	open, err := appendJSONFrame(nil, frameOpen, openFrame{Room: s.place.room, As: s.place.as, Owner: s.place.ref.Member, Sensor: s.place.ref.ID})
	if err == nil {
		err = s.stream.Write(ctx, open)
	}
	if err != nil {
		closing, done := context.WithTimeout(context.WithoutCancel(ctx), openTime)
		defer done()
		_ = s.stream.Close(closing)
	}
	return err
}

// follow tells the other server what is wanted. over says that listening has ended.
func (s *session) follow(ctx context.Context, ended <-chan error) (err error, over bool) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		frames, more, err := s.wants()
		if err != nil || !more {
			return err, false
		}
		if len(frames) > 0 {
			if err := s.write(ctx, frames); err != nil {
				return err, false
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err(), false
		case err := <-ended:
			return err, true
		case <-s.wake:
		case <-ping.C:
			if err := s.write(ctx, appendFrame(nil, framePing, nil)); err != nil {
				return err, false
			}
		}
	}
}

func (s *session) write(ctx context.Context, frames []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return s.stream.Write(ctx, frames)
}

// wants returns what is to be said; more is false where the stream is not needed any
// more.
func (s *session) wants() (out []byte, more bool, err error) {
	never := s.live.Attention.Snapshot(s.id).NeverPause
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.wanted():
		return nil, false, nil
	case !s.place.same(s.remote.place):
		return nil, true, errMovedOn
	}
	if level := s.remote.level; level != s.level || (never != s.never && level > sensocto.AttentionNone) {
		w := watchFrame{Level: level.String(), NeverPause: never}
		if s.level == sensocto.AttentionNone {
			w.From = s.next
		}
		s.level, s.never = level, never
		if level == sensocto.AttentionNone {
			s.next = nil
		}
		if out, err = appendJSONFrame(out, frameWatch, w); err != nil {
			return nil, true, err
		}
	}
	for id, a := range s.asked {
		if s.sent[id] || len(s.sent) >= asksOfOne {
			continue
		}
		s.sent[id] = true
		if out, err = appendJSONFrame(out, frameAsk, a.question); err != nil {
			return nil, true, err
		}
	}
	return out, true, nil
}

// errMovedOn ends a stream to where the sensor was.
var errMovedOn = errors.New("what its room says of the sensor has changed")

// listen takes what the other server sends.
func (s *session) listen(ctx context.Context) error {
	in := &frames{read: patientRead(s.stream, silentAfter), most: maxDataFrame}
	for {
		kind, body, err := in.next(ctx)
		if err != nil {
			return err
		}
		if err := s.handle(ctx, kind, body); err != nil {
			if err == errFrame {
				s.live.count.broken.Add(1)
			}
			return err
		}
	}
}

func (s *session) handle(ctx context.Context, kind byte, body []byte) error {
	switch kind {
	case framePing:
		return nil
	case frameState:
		return s.state(ctx, body)
	case frameBegin:
		return s.begin(body)
	case frameData:
		return s.data(ctx, body)
	case frameLost:
		var lost lostFrame
		if json.Unmarshal(body, &lost) != nil || lost.Samples < 0 {
			return errFrame
		}
		s.live.count.lost.Add(uint64(lost.Samples))
		if !s.lossy {
			s.lossy = true
			s.live.sync.log.Warn("samples of a sensor of another server did not arrive, since its server no longer has them in memory; more losses of this stream are only counted", "sensor", s.id, "attribute", shorten(lost.AttributeID), "samples", lost.Samples)
		}
		return nil
	case frameAnswer:
		return s.answered(ctx, body)
	case frameFailed:
		return s.refused(body)
	}
	return errFrame
}

// learn brings what the other server says of the sensor here.
func (s *session) learn(ctx context.Context, body []byte) (f stateFrame, known sensocto.Registration, err error) {
	if json.Unmarshal(body, &f) != nil {
		return f, known, errFrame
	}
	known = sensocto.Registration{SensorID: s.id, SensorName: f.Name, SensorType: f.Type, ConnectorID: f.ConnectorID, ConnectorName: f.ConnectorName, SamplingRate: f.SamplingRate}
	for _, a := range f.Attributes {
		known.Attributes = append(known.Attributes, sensocto.Attribute{ID: a.ID, Name: a.Name, Type: a.Type, Unit: a.Unit, SamplingRate: a.SamplingRate})
	}
	if err := s.show(func() error { return s.live.Sensors.AddRemote(ctx, s.place.owner, known) }); err != nil {
		return f, known, err
	}
	s.mu.Lock()
	s.described = true
	s.mu.Unlock()
	return f, known, nil
}

// state follows whether the device is connected at the other server.
func (s *session) state(ctx context.Context, body []byte) error {
	f, known, err := s.learn(ctx, body)
	if err != nil {
		return err
	}
	s.kept = false // it may have been deleted, and was added again
	s.mu.Lock()
	s.connected, s.away = true, nil
	link := s.link
	if !f.Online {
		s.link = nil
	}
	s.mu.Unlock()
	switch {
	case f.Online && link == nil:
		return s.connectDevice(ctx, known)
	case !f.Online && link != nil:
		link.Close()
	}
	return nil
}

func (s *session) connectDevice(ctx context.Context, known sensocto.Registration) error {
	d := &remoteDevice{remote: s.remote}
	var link sensocto.SensorLink
	err := s.show(func() (err error) {
		link, err = s.live.Sensors.ConnectRemote(ctx, s.place.owner, known, d)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.link = link; !d.replaced {
		s.link = link
	}
	return nil
}

func (s *session) begin(body []byte) error {
	var next map[string]int64
	if json.Unmarshal(body, &next) != nil || len(next) > maxNames {
		return errFrame
	}
	if next == nil {
		next = map[string]int64{}
	}
	s.mu.Lock()
	s.next = next
	s.mu.Unlock()
	return nil
}

// data hands measurements to the sensor here, each once. They count as arrived when it
// has taken them: of a frame that it did not take all comes again.
func (s *session) data(ctx context.Context, body []byte) error {
	in := reader{rest: body, names: s.names}
	runs := in.runs(time.Now())
	if in.failed {
		return errFrame
	}
	b := &sensocto.Batch{SensorID: s.id}
	clear(s.ahead)
	s.mu.Lock()
	for _, r := range runs {
		b.Measurements = s.appendNew(b.Measurements, r)
	}
	keep := s.remote.place.keep
	s.mu.Unlock()
	if len(b.Measurements) == 0 {
		return nil
	}
	count := uint64(len(b.Measurements)) // the batch is the sensor's soon
	if err := s.hand(ctx, b, keep); err != nil {
		return err
	}
	s.live.count.received.Add(count)
	s.mu.Lock()
	if s.next != nil { // somebody still asks
		maps.Copy(s.next, s.ahead)
	}
	s.mu.Unlock()
	return nil
}

func (s *session) hand(ctx context.Context, b *sensocto.Batch, keep bool) error {
	if keep && !s.kept {
		if err := s.live.Sensors.KeepRemote(ctx, s.id); err != nil {
			return err
		}
		s.kept = true
	}
	return s.live.Sensors.TakeRemote(ctx, b, keep)
}

// appendNew appends the samples of a run that did not come before, and notes them in
// ahead. What nobody asks for any more goes nowhere. mu is held.
func (s *session) appendNew(ms []sensocto.Measurement, r run) []sensocto.Measurement {
	from, known := s.next[r.AttributeID]
	if s.next == nil || (!known && len(s.next)+len(s.ahead) >= maxNames) {
		return ms
	}
	from = max(from, s.ahead[r.AttributeID])
	for i := range r.Samples {
		if number := r.First + int64(i); number >= from {
			ms = append(ms, sensocto.Measurement{AttributeID: r.AttributeID, Sample: r.Samples[i], Number: number})
		}
	}
	s.ahead[r.AttributeID] = max(from, r.First+int64(len(r.Samples)))
	return ms
}
