//go:build unix && !linux

package outbound

import "syscall"

// Elsewhere what the kernel holds is what its own defaults allow.

const writesRaw = true

func limitUnsent(uintptr, int)               {}
func limitHeld(uintptr, int)                 {}
func send(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
func bandwidthDelay(uintptr) int             { return 0 }
func preferRecovery(uintptr)                 {}
