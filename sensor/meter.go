package sensor

import "time"

// meterSeconds is over how many whole seconds a rate is averaged.
const meterSeconds = 5

// meter counts events by the second.
type meter struct {
	second int64 // the Unix second of the newest count
	counts [meterSeconds + 1]uint32
}

func (m *meter) add(now time.Time, n int) {
	m.advance(now.Unix())
	m.counts[m.second%int64(len(m.counts))] += uint32(n)
}

// rate returns events per second over the last whole seconds.
func (m *meter) rate(now time.Time) float64 {
	m.advance(now.Unix())
	var sum uint32
	for i := int64(1); i <= meterSeconds; i++ {
		sum += m.counts[(m.second+int64(len(m.counts))-i)%int64(len(m.counts))]
	}
	return float64(sum) / meterSeconds
}

// advance forgets the seconds that have passed. A clock that is set back does
// not move it: counts go to the newest second until time has caught up.
func (m *meter) advance(second int64) {
	if m.second == 0 || second-m.second > meterSeconds || m.second-second > 60 {
		*m = meter{second: second}
		return
	}
	for m.second < second {
		m.second++
		m.counts[m.second%int64(len(m.counts))] = 0
	}
}
