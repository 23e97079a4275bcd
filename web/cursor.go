package web

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/sensocto/sensocto"
)

// A cursor's text is base64url of: u8 version and order, i64 timestamp, i64
// sequence number, i64 the number that the snapshot ends before, u32 checksum,
// big endian. The checksum covers the series as
// well, so that a cursor of another one, or a mistyped one, is refused rather
// than answered with the wrong page. It is no secret: nothing depends on it.
const (
	cursorVersion = 2
	cursorBytes   = 1 + 8 + 8 + 8 + 4
)

// cursorEncoding is strict: each cursor has exactly one text.
var cursorEncoding = base64.RawURLEncoding.Strict()

// cursorKey names what a cursor belongs to.
type cursorKey struct {
	sensorID, attributeID string
	order                 sensocto.Order
}

func (k cursorKey) format(c sensocto.Cursor) string {
	b := make([]byte, 0, cursorBytes)
	b = append(b, cursorVersion<<1|byte(k.order))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Timestamp))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Before))
	b = binary.BigEndian.AppendUint32(b, k.sum(b))
	return cursorEncoding.EncodeToString(b)
}

func (k cursorKey) parse(text string) (c sensocto.Cursor, ok bool) {
	if len(text) != cursorEncoding.EncodedLen(cursorBytes) {
		return c, false
	}
	b, err := cursorEncoding.DecodeString(text)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion<<1|byte(k.order) {
		return c, false
	}
	head := b[:cursorBytes-4]
	if binary.BigEndian.Uint32(b[len(head):]) != k.sum(head) {
		return c, false
	}
	c.Timestamp = int64(binary.BigEndian.Uint64(b[1:]))
	c.Seq = int64(binary.BigEndian.Uint64(b[9:]))
	c.Before = int64(binary.BigEndian.Uint64(b[17:]))
	return c, c.Before > 0
}

func (k cursorKey) sum(head []byte) uint32 {
	sum := crc32.ChecksumIEEE(head)
	return crc32.Update(sum, crc32.IEEETable, []byte(k.sensorID+"/"+k.attributeID))
}
