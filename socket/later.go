package socket

import (
	"bytes"

	"github.com/sensocto/sensocto/phx"
)

// maxLater is how many requests of a connection wait for other servers at a time while
// its reader goes on. Where there are more the reader waits, too.
const maxLater = 4

// later answers a request that waits for another server, beside the reader: what the
// client sends meanwhile is handled. read returns the response.
func (c *conn) later(ch *channel, f *phx.Frame, read func() ([]byte, error)) error {
	if c.waiting.Add(1) > maxLater {
		c.waiting.Add(-1)
		return ch.answerWith(f, read)
	}
	kept := &phx.Frame{JoinRef: f.JoinRef.Clone(), Ref: f.Ref.Clone(), Event: bytes.Clone(f.Event)}
	c.srv.tasks.Go(func() {
		defer c.waiting.Add(-1)
		defer c.contain("answer")
		response, err := read()
		c.answering.Lock() // one after the other, so that each has room
		defer c.answering.Unlock()
		c.out.waitForRoom()
		_ = c.answered(ch, kept, ch.answerWith(kept, func() ([]byte, error) { return response, err }))
	})
	return nil
}

// answerWith replies with what is read.
func (ch *channel) answerWith(f *phx.Frame, read func() ([]byte, error)) error {
	response, err := read()
	if err == nil {
		ch.reply(f, phx.StatusOK, response)
	}
	return err
}
