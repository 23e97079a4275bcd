package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"golang.org/x/term"
)

type topCmd struct {
	remoteFlags
	Once     bool          `help:"Measure for one interval, print one table and end."`
	Interval time.Duration `default:"1s" placeholder:"TIME" help:"How often to look, default ${default}."`
	Sort     string        `enum:"name,level,viewers,in,out,window,mailbox,drops" default:"level" placeholder:"COLUMN" help:"Sort by: name, level, viewers, in, out, window, mailbox or drops. Default ${default}."`
}

// Help is shown by --help.
func (topCmd) Help() string {
	return `Who looks at what, and what that asks of the devices: each sensor that somebody looks at or whose
device is connected, with its level, its viewers by level (high/medium/low/none), rates in and out,
the batch size and window in force, its mailbox and drops; above them the server's load.

Keys on a terminal: s sorts by the next column; n name, l level, v viewers, i in, o out, w window,
m mailbox, d drops; q ends. Elsewhere tables are printed below each other.

Needs the scope view.

Examples:
  sensocto top
  sensocto top --once --sort in`
}

// Run shows until q, a signal, or the first failure.
func (c topCmd) Run(a *app) error {
	if c.Interval < 100*time.Millisecond {
		return usagef("--interval must be at least 100ms")
	}
	view := &topView{sort: topColumn(c.Sort)}
	if err := c.look(a.ctx, view); err != nil {
		return err
	}
	live := !c.Once && isTerminal(a.stdout) && a.env["TERM"] != "dumb"
	if live {
		return c.live(a, view)
	}
	for {
		select {
		case <-time.After(c.Interval):
		case <-a.ctx.Done():
			return nil
		}
		if err := c.look(a.ctx, view); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, view.render(topSize{}))
		if c.Once {
			return nil
		}
	}
}

// topLook is what asking the server came to.
type topLook struct {
	answer topAnswer
	err    error
}

// ask reads all pages; the first one's time and load count.
func (c topCmd) ask(ctx context.Context) (l topLook) {
	l.err = c.fetch(ctx, "/api/v1/attention", &l.answer)
	for next := l.answer.Next; next != "" && l.err == nil; {
		var page topAnswer
		l.err = c.fetch(ctx, "/api/v1/attention?after="+url.QueryEscape(next), &page)
		l.answer.Sensors, next = append(l.answer.Sensors, page.Sensors...), page.Next
	}
	return l
}

// look asks the server.
func (c topCmd) look(ctx context.Context, view *topView) error {
	l := c.ask(ctx)
	if l.err == nil {
		view.take(l.answer)
	}
	return l.err
}

// Sequences of the terminal.
const (
	termEnter = "\x1b[?1049h\x1b[?25l" // another screen, without a cursor
	termLeave = "\x1b[?25h\x1b[?1049l"
	termHome  = "\x1b[H"
	termBelow = "\x1b[J" // clears what is below
)

// live draws in place, and listens to keys, also while the server does not
// answer: on a raw terminal they are the only way out.
func (c topCmd) live(a *app, view *topView) error {
	keys, restore, err := readKeys()
	if err != nil {
		return err
	}
	defer restore()
	fmt.Fprint(a.stdout, termEnter)
	defer fmt.Fprint(a.stdout, termLeave)
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	looks, looking := make(chan topLook, 1), false // one at a time
	for {
		fmt.Fprint(a.stdout, termHome+view.render(terminalSize())+termBelow)
		select {
		case <-ctx.Done():
			return nil
		case key := <-keys:
			if !view.key(key) {
				return nil
			}
		case <-ticker.C:
			if !looking {
				looking = true
				go func() { looks <- c.ask(ctx) }()
			}
		case l := <-looks:
			looking = false
			if view.trouble = l.err; l.err == nil {
				view.take(l.answer)
			}
		}
	}
}

// readKeys hands over the keys that are pressed, where standard input is a
// terminal. The goroutine that reads them ends with the process: a read from a
// terminal cannot be interrupted.
func readKeys() (keys <-chan byte, restore func(), err error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil, func() {}, nil
	}
	before, err := term.MakeRaw(in)
	if err != nil {
		return nil, nil, fmt.Errorf("switch the terminal to single keys: %w", err)
	}
	pressed := make(chan byte) // who types faster than is drawn waits
	go func() {
		var key [1]byte
		for {
			if _, err := os.Stdin.Read(key[:]); err != nil {
				return
			}
			pressed <- key[0]
		}
	}()
	return pressed, func() { _ = term.Restore(in, before) }, nil
}

// topSize is the size of the terminal, zero where there is none.
type topSize struct{ width, height int }

func terminalSize() topSize {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width < 20 || height < 5 {
		return topSize{80, 24}
	}
	return topSize{width, height}
}
