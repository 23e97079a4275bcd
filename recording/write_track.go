package recording

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// tracks is what an export put aside: the numbers of each attribute on disk,
// and everything else as annotations.
type tracks struct {
	list  []*track
	notes []note
	spool *spool
	said  notes

	noteBytes int
	from      int64 // time of the first sample or note, µs
	to        int64 // of the last
}

// track is the numeric samples of one attribute.
type track struct {
	attribute   sensocto.Attribute
	label       string
	from, count int64 // where in the spool
	first, last int64 // times, µs
	low, high   float64
	decimals    decimals
	rate        float64
}

// note is an annotation with its absolute time. People's notes have an id, under
// which one can be removed later.
type note struct {
	at      int64
	id      string
	removed bool
	Annotation
}

// Bounds on the annotations of an export, which are held in memory.
const maxNoteBytes = 64 << 20

// gather reads all attributes. The caller closes what it returns, also beside
// an error.
func (e *Export) gather(ctx context.Context) (_ *tracks, err error) {
	t := &tracks{from: math.MaxInt64, to: math.MinInt64}
	if t.spool, err = newSpool(e.TempDir, e.MaxTemp); err != nil {
		return t, err
	}
	for _, a := range e.Attributes {
		if err := t.gather(ctx, e, a); err != nil {
			return t, err
		}
	}
	if len(t.list) == 0 && len(t.notes) == 0 {
		return t, ErrEmpty
	}
	slices.SortStableFunc(t.notes, func(a, b note) int { return compare(a.at, b.at) })
	t.notes = withoutRemoved(t.notes)
	if err := t.spool.flush(); err != nil {
		return t, err
	}
	for i, track := range t.list {
		if err := t.findRate(ctx, e, i, track); err != nil {
			return t, err
		}
	}
	return t, t.spool.flush()
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (t *tracks) gather(ctx context.Context, e *Export, a sensocto.Attribute) error {
	track := &track{attribute: a, label: label(a), from: t.spool.size, low: math.Inf(1), high: math.Inf(-1)}
	notes := len(t.notes)
	err := e.each(ctx, a, func(s *sensocto.Sample) error {
		t.from, t.to = min(t.from, s.Timestamp), max(t.to, s.Timestamp)
		if s.IsDocument() {
			return t.note(a, s)
		}
		track.take(s.Timestamp, s.Value)
		return t.spool.add(s.Timestamp, s.Value)
	})
	switch {
	case track.count > 0:
		t.list = append(t.list, track)
	case err == nil && len(t.notes) == notes:
		t.said.add("%s: there are no samples of it", track.label)
	}
	return err
}

func (t *track) take(at int64, v float64) {
	if t.count == 0 {
		t.first = at
	}
	t.count++
	t.last = at
	t.low, t.high = min(t.low, v), max(t.high, v)
	t.decimals.add(v)
}

// each calls f with every sample of the track.
func (t *track) each(ctx context.Context, s *spool, f func(at int64, v float64) error) error {
	r := s.reader(t.from, t.count, 1)
	for i := 0; ; i++ {
		if i&0xffff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		ok, err := r.next()
		if !ok || err != nil {
			return err
		}
		if err := f(r.at, r.v); err != nil {
			return err
		}
	}
}

// note keeps a payload that is no number as an annotation.
func (t *tracks) note(a sensocto.Attribute, s *sensocto.Sample) error {
	n := noteOf(a.ID, s.Document)
	n.at = s.Timestamp
	t.noteBytes += len(n.Text) + len(n.Type) + 64
	if len(t.notes) >= maxAnnotations || t.noteBytes > maxNoteBytes {
		return refused("there are too many measurements that are no numbers (at %s) to be kept as annotations: export less at once, or leave the attribute out", a.ID)
	}
	t.notes = append(t.notes, n)
	return nil
}

// noteOf reads what Annotation.Document wrote. Anything else becomes text: a
// string as it is, other JSON as it stands, with the attribute's id before it.
func noteOf(attribute string, document []byte) note {
	var fields struct {
		Type     string  `json:"type"`
		Text     string  `json:"text"`
		Duration float64 `json:"duration"`
		Subtype  int     `json:"subtype"`
		Channel  int     `json:"channel"`
		Number   int     `json:"number"`
		// Of people's notes. No format has a place for who wrote one.
		ID      string `json:"id"`
		By      string `json:"by"`
		Removed bool   `json:"removed"`
	}
	strict := json.NewDecoder(bytes.NewReader(document))
	strict.DisallowUnknownFields()
	if document[0] == '{' && strict.Decode(&fields) == nil && (fields.Type != "" || fields.Text != "" || fields.ID != "" && fields.Removed) {
		a := Annotation{Type: fields.Type, Text: fields.Text, Subtype: fields.Subtype, Channel: fields.Channel, Number: fields.Number}
		if fields.Duration > 0 && fields.Duration < 1e9 {
			a.Duration = int64(math.Round(fields.Duration * 1e6))
		}
		return note{id: fields.ID, removed: fields.Removed, Annotation: a}
	}
	a := Annotation{}
	if json.Unmarshal(document, &a.Text) != nil {
		a.Text = string(document)
	}
	if attribute != AnnotationsID {
		a.Text = attribute + ": " + a.Text
	}
	return note{Annotation: a}
}

// withoutRemoved leaves out notes that were removed, and what says so. What comes
// last counts: a note may come back.
func withoutRemoved(notes []note) []note {
	last := make(map[string]int) // by id
	for i, n := range notes {
		if n.id != "" {
			last[n.id] = i
		}
	}
	kept := notes[:0]
	for i, n := range notes {
		if n.id == "" || last[n.id] == i && !n.removed {
			kept = append(kept, n)
		}
	}
	return kept
}

// findRate settles the rate of a track, or resamples it.
func (t *tracks) findRate(ctx context.Context, e *Export, i int, track *track) error {
	if e.Resample > 0 {
		again, err := track.resample(ctx, t.spool, e.Resample)
		if err != nil {
			return err
		}
		t.list[i] = again
		t.said.add("%s was resampled to %v Hz: its values are interpolated.", track.label, e.Resample)
		return nil
	}
	measured, err := track.measureRate(t.spool)
	if err != nil {
		return err
	}
	track.rate = track.attribute.SamplingRate
	if known := track.rate > 0; !known || measured > 0 && math.Abs(track.rate-measured) > 0.05*measured {
		track.rate = measured
		if known {
			t.said.add("%s is said to have %v Hz, but has %v Hz.", track.label, track.attribute.SamplingRate, measured)
		}
	}
	if track.rate == 0 {
		track.rate = 1 // a single sample, or all at one time
	}
	return nil
}

// measureRate returns the rate that most intervals at the beginning of a track
// have, 0 where there is none.
func (t *track) measureRate(s *spool) (float64, error) {
	r := s.reader(t.from, t.count, 1)
	var intervals []int64
	times := make([]int64, 0, 1024)
	for len(times) < 1<<12 {
		ok, err := r.next()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		if n := len(times); n > 0 && r.at > times[n-1] {
			intervals = append(intervals, r.at-times[n-1])
		}
		times = append(times, r.at)
	}
	if len(intervals) == 0 {
		return 0, nil
	}
	slices.Sort(intervals)
	median := intervals[len(intervals)/2]
	best, from := [2]int{}, 0 // the longest stretch without a gap
	for i := 1; i <= len(times); i++ {
		if i == len(times) || times[i]-times[i-1] > median*3/2 {
			if i-from > best[1]-best[0] {
				best = [2]int{from, i}
			}
			from = i
		}
	}
	n := best[1] - best[0]
	span := times[best[1]-1] - times[best[0]]
	if n < 2 || span == 0 {
		return 1e6 / float64(median), nil
	}
	return shortestRate(int64(n-1), span), nil
}

// shortestRate returns the rate with the fewest digits of which n intervals
// last span µs, both ends rounded to µs.
func shortestRate(n, span int64) float64 {
	mean := float64(n) * 1e6 / float64(span)
	tolerance := mean / float64(span)
	for digits := 1; digits < 17; digits++ {
		r, err := strconv.ParseFloat(strconv.FormatFloat(mean, 'g', digits, 64), 64)
		if err == nil && r > 0 && math.Abs(r-mean) <= tolerance {
			return r
		}
	}
	return mean
}

// resample writes the track once more, on a grid that begins with its first
// sample. Between two samples lies the straight line; where they are farther
// apart than five mean intervals, and than two of the new ones, is a gap.
func (t *track) resample(ctx context.Context, s *spool, rate float64) (*track, error) {
	again := &track{attribute: t.attribute, label: t.label, from: s.size, rate: rate, low: math.Inf(1), high: math.Inf(-1)}
	widest := int64(2e6 / rate)
	if t.count > 1 {
		widest = max(widest, 5*(t.last-t.first)/(t.count-1))
	}
	if err := t.affordable(ctx, s, rate, widest); err != nil {
		return nil, err
	}
	var index, before int64
	var v0 float64
	began := false
	put := func(v float64) error {
		if index%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return cmp.Or(context.Cause(ctx), err)
			}
		}
		at := t.first + offset(index, rate)
		again.take(at, v)
		index++
		return s.add(at, v)
	}
	err := t.each(ctx, s, func(at int64, v float64) error {
		if began && at-before > widest {
			index = int64(math.Ceil(float64(at-t.first) * rate / 1e6))
		}
		for g := t.first + offset(index, rate); g <= at; g = t.first + offset(index, rate) {
			value := v
			if began && at > before && at-before <= widest {
				value = v0 + (v-v0)*float64(g-before)/float64(at-before)
			}
			if err := put(value); err != nil {
				return err
			}
		}
		began, before, v0 = true, at, v
		return nil
	})
	if err == nil && again.count == 0 {
		err = fmt.Errorf("%s has no sample on a grid of %v Hz", t.label, rate)
	}
	if err == nil {
		err = s.flush()
	}
	return again, err
}

// checkEvery is after how many samples an export asks whether anybody still
// waits for it.
const checkEvery = 4096

// affordable refuses a rate at which the track would need more temporary space
// than an export may have, with the figures, before anything is written.
func (t *track) affordable(ctx context.Context, s *spool, rate float64, widest int64) error {
	samples, before, began := 1.0, int64(0), false
	err := t.each(ctx, s, func(at int64, _ float64) error {
		if began && at-before <= widest {
			samples += float64(at-before) * rate / 1e6
		}
		before, began = at, true
		return nil
	})
	if bytes := samples * spoolEntry; err == nil && bytes > float64(s.limit-s.size) {
		return refused("at %v Hz %s would have %.3g samples, which need %.3g bytes of temporary space: %d bytes are left for this export. "+
			"Ask for a lower rate, or export less at once, with from and to", rate, t.label, samples, bytes, max(0, s.limit-s.size))
	}
	return err
}

// fit shortens a text to n bytes without cutting a character.
func fit(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
