package backup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/sensocto/sensocto"
)

// Handler takes what an archive holds, in its order: the manifest, the chunks
// series by series, sensors, tokens, streams, people, the key of shared rooms. What is nil is passed over. An error
// ends the scan.
type Handler struct {
	Manifest func(Manifest) error
	// Chunk gets chunks whose data is valid during the call only.
	Chunk  func(*sensocto.Chunk) error
	Sensor func(sensocto.Sensor) error
	Token  func(sensocto.Token) error
	Stream func(sensocto.StreamMark) error
	// Person gets a row about people, which is valid during the call only.
	Person func(json.RawMessage) error
	// RoomKey gets the secret of shared rooms, at most once.
	RoomKey func([]byte) error
}

// Scan reads an archive to its end. It returns an error that wraps ErrDamaged
// unless every byte is what was written, down to the last. What the handler
// was given before that error is whole as far as it goes, but not complete.
func Scan(ctx context.Context, in io.Reader, h Handler) (Trailer, error) {
	unpack, err := newUnpacker()
	if err != nil {
		return Trailer{}, err
	}
	defer unpack.Close()
	s := &scanner{in: bufio.NewReaderSize(in, 256<<10), unpack: unpack, handler: h}
	if err := s.begin(); err != nil {
		return Trailer{}, err
	}
	for !s.ended {
		if err := ctx.Err(); err != nil {
			return Trailer{}, context.Cause(ctx)
		}
		if err := s.next(); err != nil {
			return Trailer{}, err
		}
	}
	if n, err := s.in.Read(make([]byte, 1)); n > 0 || err == nil {
		return Trailer{}, damaged("something follows its end at byte %d", s.offset)
	} else if !errors.Is(err, io.EOF) {
		return Trailer{}, fmt.Errorf("read archive: %w", err)
	}
	return s.totals, nil
}

// scanner reads one archive.
type scanner struct {
	in      *bufio.Reader
	unpack  *zstd.Decoder
	handler Handler

	offset          int64
	chain           [32]byte
	stored, plain   []byte
	series          Series
	manifest, ended bool
	roomKey         bool    // it was there
	totals          Trailer // counted so far; at the end, as the trailer has it
}

func (s *scanner) begin() error {
	head := make([]byte, len(magic)+1)
	if err := s.read(head); err != nil {
		return err
	}
	if string(head[:len(magic)]) != magic {
		return damaged("it is no backup of sensocto")
	}
	if v := head[len(magic)]; v == 0 || v > Version {
		return damaged("it has format %d, this program reads %d: use a newer version of sensocto", v, Version)
	}
	return nil
}

func (s *scanner) read(b []byte) error {
	n, err := io.ReadFull(s.in, b)
	s.offset += int64(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return damaged("it ends at byte %d, before its end was written: it is incomplete", s.offset)
	case err != nil:
		return fmt.Errorf("read archive: %w", err)
	}
	return nil
}

// next reads an entry and hands on what it holds.
func (s *scanner) next() error {
	at := s.offset
	k, payload, err := s.entry()
	if err == nil {
		err = s.take(k, payload)
	}
	if err != nil && errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w (entry %d at byte %d)", err, s.totals.Entries, at)
	}
	return err
}

func (s *scanner) entry() (kind, []byte, error) {
	head := make([]byte, headerSize)
	if err := s.read(head); err != nil {
		return 0, nil, err
	}
	var h header
	if err := h.parse(head); err != nil {
		return 0, nil, damaged("%v", err)
	}
	s.stored = sized(s.stored, int(h.stored))
	if err := s.read(s.stored); err != nil {
		return 0, nil, err
	}
	if h.next(s.chain, s.stored) != h.chain {
		return 0, nil, damaged("a checksum does not match: its bytes were changed")
	}
	s.chain = h.chain
	payload, err := s.open(h)
	return h.kind, payload, err
}

// open returns the payload unpacked.
func (s *scanner) open(h header) ([]byte, error) {
	if h.form == formPlain && h.plain == h.stored {
		return s.stored, nil
	}
	if h.form != formZstd {
		return nil, damaged("form %d is unknown", h.form)
	}
	s.plain = sized(s.plain, int(h.plain))
	plain, err := s.unpack.DecodeAll(s.stored, s.plain[:0])
	if err != nil || len(plain) != int(h.plain) {
		return nil, damaged("it does not unpack: %v", err)
	}
	return plain, nil
}

// sized returns a slice of n bytes of whatever content.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

func (s *scanner) take(k kind, payload []byte) error {
	if (k == kindManifest) == s.manifest {
		return damaged("its entries are not in their order")
	}
	if k == kindTrailer {
		return s.end(payload)
	}
	s.totals.Entries++
	switch k {
	case kindManifest:
		return s.takeManifest(payload)
	case kindSeries:
		return s.takeSeries(payload)
	case kindChunks:
		return s.takeChunks(payload)
	case kindSensors:
		return s.takeSensors(payload)
	case kindTokens:
		return s.takeTokens(payload)
	case kindStreams:
		return s.takeStreams(payload)
	case kindPeople:
		return s.takePeople(payload)
	case kindRoomKey:
		return s.takeRoomKey(payload)
	}
	return damaged("an entry has the unknown kind %d", k)
}

func (s *scanner) takeManifest(payload []byte) error {
	var m Manifest
	if err := json.Unmarshal(payload, &m); err != nil {
		return damaged("manifest: %v", err)
	}
	s.manifest = true
	if s.handler.Manifest == nil {
		return nil
	}
	return s.handler.Manifest(m)
}

func (s *scanner) takeSeries(payload []byte) error {
	s.series = Series{}
	if err := json.Unmarshal(payload, &s.series); err != nil {
		return damaged("series: %v", err)
	}
	if !sensocto.ValidID(s.series.SensorID) || !sensocto.ValidAttributeID(s.series.AttributeID) {
		return damaged("%q %q is no series", s.series.SensorID, s.series.AttributeID)
	}
	s.totals.Series++
	return nil
}

func (s *scanner) takeChunks(payload []byte) error {
	if s.series.SensorID == "" {
		return damaged("chunks come before their series")
	}
	f := fields{rest: payload}
	c := sensocto.Chunk{SensorID: s.series.SensorID, AttributeID: s.series.AttributeID}
	for len(f.rest) > 0 {
		if err := f.chunk(&c); err != nil {
			return damaged("%v", err)
		}
		s.totals.count(&c)
		if s.handler.Chunk == nil {
			continue
		}
		if err := s.handler.Chunk(&c); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) takeSensors(payload []byte) error {
	for line := range bytes.Lines(payload) {
		var r sensorRecord
		if err := json.Unmarshal(line, &r); err != nil {
			return damaged("sensor: %v", err)
		}
		sensor, err := r.sensor()
		if err != nil {
			return err
		}
		s.totals.Sensors++
		if s.handler.Sensor == nil {
			continue
		}
		if err := s.handler.Sensor(sensor); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) takeTokens(payload []byte) error {
	for line := range bytes.Lines(payload) {
		var r tokenRecord
		if err := json.Unmarshal(line, &r); err != nil {
			return damaged("token: %v", err)
		}
		s.totals.Tokens++
		if s.handler.Token == nil {
			continue
		}
		if err := s.handler.Token(r.token()); err != nil {
			return err
		}
	}
	return nil
}

// end compares what the trailer says with what was there.
func (s *scanner) end(payload []byte) error {
	var t Trailer
	if err := json.Unmarshal(payload, &t); err != nil {
		return damaged("trailer: %v", err)
	}
	counted := s.totals
	counted.Damaged, counted.Finished = t.Damaged, t.Finished
	if counted != t {
		return damaged("it does not hold what its end says")
	}
	s.totals, s.ended = t, true
	return nil
}
