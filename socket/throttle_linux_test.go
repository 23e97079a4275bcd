package socket_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"github.com/sensocto/sensocto"
)

// network is a host of its own behind a cable, whose speed can be set.
type network struct {
	t     testing.TB
	name  string // of the namespace
	cable string // our end of it
	host  string // our address on it
}

// newNetwork makes the i-th network of this process. The test is skipped where
// that is not possible.
func newNetwork(t testing.TB, i int) *network {
	t.Helper()
	for _, tool := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (Debian: apt install iproute2): %v", tool, err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs to be root, to make network namespaces")
	}
	id := fmt.Sprintf("%d-%d", os.Getpid()%100_000, i)
	n := &network{t: t, name: "sensocto-" + id, cable: "so" + id, host: fmt.Sprintf("10.203.%d.1", 4*i+os.Getpid()%4)}
	peer, there := "sp"+id, strings.TrimSuffix(n.host, "1")+"2"
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		n.command("ip", "netns", "del", n.name)
		exec.Command("ip", "link", "del", n.cable).Run() // went with the namespace, or goes soon
	})
	n.command("ip", "link", "add", n.cable, "type", "veth", "peer", "name", peer, "netns", n.name)
	n.command("ip", "addr", "add", n.host+"/24", "dev", n.cable)
	n.command("ip", "link", "set", n.cable, "up")
	n.command("ip", "-n", n.name, "addr", "add", there+"/24", "dev", peer)
	n.command("ip", "-n", n.name, "link", "set", peer, "up")
	return n
}

func (n *network) command(name string, arguments ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v: %s", name, strings.Join(arguments, " "), err, out)
	}
}

// throttle lets 200 kbit/s through, toward the other host.
func (n *network) throttle() {
	n.command("tc", "qdisc", "add", "dev", n.cable, "root", "tbf", "rate", "200kbit", "burst", "4kb", "latency", "100ms")
}

func (n *network) release() { n.command("tc", "qdisc", "del", "dev", n.cable, "root") }

// dial connects from the other host.
func (n *network) dial(ctx context.Context, _, address string) (c net.Conn, err error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var there *os.File
		if there, err = os.Open("/run/netns/" + n.name); err != nil {
			return
		}
		defer there.Close()
		if err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err == nil {
			c, err = new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(n.host, port))
		}
	}()
	<-done
	return c, err
}

// waveforms publishes numbers of so many sensors at 512 Hz each until ctx ends,
// as devices do that send every 20 ms.
func (w *world) waveforms(ctx context.Context, sensors int) {
	const rate = 512
	began := time.Now()
	sent := 0
	for ticker := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-ticker.C {
		n := int(time.Since(began)*rate/time.Second) - sent
		if n == 0 {
			continue
		}
		ms := numbers("ecg", began.Add(time.Duration(sent)*time.Second/rate), time.Second/rate, n)
		sent += n
		for i := range sensors {
			id := fmt.Sprintf("s%d", i)
			w.pubsub.Publish(&sensocto.Message{Topic: sensocto.DataTopic(id), Event: sensocto.EventMeasurementsBatch,
				Payload: &sensocto.Batch{SensorID: id, Measurements: ms}})
		}
	}
}

// late returns how far behind the picture of each sensor was at most, between
// two times.
func (o *onlooker) late(from, to time.Duration) (worst time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, seen := range o.seen {
		newest := o.began
		for _, s := range seen {
			at := o.began.Add(s.at)
			if s.at > from && s.at < to {
				worst = max(worst, at.Sub(newest))
			}
			micros := s.micros
			if s.bucket != nil {
				micros = s.bucket.To
			}
			if t := time.UnixMicro(micros); t.After(newest) {
				newest = t
			}
		}
		if s := o.began.Add(to); len(seen) > 0 && o.began.Add(seen[len(seen)-1].at).Before(s) {
			worst = max(worst, s.Sub(newest))
		}
	}
	return worst
}

// merged returns how many samples came merged from a time on.
func (o *onlooker) merged(from time.Duration) (n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.marks {
		if m.at >= from {
			n += m.n
		}
	}
	return n
}

// A viewer of 16 waveforms whose network slows down to 200 kbit/s sees a
// coarser picture, but not a late one, and a fine one again soon after. Without
// merging the picture would be as late as the throttle is long: the limits
// leave room for a busy machine, docs/performance.md has what was measured.
func TestOutbox_ThrottledNetwork(t *testing.T) {
	const (
		sensors = 16
		calm    = time.Second
		slow    = 6 * time.Second
		after   = 3 * time.Second
		maxLate = slow / 2
		maxLive = time.Second
	)
	watch := map[string]func(*onlooker){
		"viewer topic": func(o *onlooker) {
			o.send(`["1","1","viewer:x","phx_join",{}]`)
			o.send(fmt.Sprintf(`["1","2","viewer:x","watch",{"sensor_ids":%s}]`, sensorIDs(sensors)))
		},
		"data topics": func(o *onlooker) {
			for i := range sensors {
				o.send(fmt.Sprintf(`["%d","1","data:s%d","phx_join",{}]`, i, i))
			}
		},
		"binary": func(o *onlooker) {
			for i := range sensors {
				o.send(fmt.Sprintf(`["%d","1","data:s%d","phx_join",{"encoding":"binary"}]`, i, i))
			}
		},
	}
	w := newOpenWorld(t)
	var networks []*network
	throttled := map[string]*onlooker{}
	for name, join := range watch {
		n := newNetwork(t, len(networks))
		networks = append(networks, n)
		w.dialer = &websocket.Dialer{NetDialContext: n.dial}
		throttled[name] = w.look(true)
		join(throttled[name])
	}
	w.dialer = websocket.DefaultDialer
	other := w.look(true)
	watch["viewer topic"](other)

	ctx, stop := context.WithCancel(t.Context())
	published := make(chan struct{})
	go func() {
		defer close(published)
		w.waveforms(ctx, sensors)
	}()
	<-time.After(calm)
	for _, n := range networks {
		n.throttle()
	}
	most := 0.0
	for end := time.Now().Add(slow); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		most = max(most, w.metric("socket_queue_bytes_max"))
	}
	for _, n := range networks {
		n.release()
	}
	released := time.Since(other.began)
	<-time.After(after)
	stop()
	<-published
	other.hangUp()
	for _, o := range throttled {
		o.hangUp()
	}

	late := other.late(0, released+after) // what the machine is to blame for
	for name, o := range throttled {
		shift := other.began.Sub(o.began)
		whole, live := o.late(0, released+shift), o.late(released+shift+time.Second, released+shift+after)
		t.Logf("%s: %v behind at most, %v from a second after; %d samples merged", name, whole, live, o.merged(0))
		if whole > maxLate+late {
			t.Errorf("%s: %v behind", name, whole)
		}
		if n, more := o.merged(0), o.merged(released+shift+time.Second); n == 0 || more > 0 {
			t.Errorf("%s: %d samples merged, %d of them later than a second after the throttle", name, n, more)
		}
		if live > late+maxLive {
			t.Errorf("%s: not live again: %v behind", name, live)
		}
	}
	if n := other.merged(0); n > 0 || late > maxLive {
		t.Errorf("the other viewer: %v behind, %d samples merged", late, n)
	}
	if t.Logf("at most %v bytes waited", most); most > 256<<10 {
		t.Errorf("%v bytes waited", most)
	}
}
