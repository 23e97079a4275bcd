package p2p

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// A sensor of another server that nobody has looked at yet is asked once what it measures,
// so that lists show that. No sample flows for it, and its device hears nothing.

// describeLast is how long a sensor that could not be asked is left alone at most; it
// begins with addEvery.
const describeLast = 10 * time.Minute

// describeAll asks about the sensors of which nothing but the room is known, one at a
// time, until the context ends.
func (l *live) describeAll(ctx context.Context) {
	again := time.NewTicker(addEvery)
	defer again.Stop()
	for {
		l.describeEach(ctx)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-l.unknown:
		}
	}
}

// describeEach asks about each sensor once, and an endpoint that is away about none of the
// others.
func (l *live) describeEach(ctx context.Context) {
	l.mu.Lock()
	all := slices.SortedFunc(maps.Values(l.remotes), func(a, b *remote) int { return cmp.Compare(a.id, b.id) })
	l.mu.Unlock()
	away := map[string]bool{}
	for _, r := range all {
		endpoint, due := r.mayDescribe(time.Now())
		if !due || away[endpoint] || ctx.Err() != nil {
			continue
		}
		if err := r.describe(ctx); err != nil && err != errDropped {
			away[endpoint] = sensocto.ErrorCode(err) != sensocto.CodeUnauthorized
			r.describeLater(time.Now())
		}
	}
}

// mayDescribe reports whether the sensor is to be asked what it measures, and where. While
// it has a stream, that tells.
func (r *remote) mayDescribe(now time.Time) (endpoint string, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.place
	return p.endpoint, !r.described && !r.dropped && !r.running && p.endpoint != "" && p.as != "" && !now.Before(r.describeAt)
}

// describeLater has the sensor asked again after a pause, longer each time.
func (r *remote) describeLater(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.describePause = min(max(2*r.describePause, addEvery), describeLast)
	r.describeAt = now.Add(r.describePause)
}

// describe opens a stream until it has told what the sensor measures.
func (r *remote) describe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*connectTime)
	defer cancel()
	r.mu.Lock()
	s := &session{remote: r, place: r.place}
	r.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return err
	}
	defer func() {
		closing, done := context.WithTimeout(context.WithoutCancel(ctx), openTime)
		defer done()
		_ = s.stream.Close(closing)
	}()
	in := &frames{read: patientRead(s.stream, connectTime), most: maxDataFrame}
	for {
		kind, body, err := in.next(ctx)
		if err != nil {
			return err
		}
		switch kind {
		case framePing:
		case frameState:
			_, _, err := s.learn(ctx, body)
			return err
		case frameFailed:
			if err := s.refused(body); err != nil {
				return err
			}
		default:
			return errFrame
		}
	}
}
