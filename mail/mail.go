// Package mail sends plain text over SMTP. Mails are composed and sent on one
// goroutine (Mailer.Run), so that nobody waits for a mail server, and nobody learns
// from the time that it takes whether there was something to send. What cannot be
// sent now is tried again for an hour; what waits is bounded, and lost with the end
// of the program, which the log says.
package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/sensocto/sensocto"
)

const (
	// sendTimeout bounds one attempt.
	sendTimeout = 30 * time.Second
	// maxAttempts, with pauses that double from firstPause on, take about an hour.
	maxAttempts = 9
	firstPause  = 15 * time.Second
)

// The ways to protect the connection.
const (
	StartTLS = "starttls" // must be offered
	TLS      = "tls"      // from the first byte
	NoTLS    = "none"     // for a server on this machine
)

// Options are what New needs. Host and From are required.
type Options struct {
	Host string // name and port
	From string // address, with or without a name
	// User and PasswordFile sign in; "" does not. The file is read for each attempt,
	// so that a new password counts at once.
	User, PasswordFile string
	TLS                string      // StartTLS by default
	Config             *tls.Config // nil for the system's roots
	Waiting            int         // most mails that wait; default 1,000
	Log                *slog.Logger
}

// Compose returns a mail, or false where there is none to send.
type Compose func(ctx context.Context) (m sensocto.Mail, send bool, err error)

// Mailer is safe for concurrent use.
type Mailer struct {
	options Options
	host    string
	port    int

	mu    sync.Mutex // guards queue
	queue []*job
	wake  chan struct{} // one slot

	sent, failed, dropped, retried atomic.Uint64
}

// job is a mail on its way.
type job struct {
	compose  Compose
	mail     sensocto.Mail // once it is composed
	composed bool
	attempts int
	due      time.Time
}

// New returns a Mailer, or what is wrong with the options. It starts nothing: see
// Run.
func New(o Options) (*Mailer, error) {
	host, text, err := net.SplitHostPort(o.Host)
	if err != nil {
		return nil, fmt.Errorf("%q is not a name and a port, such as mail.example.org:587", o.Host)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return nil, fmt.Errorf("%q is no port", text)
	}
	if err := gomail.NewMsg().From(o.From); err != nil {
		return nil, fmt.Errorf("%q is no address to send from", o.From)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.TLS, o.Waiting = cmp.Or(o.TLS, StartTLS), cmp.Or(o.Waiting, 1000)
	return &Mailer{options: o, host: host, port: port, wake: make(chan struct{}, 1)}, nil
}

// Later composes and sends a mail soon. It returns an error of code unavailable
// where too much waits.
func (m *Mailer) Later(compose func(ctx context.Context) (sensocto.Mail, bool, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= m.options.Waiting {
		m.dropped.Add(1)
		return &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "mail_queue_full", Message: "too many mails wait to be sent: try again later"}
	}
	m.queue = append(m.queue, &job{compose: compose})
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return nil
}

// Run composes and sends until ctx ends.
func (m *Mailer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			m.end()
			return nil
		case <-m.wake:
		case <-timer.C:
		}
		next := m.work(ctx)
		timer.Reset(next)
	}
}

// end says what was not sent.
func (m *Mailer) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.queue); n > 0 {
		m.dropped.Add(uint64(n))
		m.options.Log.Warn("mails were not sent before the end", "mails", n)
	}
}

// work handles what is due, and returns when there is more to do.
func (m *Mailer) work(ctx context.Context) (wait time.Duration) {
	for _, j := range m.take(time.Now()) {
		if ctx.Err() != nil {
			m.putBack(j)
			continue
		}
		m.handle(ctx, j)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	wait = time.Hour
	for _, j := range m.queue {
		wait = min(wait, time.Until(j.due))
	}
	return max(wait, 0)
}

// take removes what is due from the queue.
func (m *Mailer) take(now time.Time) (due []*job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.queue[:0]
	for _, j := range m.queue {
		if j.due.After(now) {
			kept = append(kept, j)
		} else {
			due = append(due, j)
		}
	}
	clear(m.queue[len(kept):])
	m.queue = kept
	return due
}

func (m *Mailer) putBack(j *job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, j)
}

// handle composes and sends a mail, or puts it back for another attempt.
func (m *Mailer) handle(ctx context.Context, j *job) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := error(nil)
	if !j.composed {
		var send bool
		if j.mail, send, err = j.compose(ctx); err == nil && !send {
			return
		}
		j.composed = err == nil
	}
	if err == nil {
		err = m.send(ctx, j.mail)
	}
	if err == nil {
		m.sent.Add(1)
		return
	}
	j.attempts++
	if permanent(err) || j.attempts >= maxAttempts {
		m.failed.Add(1)
		m.options.Log.Error("a mail could not be sent", "attempts", j.attempts, "err", err)
		return
	}
	if j.attempts == 1 {
		m.options.Log.Warn("a mail could not be sent; it is tried again", "err", err)
	}
	m.retried.Add(1)
	j.due = time.Now().Add(firstPause << (j.attempts - 1))
	m.putBack(j)
}

// errRefused is a mail that can never be sent as it is.
var errRefused = errors.New("the mail is refused")

// permanent reports whether another attempt is useless.
func permanent(err error) bool {
	var s *gomail.SendError
	return errors.Is(err, errRefused) || errors.As(err, &s) && !s.IsTemp() && s.ErrorCode() >= 500
}

// send sends a mail once.
func (m *Mailer) send(ctx context.Context, mail sensocto.Mail) error {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(m.options.From); err != nil {
		return fmt.Errorf("%w: from: %w", errRefused, err)
	}
	if err := msg.To(mail.To); err != nil || strings.ContainsAny(mail.To, "\r\n") {
		return fmt.Errorf("%w: its address is none", errRefused)
	}
	if strings.ContainsAny(mail.Subject, "\r\n") {
		return fmt.Errorf("%w: its subject has several lines", errRefused)
	}
	msg.Subject(mail.Subject)
	msg.SetMessageID()
	msg.SetDate()
	msg.SetBodyString(gomail.TypeTextPlain, mail.Text)
	client, err := m.client()
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// client returns what holds one connection.
func (m *Mailer) client() (*gomail.Client, error) {
	o := []gomail.Option{gomail.WithPort(m.port), gomail.WithTimeout(sendTimeout)}
	if m.options.Config != nil {
		config := m.options.Config.Clone()
		config.ServerName = cmp.Or(config.ServerName, m.host)
		o = append(o, gomail.WithTLSConfig(config))
	}
	switch m.options.TLS {
	case TLS:
		o = append(o, gomail.WithSSL())
	case NoTLS:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.options.User != "" {
		password, err := os.ReadFile(m.options.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read the password of the mail server: %w", err)
		}
		o = append(o, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.options.User), gomail.WithPassword(strings.TrimRight(string(password), "\r\n")))
	}
	return gomail.NewClient(m.host, o...)
}

// Metrics implements sensocto.MetricSource.
func (m *Mailer) Metrics(emit func(sensocto.Metric)) {
	counter := func(name, help string, n uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(n)})
	}
	counter("mails_sent_total", "Mails that the mail server took.", m.sent.Load())
	counter("mails_failed_total", "Mails that the mail server refused, or could not be given for an hour.", m.failed.Load())
	counter("mails_retried_total", "Attempts to send a mail that failed and are repeated.", m.retried.Load())
	counter("mails_dropped_total", "Mails that were not taken because too many waited, or not sent before the end.", m.dropped.Load())
	m.mu.Lock()
	waiting := len(m.queue)
	m.mu.Unlock()
	emit(sensocto.Metric{Name: "mails_waiting", Help: "Mails that wait to be sent.", Kind: sensocto.KindGauge, Value: float64(waiting)})
}
