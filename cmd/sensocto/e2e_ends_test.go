//go:build unix

package main

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestProcess_SIGTERMUnderLoadLosesNothingThatWasAnswered: whether "on disk" or
// only "taken" was the answer.
func TestProcess_SIGTERMUnderLoadLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir)
	devices := map[string]*rawDevice{"durable-1": p.device("durable-1"), "durable-2": p.device("durable-2"), "taken-1": p.device("taken-1"), "taken-2": p.device("taken-2")}
	batches := make(map[string]int)
	var mu sync.Mutex // guards batches
	var all sync.WaitGroup
	for id, d := range devices {
		all.Go(func() {
			push := d.taken
			if id[0] == 'd' {
				push = d.acknowledged
			}
			log, err := d.flood(push)
			if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("%s: %v, want 1001", id, err)
			}
			mu.Lock()
			defer mu.Unlock()
			batches[id] = len(log)
		})
	}
	time.Sleep(time.Second) // of load; whatever is done by then will do
	p.ends()
	all.Wait()
	p = startProcess(t, dir)
	for id, n := range batches {
		if n == 0 {
			t.Errorf("%s: nothing was answered", id)
		}
		p.wantsCount(id, "n", n*batchSize)
	}
}

// TestProcess_KillKeepsWhatIsAcknowledged: a kill costs nothing of what was
// answered as durable.
func TestProcess_KillKeepsWhatIsAcknowledged(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir)
	d := p.device("s")
	go func() {
		time.Sleep(time.Second)
		p.signal(syscall.SIGKILL)
	}()
	log, _ := d.flood(d.acknowledged)
	p.stop()
	p = startProcess(t, dir)
	if got := p.wantsCount("s", "n", len(log)*batchSize); got == 0 {
		t.Error("nothing was stored")
	}
	p.ends()
}

// TestProcess_KillCostsTheLastSecond: without acknowledgements the samples of
// the last second may be gone, those before are there, without a hole.
func TestProcess_KillCostsTheLastSecond(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir)
	d := p.device("s")
	killed := make(chan time.Time, 1)
	go func() {
		time.Sleep(3 * time.Second)
		killed <- time.Now()
		p.signal(syscall.SIGKILL)
	}()
	log, _ := d.flood(func(i int) error {
		time.Sleep(time.Millisecond) // a device with a rate
		return d.taken(i)
	})
	p.stop()
	// A second, and the time that a transaction takes on a busy machine.
	safe := (<-killed).Add(-time.Second - 500*time.Millisecond)
	n := 0
	for _, a := range log {
		if a.at.Before(safe) {
			n = a.batches
		}
	}
	if n == 0 {
		t.Fatal("nothing was answered in time")
	}
	p = startProcess(t, dir)
	p.wantsCount("s", "n", n*batchSize)
}
