package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows how far a piece of work is: a bar where it goes to a terminal, a
// line now and then elsewhere. It belongs to one goroutine.
type bar struct {
	w     io.Writer
	label string
	quiet bool
	tty   bool
	every time.Duration
	shown time.Time
	drawn bool
}

func newBar(w io.Writer, label string, quiet bool) *bar {
	b := &bar{w: w, label: label, quiet: quiet, tty: isTerminal(w), every: 10 * time.Second, shown: time.Now()}
	if b.tty {
		b.every = 200 * time.Millisecond
	}
	return b
}

// show draws the state, if it is time to; of is 0 where it is not known. Its
// numbers are bytes.
func (b *bar) show(done, of int64) {
	if b.quiet || time.Since(b.shown) < b.every {
		return
	}
	b.shown, b.drawn = time.Now(), true
	state := humanBytes(done)
	if of > 0 {
		state = fmt.Sprintf("%3d%% of %s", min(100, 100*done/of), humanBytes(of))
	}
	if !b.tty {
		fmt.Fprintf(b.w, "%s: %s\n", b.label, state)
		return
	}
	const width = 30
	full := 0
	if of > 0 {
		full = int(min(width, width*done/of))
	}
	fmt.Fprintf(b.w, "\r%s [%s%s] %s\x1b[K", b.label, strings.Repeat("█", full), strings.Repeat("·", width-full), state)
}

// finish leaves the line of the bar.
func (b *bar) finish() {
	if b.tty && b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// humanBytes is a size as people say it.
func humanBytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// plural is a number of things.
func plural(n int64, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case one == "series":
		return fmt.Sprintf("%d series", n)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
