package outbound_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// owner notes what an outbox asks of its connection.
type owner struct {
	t       testing.TB
	tooSlow atomic.Int32
	aborted atomic.Bool
}

func (o *owner) TooSlow()                         { o.tooSlow.Add(1) }
func (o *owner) Abort(error)                      { o.aborted.Store(true) }
func (o *owner) ReplyTooLarge(string, int) []byte { return []byte(`{"reason":"large"}`) }
func (o *owner) Contain(where string) {
	if r := recover(); r != nil {
		o.t.Errorf("panic in %s: %v", where, r)
	}
}

const replyBytes = 8000

// line is an outbox and the other end of its connection, a pipe: it holds nothing, so
// a write lasts until it is read.
type line struct {
	*outbound.Outbox
	owner *owner
	hub   *outbound.Hub
	bus   sensocto.PubSub
	far   net.Conn
	tasks sync.WaitGroup
}

func newLine(t *testing.T, queueBytes int) *line {
	near, far := net.Pipe()
	l := &line{owner: &owner{t: t}, bus: pubsub.New(), far: far}
	l.hub = outbound.New(outbound.Options{QueueBytes: queueBytes, ReplyBytes: replyBytes, Gather: 4 * time.Millisecond, PubSub: l.bus, Started: time.Now(), Tasks: &l.tasks})
	l.Outbox = l.hub.NewOutbox(near, phx.V2, l.owner)
	t.Cleanup(func() {
		l.Kill()
		near.Close()
		far.Close()
		l.tasks.Wait()
	})
	return l
}

// frame reads the payload of the next frame, "" where none comes within a second.
func (l *line) frame() string {
	l.far.SetReadDeadline(time.Now().Add(time.Second))
	var h [10]byte
	if _, err := io.ReadFull(l.far, h[:2]); err != nil {
		return ""
	}
	n := int(h[1])
	switch n {
	case 126:
		io.ReadFull(l.far, h[2:4])
		n = int(binary.BigEndian.Uint16(h[2:]))
	case 127:
		io.ReadFull(l.far, h[2:10])
		n = int(binary.BigEndian.Uint64(h[2:]))
	}
	payload := make([]byte, n)
	io.ReadFull(l.far, payload)
	return string(payload)
}

func (l *line) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := l.frame(); got != w {
			t.Errorf("the next frame is %q, want %q", got, w)
		}
	}
}

func (l *line) publish(from, n int) {
	b := &sensocto.Batch{SensorID: "s"}
	for i := range n {
		b.Measurements = append(b.Measurements, sensocto.Measurement{
			AttributeID: "a", Sample: sensocto.Sample{Timestamp: int64(from+i) * 1_000_000, Value: float64(from + i)},
		})
	}
	l.bus.Publish(&sensocto.Message{Topic: sensocto.DataTopic("s"), Event: sensocto.EventMeasurementsBatch, Payload: b})
}

func (l *line) metric(name string) (sum float64) {
	l.hub.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			sum += m.Value
		}
	})
	return sum
}

func text(s string) []byte { return ws.AppendFrame(nil, ws.OpText, []byte(s)) }

// What is enqueued while a write is under way leaves behind it, in order, in one
// write.
func TestOutbox_GathersAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1<<20)
		ch := l.NewChannel("t", phx.NewRef("1"))
		for _, s := range []string{"a", "b", "c"} {
			if !ch.Push(s, []byte("1")) {
				t.Errorf("%s was not accepted", s)
			}
		}
		l.Enqueue(text("d"))
		l.expect(t, `["1",null,"t","a",1]`, `["1",null,"t","b",1]`, `["1",null,"t","c",1]`, "d", "")
		if n := l.metric("socket_writes_total"); n > 2 {
			t.Errorf("%v writes, want 2 at most", n)
		}
		if items, size := l.Depth(); items != 0 || size != 0 {
			t.Errorf("%d items of %d bytes wait", items, size)
		}
	})
}

// What a write holds cannot be merged any more: it grows with what the connection takes
// at once, and only from a megabyte a second on.
func TestOutbox_WritesGrowWithWhatIsTaken(t *testing.T) {
	for _, c := range []struct {
		bytes   int
		blocked time.Duration
		want    int
	}{
		{1 << 10, 0, 4 << 10},
		{9 << 10, 0, 4 << 10},
		{12 << 10, 0, 20 << 10},
		{12 << 10, time.Millisecond, 4 << 10},
		{64 << 10, 0, 64 << 10},
	} {
		if got := outbound.SampleWriteAfter(c.bytes, c.blocked); got != c.want {
			t.Errorf("after writes of %d bytes, the last of which waited %v, a write may hold %d bytes, want %d", c.bytes, c.blocked, got, c.want)
		}
	}
}

func TestOutbox_EndOfAChannel(t *testing.T) {
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprint("drop=", drop), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, 1<<20)
				ch, other := l.NewChannel("t", phx.NewRef("1")), l.NewChannel("u", phx.NewRef("2"))
				l.Enqueue(text("first"))
				synctest.Wait() // it is being written
				ch.Push("waits", []byte("1"))
				other.Push("other", []byte("1"))
				if !ch.End(drop) || ch.End(drop) || ch.Push("late", []byte("1")) {
					t.Error("the channel did not end once, or took a frame after its end")
				}
				want := []string{"first", `["1",null,"t","waits",1]`, `["2",null,"u","other",1]`, `["1","1","t","phx_close",{}]`, ""}
				if drop {
					want = slices.Delete(want, 1, 2)
				}
				l.expect(t, want...)
			})
		})
	}
}

func TestChannel_RepliesAndEnds(t *testing.T) {
	f := &phx.Frame{JoinRef: phx.NewRef("1"), Ref: phx.NewRef("7"), Topic: []byte("t")}
	large := []byte(`{"x":"` + strings.Repeat("x", replyBytes-7) + `"}`)
	for name, c := range map[string]struct {
		act  func(o *outbound.Outbox, ch *outbound.Channel)
		want []string
	}{
		"ok":    {func(_ *outbound.Outbox, ch *outbound.Channel) { ch.OK(f) }, []string{`["1","7","t","phx_reply",{"status":"ok","response":{}}]`}},
		"reply": {func(_ *outbound.Outbox, ch *outbound.Channel) { ch.Reply(f, phx.StatusError, []byte(`{"a":1}`)) }, []string{`["1","7","t","phx_reply",{"status":"error","response":{"a":1}}]`}},
		"large": {func(_ *outbound.Outbox, ch *outbound.Channel) { ch.Reply(f, phx.StatusOK, large) }, []string{`["1","7","t","phx_reply",{"status":"error","response":{"reason":"large"}}]`}},
		"allowed": {func(_ *outbound.Outbox, ch *outbound.Channel) {
			ch.Reply(f, phx.StatusOK, slices.Delete(slices.Clone(large), 6, 7))
		}, []string{`["1","7","t","phx_reply",{"status":"ok","response":{"x":"` + strings.Repeat("x", replyBytes-8) + `"}}]`}},
		"leave": {func(_ *outbound.Outbox, ch *outbound.Channel) { ch.Leave(f); ch.Leave(f); ch.OK(f) },
			[]string{`["1","7","t","phx_reply",{"status":"ok","response":{}}]`, `["1","1","t","phx_close",{}]`}},
		"discard": {func(_ *outbound.Outbox, ch *outbound.Channel) { ch.OK(f); ch.Discard(); ch.OK(f); ch.End(false) }, nil},
		"absent": {func(o *outbound.Outbox, _ *outbound.Channel) {
			o.Reply(f, phx.StatusOK, []byte("{}"))
			o.CloseAbsent(f)
		},
			[]string{`["1","7","t","phx_reply",{"status":"ok","response":{}}]`, `["1","1","t","phx_close",{}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, 1<<20)
				ch := l.NewChannel("t", phx.NewRef("1"))
				l.Enqueue(text("first"))
				synctest.Wait() // it is being written
				c.act(l.Outbox, &ch)
				l.expect(t, append(append([]string{"first"}, c.want...), "")...)
			})
		})
	}
}

func TestOutbox_Close(t *testing.T) {
	for _, discard := range []bool{false, true} {
		t.Run(fmt.Sprint("discard=", discard), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, 1<<20)
				time.Sleep(time.Second) // no write begins at 0, which stands for none
				l.Enqueue(text("first"))
				synctest.Wait()
				l.Enqueue(text("waits"))
				if !l.Close(text("close"), discard) || l.Close(text("again"), discard) || l.Enqueue(text("late")) {
					t.Error("the outbox did not close once, or took a frame after that")
				}
				closed := make(chan time.Duration)
				start := time.Now()
				go func() {
					l.WaitClosed(time.Hour)
					closed <- time.Since(start)
				}()
				time.Sleep(time.Minute)
				if l.BlockedFor() != time.Minute {
					t.Errorf("the write is blocked for %v, want a minute", l.BlockedFor())
				}
				want := []string{"first", "waits", "close"}
				if discard {
					want = []string{"first", "close"}
				}
				l.expect(t, want...)
				if d := <-closed; d != time.Minute {
					t.Errorf("WaitClosed returned after %v, want a minute", d)
				}
			})
		})
	}
}

// Frames that must not be merged end the connection when they overflow; before that
// the reader is made to wait.
func TestOutbox_OverflowOfReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1000)
		l.Enqueue(text("first"))
		synctest.Wait()
		l.Enqueue(text(strings.Repeat("x", 600)))
		waited := make(chan struct{})
		go func() {
			l.WaitCapacity()
			close(waited)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("the reader does not wait")
		default:
		}
		if l.Enqueue(text(strings.Repeat("y", 600))) || l.owner.tooSlow.Load() != 1 {
			t.Errorf("the overflow was accepted, or the owner was told %d times", l.owner.tooSlow.Load())
		}
		l.frame()
		l.frame()
		<-waited
	})
}

// Answers wait until they fit, also several at once and one that is larger than the queue;
// nobody who listens slowly is closed for them, nor for what is pushed behind them.
func TestOutbox_LargeAnswersWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1000)
		ch := l.NewChannel("data:s", phx.NewRef("1"))
		l.Enqueue(text("first"))
		synctest.Wait()
		l.Enqueue(text("waits"))
		f := &phx.Frame{JoinRef: phx.NewRef("1"), Ref: phx.NewRef("7"), Topic: []byte("data:s")}
		answers := map[string]bool{}
		var queued atomic.Int32
		for _, a := range []string{strings.Repeat("a", 700), strings.Repeat("b", 700), strings.Repeat("c", 5000)} {
			answers[`["1","7","data:s","phx_reply",{"status":"ok","response":"`+a+`"}]`] = true
			go func() {
				if ch.Answer(f, []byte(`"`+a+`"`)) {
					queued.Add(1)
				}
			}()
		}
		synctest.Wait()
		if queued.Load() > 1 {
			t.Errorf("%d answers are queued beside each other", queued.Load())
		}
		l.expect(t, "first", "waits")
		for range 3 {
			synctest.Wait()
			if !l.Enqueue(text(strings.Repeat("p", 300))) {
				t.Error("a push behind an answer was refused")
			}
			for {
				frame := l.frame()
				if answers[frame] {
					delete(answers, frame)
					break
				} else if !strings.HasPrefix(frame, "p") {
					t.Fatalf("%d bytes come", len(frame))
				}
			}
		}
		if len(answers) > 0 || queued.Load() != 3 || l.owner.tooSlow.Load() != 0 {
			t.Errorf("%d answers are missing, too slow %d times", len(answers), l.owner.tooSlow.Load())
		}
	})
}

// Who waits for capacity does not outlive the connection, or the channel.
func TestOutbox_AnswersEndWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(l *line, ch *outbound.Channel){
		"killed": func(l *line, _ *outbound.Channel) { l.Kill() },
		"closed": func(l *line, _ *outbound.Channel) { l.Close(text("close"), false) },
		"left": func(l *line, ch *outbound.Channel) {
			ch.Discard()
			l.expect(l.owner.t.(*testing.T), "first", strings.Repeat("x", 600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, 1000)
				ch := l.NewChannel("data:s", phx.NewRef("1"))
				l.Enqueue(text("first"))
				synctest.Wait()
				l.Enqueue(text(strings.Repeat("x", 600)))
				sent := make(chan bool, 1)
				go func() { sent <- ch.Answer(&phx.Frame{}, []byte(`"`+strings.Repeat("y", 600)+`"`)) }()
				synctest.Wait()
				end(l, &ch)
				if <-sent {
					t.Error("it was queued")
				}
			})
		})
	}
}

// While the socket takes nothing, measurements become buckets that count every
// sample; afterwards they come one by one again.
func TestOutbox_MergesWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 4000)
		ch := l.NewChannel("data:s", phx.NewRef("1"))
		feed := ch.NewFeed()
		feed.Watch("s", false, false)
		feed.SetLevel(sensocto.AttentionHigh)
		feed.Release(nil)
		defer feed.Close()
		const total = 10_000
		for i := 0; i < total; i += 10 {
			l.publish(i, 10)
		}
		counted, merged := 0, false
		for frame := l.frame(); frame != ""; frame = l.frame() {
			n, buckets := samplesOf(t, frame)
			counted, merged = counted+n, merged || buckets
		}
		if counted != total || !merged || l.metric("socket_overflows_total") == 0 {
			t.Errorf("%d samples came, want %d; merged: %v", counted, total, merged)
		}
		l.publish(total, 1)
		if n, buckets := samplesOf(t, l.frame()); n != 1 || buckets {
			t.Errorf("%d samples came after the overflow, merged: %v", n, buckets)
		}
		synctest.Wait() // the write is counted when it has ended
		if n := l.metric("measurements_delivered_total") + l.metric("measurements_merged_total"); n != total+1 {
			t.Errorf("the metrics count %v samples, want %d", n, total+1)
		}
		if l.owner.tooSlow.Load() != 0 || l.owner.aborted.Load() {
			t.Error("the connection was to end")
		}
	})
}

// samplesOf returns how many samples a measurements_batch stands for.
func samplesOf(t *testing.T, frame string) (n int, buckets bool) {
	t.Helper()
	var message []json.RawMessage
	var payload struct {
		Measurements []struct {
			Count int `json:"count"`
		}
	}
	if err := json.Unmarshal([]byte(frame), &message); err != nil || len(message) != 5 {
		t.Fatalf("%v in %.200q", err, frame)
	}
	if err := json.Unmarshal(message[4], &payload); err != nil {
		t.Fatal(err)
	}
	for _, m := range payload.Measurements {
		n += max(1, m.Count)
		buckets = buckets || m.Count > 1
	}
	return n, buckets
}

// A revoked feed sends nothing more, also nothing of what waits.
func TestFeed_Revoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1<<20)
		ch := l.NewChannel("data:s", phx.NewRef("1"))
		feed := ch.NewFeed()
		feed.Watch("s", false, false)
		feed.SetLevel(sensocto.AttentionHigh)
		feed.Release(nil)
		l.Enqueue(text("first"))
		synctest.Wait()
		l.publish(0, 3)
		feed.Revoke()
		feed.Close()
		l.publish(3, 3)
		l.expect(t, "first", "")
		if n := l.metric("measurements_dropped_total"); n != 3 {
			t.Errorf("%v samples count as dropped, want 3", n)
		}
		if l.hub.Watched("s") {
			t.Error("the sensor counts as watched after its last feed has closed")
		}
	})
}

// What comes before Release is held, without what the answer's history contains.
func TestFeed_HoldsUntilRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1<<20)
		ch := l.NewChannel("data:s", phx.NewRef("1"))
		feed := ch.NewFeed()
		defer feed.Close()
		feed.Watch("s", false, false)
		feed.SetLevel(sensocto.AttentionHigh)
		l.publish(0, 2)
		feed.HistoryRead()
		l.publish(2, 1)
		ch.Push("answer", []byte("1"))
		feed.Release(map[string]sensocto.Latest{})
		l.expect(t, `["1",null,"data:s","answer",1]`)
		for _, want := range []int{2, 1} {
			if n, _ := samplesOf(t, l.frame()); n != want {
				t.Errorf("%d samples came, want %d", n, want)
			}
		}
	})
}

// BenchmarkDeliver is one batch to n feeds whose sockets take everything at once.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("feeds=%d", n), func(b *testing.B) {
			l := &line{bus: pubsub.New()}
			l.hub = outbound.New(outbound.Options{QueueBytes: 1 << 20, Gather: 4 * time.Millisecond, PubSub: l.bus, Started: time.Now(), Tasks: &l.tasks})
			for range n {
				near, far := net.Pipe()
				go io.Copy(io.Discard, far)
				o := l.hub.NewOutbox(near, phx.V2, &owner{t: b})
				ch := o.NewChannel("data:s", phx.NewRef("1"))
				feed := ch.NewFeed()
				feed.Watch("s", false, false)
				feed.SetLevel(sensocto.AttentionHigh)
				feed.Release(nil)
				defer func() {
					feed.Close()
					o.Kill()
					near.Close()
					far.Close()
				}()
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				l.publish(i, 1)
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/feed")
		})
	}
}
