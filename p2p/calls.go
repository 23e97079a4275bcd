package p2p

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// maxCalls is how many requests wait for their answers; callers wait for a place.
const maxCalls = 256

// calls are the requests to one run of the sidecar.
type calls struct {
	places  chan struct{} // a token for each request under way that waits for no peer
	kill    func()        // ends the process at once
	writing sync.Mutex    // guards stdin
	stdin   io.WriteCloser
	greeted chan Event    // its first line
	ended   chan struct{} // closed when its output has ended
	readErr error         // what was wrong with it, once it has ended

	mu      sync.Mutex // guards what follows
	next    uint64
	waiting map[uint64]chan line // nil when its output has ended
}

func newCalls(stdin io.WriteCloser, kill func()) *calls {
	return &calls{kill: kill, places: make(chan struct{}, maxCalls), stdin: stdin, greeted: make(chan Event, 1), ended: make(chan struct{}), waiting: map[uint64]chan line{}}
}

// hello waits for the sidecar's first line and agrees with it on the version.
func (c *calls) hello(ctx context.Context, timeout time.Duration) (Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case e := <-c.greeted:
		if version, _ := e.Protocol.(float64); version != protocolVersion {
			return e, fmt.Errorf("the sidecar speaks version %v of the protocol and this server %d: build both from the same source ('make sidecar build')", e.Protocol, protocolVersion)
		}
		_, err := c.call(ctx, request{Op: "hello", Protocol: protocolVersion})
		return e, err
	case <-c.ended:
		return Event{}, errEnded
	case <-ctx.Done():
		return Event{}, fmt.Errorf("the sidecar did not start: %w", context.Cause(ctx))
	}
}

// call sends a request and waits for its answer.
func (c *calls) call(ctx context.Context, r request) (answer, error) {
	if r.Stream == 0 { // streams are bounded by the sidecar, and may wait long
		select {
		case c.places <- struct{}{}:
			defer func() { <-c.places }()
		case <-ctx.Done():
			return answer{}, timedOut(ctx)
		}
	}
	id, reply, ok := c.register()
	if !ok {
		return answer{}, errDown
	}
	defer c.forget(id)
	r.ID = id
	if err := c.send(r); err != nil {
		return answer{}, err
	}
	select {
	case l, ok := <-reply:
		if !ok {
			return answer{}, errDown
		}
		return l.result()
	case <-ctx.Done():
		return answer{}, timedOut(ctx)
	}
}

func timedOut(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "p2p_timeout", Message: "the connection to other servers did not answer in time; try again"}
	}
	return ctx.Err()
}

func (c *calls) register() (uint64, chan line, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, nil, false
	}
	c.next++
	reply := make(chan line, 1)
	c.waiting[c.next] = reply
	return c.next, reply, true
}

func (c *calls) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// send writes a line. A sidecar that no longer reads is killed by the next ping,
// which ends writes that wait.
func (c *calls) send(r request) error {
	text, err := encodeRequest(r)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if _, err := c.stdin.Write(text); err != nil {
		return errDown
	}
	return nil
}

// broken returns what was wrong with the output, if it has ended.
func (c *calls) broken() error {
	select {
	case <-c.ended:
		return c.readErr
	default:
		return nil
	}
}

// close ends the sidecar's input, which ends the sidecar.
func (c *calls) close() { _ = c.stdin.Close() }

// fail ends all requests that wait.
func (c *calls) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, reply := range c.waiting {
		close(reply)
	}
	c.waiting = nil
	close(c.ended)
}

// read hands out lines until the output ends.
func (c *calls) read(r io.Reader, event func(Event)) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the sidecar's output: %w", err)
		}
		l, err := decodeLine(text)
		if err != nil {
			return err
		}
		c.deliver(l, event)
	}
}

func (c *calls) deliver(l line, event func(Event)) {
	switch {
	case l.Event != nil && l.Name == eventHello:
		select {
		case c.greeted <- *l.Event:
		default:
		}
	case l.Event != nil:
		event(*l.Event)
	default:
		c.mu.Lock()
		defer c.mu.Unlock()
		if reply := c.waiting[l.ID]; reply != nil {
			reply <- l // has room for one, and each id has one answer
			delete(c.waiting, l.ID)
		}
	}
}

// readLine returns a line of at most maxLine bytes.
func readLine(r *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice('\n')
		whole = append(whole, part...)
		switch {
		case len(whole) > maxLine:
			return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		return bytes.TrimSuffix(whole, []byte{'\n'}), nil
	}
}

// result translates an answer of the sidecar.
func (l line) result() (answer, error) {
	if l.Error == nil {
		return *l.OK, nil
	}
	code := sensocto.CodeInternal
	switch l.Error.Code {
	case "invalid", "too_large":
		code = sensocto.CodeInvalid
	case "not_found":
		code = sensocto.CodeNotFound
	case "unavailable":
		code = sensocto.CodeUnavailable
	}
	return answer{}, &sensocto.Error{Code: code, Reason: "p2p_" + l.Error.Code, Message: l.Error.Message}
}
