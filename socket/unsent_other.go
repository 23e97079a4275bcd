//go:build !linux

package socket

// Elsewhere what the kernel holds is what its own defaults allow.

func limitUnsent(uintptr, int)  {}
func limitHeld(uintptr, int)    {}
func flight(uintptr) int        { return 0 }
func preferRecovery(fd uintptr) {}
