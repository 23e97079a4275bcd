package ws

import "syscall"

// canBeQuiet says that reads of a socket find less than what it wakes up for.
const canBeQuiet = true

func setReadMark(fd uintptr, bytes int) error {
	return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
}

func readNow(fd uintptr, b []byte) (n int, err error) { return syscall.Read(int(fd), b) }
