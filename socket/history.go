package socket

import (
	"context"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/history"
	"github.com/sensocto/sensocto/socket/request"
)

// answerHistory reads what the trace of an attribute is drawn from. The answer
// is bounded in bytes: buckets become wider, pages shorter.
//
// Of a sensor that was shared, what was before is left out, as far as the viewer
// may not see it.
func answerHistory(ctx context.Context, ch *channel, f *phx.Frame, id sensocto.Identity, sensorID string, p request.Params) error {
	r, err := history.Parse(sensorID, p)
	if err != nil {
		return err
	}
	if isRemote(sensorID) {
		read := func() ([]byte, error) { return ch.conn.srv.readRemoteHistory(ctx, id, r) }
		return ch.conn.later(f, read, func(f *phx.Frame, response []byte, err error) error {
			if err == nil {
				ch.Answer(f, response)
			}
			return ch.conn.answered(ch, f, err)
		})
	}
	response, err := ch.conn.srv.readHistory(ctx, id, r)
	if err == nil {
		ch.Answer(f, response)
	}
	return err
}

// isRemote reports whether a sensor is of another server.
func isRemote(sensorID string) bool { return strings.HasPrefix(sensorID, sensocto.RemoteSensorPrefix) }

// readRemoteHistory is readHistory of another server, which may take seconds: rights
// that end meanwhile end the answer.
func (s *Server) readRemoteHistory(ctx context.Context, id sensocto.Identity, r *history.Request) ([]byte, error) {
	rights, err := s.rights.Sensor(ctx, id, r.SensorID)
	if err != nil {
		return nil, err
	}
	response, err := s.readHistory(ctx, id, r)
	if err != nil {
		return nil, err
	}
	return response, s.stillMay(ctx, id, r.SensorID, rights)
}

// readHistory returns the answer, as far as the identity has a right to it.
func (s *Server) readHistory(ctx context.Context, id sensocto.Identity, r *history.Request) ([]byte, error) {
	rights, err := s.rights.Sensor(ctx, id, r.SensorID)
	if err != nil {
		return nil, err
	}
	if !rights.History {
		return nil, sensocto.ErrUnauthorized
	}
	r.Since(rights.Since)
	reading, leave, err := s.readTurn(ctx, r.SensorID)
	if err != nil {
		return nil, err
	}
	defer leave()
	response, err := r.Answer(reading, s.store, s.limits.QueueBytes/4)
	if err != nil {
		return nil, err
	}
	if again, err := s.rights.Sensor(ctx, id, r.SensorID); err != nil || !again.History { // the right has ended while it was read
		return nil, sensocto.ErrUnauthorized
	}
	return response, nil
}

// since returns the samples, which are in order of time, from a moment on; the
// zero time is no bound.
func since(samples []sensocto.Sample, t time.Time) []sensocto.Sample {
	if t.IsZero() {
		return samples
	}
	from := t.UnixMicro()
	for len(samples) > 0 && samples[0].Timestamp < from {
		samples = samples[1:]
	}
	return samples
}

// reasonSensorAway is why the history of a sensor of another server is not there.
const reasonSensorAway = "sensor_away"

func (s *Server) readLatest(ctx context.Context, sensorID string, q sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	ctx, leave, err := s.readTurn(ctx, sensorID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.store.Latest(ctx, sensorID, q)
}

// remoteReadTime is how long a viewer waits for the history of a sensor of another
// server: longer than it takes to find out that the server is away, when what is kept
// here is the answer.
const remoteReadTime = 6 * time.Second

var errSensorAway = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: reasonSensorAway, Message: "the server of this sensor does not answer: try again later"}

// readTurn waits for a turn to read history: as few at a time as leave a processor to
// what is live. What another server reads needs none here. Reads use the context that
// it returns.
func (s *Server) readTurn(ctx context.Context, sensorID string) (_ context.Context, leave func(), err error) {
	if isRemote(sensorID) {
		ctx, leave := context.WithTimeoutCause(ctx, remoteReadTime, errSensorAway)
		return ctx, leave, nil
	}
	leave, err = s.reads.Take(ctx)
	return ctx, leave, err
}
