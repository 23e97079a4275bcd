package store

import (
	"encoding/binary"
	"math"
)

// The ways in which bytes are kept.
const (
	bytesPlain = 1
	bytesZstd  = 2
)

// appendDocuments appends for each document the number of samples since the
// one before and its length, and behind these lists all texts.
func (c *Codec) appendDocuments(dst []byte, documents []Document, s *scratch) ([]byte, byte) {
	raw, last := s.bytes[0][:0], -1
	for _, d := range documents {
		raw = binary.AppendUvarint(raw, uint64(d.Index-last-1))
		raw = binary.AppendUvarint(raw, uint64(len(d.Text)))
		last = d.Index
	}
	for _, d := range documents {
		raw = append(raw, d.Text...)
	}
	s.bytes[0] = raw
	return c.appendBlob(dst, raw)
}

// appendBlob appends the length of raw and raw itself, compressed where that
// is shorter.
func (c *Codec) appendBlob(dst, raw []byte) ([]byte, byte) {
	dst = binary.AppendUvarint(dst, uint64(len(raw)))
	if c.plain {
		return append(dst, raw...), bytesPlain
	}
	start := len(dst)
	dst = binary.AppendUvarint(dst, uint64(len(raw))) // as long as the compressed length, or longer
	body := len(dst)
	dst = c.pack().EncodeAll(raw, dst)
	packed := len(dst) - body
	if packed >= len(raw) {
		return append(dst[:start], raw...), bytesPlain
	}
	head := binary.AppendUvarint(dst[start:start], uint64(packed))
	n := copy(dst[start+len(head):], dst[body:])
	return dst[:start+len(head)+n], bytesZstd
}

func (c *Codec) readBlob(r *reader, kind byte, limit int) []byte {
	size := r.count(limit)
	switch kind {
	case bytesPlain:
		return r.bytes(size)
	case bytesZstd:
		packed := r.bytes(r.count(len(r.rest)))
		if r.err != nil {
			return nil
		}
		raw, err := c.unpack().DecodeAll(packed, make([]byte, 0, size))
		if err != nil || len(raw) != size {
			r.fail("compressed bytes: %d of %d: %v", len(raw), size, err)
		}
		return raw
	}
	r.fail("unknown form %d of bytes", kind)
	return nil
}

// readDocuments fills in the documents and moves the numbers, which lie packed
// at the front of cols.Values, to their places.
func (c *Codec) readDocuments(r *reader, kind byte, count int, cols *Columns) error {
	if count == 0 {
		if kind != 0 {
			r.fail("documents of form %d but none", kind)
		}
		return r.err
	}
	blob := c.readBlob(r, kind, maxDocumentBlock)
	if r.err != nil {
		return r.err
	}
	raw := make([]byte, len(blob)) // the texts outlive the chunk
	copy(raw, blob)
	lists := &reader{rest: raw}
	cols.Documents = resize(cols.Documents, count)
	index := -1
	for i := range cols.Documents {
		index += 1 + lists.count(len(cols.Times))
		cols.Documents[i] = Document{Index: index, Text: raw[:lists.count(len(raw))]}
	}
	if lists.err != nil || index >= len(cols.Times) {
		return corrupt("bad list of documents")
	}
	for i, d := range cols.Documents {
		cols.Documents[i].Text = lists.bytes(len(d.Text))
	}
	if lists.err != nil || len(lists.rest) > 0 {
		return corrupt("documents do not fill their bytes")
	}
	spread(cols)
	return nil
}

// spread opens gaps of NaN among the numbers where documents are.
func spread(cols *Columns) {
	to := len(cols.Values)
	for i := len(cols.Documents) - 1; i >= 0; i-- {
		at := cols.Documents[i].Index
		copy(cols.Values[at+1:to], cols.Values[at-i:to-i-1])
		cols.Values[at] = math.NaN()
		to = at
	}
}
