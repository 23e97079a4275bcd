//go:build unix

package load

import (
	"syscall"
	"time"
)

// processCPU is the time that the process has used, in the program and in the
// kernel.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
