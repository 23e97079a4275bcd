package socket

import (
	"bytes"

	"github.com/sensocto/sensocto/phx"
)

// maxLater is how many requests of a connection wait for other servers at a time while
// its reader goes on. Where there are more the reader waits, too.
const maxLater = 4

// later answers a request that waits for another server, beside the reader: what the
// client sends meanwhile is handled. read returns the response, and answer sends it.
func (c *conn) later(f *phx.Frame, read func() ([]byte, error), answer func(*phx.Frame, []byte, error) error) error {
	if c.waiting.Add(1) > maxLater {
		c.waiting.Add(-1)
		response, err := read()
		return answer(f, response, err)
	}
	kept := &phx.Frame{JoinRef: f.JoinRef.Clone(), Ref: f.Ref.Clone(), Topic: bytes.Clone(f.Topic), Event: bytes.Clone(f.Event)}
	c.srv.tasks.Go(func() {
		defer c.waiting.Add(-1)
		defer c.Contain("answer")
		response, err := read()
		c.answering.Lock() // one after the other, so that each has capacity
		defer c.answering.Unlock()
		c.out.WaitCapacity()
		if err := answer(kept, response, err); err != nil {
			c.fail(err)
		}
	})
	return nil
}
