package socket

import "time"

// SendsOften tells what is thought of a device after so many messages, one every so
// often, where frames returns how many have come from all by a time.
func SendsOften(gather time.Duration, messages int, every time.Duration, frames func(time.Duration) uint64) (often bool) {
	var r pauses
	for i := range messages {
		now := time.Duration(i+1) * every
		r.counted++
		often = r.sendsOften(now, gather, frames(now))
	}
	return often
}
