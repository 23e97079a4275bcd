//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soakKills is how often each crash test strikes: a few times, or as often as
// SOAK_KILLS says ("make soak").
func soakKills(t *testing.T) int {
	text := os.Getenv("SOAK_KILLS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SOAK_KILLS is %q, want a number of kills", text)
	}
	return n
}

// crash is a server that is killed again and again while devices send to it,
// on one address and one data directory.
type crash struct {
	t       *testing.T
	flags   []string
	server  *process // of the present, or the last
	token   string
	sources []crashSource
	kills   int // of starts

	stop    context.CancelFunc // of the devices
	sending sync.WaitGroup
	failed  chan error
}

// rounds strikes soakKills times: after every fifty strikes all is compared,
// and the next round begins with nothing.
func rounds(t *testing.T, begin func(t *testing.T) *crash, strike func(c *crash, i int)) {
	const round = 50
	for left := soakKills(t); left > 0; left -= round {
		c := begin(t)
		for i := range min(left, round) {
			c.pause(500 * time.Millisecond)
			strike(c, i)
		}
		c.end()
	}
}

// beginCrash starts a server and the devices.
func beginCrash(t *testing.T, dir string, flags ...string) *crash {
	t.Helper()
	c := &crash{t: t, flags: flags, server: startProcess(t, dir, flags...)}
	c.token = c.server.token()
	c.sources = crashSources(filepath.Join(t.TempDir(), "spool"))
	c.failed = make(chan error, len(c.sources))
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	for _, s := range c.sources {
		c.sending.Go(func() {
			if err := s.run(ctx, target{c.server.url, c.token}); err != nil {
				c.failed <- fmt.Errorf("%s: %w", s.device().id, err)
			}
		})
	}
	return c
}

// pause lets the devices send for a while, at random.
func (c *crash) pause(most time.Duration) {
	time.Sleep(time.Duration(rand.Int64N(int64(most))))
	select {
	case err := <-c.failed:
		c.t.Fatalf("%v\n%s", err, c.server.stderr)
	default:
	}
}

// kill ends the server as kill -9 does.
func (c *crash) kill() { c.server.signal(syscall.SIGKILL) }

// launch starts the server where it was.
func (c *crash) launch() {
	listen := strings.TrimPrefix(c.server.url, "http://")
	p := launchProcess(c.t, c.server.dir, listen, c.flags...)
	p.url = c.server.url
	p.use(c.token)
	c.server = p
}

// start launches the server and waits until it takes devices. Now and then it
// is killed on the way there, and started again.
func (c *crash) start() {
	c.t.Helper()
	for rand.IntN(4) == 0 {
		c.launch()
		c.pause(300 * time.Millisecond)
		c.kill()
		c.kills++
	}
	c.launch()
	if err := c.server.awaitURL(); err != nil {
		c.t.Fatal(err)
	}
}

// end waits until each device has something to compare, lets them come to an end, kills the server a last time, and
// compares what a reader gets with what was acknowledged.
func (c *crash) end() {
	c.t.Helper()
	for began := time.Now(); slices.ContainsFunc(c.sources, func(s crashSource) bool { return !s.device().begun.Load() }); {
		if c.pause(100 * time.Millisecond); time.Since(began) > patience {
			c.t.Fatalf("a device has sent nothing, or heard of nothing that it sent\n%s", c.server.stderr)
		}
	}
	c.stop()
	c.sending.Wait()
	c.kill()
	c.sound()
	c.start()
	samples := 0
	for _, s := range c.sources {
		samples += c.compare(s.device())
	}
	c.server.ends()
	c.sound()
	c.t.Logf("%d samples of %d devices are there; %d starts were killed", samples, len(c.sources), c.kills)
}

// compare wants each sample that was acknowledged, once and in order, and of
// what was not acknowledged only whole batches that follow.
func (c *crash) compare(d *crashDevice) (samples int) {
	c.t.Helper()
	for attribute, count := range map[string]func(batches int) int{"wave": wavesBefore, "note": notesBefore} {
		got := c.server.samples(d.id, attribute)
		least, most := count(d.acked), count(d.sent)
		if d.acked == 0 || len(got) < least || len(got) > most {
			c.t.Fatalf("%s %s has %d samples: %d were acknowledged and %d sent", d.id, attribute, len(got), least, most)
		}
		if err := sameSamples(got, d.expected(attribute, len(got))); err != nil {
			c.t.Fatalf("%s %s: %v", d.id, attribute, err)
		}
		samples += len(got)
	}
	return samples
}

// sound wants that a check finds nothing wrong.
func (c *crash) sound() {
	c.t.Helper()
	args := []string{"check", "--quiet", c.server.dir}
	var env []string
	if len(c.flags) > 1 && c.flags[0] == "--database-url" {
		env = []string{"SENSOCTO_DATABASE_URL=" + c.flags[1]}
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		r := runCLI(c.t, env, args...)
		// A database may not have noticed yet that the server is dead.
		if !strings.Contains(r.stderr, "another server uses it") || time.Since(began) > patience {
			r.wants(c.t, 0, "is sound")
			return
		}
	}
}

// TestProcess_KilledAgainAndAgain: whenever the server is killed, all that it
// answered is there, once, in order and equal to the bit, for whoever reads it.
func TestProcess_KilledAgainAndAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	begin := func(t *testing.T) *crash { return beginCrash(t, t.TempDir()) }
	rounds(t, begin, func(c *crash, _ int) {
		c.kill()
		c.start()
	})
}
