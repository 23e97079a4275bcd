package socket

import "syscall"

// tcpNotSentLowWater is TCP_NOTSENT_LOWAT, which package syscall does not name.
const tcpNotSentLowWater = 25

// limitUnsent has the kernel say that a socket is full while it holds more
// bytes than these that it has not sent yet.
func limitUnsent(fd uintptr, bytes int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowWater, bytes) // of no meaning to other sockets
}
