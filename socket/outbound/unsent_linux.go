package outbound

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writesRaw says that sockets are written to without the runtime where they take
// it at once.
const writesRaw = true

// limitUnsent has the kernel say that a socket is full while it holds more
// bytes than these that it has not sent yet.
func limitUnsent(fd uintptr, bytes int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes) // of no meaning to other sockets
}

// limitHeld has the kernel hold no more than about so many bytes, unsent or on
// their way.
func limitHeld(fd uintptr, bytes int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, bytes) // a wish, no more
}

// send writes what the socket takes at once. The kernel checks its bounds only
// where it begins a new buffer, and fills the last one up to 64 KiB before that:
// so each call ends its own. The runtime is not told of the call, which would wake its
// monitor for one that waits for nothing. b is not empty.
func send(fd uintptr, b []byte) (n int, err error) {
	const flags = unix.MSG_EOR | unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
	sent, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), nil
}

// bandwidthDelay returns how many bytes have to be on their way for the connection to
// be as fast as it was measured to be, 0 where that is not known.
func bandwidthDelay(fd uintptr) int {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return int(info.Delivery_rate * uint64(info.Min_rtt) / 1_000_000)
}

// preferRecovery chooses a congestion control that is soon fast again when a
// slow network becomes fast. BBR, which some hosts have as the default, stays
// for many seconds at the rate it had where round trips are short.
func preferRecovery(fd uintptr) {
	_ = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic") // where there is none, the host's default
}
