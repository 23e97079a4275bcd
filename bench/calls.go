package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// CallsConfig says what RunCalls plays: in each room peers join the call one after
// the other, all joins spread evenly over the duration. Who joins makes an offer to
// each peer that is there, and each answers.
type CallsConfig struct {
	Rooms      int           `json:"rooms"`
	Peers      int           `json:"peers"`      // of each room
	Candidates int           `json:"candidates"` // from each peer to each other one
	SDPBytes   int           `json:"sdp_bytes"`  // of an offer and of an answer
	Duration   time.Duration `json:"duration"`   // within which all peers join
}

// DefaultCalls is the run whose figures docs/performance.md states. The sizes are
// those of Chromium for sound, camera and screen.
func DefaultCalls() CallsConfig {
	return CallsConfig{Rooms: 1000, Peers: 4, Candidates: 12, SDPBytes: 6000, Duration: time.Minute}
}

func (c CallsConfig) check() error {
	switch {
	case c.Rooms < 1 || c.Rooms > 5000:
		return errors.New("rooms must be 1 to 5000")
	case c.Peers < 2 || c.Peers > 8:
		return errors.New("peers must be 2 to 8")
	case c.Duration <= 0:
		return errors.New("duration must be positive")
	}
	return nil
}

// signals is how many descriptions and candidates all peers send, each of which
// arrives at one other.
func (c CallsConfig) signals() int64 {
	pairs := c.Peers * (c.Peers - 1) / 2
	return int64(c.Rooms) * int64(pairs) * 2 * int64(1+c.Candidates)
}

// calls is a run.
type calls struct {
	cfg    CallsConfig
	target Target
	rooms  []callRoom
	sdp    string

	mu     sync.Mutex // guards what follows
	result *CallsResult
	signal Histogram
	join   Histogram
}

// RunCalls has peers join the calls of many rooms on a running server on which
// everybody may make an account, and measures what that costs the server. Every
// signal is counted where it arrives.
func RunCalls(ctx context.Context, cfg CallsConfig, target Target) (CallsResult, error) {
	r := CallsResult{Config: cfg}
	if err := cfg.check(); err != nil {
		return r, err
	}
	raiseFileLimit()
	c := &calls{cfg: cfg, target: target, sdp: sdpOf(cfg.SDPBytes), result: &r}
	if err := c.prepare(ctx); err != nil {
		return r, fmt.Errorf("prepare the rooms: %w", err)
	}
	before, err := processUsage(target.PID)
	if err != nil {
		return r, err
	}
	began, own := time.Now(), ownCPU()
	err = c.play(ctx, func() error {
		after, err := processUsage(target.PID)
		r.Seconds = time.Since(began).Seconds()
		r.ServerCPU = (after.cpu - before.cpu).Seconds()
		r.RSSMiB, r.GrowthMiB = float64(after.rss)/(1<<20), float64(after.rss-before.rss)/(1<<20)
		r.DriverCPU = (ownCPU() - own).Seconds()
		return err
	})
	r.Expected, r.Join, r.Signal = cfg.signals(), latencyOf(&c.join), latencyOf(&c.signal)
	return r, err
}

// play has all peers join, calls measured once every signal has arrived, or should
// have, and has them leave.
func (c *calls) play(ctx context.Context, measured func() error) error {
	ctx, leave := context.WithCancel(ctx)
	var peers sync.WaitGroup
	defer func() {
		leave()
		peers.Wait()
	}()
	order := rand.New(rand.NewPCG(1, 1)).Perm(c.cfg.Rooms * c.cfg.Peers)
	between := c.cfg.Duration / time.Duration(len(order))
	began := time.Now()
	for i, n := range order {
		if err := pause(ctx, time.Until(began.Add(time.Duration(i)*between))); err != nil {
			return err
		}
		p := &callPeer{calls: c, room: c.rooms[n%c.cfg.Rooms], person: n / c.cfg.Rooms, events: make(chan callEvent, 1024)}
		peers.Go(func() {
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				c.fault("a peer of room %s: %v", p.room.id, err)
			}
		})
	}
	return errors.Join(c.arrived(ctx), measured())
}

// arrived waits until every signal has arrived, or none more does.
func (c *calls) arrived(ctx context.Context) error {
	const patience = 5 * time.Second
	received := func() int64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.result.Received
	}
	for last, since := received(), time.Now(); last < c.cfg.signals() && time.Since(since) < patience; {
		if err := pause(ctx, look); err != nil {
			return err
		}
		if n := received(); n != last {
			last, since = n, time.Now()
		}
	}
	return nil
}

func (c *calls) fault(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Faulty++
	if len(c.result.Faults) < 5 {
		c.result.Faults = append(c.result.Faults, fmt.Sprintf(format, args...))
	}
}
