package socket

import "encoding/binary"

// WebSocket opcodes (RFC 6455, section 5.2).
const (
	opContinuation byte = 0x0
	opText         byte = 0x1
	opBinary       byte = 0x2
	opClose        byte = 0x8
	opPing         byte = 0x9
	opPong         byte = 0xA
)

// Close codes that the server sends. It answers 1000 with 1000 and never begins
// with it: official clients up to 1.8.1 do not come back then.
const (
	closeShutdown    = 1001 // come back
	closeProtocol    = 1002
	closeUnsupported = 1003 // a frame of a wrong shape
	closeInvalid     = 1007 // bad UTF-8 or bad JSON
	closePolicy      = 1008 // not allowed
	closeTooLarge    = 1009
	closeTryLater    = 1013 // too slow or overloaded, come back later
)

// maxHeader is the longest header of a frame that a server sends.
const maxHeader = 10

// reserve returns an empty frame in which a payload of about n bytes can be
// appended; seal completes it.
func reserve(n int) []byte { return make([]byte, maxHeader, maxHeader+n) }

// seal puts the header in front of the payload buf[maxHeader:] and returns the
// whole frame. It copies nothing.
func seal(op byte, buf []byte) []byte {
	var h [maxHeader]byte
	header := appendHeader(h[:0], op, len(buf)-maxHeader)
	start := maxHeader - len(header)
	copy(buf[start:], header)
	return buf[start:]
}

// appendHeader appends the header of a final, unmasked frame.
func appendHeader(dst []byte, op byte, n int) []byte {
	dst = append(dst, 0x80|op)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// appendFrame appends a whole frame.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	return append(appendHeader(dst, op, len(payload)), payload...)
}

// closeFrame returns a close frame; code 0 stands for one without a code.
func closeFrame(code int, reason string) []byte {
	if code == 0 {
		return appendFrame(nil, opClose, nil)
	}
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(reason)), uint16(code))
	return appendFrame(nil, opClose, append(payload, reason...))
}

// unmask removes the mask of a client's frame, eight bytes at a time.
func unmask(data []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(data) >= 8 {
		binary.LittleEndian.PutUint64(data, binary.LittleEndian.Uint64(data)^wide)
		data = data[8:]
	}
	for i := range data {
		data[i] ^= byte(key >> (8 * (i & 3)))
	}
}
