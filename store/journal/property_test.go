package journal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/journal/journaltest"
)

// step of a random life of a journal.
type step struct {
	kind string
	n    int
}

func steps(t *rapid.T) []step {
	kinds := []string{"append", "append", "append", "large", "sync", "sync", "async", "async", "wait", "wait",
		"fail write", "fail sync", "fail create", "fail sync directory", "fail remove", "fail all", "full", "heal", "heal",
		"truncate", "kill", "power cut", "power cut", "close"}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.IntRange(0, 40).Draw(t, "n")}
	}), 1, 60).Draw(t, "steps")
}

// TestJournal_LosesNothingConfirmed lives random lives: after every crash all
// that was confirmed is there, once and in order; what was not may be missing,
// but only from the end; and the state is that of exactly the records that are there.
func TestJournal_LosesNothingConfirmed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed, plan := rapid.Uint64().Draw(rt, "seed"), steps(rt)
		var err error
		synctest.Test(t, func(*testing.T) { err = newLife(seed).run(plan) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// life is a journal on a disk, and what must be true of it.
type life struct {
	disk *journaltest.Disk
	rand *rand.Rand

	journal *journal.Journal
	state   *sum
	ended   chan error

	sent      int // records appended
	truncated journal.Position

	mu        sync.Mutex // guards the following
	faults    map[journaltest.Op]int
	confirmed int // records before it are durable
	boot      int
}

func newLife(seed uint64) *life {
	l := &life{disk: journaltest.New(seed), rand: rand.New(rand.NewPCG(seed, 1)), faults: make(map[journaltest.Op]int)}
	l.disk.Before(l.before)
	return l
}

// before makes operations slow and lets some fail.
func (l *life) before(op journaltest.Op, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if op == journaltest.Sync {
		wait := time.Duration(l.rand.IntN(3000)) * time.Microsecond
		l.mu.Unlock()
		time.Sleep(wait)
		l.mu.Lock()
	}
	if l.faults[op] > 0 && l.rand.IntN(3) > 0 {
		l.faults[op]--
		return syscall.EIO
	}
	return nil
}

func (l *life) run(plan []step) (err error) {
	if err := l.start(); err != nil {
		return err
	}
	for i, s := range plan {
		if err := l.step(s); err != nil {
			l.stop(l.disk.Kill)
			return fmt.Errorf("step %d %v: %w", i, s, err)
		}
	}
	l.heal()
	for _, event := range []func(){l.disk.PowerCut, l.disk.Kill} {
		if err := l.crash(event); err != nil {
			return err
		}
	}
	return l.end()
}

func (l *life) step(s step) error {
	switch s.kind {
	case "append":
		l.append(s.n, 0)
	case "large":
		l.append(1, 10_000*s.n)
	case "sync":
		end := l.sent
		if err := l.journal.Sync(context.Background()); err == nil {
			l.confirm(l.boot, end)
		}
	case "async":
		l.append(s.n, 0)
		end, boot := l.sent, l.boot
		l.journal.Synced(func(err error) {
			if err == nil {
				l.confirm(boot, end)
			}
		})
	case "wait":
		time.Sleep(time.Duration(s.n) * time.Duration(s.n) * time.Millisecond)
	case "full":
		l.disk.SetCapacity(int64(1 + s.n*1000))
	case "heal":
		l.heal()
	case "truncate":
		l.mu.Lock()
		l.truncated = max(l.truncated, journal.Position(l.rand.IntN(l.sent+1)))
		l.mu.Unlock()
		l.journal.Truncate(l.truncated)
		if s.n%2 == 0 {
			synctest.Wait() // the next event finds it done
		}
	case "kill":
		return l.crash(l.disk.Kill)
	case "power cut":
		return l.crash(l.disk.PowerCut)
	case "close":
		return l.reopen()
	default:
		l.fail(s)
	}
	return nil
}

func (l *life) fail(s step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range []journaltest.Op{journaltest.Write, journaltest.Sync, journaltest.Create, journaltest.SyncDir, journaltest.Remove} {
		if s.kind == "fail "+string(op) || s.kind == "fail all" {
			l.faults[op] = s.n
		}
	}
}

func (l *life) heal() {
	l.disk.SetCapacity(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.faults)
}

// record says its number, so that any other in its place is noticed.
func record(i, size int) []byte {
	return append(fmt.Appendf(nil, "%d ", i), make([]byte, size+i%50)...)
}

func (l *life) append(n, size int) {
	for range n {
		l.journal.Append(record(l.sent, size))
		l.sent++
	}
}

func (l *life) confirm(boot, end int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if boot == l.boot {
		l.confirmed = max(l.confirmed, end)
	}
}

// stop ends the journal, after something that happens to it.
func (l *life) stop(event func()) {
	l.mu.Lock()
	l.boot++
	clear(l.faults)
	l.mu.Unlock()
	event()
	if l.journal != nil {
		_ = l.journal.Close()
	}
	<-l.ended
}

func (l *life) crash(event func()) error {
	l.stop(event)
	return l.start()
}

// reopen closes in good order: when nothing fails, nothing is lost at all.
func (l *life) reopen() error {
	l.heal()
	if err := l.end(); err != nil {
		return err
	}
	l.confirmed = l.sent
	return l.start()
}

func (l *life) end() error {
	if err := l.journal.Close(); err != nil {
		return err
	}
	return <-l.ended
}

// start opens the journal and looks at what is there.
func (l *life) start() (err error) {
	running := false
	l.state, l.ended = new(sum), make(chan error, 1)
	defer func() {
		if !running {
			close(l.ended)
		}
	}()
	l.journal, err = journal.Open(l.disk.Mount(), l.state, journal.Options{SegmentBytes: 20_000, ShutdownTimeout: time.Minute})
	if err != nil {
		return err
	}
	if err := l.examine(); err != nil {
		return err
	}
	running = true
	l.append(l.rand.IntN(3), 10) // comes before Run, next to what Open carried over
	go func(j *journal.Journal, ended chan<- error) { ended <- j.Run(context.Background()) }(l.journal, l.ended)
	synctest.Wait() // Close before Run would leave what is there as it is
	return nil
}

func (l *life) examine() error {
	end := l.journal.End()
	if int(end) > l.sent || int(end) < l.confirmed {
		return fmt.Errorf("%d records are there; %d were confirmed and %d sent", end, l.confirmed, l.sent)
	}
	next := journal.Position(1 << 62)
	err := l.journal.Replay(context.Background(), func(at journal.Position, r []byte) error {
		var i int
		if _, err := fmt.Sscan(string(r), &i); err != nil || i != int(at) || (next != 1<<62 && next != at) {
			return fmt.Errorf("at %d is %.20q, expected position %d", at, r, next)
		}
		if next == 1<<62 && at > l.truncated {
			return fmt.Errorf("begins at %d, truncated were %d", at, l.truncated)
		}
		next = at + 1
		return nil
	}, nil)
	if err != nil {
		return err
	}
	if next != 1<<62 && next != end {
		return fmt.Errorf("replay ended at %d of %d", next, end)
	}
	if next == 1<<62 && end > l.truncated {
		return fmt.Errorf("nothing replayed of %d, truncated were %d", end, l.truncated)
	}
	if l.state.count != uint64(end) {
		return fmt.Errorf("the state is of %d records, there are %d", l.state.count, end)
	}
	// What was lost was never confirmed: the device sends it again. What is
	// there may still be lost: after Kill, it is not on disk for that.
	l.sent = int(end)
	return nil
}
