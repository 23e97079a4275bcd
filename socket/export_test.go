package socket

import "time"

// UnityConnectors returns how many connectors count as waiting for replies.
func (s *Server) UnityConnectors() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		n += int(c.unity.Load())
	}
	return n
}

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
