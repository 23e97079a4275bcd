//go:build !unix

package load

import "time"

// processCPU is not known here: the load does not see the CPU.
func processCPU() time.Duration { return 0 }
