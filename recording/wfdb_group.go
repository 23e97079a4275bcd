package recording

import (
	"fmt"
	"math"
	"path/filepath"
)

// maxSkews bounds how often a frame is unpacked: once for each skew of its
// signals.
const maxSkews = 64

// wfdbGroup is the signals that share one file, frame by frame.
type wfdbGroup struct {
	file    *file
	format  wfdbFormat
	offset  int64
	first   int // number of its first signal
	signals []wfdbSignal
	skews   map[int64]bool
	starts  []int // where in a frame each signal's samples start
	length  int   // samples per frame

	bytes   []byte
	samples []int32
}

// nullFile and format 0 stand for a signal without samples.
const nullFile = "~"

func (g *wfdbGroup) open(dir string, s wfdbSignal) error {
	if s.file == nullFile || s.format == 0 {
		return nil
	}
	var ok bool
	if g.format, ok = wfdbFormatByNumber(s.format); !ok {
		return fmt.Errorf("signal file %s has format %d, which is not supported (16, 24, 32, 61, 80, 160, 212, 310 and 311 are)", s.file, s.format)
	}
	if !filepath.IsLocal(s.file) {
		return fmt.Errorf("signal file %q: must be beside the header", s.file)
	}
	var err error
	if g.file, err = openFile(filepath.Join(dir, s.file)); err != nil {
		return fmt.Errorf("open signal file: %w", err)
	}
	return nil
}

func (g *wfdbGroup) add(s wfdbSignal) error {
	if len(g.signals) > 0 {
		one := g.signals[0]
		if one.format != s.format || s.offset != 0 && s.offset != g.offset {
			return fmt.Errorf("signals of the file %s differ in format or byte offset", s.file)
		}
	}
	if g.skews[s.skew] = true; len(g.skews) > maxSkews {
		return fmt.Errorf("signals of the file %s have more than %d different skews", s.file, maxSkews)
	}
	g.signals = append(g.signals, s)
	g.starts = append(g.starts, g.length)
	g.length += s.perFrame
	return nil
}

// addGroup adds the frames [from, to) of a group's signals to the block. The
// first sample of a signal with skew n is the n-th of it in the file; what
// would lie behind the end is a gap.
func (w *wfdb) addGroup(b *Block, g *wfdbGroup, from, to int64) error {
	var samples []int32
	var low, high int64 // frames that samples are of
	for i, s := range g.signals {
		per := int64(s.perFrame)
		first, end := from*per+s.skew, min(to*per+s.skew, w.frames*per)
		if first >= end {
			continue
		}
		if l, h := first/per, (end+per-1)/per; i == 0 || l != low || h != high {
			var err error
			if samples, err = g.read(l, h); err != nil {
				return err
			}
			low, high = l, h
		}
		at := len(b.raws)
		for frame := range int(high - low) {
			start := frame*g.length + g.starts[i]
			b.raws = append(b.raws, samples[start:start+s.perFrame]...)
		}
		// The first and the last frame may have samples beside the wanted ones.
		at += int(first - low*per)
		b.raws = b.raws[:at+int(end-first)]
		number := g.first + i
		b.addRaw(number, &w.signals[number], from*per, 0, at, g.format.gap)
	}
	return nil
}

// read returns the samples of the frames [from, to) as they are in the file.
// They are valid until the next call.
func (g *wfdbGroup) read(from, to int64) ([]int32, error) {
	low, high := from*int64(g.length), to*int64(g.length)
	group := low / int64(g.format.groupSamples)
	skip := int(low % int64(g.format.groupSamples))
	n := int(high-low) + skip
	src, err := g.file.bytes(g.offset+group*int64(g.format.groupBytes), int(g.format.bytes(int64(n))))
	if err != nil {
		return nil, err
	}
	whole := (n + g.format.groupSamples - 1) / g.format.groupSamples
	if size := whole * g.format.groupBytes; len(src) < size {
		g.bytes = append(append(g.bytes[:0], src...), make([]byte, size-len(src))...)
		src = g.bytes
	}
	if size := whole * g.format.groupSamples; cap(g.samples) < size {
		g.samples = make([]int32, size)
	}
	g.samples = g.samples[:whole*g.format.groupSamples]
	g.format.unpack(g.samples, src)
	return g.samples[skip:n], nil
}

func (g *wfdbGroup) sum(sums []int64, samples []int32) {
	for ; len(samples) > 0; samples = samples[g.length:] {
		for i, start := range g.starts {
			for _, v := range samples[start : start+g.signals[i].perFrame] {
				sums[i] += int64(v) & math.MaxUint16
			}
		}
	}
}
