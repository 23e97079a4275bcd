package socket_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// stalled is a registry whose sensors answer no ping until they are told to.
type stalled struct {
	sensocto.SensorRegistry
	pings chan func()
}

type stalledLink struct {
	sensocto.SensorLink
	pings chan func()
}

func (s stalled) Connect(ctx context.Context, id sensocto.Identity, r sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error) {
	link, err := s.SensorRegistry.Connect(ctx, id, r, d)
	return stalledLink{link, s.pings}, err
}

func (l stalledLink) Sync(_ context.Context, done func()) error {
	l.pings <- done
	return nil
}

// Pings that wait for a sensor are bounded in bytes, for the whole connection.
func TestPing_WaitingOnesAreBounded(t *testing.T) {
	pings := make(chan func(), 10)
	w := newWorld(t, func(o *socket.Options) { o.Sensors = stalled{o.Sensors, pings} })
	d := w.device("s", "")
	large := `{"x":"` + strings.Repeat("x", 600<<10) + `"}`
	d.send(`["1","2","sensocto:sensor:s","ping",` + large + `]`)
	first := <-pings
	d.send(`["1","3","sensocto:sensor:s","ping",` + large + `]`)
	d.expect(`["1","3","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"too_many_pings"}}]`)
	first()
	d.expectPrefix(`["1","2","sensocto:sensor:s","phx_reply",{"status":"ok"`)
	d.send(`["1","4","sensocto:sensor:s","ping",` + large + `]`)
	(<-pings)()
	d.expectPrefix(`["1","4","sensocto:sensor:s","phx_reply",{"status":"ok"`)
}
