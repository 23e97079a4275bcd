package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	version    = 1
	headerSize = 72 // of a segment
	groupSize  = 40 // of a group's header
)

var (
	segmentMagic = []byte("SNSOJRNL")
	groupMagic   = []byte("\xf6SJG")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
)

// Flags of a segment.
const (
	flagHole = 1 << iota // records before it were lost, and a repair accepted that
)

// Kinds of groups.
const (
	kindRecords  = iota // none at all only says how much is synced
	kindSnapshot        // payload: the segment's header again, then the state
	kindHole            // stands where a repair found damage: the records there are lost
)

// header begins a segment.
type header struct {
	flags          uint32
	number         uint64
	first          Position // of the records that follow
	applied        Position // the state of the snapshot has all records before it
	previous       uint64   // number of the segment before; 0: none
	previousLength int64    // how much of that counts
	// headLength is how much was made durable as one: header, snapshot, and
	// the records that the segment before may not have. A segment without all
	// of its head never came to be.
	headLength int64
	salt       uint32 // random: groups of other segments do not pass for its own
}

func (h *header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, h.flags)
	dst = binary.LittleEndian.AppendUint64(dst, h.number)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.first))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.applied))
	dst = binary.LittleEndian.AppendUint64(dst, h.previous)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.previousLength))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.headLength))
	dst = binary.LittleEndian.AppendUint32(dst, h.salt)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

var errNoHeader = errors.New("no valid header of a segment")

// parseHeader reads a header. Of a newer version nothing but that is known.
func parseHeader(b []byte) (h header, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < headerSize || !bytes.HasPrefix(b, segmentMagic):
		return h, errNoHeader
	case le.Uint32(b[68:]) != crc32.Checksum(b[:68], castagnoli):
		return h, errNoHeader
	case le.Uint32(b[8:]) != version:
		return h, ErrVersion
	}
	h = header{
		flags:          le.Uint32(b[12:]),
		number:         le.Uint64(b[16:]),
		first:          Position(le.Uint64(b[24:])),
		applied:        Position(le.Uint64(b[32:])),
		previous:       le.Uint64(b[40:]),
		previousLength: int64(le.Uint64(b[48:])),
		headLength:     int64(le.Uint64(b[56:])),
		salt:           le.Uint32(b[64:]),
	}
	if h.previous >= h.number || h.previousLength < 0 || h.headLength < headerSize {
		return h, errNoHeader
	}
	return h, nil
}

// group is one write: records, or what else its kind says.
type group struct {
	sum     uint32   // checksum
	salt    uint32   // of the segment
	length  uint32   // of the payload
	synced  int64    // how much of the file was durable when it was written
	first   Position // of its records
	records uint32
	kind    uint32
}

func (g *group) size() int64 { return groupSize + int64(g.length) }

// seal writes the header into the first bytes of b, whose rest is the payload.
// offset is where in the file b goes: it counts for the checksum, so that a
// group in a wrong place is a bad one.
func (g *group) seal(b []byte, offset int64) {
	g.length = uint32(len(b) - groupSize)
	h := append(b[:0], groupMagic...)
	h = binary.LittleEndian.AppendUint32(h, 0)
	h = binary.LittleEndian.AppendUint32(h, g.salt)
	h = binary.LittleEndian.AppendUint32(h, g.length)
	h = binary.LittleEndian.AppendUint64(h, uint64(g.synced))
	h = binary.LittleEndian.AppendUint64(h, uint64(g.first))
	h = binary.LittleEndian.AppendUint32(h, g.records)
	binary.LittleEndian.AppendUint32(h, g.kind)
	binary.LittleEndian.PutUint32(b[4:], groupSum(b[:groupSize], b[groupSize:], offset))
}

// groupSum is the checksum of a group: of where it is and all after the checksum.
func groupSum(header, payload []byte, offset int64) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(offset))
	sum := crc32.Update(0, castagnoli, at[:])
	sum = crc32.Update(sum, castagnoli, header[8:])
	return crc32.Update(sum, castagnoli, payload)
}

// parseGroup reads the header of a group. The checksum is not verified: that
// takes the payload.
func parseGroup(b []byte) (g group, ok bool) {
	if len(b) < groupSize || !bytes.HasPrefix(b, groupMagic) {
		return g, false
	}
	le := binary.LittleEndian
	return group{
		sum:     le.Uint32(b[4:]),
		salt:    le.Uint32(b[8:]),
		length:  le.Uint32(b[12:]),
		synced:  int64(le.Uint64(b[16:])),
		first:   Position(le.Uint64(b[24:])),
		records: le.Uint32(b[32:]),
		kind:    le.Uint32(b[36:]),
	}, true
}

// appendRecord appends a record to the payload of a group.
func appendRecord(dst, record []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(record)))
	return append(dst, record...)
}

var errRecords = errors.New("the records do not fill their group")

// eachRecord calls yield with every record of a payload.
func eachRecord(payload []byte, records uint32, yield func(record []byte) error) error {
	for range records {
		n, used := binary.Uvarint(payload)
		if used <= 0 || n > uint64(len(payload)-used) {
			return errRecords
		}
		end := used + int(n)
		if err := yield(payload[used:end:end]); err != nil {
			return err
		}
		payload = payload[end:]
	}
	if len(payload) > 0 {
		return errRecords
	}
	return nil
}
