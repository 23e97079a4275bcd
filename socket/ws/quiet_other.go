//go:build !linux

package ws

import "syscall"

// canBeQuiet: what other systems do with SO_RCVLOWAT differs.
const canBeQuiet = false

func setReadMark(uintptr, int) error { return syscall.EINVAL }

func readNow(uintptr, []byte) (n int, err error) { return 0, syscall.EINVAL }
