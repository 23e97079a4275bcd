package outbound

// A socket of Windows says by itself when a write is over, not when the next one
// would not wait: the runtime writes, and what the kernel holds is its own choice.

const writesRaw = false

func limitUnsent(uintptr, int)          {}
func limitHeld(uintptr, int)            {}
func send(uintptr, []byte) (int, error) { panic("outbound: no raw writes on Windows") }
func bandwidthDelay(uintptr) int        { return 0 }
func preferRecovery(uintptr)            {}
