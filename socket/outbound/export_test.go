package outbound

import "time"

// SampleWriteAfter returns how many bytes of single samples a write may hold after ten
// writes of a size, one every 10 ms; the last of them had to wait for so long.
func SampleWriteAfter(bytes int, blocked time.Duration) int {
	var d rateEstimator
	for i := range 10 {
		wait := time.Duration(0)
		if i == 9 {
			wait = blocked
		}
		d.observe(bytes, wait, time.Second+time.Duration(i)*10*time.Millisecond)
	}
	return d.maxSampleWrite()
}
