package recording

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/sensocto/sensocto"
)

// arrangeEDF chooses the duration of a data record and lays the samples out.
func (t *tracks) arrangeEDF(ctx context.Context, l *layout) error {
	if len(t.list) == 0 { // annotations alone
		l.stretches = []stretch{{origin: t.from}}
		return nil
	}
	if err := l.chooseDuration(t); err != nil {
		return err
	}
	if err := t.arrange(ctx, l, false, maxEDFRecords); err != nil {
		return err
	}
	return t.avoidTails(ctx, l)
}

// chooseDuration finds a duration of whole samples for every rate: seconds
// where that gives records of a good size, otherwise a part of one.
func (l *layout) chooseDuration(t *tracks) error {
	var shortest []int64
	for d := 1.0; d <= 86400; d++ {
		counts, size := wholeSamples(t, d)
		if counts == nil {
			continue
		}
		shortest, l.duration = counts, d
		if size <= maxEDFRecord || d > 1 {
			break
		}
		// A second is too much: part it.
		for _, part := range []float64{0.5, 0.25, 0.2, 0.125, 0.1, 0.05, 0.04, 0.025, 0.02, 0.01, 0.005, 0.004, 0.002, 0.001} {
			if counts, size := wholeSamples(t, part); counts != nil {
				shortest, l.duration = counts, part
				if size <= maxEDFRecord {
					break
				}
			}
		}
		break
	}
	if shortest == nil {
		var rates []string
		for _, track := range t.list {
			rates = append(rates, track.label+" "+formatFloat(track.rate)+" Hz")
		}
		return refused("no data record of up to a day has a whole number of samples of every rate (%s): ask for a rate to resample to", strings.Join(rates, ", "))
	}
	l.perRecord = shortest
	return nil
}

// wholeSamples returns how many samples of each track a duration has, and
// their bytes; nil where they are not whole.
func wholeSamples(t *tracks, duration float64) (counts []int64, size int64) {
	for _, track := range t.list {
		n := track.rate * duration
		whole := math.Round(n)
		if whole < 1 || whole > 1<<24 || math.Abs(n-whole) > 1e-9*n {
			return nil, 0
		}
		counts = append(counts, int64(whole))
		size += 2 * int64(whole)
	}
	return counts, size
}

// avoidTails lays the samples out again where another duration of the data
// records leaves nothing to fill up behind the last samples.
func (t *tracks) avoidTails(ctx context.Context, l *layout) error {
	if l.tails == 0 || len(l.stretches) > 1 {
		return nil
	}
	again := layout{duration: t.wholeDuration(l)}
	if again.duration == 0 {
		return nil
	}
	again.perRecord, _ = wholeSamples(t, again.duration)
	err := t.arrange(ctx, &again, false, maxEDFRecords)
	var cannot *sensocto.Error
	switch {
	case errors.As(err, &cannot):
		return nil // it stays as it was
	case err == nil && again.tails == 0 && len(again.stretches) == 1:
		*l = again
	}
	return err
}

// wholeDuration returns the duration nearest to a second of which a whole
// number makes up all signals of a layout without a gap; 0 if there is none.
func (t *tracks) wholeDuration(l *layout) float64 {
	common := uint64(0)
	for _, n := range l.valid {
		common = gcd(uint64(n), common)
	}
	most := max(t.recordBytes(l.duration), maxEDFRecord)
	best := 0.0
	try := func(records int64) {
		d, ok := headerNumber(float64(l.valid[0]) / float64(records) / t.list[0].rate)
		counts, size := wholeSamples(t, d)
		if !ok || records > maxEDFRecords || size > most || size < minEDFRecord && records > 1 {
			return
		}
		for i, n := range counts {
			if n*records != l.valid[i] {
				return
			}
		}
		if counts != nil && (best == 0 || math.Abs(math.Log(d)) < math.Abs(math.Log(best))) {
			best = d
		}
	}
	for k := int64(1); k*k <= int64(common); k++ {
		if int64(common)%k == 0 {
			try(k)
			try(int64(common) / k)
		}
	}
	return best
}

func (t *tracks) recordBytes(duration float64) int64 {
	_, size := wholeSamples(t, duration)
	return size
}

// headerNumber returns the number that a field of eight characters can hold,
// and whether it is the given one.
func headerNumber(v float64) (float64, bool) {
	got, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', max(6-len(strconv.FormatInt(int64(v), 10))+1, 0), 64), 64)
	return got, err == nil && got > 0 && math.Abs(got-v) <= 1e-12*v
}
