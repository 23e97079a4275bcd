package outbound

import (
	"runtime"
	"sync"
)

// writerPool runs the goroutines that write for connections. There are at most as
// many as processors, and none while nothing waits: a broadcast to hundreds of
// viewers starts a few goroutines, not hundreds. A writer never waits for a socket:
// what a socket does not take at once is left to a goroutine of its own.
//
// An outbox is in the queue at most once, so the connections bound it.
type writerPool struct {
	hub *Hub

	mu      sync.Mutex // guards what follows; taken after an outbox's
	waiting []*Outbox  // in order
	head    int        // waiting[:head] is done
	running int
	standby int // goroutines that can become a writer
	claimed int // of them, those that have to
}

// add queues an outbox, whose state is writing. A goroutine in withStandby becomes
// the writer that is missing, or else a new one.
func (w *writerPool) add(o *Outbox) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, o)
	if w.running == runtime.GOMAXPROCS(0) {
		return
	}
	w.running++
	w.hub.tasks.Add(1)
	if w.standby > 0 {
		w.standby--
		w.claimed++
		return
	}
	go w.run()
}

// withStandby calls f, which is short and may add many, and then writes for them in
// this goroutine, which is awake already.
func (w *writerPool) withStandby(f func()) {
	w.mu.Lock()
	w.standby++
	w.mu.Unlock()
	f()
	if w.endStandby() {
		w.run()
	}
}

// endStandby reports whether this goroutine has to write.
func (w *writerPool) endStandby() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.claimed == 0 {
		w.standby--
		return false
	}
	w.claimed--
	return true
}

// run writes for all that wait.
func (w *writerPool) run() {
	defer w.hub.tasks.Done()
	wb := w.hub.batches.Get().(*writeBatch)
	for o := w.next(); o != nil; o = w.next() {
		if !o.flush(wb) { // another goroutine has wb now
			wb = w.hub.batches.Get().(*writeBatch)
		}
	}
	w.hub.recycle(wb)
}

// next removes the first outbox, or ends the writer.
func (w *writerPool) next() *Outbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head == len(w.waiting) {
		w.waiting, w.head = w.waiting[:0], 0
		w.running--
		return nil
	}
	o := w.waiting[w.head]
	w.waiting[w.head] = nil
	w.head++
	return o
}

// recycle keeps a batch for the next writer, unless it has grown large.
func (h *Hub) recycle(wb *writeBatch) {
	if cap(wb.buf) <= maxPooledBytes {
		wb.reset()
		h.batches.Put(wb)
	}
}
