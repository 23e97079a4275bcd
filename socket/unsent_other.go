//go:build !linux

package socket

// limitUnsent does nothing: elsewhere what the kernel holds is as much as its
// send buffer.
func limitUnsent(uintptr, int) {}
