package store

import (
	"encoding/binary"
	"math/bits"
)

// blockSize is how many integers share one minimum and one width: 64 integers
// of w bits are exactly w words, so that blocks begin at whole bytes.
const blockSize = 64

// appendPacked appends integers in blocks: the difference of the block's
// minimum to the one before (svarint), the width in bits (u8), and what is
// above the minimum in that many bits each. All arithmetic wraps, so that
// every int64 survives.
func appendPacked(dst []byte, ints []int64) []byte {
	var last int64
	for len(ints) > 0 {
		block := ints[:min(blockSize, len(ints))]
		ints = ints[len(block):]
		low, width := blockShape(block)
		dst = binary.AppendVarint(dst, low-last)
		dst = append(dst, byte(width))
		dst = appendBits(dst, block, low, width)
		last = low
	}
	return dst
}

// packedSize returns about how many bytes appendPacked would append.
func packedSize(ints []int64) int {
	size := 0
	for len(ints) > 0 {
		block := ints[:min(blockSize, len(ints))]
		ints = ints[len(block):]
		_, width := blockShape(block)
		size += 2 + (len(block)*int(width)+7)/8
	}
	return size
}

func blockShape(block []int64) (low int64, width uint) {
	low, high := block[0], block[0]
	for _, v := range block[1:] {
		low, high = min(low, v), max(high, v)
	}
	return low, uint(bits.Len64(uint64(high) - uint64(low)))
}

func appendBits(dst []byte, block []int64, low int64, width uint) []byte {
	if width == 0 {
		return dst
	}
	var word uint64
	var filled uint
	for _, v := range block {
		u := uint64(v) - uint64(low)
		word |= u << filled
		if filled += width; filled >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, word)
			filled -= 64
			word = u >> (width - filled)
		}
	}
	for filled > 0 {
		dst = append(dst, byte(word))
		word >>= 8
		filled -= min(filled, 8)
	}
	return dst
}

// readPacked fills ints with what appendPacked wrote.
func (r *reader) readPacked(ints []int64) error {
	var low int64
	for len(ints) > 0 {
		block := ints[:min(blockSize, len(ints))]
		ints = ints[len(block):]
		low += r.varint()
		width := uint(r.byte())
		if width > 64 {
			return corrupt("bit width %d", width)
		}
		data := r.bytes((len(block)*int(width) + 7) / 8)
		if r.err != nil {
			return r.err
		}
		readBits(block, data, low, width)
	}
	return nil
}

func readBits(block []int64, data []byte, low int64, width uint) {
	mask := ^uint64(0) >> (64 - width)
	if width == 0 {
		mask = 0
	}
	i, pos := 0, uint(0)
	if width <= 56 { // eight bytes hold the integer, wherever it begins
		for ; i < len(block) && int(pos>>3)+8 <= len(data); i++ {
			word := binary.LittleEndian.Uint64(data[pos>>3:]) >> (pos & 7)
			block[i] = low + int64(word&mask)
			pos += width
		}
	}
	for ; i < len(block); i++ {
		block[i] = low + int64(bitsAt(data, pos)&mask)
		pos += width
	}
}

// bitsAt returns 64 bits from a position, zeros behind the end.
func bitsAt(data []byte, pos uint) uint64 {
	var b [16]byte
	if at := int(pos >> 3); at < len(data) {
		copy(b[:9], data[at:])
	}
	word := binary.LittleEndian.Uint64(b[:]) >> (pos & 7)
	return word | uint64(b[8])<<(64-pos&7)
}
