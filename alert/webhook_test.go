package alert_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/alert"
)

// received is a call as a receiver gets it.
type received struct {
	header http.Header
	body   []byte
}

// receiver is a webhook's far end, which answers with a status.
func receiver(t *testing.T, status func(n int64) int) (*httptest.Server, chan received) {
	t.Helper()
	calls := make(chan received, 100)
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- received{r.Header, body}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status(n.Add(1)))
	}))
	t.Cleanup(s.Close)
	return s, calls
}

// verify checks a call as Standard Webhooks says a receiver should.
func verify(t *testing.T, secret string, r received) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		t.Fatal(len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.header.Get("webhook-id") + "." + r.header.Get("webhook-timestamp") + "."))
	mac.Write(r.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.header.Get("webhook-signature") != want {
		t.Errorf("signature %s, want %s", r.header.Get("webhook-signature"), want)
	}
}

func hooked(url string) sensocto.AlertRule {
	r := high()
	r.WebhookURL = url
	return r
}

func next(t *testing.T, calls chan received) received {
	t.Helper()
	select {
	case r := <-calls:
		return r
	case <-time.After(15 * time.Second):
		t.Fatal("no call came")
		return received{}
	}
}

func TestWebhook_IsSignedAndTriedAgain(t *testing.T) {
	s, calls := receiver(t, func(n int64) int {
		if n == 1 {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	db := openSQLite(t)
	addUsers(t, db, "ada")
	w := newWorld(t, db, func(o *alert.Options) { o.AllowPrivate = true })
	defer run(w.Alerts)()
	i, err := w.Create(t.Context(), identity("ada"), hooked(s.URL))
	must(t, err)
	publish(w.hub, "strap", "hr", 130)
	first, second := next(t, calls), next(t, calls) // 5 s later
	verify(t, i.NewSecret, first)
	verify(t, i.NewSecret, second)
	if id := first.header.Get("webhook-id"); id == "" || id != second.header.Get("webhook-id") || string(first.body) != string(second.body) {
		t.Errorf("a call that is repeated is another one: %v", id)
	}
	var got struct {
		Type string
		Data struct {
			SensorID string `json:"sensor_id"`
			Text     string
			Value    float64
		}
	}
	if err := json.Unmarshal(first.body, &got); err != nil || got.Type != "alert" || got.Data.SensorID != "strap" || got.Data.Value != 130 {
		t.Errorf("%s: %v", first.body, err)
	}
	waitFor(t, func() bool { return metric(w, "alert_webhook_calls_total", "result", "sent") == 1 })
	if n := metric(w, "alert_webhook_calls_total", "result", "retried"); n != 1 {
		t.Errorf("%v retried", n)
	}
}

func testHook(t *testing.T, o func(*alert.Options), url string) sensocto.AlertDelivery {
	t.Helper()
	db := openSQLite(t)
	addUsers(t, db, "ada")
	w := newWorld(t, db, o)
	i, err := w.Create(t.Context(), identity("ada"), hooked(url))
	must(t, err)
	done, err := w.Test(t.Context(), identity("ada"), i.Rule.ID)
	must(t, err)
	w.Alerts.Delete(t.Context(), identity("ada"), i.Rule.ID)
	return done[len(done)-1]
}

func TestWebhook_FollowsNoRedirect(t *testing.T) {
	s, calls := receiver(t, func(int64) int { return http.StatusFound })
	d := testHook(t, func(o *alert.Options) { o.AllowPrivate = true }, s.URL)
	if d.OK || !strings.Contains(d.Error, "redirect") || len(calls) != 1 {
		t.Errorf("%+v after %d calls", d, len(calls))
	}
}

// No form of an address that is not public is called.
func TestWebhook_RefusesAddressesThatAreNotPublic(t *testing.T) {
	for _, host := range []string{
		"127.0.0.1", "127.8.9.1", "localhost", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"100.64.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
	} {
		if d := testHook(t, nil, "https://"+host+":9/"); d.OK || !strings.Contains(d.Error, "private or reserved") {
			t.Errorf("%s: %+v", host, d)
		}
	}
}

// A name that looks public and resolves to this machine is refused, whatever it
// resolved to before: the address that is dialled counts.
func TestWebhook_RefusesANameThatResolvesToLoopback(t *testing.T) {
	var reached atomic.Int64
	target := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer target.Close()
	_, port, err := net.SplitHostPort(target.Listener.Addr().String())
	must(t, err)
	asked, resolver := nameServer(t, net.IPv4(127, 0, 0, 1))
	d := testHook(t, func(o *alert.Options) { o.Resolver = resolver }, "https://hooks.example.org:"+port+"/")
	if d.OK || !strings.Contains(d.Error, "private or reserved") || reached.Load() != 0 || asked.Load() == 0 {
		t.Errorf("%+v, reached %d times, asked %d times", d, reached.Load(), asked.Load())
	}
}

// nameServer starts a DNS server that gives every name one address.
func nameServer(t *testing.T, ip net.IP) (asked *atomic.Int64, _ *net.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	asked = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			asked.Add(1)
			_, _ = conn.WriteTo(dnsAnswer(b[:n], ip), from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return asked, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// dnsAnswer answers a question (RFC 1035 section 4) for an A record with an
// address, and for any other with nothing.
func dnsAnswer(question []byte, ip net.IP) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	a := append([]byte{}, question[:end+5]...)
	copy(a[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer, recursion; one question
	if kind == 1 {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		a = append(a, ip.To4()...)
	}
	return a
}
