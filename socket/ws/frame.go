// Package ws reads the WebSocket frames of clients (RFC 6455) and writes those of
// a server, without a goroutine of its own. It checks what the RFC demands and
// bounds what a message may take; what messages mean is for package socket.
package ws

import "encoding/binary"

// WebSocket opcodes (RFC 6455, section 5.2).
const (
	OpContinuation byte = 0x0
	OpText         byte = 0x1
	OpBinary       byte = 0x2
	OpClose        byte = 0x8
	OpPing         byte = 0x9
	OpPong         byte = 0xA
)

// Close codes that the server sends. It answers 1000 with 1000 and never begins
// with it: official clients up to 1.8.1 do not come back then.
const (
	CloseShutdown    = 1001 // come back
	CloseProtocol    = 1002
	CloseUnsupported = 1003 // a frame of a wrong shape
	CloseInvalid     = 1007 // bad UTF-8 or bad JSON
	ClosePolicy      = 1008 // not allowed
	CloseTooLarge    = 1009
	CloseTryLater    = 1013 // too slow or overloaded, come back later
)

// MaxHeader is the longest header of a frame that a server sends.
const MaxHeader = 10

// Reserve returns an empty frame in which a payload of about n bytes can be
// appended; Seal completes it.
func Reserve(n int) []byte { return make([]byte, MaxHeader, MaxHeader+n) }

// Seal puts the header in front of the payload buf[MaxHeader:] and returns the
// whole frame. It copies nothing.
func Seal(op byte, buf []byte) []byte {
	var h [MaxHeader]byte
	header := AppendHeader(h[:0], op, len(buf)-MaxHeader)
	start := MaxHeader - len(header)
	copy(buf[start:], header)
	return buf[start:]
}

// AppendHeader appends the header of a final, unmasked frame.
func AppendHeader(dst []byte, op byte, n int) []byte {
	dst = append(dst, 0x80|op)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// AppendFrame appends a whole frame.
func AppendFrame(dst []byte, op byte, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// CloseFrame returns a close frame; code 0 stands for one without a code.
func CloseFrame(code int, reason string) []byte {
	if code == 0 {
		return AppendFrame(nil, OpClose, nil)
	}
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(reason)), uint16(code))
	return AppendFrame(nil, OpClose, append(payload, reason...))
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
