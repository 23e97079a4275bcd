package recording

import "encoding/binary"

// wfdbFormat is one of the ways in which WFDB signal files pack samples, see
// signal(5). Samples are packed in groups of whole bytes.
type wfdbFormat struct {
	bits         int
	groupSamples int
	groupBytes   int
	// tail is how many bytes 0, 1 or 2 samples of an incomplete group need.
	tail [3]int
	gap  int32 // the mark of an invalid sample: the lowest number there is
	// unpack reads whole groups: len(src)/groupBytes·groupSamples samples.
	unpack func(dst []int32, src []byte)
}

// wfdbFormats returns the format with a number from a header.
func wfdbFormatByNumber(number int) (wfdbFormat, bool) {
	switch number {
	case 16:
		return aligned(16, 2, unpack16), true
	case 24:
		return aligned(24, 3, unpack24), true
	case 32:
		return aligned(32, 4, unpack32), true
	case 61:
		return aligned(16, 2, unpack61), true
	case 80:
		return aligned(8, 1, unpack80), true
	case 160:
		return aligned(16, 2, unpack160), true
	case 212:
		return wfdbFormat{12, 2, 3, [3]int{0, 2, 0}, -1 << 11, unpack212}, true
	case 310:
		return wfdbFormat{10, 3, 4, [3]int{0, 2, 4}, -1 << 9, unpack310}, true
	case 311:
		return wfdbFormat{10, 3, 4, [3]int{0, 2, 3}, -1 << 9, unpack311}, true
	}
	return wfdbFormat{}, false
}

func aligned(bits, bytes int, unpack func([]int32, []byte)) wfdbFormat {
	return wfdbFormat{bits: bits, groupSamples: 1, groupBytes: bytes, gap: -1 << (bits - 1), unpack: unpack}
}

// bytes returns how many bytes n samples take at least.
func (f wfdbFormat) bytes(n int64) int64 {
	g := int64(f.groupSamples)
	return n/g*int64(f.groupBytes) + int64(f.tail[n%g])
}

// samples returns how many samples n bytes hold.
func (f wfdbFormat) samples(n int64) int64 {
	count := n / int64(f.groupBytes) * int64(f.groupSamples)
	for extra := f.groupSamples - 1; extra > 0; extra-- {
		if n%int64(f.groupBytes) >= int64(f.tail[extra]) {
			return count + int64(extra)
		}
	}
	return count
}

func unpack16(dst []int32, src []byte) {
	for i := range dst {
		dst[i] = int32(int16(binary.LittleEndian.Uint16(src[2*i:])))
	}
}

func unpack24(dst []int32, src []byte) {
	for i := range dst {
		b := src[3*i : 3*i+3]
		dst[i] = int32(b[0]) | int32(b[1])<<8 | int32(int8(b[2]))<<16
	}
}

func unpack32(dst []int32, src []byte) {
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func unpack61(dst []int32, src []byte) {
	for i := range dst {
		dst[i] = int32(int16(binary.BigEndian.Uint16(src[2*i:])))
	}
}

func unpack80(dst []int32, src []byte) {
	for i := range dst {
		dst[i] = int32(src[i]) - 1<<7
	}
}

func unpack160(dst []int32, src []byte) {
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint16(src[2*i:])) - 1<<15
	}
}

// unpack212 reads two samples of 12 bits from three bytes: the low nibble of
// the second byte belongs to the first sample, the high one to the second.
func unpack212(dst []int32, src []byte) {
	for ; len(dst) >= 2 && len(src) >= 3; dst, src = dst[2:], src[3:] {
		dst[0] = signed(uint32(src[0])|uint32(src[1])<<8, 12)
		dst[1] = signed(uint32(src[2])|uint32(src[1])>>4<<8, 12)
	}
}

// unpack310 reads three samples of 10 bits from two byte pairs: each pair
// holds one sample above its lowest bit, and half of the third in its upper
// five bits.
func unpack310(dst []int32, src []byte) {
	for ; len(dst) >= 3 && len(src) >= 4; dst, src = dst[3:], src[4:] {
		a, b := uint32(binary.LittleEndian.Uint16(src)), uint32(binary.LittleEndian.Uint16(src[2:]))
		dst[0] = signed(a>>1, 10)
		dst[1] = signed(b>>1, 10)
		dst[2] = signed(a>>11|b>>11<<5, 10)
	}
}

// unpack311 reads three samples of 10 bits from the low 30 bits of four bytes.
func unpack311(dst []int32, src []byte) {
	for ; len(dst) >= 3 && len(src) >= 4; dst, src = dst[3:], src[4:] {
		v := binary.LittleEndian.Uint32(src)
		dst[0] = signed(v, 10)
		dst[1] = signed(v>>10, 10)
		dst[2] = signed(v>>20, 10)
	}
}

// signed returns the low bits of v as a two's complement number.
func signed(v uint32, bits int) int32 { return int32(v<<(32-bits)) >> (32 - bits) }
