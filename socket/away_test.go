package socket_test

import (
	"context"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// awayStore is a store whose sensors are of a server that cannot be reached.
type awayStore struct{ sensocto.Store }

var errAway = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "sensor_away", Message: "away"}

func (awayStore) Latest(context.Context, string, sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	return nil, errAway
}

func (awayStore) History(context.Context, string, string, sensocto.HistoryQuery) (h sensocto.History, err error) {
	return h, errAway
}

// Who watches a sensor whose server is away is in the channel, and gets what comes.
func TestHistory_OfAServerThatIsAway(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Store = awayStore{o.Store} })
	device := w.device("s", "")
	viewer := w.dial("vsn=2.0.0&token=view")
	viewer.send(`["1","1","data:s","phx_join",{"history":10}]`)
	viewer.expectPrefix(`["1","1","data:s","phx_reply",{"status":"ok","response":{"sensor":{"sensor_id":"s"`)
	viewer.send(`["1","2","data:s","history",{"attribute_id":"a"}]`)
	viewer.expectPrefix(`["1","2","data:s","phx_reply",{"status":"error","response":{"reason":"sensor_away"`)
	device.send(`["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]`)
	viewer.expectPrefix(`[null,null,"data:s","measurement",`)
}
