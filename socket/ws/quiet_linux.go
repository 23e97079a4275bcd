package ws

import (
	"syscall"
	"unsafe"
)

// canBeQuiet says that reads find also less than what a socket wakes up for.
const canBeQuiet = true

func setReadMark(fd uintptr, bytes int) error {
	return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
}

// readNow reads what a socket has, without waiting, into at least one byte. The runtime
// is not told, which would wake its monitor for a call that waits for nothing.
func readNow(fd uintptr, b []byte) (n int, err error) {
	got, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
