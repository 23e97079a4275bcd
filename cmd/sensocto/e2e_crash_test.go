package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soakKills is how often the server is killed: a few times, or as often as
// SOAK_KILLS says ("make soak").
func soakKills(t *testing.T) int {
	text := os.Getenv("SOAK_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SOAK_KILLS is %q, want a number of kills", text)
	}
	return n
}

// crashDevice sends numbered batches of one stream, over all lives of the
// server, and again what was not answered.
type crashDevice struct {
	id, stream string
	acked      int // batches that were answered ok
}

// live sends until the server is gone.
func (c *crashDevice) live(d *rawDevice) error {
	first := c.acked
	log, err := d.flood(func(i int) error {
		return d.send("measurements", map[string]any{"stream": c.stream, "seq": first + i + 1, "measurements": numbered(first + i)})
	})
	c.acked += len(log)
	if err != nil && strings.Contains(err.Error(), "batch ") {
		return fmt.Errorf("%s: %w", c.id, err)
	}
	return nil
}

// TestProcess_KilledAgainAndAgain: whenever the server is killed, all that it
// answered is there, once and in order, for whoever reads it.
func TestProcess_KilledAgainAndAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	devices := make([]*crashDevice, 8)
	for i := range devices {
		devices[i] = &crashDevice{id: fmt.Sprint("s", i), stream: fmt.Sprintf("01234567-89ab-4def-8123-%012d", i)}
	}
	for range soakKills(t) {
		p := startProcess(t, dir)
		var sending sync.WaitGroup
		errs := make(chan error, len(devices))
		for _, c := range devices {
			d := p.device(c.id)
			sending.Go(func() { errs <- c.live(d) })
		}
		time.Sleep(time.Duration(50+rand.IntN(700)) * time.Millisecond)
		p.signal(syscall.SIGKILL)
		sending.Wait()
		for range devices {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
	}
	p := startProcess(t, dir)
	for _, c := range devices {
		values := p.values(c.id, "n")
		if c.acked == 0 || len(values) < c.acked*batchSize || len(values)%batchSize != 0 {
			t.Errorf("%s has %d samples; %d batches of %d were answered", c.id, len(values), c.acked, batchSize)
		}
		for i, v := range values {
			if v != float64(i) {
				t.Fatalf("%s: sample %d is %v", c.id, i, v)
			}
		}
	}
	p.ends()
}
