package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// An upload (docs/exchange.md) is a magic text with a version, a manifest, and
// encoded chunks, each with the number of its attribute; then a zero and how
// many samples there were.
const (
	importMagic      = "SNSOIMP\x01"
	importType       = "application/vnd.sensocto.import"
	maxManifestBytes = 1 << 20
	maxUploadedChunk = 8 << 20
)

// importManifest describes a sensor as its recording does.
type importManifest struct {
	Name       string            `json:"sensor_name"`
	Type       string            `json:"sensor_type"`
	Rate       float64           `json:"sampling_rate"`
	LeftOut    int               `json:"left_out,omitempty"` // kinds of things that the reader of the file left out
	Attributes []importAttribute `json:"attributes"`
}

type importAttribute struct {
	ID   string  `json:"id"`
	Name string  `json:"attribute_name"`
	Unit string  `json:"unit"`
	Rate float64 `json:"sampling_rate"`
}

// registration makes the sensor of a manifest.
func (m *importManifest) registration(sensorID string) sensocto.Registration {
	r := sensocto.Registration{
		SensorID: sensorID, SensorName: m.Name, SensorType: m.Type,
		ConnectorID: "import", ConnectorName: "sensocto import", SamplingRate: m.Rate,
	}
	for _, a := range m.Attributes {
		r.Attributes = append(r.Attributes, sensocto.Attribute{ID: a.ID, Name: a.Name, Unit: a.Unit, SamplingRate: a.Rate})
	}
	return r
}

// importWriter writes an upload.
type importWriter struct {
	w       *bufio.Writer
	codec   *store.Codec
	numbers map[string]uint64 // of attributes, from 1
	samples uint64
	buf     []byte
}

func newImportWriter(w io.Writer, m importManifest) (*importWriter, error) {
	u := &importWriter{w: bufio.NewWriterSize(w, 64<<10), codec: store.NewCodec(), numbers: make(map[string]uint64)}
	for i, a := range m.Attributes {
		u.numbers[a.ID] = uint64(i + 1)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	head := binary.AppendUvarint([]byte(importMagic), uint64(len(text)))
	_, err = u.w.Write(append(head, text...))
	return u, err
}

// chunk writes samples of one attribute: no more than fill a chunk.
func (u *importWriter) chunk(attributeID string, cols *store.Columns) error {
	u.buf = u.codec.Append(u.buf[:0], cols)
	u.samples += uint64(len(cols.Times))
	head := binary.AppendUvarint(binary.AppendUvarint(nil, u.numbers[attributeID]), uint64(len(u.buf)))
	_, err := u.w.Write(head)
	if err == nil {
		_, err = u.w.Write(u.buf)
	}
	return err
}

func (u *importWriter) end() error {
	if _, err := u.w.Write(binary.AppendUvarint([]byte{0}, u.samples)); err != nil {
		return err
	}
	return u.w.Flush()
}

// importReader reads an upload, which may hold anything.
type importReader struct {
	r        *bufio.Reader
	codec    *store.Codec
	manifest importManifest
	cols     store.Columns
	samples  uint64
	buf      []byte
}

// malformed is an error of whoever sent the upload.
func malformed(format string, args ...any) error {
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_import", Message: "the upload is not what sensocto import sends: " + fmt.Sprintf(format, args...)}
}

// cutShort translates what a body that ends early, or stalls, gives.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "incomplete", Message: "the upload ended early: repeat it, what is stored already is not stored again"}
	}
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "incomplete", Message: "the upload stalled or broke (" + err.Error() + "): repeat it, what is stored already is not stored again"}
}

func newImportReader(r io.Reader) (*importReader, error) {
	u := &importReader{r: bufio.NewReaderSize(r, 64<<10), codec: store.NewCodec()}
	magic := make([]byte, len(importMagic))
	if _, err := io.ReadFull(u.r, magic); err != nil {
		return nil, cutShort(err)
	}
	if string(magic) != importMagic {
		return nil, malformed("it begins with %.20q", magic)
	}
	text, err := u.bytes(maxManifestBytes)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &u.manifest); err != nil {
		return nil, malformed("manifest: %v", err)
	}
	if u.manifest.LeftOut < 0 {
		return nil, malformed("left_out is %d", u.manifest.LeftOut)
	}
	seen := make(map[string]bool)
	for _, a := range u.manifest.Attributes {
		if !sensocto.ValidAttributeID(a.ID) || seen[a.ID] {
			return nil, malformed("attribute %.80q is no id, or there twice", a.ID)
		}
		seen[a.ID] = true
	}
	return u, nil
}

// bytes reads a length and so many bytes. They are valid until the next call.
func (u *importReader) bytes(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(u.r)
	if err != nil {
		return nil, cutShort(err)
	}
	if n > limit {
		return nil, malformed("%d bytes are more than %d", n, limit)
	}
	if uint64(cap(u.buf)) < n {
		u.buf = make([]byte, n)
	}
	u.buf = u.buf[:n]
	if _, err := io.ReadFull(u.r, u.buf); err != nil {
		return nil, cutShort(err)
	}
	return u.buf, nil
}

// next returns the following samples, or io.EOF behind the last. They are
// valid until the next call.
func (u *importReader) next() (attributeID string, cols *store.Columns, err error) {
	number, err := binary.ReadUvarint(u.r)
	if err != nil {
		return "", nil, cutShort(err)
	}
	if number == 0 {
		return "", nil, u.finish()
	}
	if number > uint64(len(u.manifest.Attributes)) {
		return "", nil, malformed("there is no attribute number %d", number)
	}
	chunk, err := u.bytes(maxUploadedChunk)
	if err != nil {
		return "", nil, err
	}
	if err := u.codec.Decode(chunk, &u.cols); err != nil {
		return "", nil, malformed("%v", err)
	}
	u.samples += uint64(len(u.cols.Times))
	return u.manifest.Attributes[number-1].ID, &u.cols, nil
}

func (u *importReader) finish() error {
	told, err := binary.ReadUvarint(u.r)
	if err != nil {
		return cutShort(err)
	}
	if told != u.samples {
		return malformed("it has %d samples and says %d", u.samples, told)
	}
	return io.EOF
}
