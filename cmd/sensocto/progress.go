package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress shows how far a replay is: a bar where standard error is a
// terminal, a line now and then elsewhere.
type progress struct {
	w     io.Writer
	quiet bool
	bar   bool
	verb  string // what happens to samples

	sent    atomic.Int64 // samples
	total   atomic.Int64 // 0 where there is no end
	endless bool
	began   time.Time
	stop    chan struct{}
	done    sync.WaitGroup

	mu    sync.Mutex // guards w and shown
	shown bool       // the bar stands in the present line
}

func newProgress(w io.Writer, quiet bool) *progress {
	return &progress{w: w, quiet: quiet, verb: "sent", bar: isTerminal(w), began: time.Now(), stop: make(chan struct{})}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *progress) add(samples int64, endless bool) {
	p.total.Add(samples)
	p.endless = endless
}

// say writes a line, in the place of the bar where that is shown.
func (p *progress) say(format string, args ...any) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
	fmt.Fprintln(p.w, visible(fmt.Sprintf(format, args...)))
}

// start shows the progress until finish.
func (p *progress) start() {
	p.began = time.Now()
	if p.quiet {
		return
	}
	every := 10 * time.Second
	if p.bar {
		every = 200 * time.Millisecond
	}
	p.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.show()
			case <-p.stop:
				return
			}
		}
	})
}

// finish ends the showing.
func (p *progress) finish() {
	close(p.stop)
	p.done.Wait()
	if p.bar && !p.quiet {
		p.show()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shown = false
		fmt.Fprintln(p.w)
	}
}

func (p *progress) show() {
	if !p.bar {
		p.say("%s", p.summary())
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	const width = 30
	full := width
	if total := p.total.Load(); !p.endless && total > 0 {
		full = int(min(width, width*p.sent.Load()/total))
	}
	fmt.Fprintf(p.w, "\r[%s%s] %s\x1b[K", strings.Repeat("█", full), strings.Repeat("·", width-full), p.summary())
}

// summary says how much was sent and how fast.
func (p *progress) summary() string {
	of := ""
	if !p.endless {
		of = fmt.Sprintf(" of %d", p.total.Load())
	}
	return fmt.Sprintf("%d%s samples %s %s", p.sent.Load(), of, p.verb, p.pace())
}

// stored says the same when all of it is on the server's disk. Samples that
// are marked as invalid in the file are not sent, so it may be less than total.
func (p *progress) stored() string {
	return fmt.Sprintf("%d samples stored %s", p.sent.Load(), p.pace())
}

func (p *progress) pace() string {
	took := time.Since(p.began)
	return fmt.Sprintf("in %v (%.0f/s)", took.Round(10*time.Millisecond), float64(p.sent.Load())/max(took.Seconds(), 1e-3))
}
