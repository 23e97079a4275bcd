package backup

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/sensocto/sensocto"
)

// sensorRecord is a sensor in an archive: what the catalog keeps of it.
type sensorRecord struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Type          string            `json:"type"`
	ConnectorID   string            `json:"connector_id"`
	ConnectorName string            `json:"connector_name"`
	SamplingRate  float64           `json:"sampling_rate"`
	OwnerID       string            `json:"owner_id"`
	BroughtBy     string            `json:"brought_by,omitempty"`
	Attributes    []attributeRecord `json:"attributes"`
}

type attributeRecord struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Type         string  `json:"type"`
	Unit         string  `json:"unit"`
	SamplingRate float64 `json:"sampling_rate"`
}

func recordOfSensor(s sensocto.Sensor) sensorRecord {
	r := sensorRecord{
		ID: s.ID, Name: s.Name, Type: s.Type, ConnectorID: s.ConnectorID, ConnectorName: s.ConnectorName,
		SamplingRate: s.SamplingRate, OwnerID: s.OwnerID, BroughtBy: s.BroughtBy, Attributes: make([]attributeRecord, len(s.Attributes)),
	}
	for i, a := range s.Attributes {
		r.Attributes[i] = attributeRecord{a.ID, a.Name, a.Type, a.Unit, a.SamplingRate}
	}
	return r
}

func (r sensorRecord) sensor() (sensocto.Sensor, error) {
	s := sensocto.Sensor{
		ID: r.ID, Name: r.Name, Type: r.Type, ConnectorID: r.ConnectorID, ConnectorName: r.ConnectorName,
		SamplingRate: r.SamplingRate, OwnerID: r.OwnerID, BroughtBy: r.BroughtBy, Attributes: make([]sensocto.Attribute, len(r.Attributes)),
	}
	if !sensocto.ValidID(r.ID) {
		return s, damaged("%q is no id of a sensor", r.ID)
	}
	for i, a := range r.Attributes {
		s.Attributes[i] = sensocto.Attribute{ID: a.ID, Name: a.Name, Type: a.Type, Unit: a.Unit, SamplingRate: a.SamplingRate}
	}
	return s, nil
}

// tokenRecord is a token in an archive. Its secret is nowhere: not here either.
type tokenRecord struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Scopes     []sensocto.Scope `json:"scopes"`
	SecretHash []byte           `json:"secret_hash"`
	CreatedAt  time.Time        `json:"created_at"`
	RevokedAt  time.Time        `json:"revoked_at,omitzero"`
}

func recordOfToken(t sensocto.Token) tokenRecord {
	return tokenRecord{t.ID, t.Name, t.Scopes, t.SecretHash, t.CreatedAt, t.RevokedAt}
}

func (r tokenRecord) token() sensocto.Token {
	return sensocto.Token{ID: r.ID, Name: r.Name, Kind: sensocto.KindToken, Scopes: r.Scopes, SecretHash: r.SecretHash, CreatedAt: r.CreatedAt, RevokedAt: r.RevokedAt}
}

// appendChunk appends a chunk without the ids of its series.
func appendChunk(dst []byte, c *sensocto.Chunk) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.Level))
	dst = binary.AppendVarint(dst, c.Cell)
	dst = binary.AppendVarint(dst, c.FirstSeq)
	dst = binary.AppendUvarint(dst, uint64(c.Count))
	dst = binary.AppendVarint(dst, c.MinTime)
	dst = binary.AppendVarint(dst, c.MaxTime)
	n := &c.Numbers
	dst = binary.AppendUvarint(dst, uint64(n.Count))
	if n.Count > 0 {
		for _, v := range [...]float64{n.Min, n.Max, n.Sum, n.First, n.Last} {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
		dst = binary.AppendVarint(dst, n.From)
		dst = binary.AppendVarint(dst, n.To)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Data)))
	return append(dst, c.Data...)
}

// fields takes what appendChunk appended from the front of a payload.
type fields struct {
	rest []byte
	bad  bool
}

var errFields = errors.New("a chunk is cut")

// chunk fills c, whose data lies in the payload.
func (f *fields) chunk(c *sensocto.Chunk) error {
	c.Level, c.Cell = int(f.uvarint()), f.varint()
	c.FirstSeq, c.Count = f.varint(), int(f.uvarint())
	c.MinTime, c.MaxTime = f.varint(), f.varint()
	c.Numbers = sensocto.Bucket{Count: int64(f.uvarint())}
	if n := &c.Numbers; n.Count != 0 {
		for _, v := range [...]*float64{&n.Min, &n.Max, &n.Sum, &n.First, &n.Last} {
			*v = f.float()
		}
		n.From, n.To = f.varint(), f.varint()
	}
	c.Data = f.bytes(f.uvarint())
	switch {
	case f.bad:
		return errFields
	case c.Level < 0 || c.Level > sensocto.RollupLevels || c.Count < 1 || c.FirstSeq < 0 || c.MinTime > c.MaxTime || len(c.Data) == 0:
		return errors.New("a chunk has fields that no chunk has")
	}
	return nil
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	f.take(n)
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	f.take(n)
	return v
}

func (f *fields) float() float64 {
	if b := f.bytes(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.rest)) {
		f.bad = true
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

// take drops the n bytes of a varint, which is bad where n is not positive.
func (f *fields) take(n int) {
	if n <= 0 {
		f.bad, f.rest = true, nil
		return
	}
	f.rest = f.rest[n:]
}
