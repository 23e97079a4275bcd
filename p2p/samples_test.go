package p2p

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

func someSamples() []sensocto.Sample {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixMicro()
	return []sensocto.Sample{
		{Timestamp: at, Value: -1.5}, {Timestamp: at + 1953, Value: math.MaxFloat64}, {Timestamp: at + 1953, Document: []byte(`{"x":1}`)},
		{Timestamp: at - 5, Value: math.Copysign(0, -1)}, {Timestamp: at + 7, Document: []byte(`null`)},
	}
}

func TestSamples_RunsAreReadAsTheyWere(t *testing.T) {
	all := someSamples()
	text := appendRun(appendRun(appendRun(nil, "ecg", 0, all[:2]), "notes", maxCount, all), "empty", 7, nil)
	in := reader{rest: text, names: map[string]string{}}
	got := in.runs(time.Now())
	want := []run{{"ecg", 0, all[:2]}, {"notes", maxCount, all}, {"empty", 7, []sensocto.Sample{}}}
	if in.failed || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v", in.failed, got)
	}
}

func TestSamples_AnswersAreReadAsTheyWere(t *testing.T) {
	all := someSamples()
	latest := map[string]sensocto.Latest{"ecg": {Samples: all, End: 99, Cut: true}, "hr": {Samples: all[:1], End: 1}}
	page := sensocto.Page{Samples: all, Next: &sensocto.Cursor{Timestamp: all[0].Timestamp, Seq: 17, Before: 18}}
	history := sensocto.History{Width: 10, From: 1, To: 2, Documents: 3, Points: sensocto.PointsChosen, Samples: all,
		Buckets: []sensocto.Bucket{{Count: 2, Min: -1, Max: 2, Sum: math.Inf(1), First: 1, Last: -1, From: 5, To: 6}}}
	for name, f := range map[string]struct {
		text []byte
		read func(*reader) any
		want any
	}{
		"latest":  {appendLatest(nil, latest, time.Time{}), func(r *reader) any { return r.latest(time.Now(), 9) }, latest},
		"page":    {appendPage(nil, page), func(r *reader) any { return r.page(time.Now(), 9) }, page},
		"history": {appendHistory(nil, history), func(r *reader) any { return r.history(time.Now()) }, history},
	} {
		in := reader{rest: f.text}
		if got := f.read(&in); in.checked() != nil || !reflect.DeepEqual(got, f.want) {
			t.Errorf("%s: %+v", name, got)
		}
		for n := range f.text { // of each beginning alone, nothing counts
			in := reader{rest: f.text[:n]}
			if f.read(&in); in.checked() == nil {
				t.Errorf("%s: the first %d bytes of %d are taken for whole", name, n, len(f.text))
			}
		}
	}
}

func TestSamples_WhatNoDeviceMaySendIsRefused(t *testing.T) {
	now := time.Now().UnixMicro()
	for name, s := range map[string]sensocto.Sample{
		"no number":      {Timestamp: now, Value: math.NaN()},
		"infinite":       {Timestamp: now, Value: math.Inf(-1)},
		"too old":        {Timestamp: 0, Value: 1},
		"in the future":  {Timestamp: now + time.Hour.Microseconds(), Value: 1},
		"no JSON":        {Timestamp: now, Document: []byte(`{`)},
		"a large object": {Timestamp: now, Document: append(append([]byte(`"`), make([]byte, sensocto.MaxDocumentBytes)...), '"')},
	} {
		in := reader{rest: appendRun(nil, "ecg", 0, []sensocto.Sample{s})}
		if in.runs(time.Now()); !in.failed {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, text := range map[string][]byte{
		"an attribute without a name": appendRun(nil, "", 0, nil),
		"an attribute of another set": appendRun(nil, "../x", 0, nil),
		"more samples than bytes":     append(appendText(nil, "ecg"), 0, 0xff, 0xff, 0xff, 0x7f, 0),
	} {
		in := reader{rest: text}
		if in.runs(time.Now()); !in.failed {
			t.Errorf("%s: accepted", name)
		}
	}
}

// More than was asked for is refused before there is memory for it.
func TestSamples_MoreThanWasAskedForIsRefused(t *testing.T) {
	all, now := someSamples(), time.Now()
	latest := map[string]sensocto.Latest{"ecg": {Samples: all, End: 99}}
	claim := append(appendText(nil, "ecg"), 0)
	claim = binary.AppendUvarint(claim, maxAnswerBytes/minSampleBytes)
	claim = append(claim, make([]byte, maxAnswerBytes)...)
	for name, read := range map[string]func(most int) *reader{
		"latest": func(most int) *reader {
			r := &reader{rest: appendLatest(nil, latest, time.Time{})}
			r.latest(now, most)
			return r
		},
		"page": func(most int) *reader {
			r := &reader{rest: appendPage(nil, sensocto.Page{Samples: all})}
			r.page(now, most)
			return r
		},
	} {
		if read(len(all)).checked() != nil || read(len(all)-1).checked() == nil {
			t.Errorf("%s: the bound is not what was asked for", name)
		}
	}
	many := appendHistory(nil, sensocto.History{Buckets: make([]sensocto.Bucket, maxAskedBuckets+1)})
	if in := (&reader{rest: many}); in.history(now).Buckets != nil || !in.failed {
		t.Error("more buckets than an answer may have are accepted")
	}
	if in := (&reader{rest: claim}); in.run(now).Samples != nil || !in.failed {
		t.Error("more samples than a frame may have are accepted")
	}
}

// What a peer sends is read without a panic, and takes no more memory than a small
// multiple of its size.
func FuzzSensorFrames(f *testing.F) {
	all := someSamples()
	f.Add(appendRun(nil, "ecg", 3, all))
	f.Add(appendLatest(nil, map[string]sensocto.Latest{"ecg": {Samples: all, End: 99}}, time.Time{}))
	f.Add(appendPage(nil, sensocto.Page{Samples: all, Next: &sensocto.Cursor{}}))
	f.Add(appendHistory(nil, sensocto.History{Samples: all, Buckets: make([]sensocto.Bucket, 2)}))
	now := time.Now()
	f.Fuzz(func(t *testing.T, text []byte) {
		one := func() *reader { return &reader{rest: text, names: map[string]string{}} }
		in := one()
		if runs := in.runs(now); !in.failed {
			var again []byte
			for _, r := range runs {
				again = appendRun(again, r.AttributeID, r.First, r.Samples)
			}
			if second := (&reader{rest: again}).runs(now); !reflect.DeepEqual(runs, second) {
				t.Errorf("%+v, written and read: %+v", runs, second)
			}
		}
		one().latest(now, maxAskedSamples)
		one().page(now, maxAskedSamples)
		one().history(now)
		_, _ = parseQuestion(text)
	})
}
