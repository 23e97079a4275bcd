package client_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// kept opens a device that keeps what is not acknowledged in a file.
func kept(t *testing.T, c *client.Client, file string, change ...func(*client.DeviceOptions)) *client.Device {
	t.Helper()
	o := options("s1")
	o.File = file
	for _, f := range change {
		f(&o)
	}
	return device(t, c, o)
}

var critical = sensocto.Load{Level: sensocto.LoadCritical, MemoryCritical: true}

func TestDevice_APauseGoesToTheFileAndOutlivesTheProcess(t *testing.T) {
	w := newWorld(t, both...)
	w.looks.SetLoad(critical)
	file := filepath.Join(t.TempDir(), "s1.spool")
	paused := make(chan sensocto.Backpressure, 10)
	c := w.dial(client.Options{})
	d := kept(t, c, file, func(o *client.DeviceOptions) {
		o.QueueLimit = 100
		o.OnBackpressure = func(b sensocto.Backpressure) { paused <- b }
	})
	if b := <-paused; !b.Paused {
		t.Fatalf("%+v", b)
	}
	const batches, size = 100, 50
	for i := range batches {
		if err := d.Add(numbers(i*size, size)...); err != nil {
			t.Fatal(err)
		}
		if err := d.Flush(t.Context()); err != nil { // into the file
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Refused != 0 || s.Spilled < batches || s.Acknowledged != 0 {
		t.Errorf("%+v", s)
	}
	c.Close()
	if samples := w.read("s1", "ecg"); len(samples) != 0 {
		t.Fatalf("%d samples were sent while paused", len(samples))
	}
	w.looks.SetLoad(sensocto.Load{Level: sensocto.LoadNormal})
	second := w.dial(client.Options{})
	d = kept(t, second, file)
	if err := d.Add(numbers(batches*size, size)...); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	samples := w.stored("s1", "ecg", (batches+1)*size)
	eachOnce(t, samples, (batches+1)*size)
	second.Close()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty file is left: %v", err)
	}
}

func TestDevice_AFullFileRefusesAndGoesOnAfterThePause(t *testing.T) {
	w := newWorld(t, both...)
	w.looks.SetLoad(critical)
	paused := make(chan sensocto.Backpressure, 10)
	c := w.dial(client.Options{})
	d := kept(t, c, filepath.Join(t.TempDir(), "s1.spool"), func(o *client.DeviceOptions) {
		o.QueueLimit, o.FileBytes = 100, 64<<10
		o.OnBackpressure = func(b sensocto.Backpressure) { paused <- b }
	})
	for !(<-paused).Paused {
	}
	taken := 0
	eventually(t, func() bool {
		err := d.Add(numbers(taken, 20)...)
		if err == nil {
			taken += 20
		}
		return errors.Is(err, client.ErrQueueFull) && c.Stats().Spilled > 10 && d.Queued() == 100
	})
	if c.Stats().Refused == 0 {
		t.Error("what was refused is not counted")
	}
	w.looks.SetLoad(sensocto.Load{Level: sensocto.LoadNormal})
	for range 20 { // the file is written anew as it empties
		eventually(t, func() bool { return d.Add(numbers(taken, 20)...) == nil })
		taken += 20
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	samples := w.stored("s1", "ecg", taken)
	eachOnce(t, samples, taken)
}

// eachOnce wants the values of numbers(0, n), each once.
func eachOnce(t *testing.T, samples []sensocto.Sample, n int) {
	t.Helper()
	var values []float64
	for _, s := range samples {
		values = append(values, s.Value)
	}
	slices.Sort(values)
	if len(values) != n {
		t.Fatalf("%d samples, want %d", len(values), n)
	}
	for i, v := range values {
		if v != float64(i)/3 {
			t.Fatalf("sample %d is %v", i, v)
		}
	}
}

// ledger is a server that notes what streams bring, and answers, or does not.
type ledger struct {
	*peer
	mu    sync.Mutex
	lines []string // stream/seq:body, in the order in which they came
	deaf  bool     // does not answer
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{peer: newPeer(t)}
	l.peer.auto = false
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case f := <-l.peer.frames:
				l.take(f)
			case <-done:
				return
			}
		}
	}()
	return l
}

func (l *ledger) take(frame []byte) {
	var parts [5]json.RawMessage
	var body struct {
		Stream       string
		Seq          json.Number
		Measurements json.RawMessage
	}
	if json.Unmarshal(frame, &parts) != nil || string(parts[3]) != `"measurements"` {
		l.reply(frame, "ok", "{}")
		return
	}
	if err := json.Unmarshal(parts[4], &body); err != nil {
		l.t.Errorf("%v in %s", err, frame)
	}
	l.mu.Lock()
	line := body.Stream + "/" + body.Seq.String() + ":" + string(body.Measurements)
	if !slices.Contains(l.lines, line) {
		l.lines = append(l.lines, line)
	}
	deaf := l.deaf
	l.mu.Unlock()
	if !deaf {
		l.reply(frame, "ok", "{}")
	}
}

func (l *ledger) set(deaf bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = deaf
}

func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// What a process left unacknowledged, the next sends with the same stream and
// numbers, so that the server can tell what it has already.
func TestStream_ANewProcessGoesOnWithTheFile(t *testing.T) {
	l, file := newLedger(t), filepath.Join(t.TempDir(), "deep", "s1.spool")
	l.set(true)
	first := l.dial(client.Options{})
	d := device(t, first, options("s1"))
	s, err := d.Stream(client.StreamOptions{File: file, Batches: 4, Bytes: 500})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := s.SendMeasurements(t.Context(), numbers(i, 3)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return len(l.all()) == 4 })
	first.Close()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\x40\x00\x00\x00 torn by a power failure") // the tail of a record
	f.Close()

	l.set(false)
	second := l.dial(client.Options{})
	again, err := device(t, second, options("s1")).Stream(client.StreamOptions{File: file, Batches: 4, Bytes: 500})
	if err != nil {
		t.Fatal(err)
	}
	if again.ID() != s.ID() {
		t.Errorf("stream %s goes on as %s", s.ID(), again.ID())
	}
	if err := again.SendMeasurements(t.Context(), numbers(10, 3)); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := l.all()
	if len(lines) != 11 || !strings.HasPrefix(lines[10], s.ID()+"/11:") {
		t.Errorf("%d different batches came: %q", len(lines), lines)
	}
	second.Close()
	third, err := device(t, l.dial(client.Options{}), options("s1")).Stream(client.StreamOptions{File: file})
	if err != nil || third.ID() == s.ID() || third.Acknowledged() != 0 {
		t.Errorf("where nothing was left, a new run begins: %v, %v", third.ID(), err)
	}
}

// What was queued when the device was closed is in the file, too.
func TestDevice_CloseLeavesNothingInMemory(t *testing.T) {
	w := newWorld(t, both...)
	w.looks.SetLoad(critical)
	file := filepath.Join(t.TempDir(), "s1.spool")
	paused := make(chan sensocto.Backpressure, 10)
	d := kept(t, w.dial(client.Options{}), file, func(o *client.DeviceOptions) {
		o.OnBackpressure = func(b sensocto.Backpressure) { paused <- b }
	})
	<-paused
	if err := d.Add(numbers(0, 3)...); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(t.Context()); err != nil || d.Queued() > 0 {
		t.Fatal(err, d.Queued())
	}
	w.looks.SetLoad(sensocto.Load{})
	again := kept(t, w.dial(client.Options{}), file)
	if err := again.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	eachOnce(t, w.read("s1", "ecg"), 3)
}

func TestStream_AFileIsForOne(t *testing.T) {
	w := newWorld(t, both...)
	d := device(t, w.dial(client.Options{}), options("s1"))
	file := filepath.Join(t.TempDir(), "s1.spool")
	if _, err := d.Stream(client.StreamOptions{File: file}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stream(client.StreamOptions{File: file}); err == nil || !strings.Contains(err.Error(), "another device has") {
		t.Errorf("the second stream: %v", err)
	}
}

func TestStream_AFileThatIsNoneIsRefused(t *testing.T) {
	l, file := newLedger(t), filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, []byte("buy bread, milk, and a watch for the race"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options("s1")
	o.File = file
	if _, err := l.dial(client.Options{}).Device(t.Context(), o); err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("err = %v", err)
	}
	if text, _ := os.ReadFile(file); string(text[:3]) != "buy" {
		t.Errorf("the file is now %q", text)
	}
}

// Whatever is sent, answered, cut and restarted: every batch comes, under one
// number of one stream, in order.
func TestStream_FileProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, file := newLedger(t), filepath.Join(t.TempDir(), "s1.spool")
		o := client.StreamOptions{File: file, Batches: rapid.IntRange(1, 5).Draw(rt, "batches"), Bytes: rapid.IntRange(1, 2000).Draw(rt, "bytes")}
		open := func() (*client.Client, *client.Stream) {
			c := l.dial(client.Options{})
			s, err := device(t, c, options("s1")).Stream(o)
			if err != nil {
				rt.Fatal(err)
			}
			return c, s
		}
		c, s := open()
		sent := 0
		for _, do := range rapid.SliceOfN(rapid.SampledFrom([]string{"send", "send", "send", "deaf", "hear", "cut", "restart", "wait"}), 1, 20).Draw(rt, "acts") {
			switch do {
			case "send":
				if err := s.SendMeasurements(t.Context(), numbers(sent, 1+sent%3)); err != nil {
					rt.Fatal(err)
				}
				sent++
			case "deaf", "hear":
				l.set(do == "deaf")
			case "cut":
				l.closeWith(1006)
			case "restart":
				c.Close()
				c, s = open()
			case "wait":
				time.AfterFunc(0, func() {}) // lets others run
			}
		}
		l.set(false)
		c.Close()
		c, s = open()
		if err := s.Wait(t.Context()); err != nil {
			rt.Fatal(err)
		}
		c.Close()
		var bodies []string
		for _, line := range l.all() {
			_, body, _ := strings.Cut(line, ":")
			bodies = append(bodies, body)
		}
		if len(bodies) != sent || len(slices.Compact(slices.Sorted(slices.Values(bodies)))) != sent {
			rt.Fatalf("%d batches were sent, came: %q", sent, l.all())
		}
	})
}
