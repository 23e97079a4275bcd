package p2p

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/p2p/p2ptest"
)

// program returns the sidecar that was built, or skips the test.
func program(t testing.TB) string { return p2ptest.Program(t) }

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// heard collects events.
type heard struct {
	mu     sync.Mutex
	events []Event
}

func (h *heard) hear(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *heard) first(name string) (e Event, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Name == name {
			return e, true
		}
	}
	return e, false
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// running starts a sidecar of the test's own.
func running(t testing.TB, o SidecarOptions) *Sidecar {
	t.Helper()
	o.Bind, o.Log = "127.0.0.1:0", testLog(t)
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s := NewSidecar(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func up(s *Sidecar) func() bool { return func() bool { return s.State().Running } }

func TestSidecar_DocumentsGoFromOneToTheOther(t *testing.T) {
	file := program(t)
	var events heard
	a, b := running(t, SidecarOptions{Program: file}), running(t, SidecarOptions{Program: file, Event: events.hear})
	eventually(t, "start", func() bool { return up(a)() && up(b)() })
	ctx := t.Context()
	doc, err := a.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]byte{"meta/name/": []byte("Lab"), "large/": make([]byte, 60<<10)}
	for i := range 600 {
		values["many/"+strings.Repeat("x", i%200)+"/"+string(rune('a'+i%26))+"/"] = []byte{byte(i), 1}
	}
	if err := a.Set(ctx, doc, values); err != nil {
		t.Fatal(err)
	}
	ticket, err := a.Share(ctx, doc, true)
	if err != nil {
		t.Fatal(err)
	}
	same, write, err := b.Import(ctx, ticket)
	if err != nil || same != doc || !write {
		t.Fatalf("%s %v %v", same, write, err)
	}
	eventually(t, "entries", func() bool {
		entries, err := b.Entries(ctx, doc)
		n := 0
		for _, e := range entries {
			if string(values[e.Key]) == string(e.Value) {
				n++
			}
		}
		return err == nil && n == len(values)
	})
	if _, ok := events.first(eventChanged); !ok {
		t.Error("nobody was told")
	}
	var status Status
	defer func() {
		if t.Failed() {
			t.Logf("%+v %v\n%+v", status, err, events.events)
		}
	}()
	eventually(t, "status", func() bool { // the exchange ends after its entries have come
		status, err = b.Status(ctx)
		return err == nil && len(status.Docs) == 1 && status.Docs[0].SyncedAtUS != 0 && status.Docs[0].Entries == uint64(len(values)) && len(status.Peers) == 1 && status.Peers[0].Path == "direct"
	})
	if _, err := b.Open(ctx, strings.Repeat("00", 32)); sensocto.ErrorCode(err) != sensocto.CodeNotFound {
		t.Error(err)
	}
}

func TestSidecar_StreamsCarryBytesBothWays(t *testing.T) {
	file := program(t)
	var events heard
	a, b := running(t, SidecarOptions{Program: file, Event: events.hear}), running(t, SidecarOptions{Program: file})
	eventually(t, "start", func() bool { return up(a)() && up(b)() })
	ctx := t.Context()
	doc, err := a.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := a.Share(ctx, doc, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Import(ctx, ticket); err != nil { // b knows a's address from here on
		t.Fatal(err)
	}
	if err := a.Listen(ctx, "echo/1"); err != nil {
		t.Fatal(err)
	}
	out, err := b.OpenStream(ctx, a.State().Endpoint, "echo/1")
	if err != nil {
		t.Fatal(err)
	}
	sent := strings.Repeat("0123456789", 100_000)
	go func() {
		_ = out.Write(ctx, []byte(sent))
		_ = out.Finish(ctx)
	}()
	eventually(t, "stream", func() bool { _, ok := events.first(eventStream); return ok })
	e, _ := events.first(eventStream)
	if e.Peer != b.State().Endpoint || e.Protocol != "echo/1" {
		t.Errorf("%+v", e)
	}
	in := a.Accepted(e)
	var got strings.Builder
	for {
		data, err := in.Read(ctx)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got.Write(data)
	}
	if got.String() != sent {
		t.Errorf("%d of %d bytes", got.Len(), len(sent))
	}
	if err := in.Close(ctx); err != nil {
		t.Error(err)
	}
}

// A sidecar that is killed, or that hangs, is started again with the same identity
// and documents.
func TestSidecar_IsStartedAgain(t *testing.T) {
	s := running(t, SidecarOptions{Program: program(t), Ping: 100 * time.Millisecond, Timeout: time.Second, FirstPause: 10 * time.Millisecond})
	eventually(t, "start", up(s))
	endpoint := s.State().Endpoint
	doc, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // nothing is durable before
	for i, signal := range []string{"-KILL", "-STOP"} {
		pid := pidOf(t, s)
		signalProcess(t, pid, signal)
		eventually(t, "restart after "+signal, func() bool { return s.State().Restarts > i && s.State().Running })
		if _, err := s.Open(t.Context(), doc); err != nil || s.State().Endpoint != endpoint {
			t.Errorf("after %s: %v", signal, err)
		}
	}
}

func TestSidecar_CallsFailSoonWhileItIsAway(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "sensocto-sidecar")
	s := running(t, SidecarOptions{Program: missing})
	eventually(t, "notice", func() bool { return strings.Contains(s.State().Problem, "make sidecar") })
	if _, err := s.Create(t.Context()); sensocto.ErrorReason(err) != "p2p_unavailable" {
		t.Error(err)
	}
}

// What speaks another version, or nonsense, is not talked to.
func TestSidecar_RefusesOtherPrograms(t *testing.T) {
	for name, c := range map[string]struct{ script, problem string }{
		"other version": {`echo '{"event":"hello","protocol":2,"version":"9","endpoint":"e"}'; cat >/dev/null`, "speaks version 2"},
		"nonsense":      {`echo hello; cat >/dev/null`, "decode a line"},
		"silence":       {`cat >/dev/null`, "did not start"},
		"end":           {`exit 3`, "exit status 3"},
		"endless line":  {`head -c 3000000 /dev/zero | tr '\0' x; cat >/dev/null`, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(file, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			s := running(t, SidecarOptions{Program: file, Timeout: 500 * time.Millisecond})
			eventually(t, name, func() bool { return strings.Contains(s.State().Problem, c.problem) })
			if _, err := s.Create(t.Context()); err == nil {
				t.Error("it was talked to")
			}
		})
	}
}

// What stays where the clock was set back since it was written is not taken for removed.
func TestSidecar_DeleteFailsWhereEntriesStay(t *testing.T) {
	for left, fails := range map[string]bool{"0": false, "1": true} {
		file := filepath.Join(t.TempDir(), "program")
		script := `#!/bin/sh
echo '{"event":"hello","protocol":1,"version":"9","endpoint":"e"}'
deleted=1
while read -r line; do
	id=${line#*\"id\":}
	echo "{\"id\":${id%%,*},\"ok\":{\"deleted\":$deleted}}"
	case $line in *\"delete\"*) deleted=` + left + `;; esac
done
`
		if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		s := running(t, SidecarOptions{Program: file})
		eventually(t, "start", up(s))
		if err := s.Delete(t.Context(), "doc", "people/"); errors.Is(err, errNewer) != fails || (err != nil) != fails {
			t.Errorf("%s left: %v", left, err)
		}
	}
}

// Errors go to the log and to members of the room: whoever knows a document's whole id can read it.
func TestSidecar_ErrorsHaveNoWholeIDOfADocument(t *testing.T) {
	s := running(t, SidecarOptions{Program: program(t)})
	eventually(t, "start", up(s))
	doc, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	_, open := s.Open(t.Context(), doc)
	_, get := s.Get(t.Context(), doc, "x/")
	_, odd := s.Open(t.Context(), doc+"0")
	for _, err := range []error{open, get, s.Drop(t.Context(), doc), odd} {
		if err == nil || strings.Contains(err.Error(), doc) {
			t.Error(err)
		}
	}
}
