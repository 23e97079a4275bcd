package recording_test

import (
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// allocated returns how many bytes were allocated since the program began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// What a file says of itself costs neither memory nor blocks that do not end:
// it is refused, or as small as what the file holds.
func TestHostileFiles_AreBounded(t *testing.T) {
	edf := func(change func(*edfFile)) []string {
		f := twoSignals()
		change(&f)
		return []string{"r.edf", f.String()}
	}
	wfdb := func(header string, more ...string) []string { return append([]string{"r.hea", header}, more...) }
	data := strings.Repeat("\x01\x00", 64)
	tal := func(text string) []string {
		f := discontinuous()
		f.records, f.reserved = "1", "EDF+C"
		f.signals[1].samples = fmt.Sprint((len(text) + 5) / 2)
		f.data = "\x01\x00\x02\x00" + text + strings.Repeat("\x00", (len(text)+5)/2*2-len(text))
		return []string{"r.edf", f.String()}
	}
	many := func(signal func(i int) edfSignal) []edfSignal {
		list := make([]edfSignal, 9999)
		for i := range list {
			list[i] = signal(i)
		}
		return list
	}
	for name, c := range map[string]struct {
		files []string
		want  string // in the error, "": it can be read
		limit uint64 // MiB
	}{
		"EDF: signals":       {[]string{"r.edf", strings.Replace(twoSignals().String(), "768     ", "2560000 ", 1)}, "header length", 1},
		"EDF: records":       {edf(func(f *edfFile) { f.records = "99999999" }), "", 2},
		"EDF: samples":       {edf(func(f *edfFile) { f.signals[0].samples = "99999999" }), "truncated", 1},
		"EDF: duration":      {edf(func(f *edfFile) { f.duration = "1e300" }), "duration of a data record", 1},
		"EDF: long together": {edf(func(f *edfFile) { f.duration = "9e8" }), "no recording is as long", 1},
		"EDF: short":         {edf(func(f *edfFile) { f.duration = "1e-300" }), "duration of a data record", 1},
		"EDF: not a number":  {edf(func(f *edfFile) { f.signals[0].pmax = "nan" }), "physical maximum", 1},
		"EDF: infinite gain": {edf(func(f *edfFile) { f.signals[0].pmin, f.signals[0].pmax = "0", "1e-300" }), "cannot be right", 1},
		"EDF: empty slices": {edf(func(f *edfFile) {
			f.records, f.duration = "1", "99999999"
			f.signals = many(func(i int) edfSignal {
				s := edfSignal{"s", "", "0", "1", "0", "1", "1"}
				if i == 0 {
					s.samples = "50000"
				}
				return s
			})
			f.data = strings.Repeat("\x01\x00", 50_000+9998)
		}), "", 96},
		"EDF: text marks":     {tal("+0\x14\x14\x00+1" + strings.Repeat("\x14", 1<<20) + "\x00"), "", 16},
		"EDF: lists":          {tal("+0\x14\x14\x00" + strings.Repeat("+1\x14\x14\x00", 1<<18)), "", 16},
		"EDF: annotations":    {tal("+0\x14\x14\x00+1" + strings.Repeat("\x14a", 1<<21+1) + "\x14\x00"), "more than 2097152 annotations", 2048},
		"EDF: long list":      {tal("+0\x14\x14\x00+1\x14" + strings.Repeat("a", 1<<25) + "\x14\x00"), "at most 16777216 are read", 1},
		"EDF: marked padding": {tal("+0\x14\x14\x00+1" + strings.Repeat("\x14no signal@@x", 1<<14) + "\x14\x00"), "", 32},

		"WFDB: signals":           {wfdb("r 1000000000 1 2\n"), "number of signals", 1},
		"WFDB: segments":          {wfdb("r/1000000000 1 1\n"), "number of segments", 1},
		"WFDB: itself":            {wfdb("r/1 1 1 1\nr 1\n"), "has segments itself", 1},
		"WFDB: samples":           {wfdb("r 1 1 9999999999999\nr.dat 16\n", "r.dat", data), "number of samples", 1},
		"WFDB: many samples":      {wfdb("r 1 1 1000000000\nr.dat 16\n", "r.dat", data), "truncated", 1},
		"WFDB: nothing, long":     {wfdb("r 1 1 1000000000000\n~ 0\n"), "no recording is as long", 1},
		"WFDB: nothing, fast":     {wfdb("r 1 1e9 1000000000000\n~ 0\n"), "", 1},
		"WFDB: no signal":         {wfdb("r 0 1e9 1000000000000\n"), "", 1},
		"WFDB: wide nothing":      {wfdb("r 10000 1 10\n" + strings.Repeat("~ 0x1048576\n", 10_000)), "", 32},
		"WFDB: long segments":     {wfdb("r/2 1 1e-6 2000\n~ 1000\n~ 1000\n"), "no recording is as long", 1},
		"WFDB: frame":             {wfdb("r 1 1\nr.dat 16x2000000\n", "r.dat", data), "too many samples per frame", 1},
		"WFDB: one file as many":  {wfdb("r 2 1\nr.dat 80x1048576\n./r.dat 80x1048576\n", "r.dat", strings.Repeat("\x80", 1<<20)), "samples per frame", 4},
		"WFDB: skew":              {wfdb("r 1 1\nr.dat 16:9999999999999\n", "r.dat", data), "too much skew", 1},
		"WFDB: skew to the limit": {wfdb("r 1 1\nr.dat 16x64:1099511627776\n", "r.dat", data), "", 1},
		"WFDB: skews":             {wfdb("r 65 1\n"+skews(65), "r.dat", strings.Repeat("\x01\x00", 65)), "different skews", 1},
		"WFDB: frequency 1e300":   {wfdb("r 1 1e300\nr.dat 16\n", "r.dat", data), "sampling frequency", 1},
		"WFDB: frequency 1e-300":  {wfdb("r 1 1e-300\nr.dat 16\n", "r.dat", data), "too low", 1},
		"WFDB: frequency NaN":     {wfdb("r 1 NaN\nr.dat 16\n", "r.dat", data), "sampling frequency", 1},
		"WFDB: gain NaN":          {wfdb("r 1 1\nr.dat 16 NaN\n", "r.dat", data), "gain", 1},
		"WFDB: gain 1e300":        {wfdb("r 1 1\nr.dat 16 1e300\n", "r.dat", data), "gain", 1},
		"WFDB: gain 1e-300":       {wfdb("r 1 1\nr.dat 16 1e-300\n", "r.dat", data), "gain", 1},
		"WFDB: annotations":       {wfdb("r 1 1\nr.dat 16\n", "r.dat", data, "r.atr", strings.Repeat("\x01\x04", 1<<21+2)), "more than 2097152 annotations", 2048},
		"WFDB: annotation, late":  {wfdb("r 1 1\nr.dat 16\n", "r.dat", data, "r.atr", "\x00\xec\xff\x7f\xff\xff\x01\x04\x00\x00"), "from the start", 1},
	} {
		t.Run(name, func(t *testing.T) {
			path, before := write(t, c.files...), allocated()
			blocks, err := countBlocks(path)
			if err != nil && c.want == "" || err == nil && c.want != "" || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if n := (allocated() - before) >> 20; n > c.limit {
				t.Errorf("%d MiB were allocated, want at most %d", n, c.limit)
			}
			if blocks > 1000 {
				t.Errorf("%d blocks", blocks)
			}
		})
	}
}

// skews returns the lines of signals of which each has a skew of its own.
func skews(count int) (lines string) {
	for i := range count {
		lines += fmt.Sprintf("r.dat 16:%d\n", i)
	}
	return lines
}

func countBlocks(path string) (blocks int, err error) {
	r, err := recording.Open(path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for ; ; blocks++ {
		if _, err := r.Next(); err == io.EOF {
			return blocks, nil
		} else if err != nil || blocks > 10_000 {
			return blocks, err
		}
	}
}

// A record may name one segment as often as it likes: what is read of headers
// is bounded.
func TestHostileFiles_SegmentsThatRepeatALargeHeader(t *testing.T) {
	lines := strings.Repeat("s 1\n", 10)
	path := write(t, "r.hea", "r/10 1 1\n"+lines, "s.hea", "s 1 1 1\ns.dat 16\n"+strings.Repeat("#"+strings.Repeat("x", 1023)+"\n", 15<<10), "s.dat", "\x01\x00")
	if _, err := countBlocks(path); err == nil || !strings.Contains(err.Error(), "headers of its segments have more than") {
		t.Errorf("%v", err)
	}
}

// Channels without a scale, uncalibrated signals: what is said of a file is
// bounded, however many there are.
func TestHostileFiles_WhatIsSaidIsBounded(t *testing.T) {
	f := twoSignals()
	for range 500 {
		f.signals = append(f.signals, edfSignal{"dash", "", "0", "0", "0", "1", "1"})
	}
	f.records, f.data = "1", strings.Repeat("\x01\x00", 503)
	r := open(t, write(t, "r.edf", f.String()))
	if n := len(r.Ignored); n != 101 || !slices.Contains(r.Ignored, "and more of the kind") {
		t.Errorf("%d phrases", n)
	}
}

// What a file says of itself is quoted on terminals and in logs.
func TestHostileFiles_NoControlCharacterInWhatIsSaid(t *testing.T) {
	r := open(t, write(t, "r.hea", "r 1 100 2 \x1b[2J\nr.dat 16 0/m\x1b[31mV\xb5 16 0 0 9 0 \x1b]0;x\x07\n", "r.dat", "\x01\x00\x02\x00"))
	ignored(t, r, "is not calibrated")
	err := r.Verify()
	if err == nil {
		t.Fatal("the checksum does not match")
	}
	plain(t, r.Ignored[0]+err.Error()+r.StartText+r.Signals[0].Name+r.Signals[0].Unit)
	for _, file := range []string{
		"r 1 100 2\nr\x1b[2J.dat 16\n", "r 1 100 2\nr.dat 9\x1b[2J\n", "r 1 100 x\x1b[2J\n", "r/2 1 100 2\n\x1b[2J\xff 1\n~ 1\n",
	} {
		_, err := recording.Open(write(t, "r.hea", file))
		if err == nil {
			t.Fatalf("%q: no error", file)
		}
		plain(t, err.Error())
	}
	var truncated *recording.TruncatedError
	if _, err := recording.Open(write(t, "r\x1b.edf", twoSignals().String()[:700])); !errors.As(err, &truncated) {
		t.Errorf("error %v", err)
	} else {
		plain(t, err.Error())
	}
}

// One long annotation is no reason to refuse a recording.
func TestHostileFiles_LongAnnotationsAreCut(t *testing.T) {
	f := continuous("")
	text := "+0\x14\x14\x00+1\x14" + strings.Repeat("\x01é", 40<<10) + "\x14\x00+1\x14short\x14\x00"
	f.signals[1].samples, f.data = fmt.Sprint(len(text)/2), "\x01\x00\x02\x00"+text
	if len(text)%2 != 0 {
		t.Fatal("an odd number of bytes")
	}
	r := open(t, write(t, "r.edf", f.String()))
	ignored(t, r, "the ends of 1 annotations")
	if a := r.Annotations; len(a) != 2 || a[1].Text != "short" || len(a[0].Document()) > sensocto.MaxDocumentBytes || !utf8.ValidString(a[0].Text) {
		t.Errorf("%d annotations, the first of %d bytes", len(a), len(a[0].Text))
	}
}
