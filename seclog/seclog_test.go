package seclog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/seclog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logger writes lines without their times.
func logger(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func metric(l *seclog.Log, name string) (sum float64) {
	l.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			sum += m.Value
		}
	})
	return sum
}

func TestLog_SaysWhoWhatAndWhere(t *testing.T) {
	var out bytes.Buffer
	l := seclog.New(logger(&out))
	l.Refused(sensocto.Refusal{Event: sensocto.SecurityRightRefused, Reason: "no_right", Address: "192.0.2.1:99", Action: "GET /api/v1/sensors/{id}", Target: "strap\x1b[2J\n" + strings.Repeat("x", 500),
		Identity: sensocto.Identity{ID: "s-ada", UserID: "ada", OwnerID: "ada"}})
	l.Refused(sensocto.Refusal{Event: sensocto.SecurityLimitReached, Reason: "too_many_attempts", Address: "[2001:db8::1]:5"})
	want := `level=INFO msg=refused event=right_refused reason=no_right user=ada credential=s-ada address=192.0.2.1 action="GET /api/v1/sensors/{id}" target="strap` + "\uFFFD[2J\uFFFD" + strings.Repeat("x", 118) + `"` + "\n" +
		"level=WARN msg=refused event=limit_reached reason=too_many_attempts address=2001:db8::1\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

// However much one client, or many, does, the log is bounded, others have lines of
// their own, and nothing is left out in silence.
func TestLog_CannotBeFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := seclog.New(logger(&out))
		refuse := func(address string) {
			l.Refused(sensocto.Refusal{Event: sensocto.SecuritySignInRefused, Address: address})
		}
		for i := range 1000 {
			refuse(fmt.Sprintf("[2001:db8::%x]:1", i)) // one network
		}
		if n := strings.Count(out.String(), "\n"); n != 10 {
			t.Errorf("one address has %d lines", n)
		}
		refuse("192.0.2.1:1")
		if !strings.Contains(out.String(), "address=192.0.2.1\n") {
			t.Error("another address has no line")
		}
		time.Sleep(11 * time.Second)
		out.Reset()
		refuse("[2001:db8::1]:1")
		if !strings.Contains(out.String(), "suppressed=990") {
			t.Errorf("the next line does not say what was left out: %s", &out)
		}
		out.Reset()
		for i := range 1000 {
			refuse(fmt.Sprintf("198.51.%d.%d:1", i/250, i%250))
		}
		if n := strings.Count(out.String(), "\n"); n > 110 {
			t.Errorf("many addresses have %d lines", n)
		}
		written, suppressed := metric(l, "security_events_total"), metric(l, "security_events_suppressed_total")
		if written+suppressed != 2002 {
			t.Errorf("%v written, %v suppressed", written, suppressed)
		}
	})
}

// What no line followed is reported by Run, also at the end.
func TestRun_ReportsWhatWasSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := seclog.New(logger(&out))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		flood := func() {
			for range 25 {
				l.Refused(sensocto.Refusal{Event: sensocto.SecurityMalformedInput, Address: "192.0.2.1:1"})
			}
		}
		flood()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		const report = `msg="refusals without a line of their own" event=malformed_input suppressed=15`
		if n := strings.Count(out.String(), report); n != 1 {
			t.Errorf("%d reports in\n%s", n, &out)
		}
		flood()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(out.String(), report); n != 2 {
			t.Errorf("%d reports at the end in\n%s", n, &out)
		}
	})
}

func TestWithCaller_SaysWhoCausedARecord(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(seclog.WithCaller(logger(&out).Handler())).With("part", "account")
	ctx := sensocto.WithCaller(t.Context(), sensocto.Caller{Identity: sensocto.Identity{ID: "s-eve", OwnerID: "eve"}, Address: "192.0.2.1:99"})
	log.InfoContext(ctx, "account changed", "user", "ada")
	log.Info("started")
	want := "level=INFO msg=\"account changed\" part=account user=ada by=eve credential=s-eve address=192.0.2.1\nlevel=INFO msg=started part=account\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
