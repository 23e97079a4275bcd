package backup

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/sensocto/sensocto"
)

// streamRecord is how far a stream is, in an archive.
type streamRecord struct {
	SensorID string    `json:"sensor_id"`
	Stream   string    `json:"stream"` // hexadecimal
	Seq      uint64    `json:"seq"`
	Last     time.Time `json:"last"`
}

func recordOfStream(m sensocto.StreamMark) streamRecord {
	return streamRecord{m.SensorID, hex.EncodeToString(m.Stream[:]), m.Seq, m.Last}
}

func (r streamRecord) mark() (sensocto.StreamMark, error) {
	m := sensocto.StreamMark{SensorID: r.SensorID, Seq: r.Seq, Last: r.Last}
	id, err := hex.DecodeString(r.Stream)
	if err != nil || len(id) != len(m.Stream) || r.Seq == 0 || !sensocto.ValidID(r.SensorID) {
		return m, damaged("%q of %q is no stream", r.Stream, r.SensorID)
	}
	copy(m.Stream[:], id)
	return m, nil
}

func (w *writer) streams() error {
	if w.source.Streams == nil {
		return nil
	}
	list := w.source.Streams()
	w.totals.Streams = int64(len(list))
	return lines(w, kindStreams, list, func(m sensocto.StreamMark) any { return recordOfStream(m) })
}

func (s *scanner) takeStreams(payload []byte) error {
	for line := range bytes.Lines(payload) {
		var r streamRecord
		if err := json.Unmarshal(line, &r); err != nil {
			return damaged("stream: %v", err)
		}
		mark, err := r.mark()
		if err != nil {
			return err
		}
		s.totals.Streams++
		if s.handler.Stream == nil {
			continue
		}
		if err := s.handler.Stream(mark); err != nil {
			return err
		}
	}
	return nil
}
