package account

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// How often somebody may fail in a row; one failure is forgiven per period.
const (
	// An address, at one account: whoever mistypes goes on soon.
	failuresAtAccount, forgivenAtAccount = 10, time.Minute
	// An address, at all accounts: many people may share it.
	failuresOfAddress, forgivenOfAddress = 100, 10 * time.Second
	// All addresses together at one account, those excepted from which its owner
	// has signed in before: a stranger with many addresses slows down other
	// strangers, and locks nobody out.
	failuresOfAccount, forgivenOfAccount = 100, time.Minute
	// Accounts and guests that one address may make in a row: a class signs up at
	// once, and a program that makes accounts is slowed down.
	signUpsOfAddress, forgivenSignUp = 50, 30 * time.Second
)

// maxAttempts bounds the table of failures, and that of familiar addresses.
const maxAttempts = 100_000

// errTooManyAttempts says that somebody has to wait.
var errTooManyAttempts = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_attempts", Message: "too many attempts: wait a minute, then try again"}

// attempts counts failures to guess a secret. Keys are hashes, so that the table
// does not grow with what people send and holds no addresses of people.
type attempts struct {
	limited atomic.Uint64

	mu       sync.Mutex // guards what follows
	failures map[attemptKey]*failures
	familiar map[attemptKey]time.Time // account and address of a success
}

type attemptKey [16]byte

type failures struct {
	count float64
	seen  time.Time
}

func newAttempts() *attempts {
	return &attempts{failures: make(map[attemptKey]*failures), familiar: make(map[attemptKey]time.Time)}
}

// keyOf separates its parts, so that no two lists have the same key.
func keyOf(parts ...string) attemptKey {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return attemptKey(h.Sum(nil)[:16])
}

// limit is one bound that an attempt has to keep.
type limit struct {
	key    attemptKey
	most   float64
	period time.Duration
}

func (a *attempts) limits(what, account, address string) []limit {
	address = addressKey(address)
	limits := []limit{
		{keyOf(what, "both", account, address), failuresAtAccount, forgivenAtAccount},
		{keyOf(what, "address", address), failuresOfAddress, forgivenOfAddress},
	}
	if _, ok := a.familiar[keyOf(what, "familiar", account, address)]; !ok {
		limits = append(limits, limit{keyOf(what, "account", account), failuresOfAccount, forgivenOfAccount})
	}
	return limits
}

// begin counts an attempt as a failure until it succeeds: many at once are
// limited as well as one after the other. It returns errTooManyAttempts for who
// has to wait.
func (a *attempts) begin(what, account, address string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count(a.limits(what, account, address), now)
}

// signUp counts an account that an address makes.
func (a *attempts) signUp(address string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count([]limit{{keyOf("sign up", addressKey(address)), signUpsOfAddress, forgivenSignUp}}, now)
}

// count counts one more for each of the limits, or for none where one is reached.
// The caller holds mu.
func (a *attempts) count(limits []limit, now time.Time) error {
	for _, l := range limits {
		if f := a.failures[l.key]; f != nil && f.left(l, now)+1 > l.most {
			a.limited.Add(1)
			return errTooManyAttempts
		}
	}
	for _, l := range limits {
		f := a.failures[l.key]
		if f == nil {
			makeRoom(a.failures)
			f = &failures{}
			a.failures[l.key] = f
		}
		f.count, f.seen = f.left(l, now)+1, now
	}
	return nil
}

// left returns what is not forgiven yet.
func (f *failures) left(l limit, now time.Time) float64 {
	return max(0, f.count-float64(now.Sub(f.seen))/float64(l.period))
}

// succeeded takes back what begin counted, and makes the address familiar.
func (a *attempts) succeeded(what, account, address string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.limits(what, account, address) {
		if f := a.failures[l.key]; f != nil {
			f.count, f.seen = max(0, f.left(l, now)-1), now
		}
	}
	makeRoom(a.familiar)
	a.familiar[keyOf(what, "familiar", account, addressKey(address))] = now
}

// makeRoom drops any entry of a full table.
func makeRoom[V any](table map[attemptKey]V) {
	for key := range table {
		if len(table) < maxAttempts {
			return
		}
		delete(table, key)
	}
}

// forget removes what is forgiven by now.
func (a *attempts) forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, f := range a.failures {
		if now.Sub(f.seen) > failuresOfAccount*forgivenOfAccount {
			delete(a.failures, key)
		}
	}
	for key, at := range a.familiar {
		if now.Sub(at) > 90*24*time.Hour {
			delete(a.familiar, key)
		}
	}
}

// addressKey returns what counts as one address: the whole of IPv4, the /64 of
// IPv6, within which a host may choose at will.
func addressKey(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, _ := ip.Prefix(64)
	return p.String()
}

// BeginAttempt counts an attempt of somebody at an address to guess a secret of
// a kind, until AttemptSucceeded takes it back. It returns an error of code
// rate_limited for who has to wait.
func (a *Accounts) BeginAttempt(what, who, address string) error {
	return a.attempts.begin(what, who, address, time.Now())
}

// AttemptSucceeded takes back what BeginAttempt counted.
func (a *Accounts) AttemptSucceeded(what, who, address string) {
	a.attempts.succeeded(what, who, address, time.Now())
}
