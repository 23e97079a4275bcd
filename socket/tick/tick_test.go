package tick_test

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto/socket/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is what a timer handed over, and when, since the start of the test.
type log struct {
	start time.Time

	mu  sync.Mutex
	at  []time.Duration
	due [][]int
}

func (l *log) now() time.Duration { return time.Since(l.start) }

func (l *log) timer(delay func(time.Duration) time.Duration) *tick.Timer[int] {
	l.start = time.Now()
	return tick.NewTimer(tick.Options[int]{Now: l.now, Delay: delay, Tick: func(due []int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at, l.due = append(l.at, l.now()), append(l.due, slices.Clone(due))
	}})
}

func (l *log) check(t *testing.T, at []time.Duration, due ...[]int) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.at, at) || !slices.EqualFunc(l.due, due, slices.Equal) {
		t.Errorf("handed over %v at %v, want %v at %v", l.due, l.at, due, at)
	}
}

const ms = time.Millisecond

func TestTimer_HandsOverTogetherAtMultiples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		timer := l.timer(tick.Every(10*ms, 0))
		time.Sleep(3 * ms)
		timer.Add(1)
		time.Sleep(6 * ms)
		timer.Add(2)
		l.check(t, nil)
		time.Sleep(20 * ms) // no tick while nothing waits
		timer.Add(3)
		time.Sleep(10 * ms)
		l.check(t, []time.Duration{10 * ms, 30 * ms}, []int{1, 2}, []int{3})
	})
}

func TestTimer_DelaysByLeadAndAfterTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var early, after log
		e, a := early.timer(tick.Every(10*ms, ms)), after.timer(tick.After(10*ms))
		time.Sleep(3 * ms)
		e.Add(1)
		a.Add(1)
		time.Sleep(20 * ms)
		early.check(t, []time.Duration{9 * ms}, []int{1})
		after.check(t, []time.Duration{13 * ms}, []int{1})
	})
}

func TestTimer_Postpone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		timer := l.timer(tick.Every(10*ms, 0))
		timer.Add(1)
		time.Sleep(9 * ms)
		timer.Postpone(3 * ms) // of the tick that is set
		time.Sleep(9 * ms)
		l.check(t, []time.Duration{12 * ms}, []int{1})
		timer.Postpone(5 * ms) // of one that is not set yet
		timer.Add(2)
		time.Sleep(10 * ms)
		l.check(t, []time.Duration{12 * ms, 23 * ms}, []int{1}, []int{2})
	})
}

func TestTimer_Now(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		timer := l.timer(tick.Every(10*ms, 0))
		timer.Now() // nothing waits
		timer.Add(1)
		time.Sleep(3 * ms)
		timer.Postpone(30 * ms)
		timer.Now()
		timer.Now()
		l.check(t, []time.Duration{3 * ms}, []int{1})
		timer.Add(2) // it is not postponed any more
		time.Sleep(20 * ms)
		l.check(t, []time.Duration{3 * ms, 10 * ms}, []int{1}, []int{2})
	})
}

func TestTimer_PostponeToNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		timer := l.timer(tick.Every(10*ms, 0))
		timer.Postpone(0) // nothing waits
		timer.Add(1)
		time.Sleep(3 * ms)
		timer.Postpone(0)
		timer.Postpone(0)
		time.Sleep(20 * ms) // the tick that was set does not come again
		timer.Add(2)
		time.Sleep(10 * ms)
		l.check(t, []time.Duration{3 * ms, 30 * ms}, []int{1}, []int{2})
	})
}

// Values that are added while several sides have ticks come at once are handed over
// once each.
func TestTimer_PostponeLosesNothing(t *testing.T) {
	var mu sync.Mutex
	got := make(map[int]int)
	start := time.Now()
	timer := tick.NewTimer(tick.Options[int]{
		Now: func() time.Duration { return time.Since(start) }, Delay: tick.After(50 * time.Microsecond),
		Tick: func(due []int) {
			mu.Lock()
			defer mu.Unlock()
			for _, v := range due {
				got[v]++
			}
		},
	})
	var adding sync.WaitGroup
	for g := range 4 {
		adding.Go(func() {
			for i := range 2000 {
				timer.Add(g*2000 + i)
				switch i % 6 {
				case 0:
					timer.Postpone(0)
				case 3:
					timer.Now()
				}
			}
		})
	}
	adding.Wait()
	timer.Postpone(0)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(ms) { // a tick may be under way
		mu.Lock()
		n := len(got)
		mu.Unlock()
		if n == 8000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d values of 8000 were handed over", n)
		}
	}
	for v, n := range got {
		if n != 1 {
			t.Errorf("value %d was handed over %d times", v, n)
		}
	}
}

// What a tick adds waits for the next one, and the slice of a tick is not used
// while its Tick runs.
func TestTimer_AddFromTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var due []int
		var timer *tick.Timer[int]
		start := time.Now()
		timer = tick.NewTimer(tick.Options[int]{
			Now:   func() time.Duration { return time.Since(start) },
			Delay: tick.After(ms),
			Tick: func(d []int) {
				if len(due) < 3 {
					timer.Add(d[0] + 1)
					timer.Add(-1)
				}
				due = append(due, d[0])
			},
		})
		timer.Add(1)
		time.Sleep(10 * ms)
		synctest.Wait()
		if want := []int{1, 2, 3, 4}; !slices.Equal(due, want) {
			t.Errorf("the ticks brought %v, want %v", due, want)
		}
	})
}

func TestTimer_AddAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count int
		timer := tick.NewTimer(tick.Options[int]{
			Now: func() time.Duration { return 0 }, Delay: tick.After(ms), Tick: func(due []int) { count += len(due) },
		})
		for range 2 { // both slices grow
			for range 1000 {
				timer.Add(1)
			}
			time.Sleep(2 * ms)
			synctest.Wait()
		}
		if n := testing.AllocsPerRun(100, func() { timer.Add(1) }); n > 0 {
			t.Errorf("Add allocates %v times", n)
		}
		time.Sleep(2 * ms)
		synctest.Wait()
		if count != 2101 { // AllocsPerRun runs it once more
			t.Errorf("%d values were handed over, want 2101", count)
		}
	})
}

// handler counts its calls.
type handler struct {
	polled, handled atomic.Int32
	poll            func()
	handle          func(handled int32) bool
}

func (g *handler) Poll() {
	g.polled.Add(1)
	if g.poll != nil {
		g.poll()
	}
}

func (g *handler) Handle() bool { return g.handle(g.handled.Add(1)) }

func newWaiter(g tick.Handler) *tick.Waiter {
	w := tick.MakeWaiter(g)
	return &w
}

// leaving is a handler that lets go after so many calls.
func leaving(after int32) *handler {
	return &handler{handle: func(handled int32) (stay bool) { return handled < after }}
}

func TestGate_VisitsAllAndLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, opened := time.Now(), 0
		now := func() time.Duration { return time.Since(start) }
		gate := tick.NewGate(now, tick.After(50*ms), tick.Hooks{Opening: func() { opened++ }})
		left := make(chan time.Duration, 3)
		wake := make(chan struct{}, 1)
		handlers := []*handler{leaving(1), leaving(3), leaving(1)}
		for i, g := range handlers {
			var woken chan struct{}
			if i == 2 {
				woken = wake
			}
			go func() {
				gate.Wait(newWaiter(g), woken)
				left <- now()
			}()
		}
		time.Sleep(10 * ms)
		wake <- struct{}{}
		for i, want := range []time.Duration{10 * ms, 50 * ms, 150 * ms} {
			if at := <-left; at != want {
				t.Errorf("goroutine %d left at %v, want %v", i, at, want)
			}
		}
		synctest.Wait()
		if opened != 3 {
			t.Errorf("opened was called %d times, want 3 times", opened)
		}
		for i, want := range []int32{1, 3, 0} {
			if polled, handled := handlers[i].polled.Load(), handlers[i].handled.Load(); polled != want || handled != want {
				t.Errorf("handler %d was polled %d times and handled %d times, want %d", i, polled, handled, want)
			}
		}
	})
}

// All are polled before the first is handled, and each that is polled is handled.
func TestGate_LooksBeforeItVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		gate := tick.NewGate(func() time.Duration { return time.Since(start) }, tick.After(10*ms), tick.Hooks{})
		const handlers = 20
		var polled atomic.Int32
		var early atomic.Int32
		for range handlers {
			g := leaving(1)
			g.poll = func() { polled.Add(1) }
			handle := g.handle
			g.handle = func(handled int32) bool {
				if polled.Load() != handlers {
					early.Add(1)
				}
				return handle(handled)
			}
			go gate.Wait(newWaiter(g), nil)
		}
		time.Sleep(20 * ms)
		if n := early.Load(); n > 0 || polled.Load() != handlers {
			t.Errorf("%d were handled before all of %d were polled (%d were)", n, handlers, polled.Load())
		}
	})
}

// Who waits again after it was woken, before the tick that it had waited for, is handled
// once at that tick.
func TestGate_WaitsAgainBeforeTheTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		gate := tick.NewGate(now, tick.After(50*ms), tick.Hooks{})
		g := leaving(1)
		w, wake := newWaiter(g), make(chan struct{}, 1)
		for range 3 {
			wake <- struct{}{}
			gate.Wait(w, wake)
		}
		if at := now(); at != 0 {
			t.Errorf("who is woken waits until %v", at)
		}
		gate.Wait(w, wake)
		if at, handled := now(), g.handled.Load(); at != 50*ms || handled != 1 {
			t.Errorf("handled %d times until %v, want once at 50 ms", handled, at)
		}
		synctest.Wait()
	})
}

// Who is woken while it is handled does not keep waiting, whatever Handle says.
func TestGate_WokenDuringAVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		gate := tick.NewGate(now, tick.After(10*ms), tick.Hooks{})
		wake := make(chan struct{}, 1)
		g := &handler{handle: func(int32) bool {
			wake <- struct{}{}
			time.Sleep(ms) // the goroutine that waits sees it
			return true
		}}
		gate.Wait(newWaiter(g), wake)
		if at := now(); at != 11*ms {
			t.Errorf("left at %v, want 11 ms", at)
		}
		synctest.Wait()
	})
}

// Visits that wait hold up the others until the next tick, however many there are.
func TestGate_LongVisits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		gate := tick.NewGate(now, tick.Every(10*ms, 0), tick.Hooks{})
		held := make(chan struct{})
		const long, short = 5, 300
		left := make(chan time.Duration, long+short)
		wait := func(g *handler) {
			gate.Wait(newWaiter(g), nil)
			left <- now()
		}
		for range long {
			go wait(&handler{handle: func(int32) bool { <-held; return false }})
			time.Sleep(ms)
		}
		for range short { // behind all of them
			go wait(leaving(1))
		}
		time.Sleep(100 * ms)
		if n := len(left); n != short {
			t.Errorf("of %d who were behind %d long calls %d have left", short, long, n)
		}
		for range len(left) {
			if at := <-left; at > (long+2)*10*ms {
				t.Fatalf("somebody behind %d long calls left at %v", long, at)
			}
		}
		close(held)
		for range long {
			<-left
		}
		synctest.Wait()
	})
}

// Done of a tick comes when its own tasks are over, also while those of the next one last,
// and from a worker, where nobody was let go.
func TestGate_DoneWhileTheNextTickLasts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		type end struct {
			at   time.Duration
			here bool
		}
		ends := make(chan end, 1)
		gate := tick.NewGate(now, tick.Every(10*ms, 0), tick.Hooks{Done: func(here bool) {
			select {
			case ends <- end{now(), here}:
			default: // of the first tick alone
			}
		}})
		var over atomic.Bool
		wait := func(first time.Duration) {
			pass := gate.Wait(newWaiter(&handler{handle: func(n int32) bool {
				if n == 1 {
					time.Sleep(first)
				}
				return !over.Load()
			}}), nil)
			pass.Done()
		}
		go wait(15 * ms) // 10 to 25 ms
		time.Sleep(12 * ms)
		for range 3 {
			go wait(50 * ms) // 20 to 70, 25 to 75 ms, and behind
		}
		if got, want := <-ends, (end{25 * ms, true}); got != want {
			t.Errorf("the first tick ended %+v, want %+v", got, want)
		}
		time.Sleep(time.Second)
		over.Store(true)
		time.Sleep(time.Second)
	})
}

// Done comes when all were handled and all who were let go have given back their passes,
// also where one left before, and not while one has not.
func TestGate_Done(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Duration { return time.Since(start) }
		var mu sync.Mutex
		var done []time.Duration
		gate := tick.NewGate(now, tick.Every(10*ms, 0), tick.Hooks{Done: func(bool) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, now())
		}})
		check := func(step string, want ...time.Duration) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(done, want) {
				t.Errorf("%s: Done was called at %v, want %v", step, done, want)
			}
		}
		wake := make(chan struct{}, 1)
		for i := range 3 {
			go func() {
				pass := gate.Wait(newWaiter(leaving(1)), nil)
				time.Sleep(time.Duration(i) * ms)
				pass.Done()
				pass.Done() // does nothing
			}()
		}
		go func() {
			pass := gate.Wait(newWaiter(leaving(1)), wake)
			pass.Done()
		}()
		time.Sleep(5 * ms)
		wake <- struct{}{}
		check("one has left early")
		time.Sleep(6 * ms)
		check("two are through")
		time.Sleep(ms)
		check("all are through", 12*ms)

		first, second := newWaiter(leaving(1)), newWaiter(leaving(1))
		kept := gate.Wait(first, nil) // who keeps it holds up no other tick
		pass := gate.Wait(second, nil)
		pass.Done()
		check("one keeps a pass of the tick before", 12*ms, 30*ms)
		kept.Done()
		check("it is given back late", 12*ms, 20*ms+10*ms, 30*ms)
		var none tick.Pass
		none.Done()
	})
}
