//go:build !linux

package outbound

import "syscall"

// Elsewhere what the kernel holds is what its own defaults allow.

func limitUnsent(uintptr, int)               {}
func limitHeld(uintptr, int)                 {}
func send(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
func flight(uintptr) int                     { return 0 }
func preferRecovery(fd uintptr)              {}
