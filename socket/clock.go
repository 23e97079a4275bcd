package socket

import (
	"strconv"
	"time"

	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
)

// eventClock asks on topic phoenix for the server's time, with which a client finds
// out how far its own clock is off: it knows when it asked and when the answer came,
// and hears when the server took the question and when it answered.
const eventClock = "clock"

// clock answers with ms since 1970, to the microsecond.
func (c *conn) clock(f *phx.Frame) error {
	received := time.Now()
	if err := request.Check(f); err != nil {
		return err
	}
	response := appendMS([]byte(`{"received_at":`), received)
	response = appendMS(append(response, `,"sent_at":`...), time.Now())
	c.out.Reply(f, phx.StatusOK, append(response, '}'))
	return nil
}

func appendMS(b []byte, t time.Time) []byte {
	return strconv.AppendFloat(b, float64(t.UnixMicro())/1000, 'f', 3, 64)
}
