package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// clockTolerance is how far the wall clock may run ahead of the time that
	// is trusted: a server that was off for less is not suspected.
	clockTolerance = 24 * time.Hour
	// clockProbation is how long the program has to run with a clock that has
	// jumped before that is trusted.
	clockProbation = 24 * time.Hour
)

// clock judges the wall clock, so that one that is set wrong does not make
// everything old. It trusts the highest time seen, which runs on while the
// program does and is kept in a file; a clock far from it must be confirmed by
// 24 hours of uptime, over restarts.
type clock struct {
	path string // "": nothing is kept
	wall func() time.Time

	mu     sync.Mutex // guards the following
	state  clockState
	last   time.Time // of the last check, by the monotonic clock
	loaded bool
}

// clockState is what the file holds.
type clockState struct {
	Trusted   time.Time     `json:"trusted"`
	Suspected time.Duration `json:"suspected_ns"` // uptime with a clock that is not trusted
}

// check returns how far the wall clock is ahead of what is trusted, 0 while it
// is trusted, and for how much uptime more that holds. newest returns the time of
// the newest sample, which is trusted where no file says anything.
func (c *clock) check(newest func() time.Time) (ahead, remaining time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, wall := time.Now(), c.wall()
	if err := c.load(now, wall, newest); err != nil {
		return 0, 0, err
	}
	elapsed := now.Sub(c.last)
	c.last = now
	s := &c.state
	s.Trusted = s.Trusted.Add(elapsed)
	ahead = wall.Sub(s.Trusted)
	if ahead.Abs() > clockTolerance {
		s.Suspected += elapsed
	}
	switch {
	case s.Suspected >= clockProbation:
		*s, ahead = clockState{Trusted: wall}, 0
	case ahead.Abs() <= clockTolerance:
		*s = clockState{Trusted: s.Trusted.Add(max(0, ahead))}
	}
	if ahead <= clockTolerance { // a clock that is behind makes nothing old
		return 0, 0, c.save()
	}
	return ahead, clockProbation - s.Suspected, c.save()
}

// seen returns the highest time seen that is trusted; zero where nothing was kept.
func (c *clock) seen() (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		kept, err := c.read()
		if err != nil || kept == nil {
			return time.Time{}, err
		}
		return kept.Trusted, nil
	}
	return c.state.Trusted.Add(time.Since(c.last)), nil
}

// trust takes the wall clock as right.
func (c *clock) trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = clockState{Trusted: c.wall()}
	c.last, c.loaded = time.Now(), true
	_ = c.save() // the next check tries again, and reports it
}

func (c *clock) load(now, wall time.Time, newest func() time.Time) error {
	if c.loaded {
		return nil
	}
	c.state.Trusted = wall
	kept, err := c.read()
	switch {
	case err != nil:
		return err
	case kept != nil:
		c.state = *kept
	default:
		if t := newest(); !t.IsZero() && t.Before(wall) {
			c.state.Trusted = t
		}
	}
	c.last, c.loaded = now, true
	return nil
}

// read returns what the file holds, nil where there is none.
func (c *clock) read() (*clockState, error) {
	if c.path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the time of the last run: %w", err)
	}
	var s clockState
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read the time of the last run: %s is damaged; delete it if the machine's clock is right: %w", c.path, err)
	}
	return &s, nil
}

// save replaces the file at once: a crash leaves the old one or the new one.
func (c *clock) save() error {
	if c.path == "" {
		return nil
	}
	data, err := json.Marshal(c.state)
	if err != nil {
		return err
	}
	temporary := c.path + ".new"
	if err := errors.Join(os.MkdirAll(filepath.Dir(c.path), 0o700), writeSynced(temporary, data)); err != nil {
		return fmt.Errorf("save the time: %w", err)
	}
	if err := os.Rename(temporary, c.path); err != nil {
		return fmt.Errorf("save the time: %w", err)
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
