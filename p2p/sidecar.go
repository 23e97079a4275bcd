package p2p

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// SidecarOptions are what New needs. Program, Dir and Log are required.
type SidecarOptions struct {
	Program   string // the file of sensocto-sidecar; it may come later
	Dir       string // where the sidecar keeps its key, documents and blobs
	Bind      string // address and UDP port; "" for any address and the port of the last start
	Relay     string // none, iroh or a URL; "" for none
	Discovery string // none, local, dns or local,dns; "" for none
	Log       *slog.Logger
	// Event is called for each event, one after the other; it does not block.
	Event func(Event)
	// Up is called after each start, when calls work; it does not block.
	Up func()
	// Zero values of what follows stand for the defaults.
	Ping       time.Duration // between two pings; default 5 s
	Timeout    time.Duration // of a ping, and of calls without a deadline; default 10 s
	FirstPause time.Duration // before the first restart, doubled each time; default 500 ms
	LastPause  time.Duration // the longest one; default 30 s
}

// Sidecar starts, watches and talks to the program. It is safe for concurrent use.
type Sidecar struct {
	options SidecarOptions
	log     *slog.Logger
	streams traffic

	mu    sync.Mutex // guards what follows
	state State
	calls *calls // nil while the sidecar is not running
}

// State is how the sidecar is.
type State struct {
	Running  bool
	Endpoint string    // the endpoint's id, since the first start
	Since    time.Time // of the present start, or of its absence
	// Problem says why it is not running, and what to do; "" while it is.
	Problem  string
	Absent   bool // there is no such program
	Starts   int
	Restarts int // starts after it had ended by itself or was killed
}

var errDown = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "p2p_unavailable", Message: "the connection to other servers is down: try again in a minute; if it stays down, the operator of this server finds in its log why"}

// NewSidecar returns a sidecar that Run starts.
func NewSidecar(o SidecarOptions) *Sidecar {
	o.Ping = cmp.Or(o.Ping, 5*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.FirstPause = cmp.Or(o.FirstPause, 500*time.Millisecond)
	o.LastPause = cmp.Or(o.LastPause, 30*time.Second)
	o.Relay, o.Discovery, o.Bind = cmp.Or(o.Relay, "none"), cmp.Or(o.Discovery, "none"), cmp.Or(o.Bind, "0.0.0.0:0")
	if o.Event == nil {
		o.Event = func(Event) {}
	}
	if o.Up == nil {
		o.Up = func() {}
	}
	return &Sidecar{options: o, log: o.Log, state: State{Since: time.Now(), Problem: "not started yet"}}
}

// State returns how the sidecar is.
func (s *Sidecar) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Run keeps the sidecar running until the context ends.
func (s *Sidecar) Run(ctx context.Context) error {
	pause := s.options.FirstPause
	for {
		started := time.Now()
		err := s.runOnce(ctx)
		if ctx.Err() != nil {
			s.down("the server is stopping")
			return nil
		}
		wait := pause
		if errors.Is(err, errAbsent) {
			wait = min(s.options.LastPause, 5*time.Second)
		} else if time.Since(started) > time.Minute {
			pause, wait = s.options.FirstPause, s.options.FirstPause
		}
		s.failed(err, wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if !errors.Is(err, errAbsent) {
			pause = min(2*pause, s.options.LastPause)
		}
	}
}

// errAbsent says that the program is not there.
var errAbsent = errors.New("the program is not there")

func (s *Sidecar) failed(err error, wait time.Duration) {
	s.mu.Lock()
	s.state.Absent = errors.Is(err, errAbsent)
	s.mu.Unlock()
	if errors.Is(err, errAbsent) {
		problem := fmt.Sprintf("there is no %s: build it with 'make sidecar'; it is used as soon as it is there", s.options.Program)
		if s.down(problem) {
			s.log.Info("rooms are not shared with other servers: " + problem)
		}
		return
	}
	s.down(err.Error())
	s.log.Warn("the sidecar ended; it is started again", "err", err, "pause", wait)
}

// down notes that the sidecar is not running, and reports whether that is news.
func (s *Sidecar) down(problem string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.state.Problem != problem
	if s.state.Running {
		s.state.Since = time.Now()
	}
	s.state.Running, s.state.Problem, s.calls = false, problem, nil
	return news
}

// runOnce starts the program and returns when it has ended.
func (s *Sidecar) runOnce(ctx context.Context) error {
	if info, err := os.Stat(s.options.Program); err != nil || info.IsDir() {
		return errAbsent
	}
	if err := os.MkdirAll(s.options.Dir, 0o700); err != nil {
		return fmt.Errorf("start the sidecar: %w", err)
	}
	process := exec.Command(s.options.Program, "--dir", s.options.Dir, "--bind", s.options.Bind, "--relay", s.options.Relay, "--discovery", s.options.Discovery)
	stdin, err1 := process.StdinPipe()
	stdout, err2 := process.StdoutPipe()
	stderr, err3 := process.StderrPipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("start the sidecar: %w", err)
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start the sidecar: %w", err)
	}
	c := newCalls(stdin, func() {
		_ = process.Process.Kill()
		_ = stdout.Close() // a child of it may still hold them
		_ = stderr.Close()
	})
	var readers sync.WaitGroup
	readers.Go(func() {
		c.readErr = c.read(stdout, s.event)
		c.fail()
	})
	readers.Go(func() { s.logLines(stderr) })
	err := s.watch(ctx, c)
	c.close()
	s.down("the sidecar is being restarted")
	patience := time.Duration(0) // it does not answer, or talks nonsense: it would not stop either
	if errors.Is(err, context.Canceled) || (errors.Is(err, errEnded) && c.broken() == nil) {
		patience = stopTime
	}
	kill := time.AfterFunc(patience, c.kill)
	readers.Wait()
	waited := process.Wait() // it may go on without its outputs: only the timer ends it then
	kill.Stop()
	if waited != nil && errors.Is(err, errEnded) {
		err = fmt.Errorf("%w: %w", err, waited)
	}
	return errors.Join(err, c.readErr)
}

// stopTime is how long the sidecar may take to write what it has.
const stopTime = 5 * time.Second

// errEnded says that the sidecar closed its output.
var errEnded = errors.New("the sidecar ended")

// watch returns when the sidecar no longer answers, when its output ends, or when
// the context does.
func (s *Sidecar) watch(ctx context.Context, c *calls) error {
	hello, err := c.hello(ctx, s.options.Timeout)
	if err != nil {
		return err
	}
	s.up(c, hello)
	ticker := time.NewTicker(s.options.Ping)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ended:
			return errEnded
		case <-ticker.C:
		}
		if err := s.ping(ctx, c); err != nil {
			return err
		}
	}
}

func (s *Sidecar) ping(ctx context.Context, c *calls) error {
	pinging, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	overdue := time.AfterFunc(s.options.Timeout+time.Second, c.kill) // also where the write waits
	defer overdue.Stop()
	_, err := c.call(pinging, request{Op: "ping"})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case pinging.Err() != nil:
		return fmt.Errorf("the sidecar did not answer within %v and was killed", s.options.Timeout)
	case errors.Is(err, errDown):
		return errEnded
	}
	return err
}

func (s *Sidecar) up(c *calls, hello Event) {
	s.mu.Lock()
	if s.state.Starts > 0 {
		s.state.Restarts++
	}
	s.state.Starts++
	s.state.Running, s.state.Absent, s.state.Problem, s.state.Since, s.state.Endpoint, s.calls = true, false, "", time.Now(), hello.Endpoint, c
	s.mu.Unlock()
	s.log.Info("rooms can be shared with other servers", "endpoint", hello.Endpoint, "sidecar", hello.Version)
	s.options.Up()
}

func (s *Sidecar) event(e Event) {
	switch e.Name {
	case eventLagged:
		s.log.Warn("events of the sidecar were dropped: the state is asked for instead", "dropped", e.Dropped)
	case eventRefused:
		s.log.Error("the sidecar refused a line", "err", e.Message)
	}
	s.options.Event(e)
}

// logLines writes what the sidecar says of itself into the log.
func (s *Sidecar) logLines(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		s.log.Warn("sidecar: " + lines.Text())
	}
	_, _ = io.Copy(io.Discard, r) // a line that was too long
}

// call sends a request to the running sidecar.
func (s *Sidecar) call(ctx context.Context, r request) (answer, error) {
	s.mu.Lock()
	c := s.calls
	s.mu.Unlock()
	if c == nil {
		return answer{}, errDown
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
	}
	return c.call(ctx, r)
}
