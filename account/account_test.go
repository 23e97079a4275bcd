package account_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

var viewer = []sensocto.Scope{sensocto.ScopeView}

func create(t *testing.T, a *account.Accounts, name string, scopes ...sensocto.Scope) (string, sensocto.Token) {
	t.Helper()
	text, token, err := a.Create(t.Context(), name, scopes)
	if err != nil {
		t.Fatal(err)
	}
	return text, token
}

func TestCreate_TextIdentifiesItsBearer(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	text, token := create(t, a, "ward 3 – monitor", sensocto.ScopeView, sensocto.ScopeIngest, sensocto.ScopeView)
	if !regexp.MustCompile(`^sno_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$`).MatchString(text) {
		t.Fatalf("text %q", text)
	}
	got, err := a.Authenticate(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != token.ID || got.Name != "ward 3 – monitor" || got.OwnerID != sensocto.OperatorID || !slices.Equal(got.Scopes, []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}) {
		t.Fatalf("identity %+v", got)
	}
}

func TestCreate_StoresOnlyTheHash(t *testing.T) {
	m, log := newStore(t), &bytes.Buffer{}
	a := account.New(account.Options{Store: m, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	text, token := create(t, a, "x", sensocto.ScopeView)
	secret := text[len("sno_12345678_"):]
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(raw) != 32 {
		t.Fatalf("secret of %d bytes, %v", len(raw), err)
	}
	want := sha256.Sum256([]byte(secret))
	stored, _ := m.Token(t.Context(), token.ID)
	if !bytes.Equal(stored.SecretHash, want[:]) {
		t.Error("the hash is not that of the secret")
	}
	_, _ = a.Authenticate(t.Context(), text)
	_, _ = a.Authenticate(t.Context(), text+"x")
	if err := a.Revoke(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{secret, hex.EncodeToString(want[:])} {
		if strings.Contains(log.String(), leak) || strings.Contains(fmt.Sprintf("%+v", stored), leak) {
			t.Error("a secret leaked")
		}
	}
}

func TestCreate_RefusesNamesAndScopes(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	create(t, a, "taken", sensocto.ScopeView)
	tests := map[string]struct {
		name   string
		scopes []sensocto.Scope
		code   sensocto.Code
	}{
		"empty":         {"", viewer, sensocto.CodeInvalid},
		"too long":      {strings.Repeat("ä", 65), viewer, sensocto.CodeInvalid},
		"line feed":     {"a\nb", viewer, sensocto.CodeInvalid},
		"escape":        {"\x1b[2J", viewer, sensocto.CodeInvalid},
		"bad UTF-8":     {"a\xff", viewer, sensocto.CodeInvalid},
		"space around":  {"a ", viewer, sensocto.CodeInvalid},
		"taken":         {"taken", viewer, sensocto.CodeConflict},
		"no scope":      {"a", nil, sensocto.CodeInvalid},
		"unknown scope": {"a", []sensocto.Scope{"root"}, sensocto.CodeInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if text, _, err := a.Create(t.Context(), tt.name, tt.scopes); sensocto.ErrorCode(err) != tt.code || text != "" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	if _, _, err := a.Create(t.Context(), strings.Repeat("ä", 64), viewer); err != nil {
		t.Errorf("64 characters: %v", err)
	}
}

func TestAuthenticate_RefusesWhatIsNoToken(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t), GuestScopes: viewer})
	text, _ := create(t, a, "x", sensocto.ScopeView)
	other, _ := create(t, a, "y", sensocto.ScopeAdmin)
	secretOf := func(s string) string { return s[len("sno_12345678_"):] }
	for _, bad := range []string{
		" ", "x", "sno_", "sno__", "sno_aaaaaaaa_", "sno_aaaaaaaa_" + secretOf(text), text + "A", text[:len(text)-1], text[1:], "SNO" + text[3:],
		strings.ToLower(text) + "!", " " + text, text + "\n", text[:len("sno_12345678_")] + secretOf(other), "sno_" + strings.Repeat("a", 1<<20) + "_x", "sno_aaaaaaaa_\x00", "guest", "sno_guest_x", "sno_../../.._x",
	} {
		if _, err := a.Authenticate(t.Context(), bad); !errors.Is(err, sensocto.ErrUnauthorized) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func TestAuthenticate_Guests(t *testing.T) {
	without := account.New(account.Options{Store: newStore(t)})
	if _, err := without.Authenticate(t.Context(), ""); !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Errorf("guests off: %v", err)
	}
	with := account.New(account.Options{Store: newStore(t), GuestScopes: viewer})
	guest, err := with.Authenticate(t.Context(), "")
	if err != nil || guest.ID != sensocto.GuestID || guest.OwnerID != sensocto.GuestID || !guest.Can(sensocto.ScopeView) || guest.Can(sensocto.ScopeIngest) {
		t.Errorf("guests on: %+v, %v", guest, err)
	}
}

func TestAuthenticate_SaysWhenItCannotTell(t *testing.T) {
	m := newStore(t)
	a := account.New(account.Options{Store: m})
	text, _ := create(t, a, "x", sensocto.ScopeView)
	m.setFail(errors.New("disk on fire"))
	if _, err := a.Authenticate(t.Context(), text); sensocto.ErrorCode(err) != sensocto.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func TestRevoke_CountsAtOnce(t *testing.T) {
	m := newStore(t)
	server, cli := account.New(account.Options{Store: m}), account.New(account.Options{Store: m})
	text, token := create(t, cli, "x", sensocto.ScopeView)
	if _, err := server.Authenticate(t.Context(), text); err != nil {
		t.Fatalf("made by another process: %v", err)
	}
	if err := cli.Revoke(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Authenticate(t.Context(), text); !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Fatalf("revoked by another process: %v", err)
	}
	if err := cli.Revoke(t.Context(), token.ID); err != nil {
		t.Errorf("again, by id: %v", err)
	}
	if err := cli.Revoke(t.Context(), "x"); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("again, by name: %v", err)
	}
	create(t, cli, "x", sensocto.ScopeView) // the name is free
}

func TestRevoke_IDGoesBeforeName(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	_, first := create(t, a, "first", sensocto.ScopeView)
	text, _ := create(t, a, first.ID, sensocto.ScopeView)
	if err := a.Revoke(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(t.Context(), text); err != nil {
		t.Errorf("the namesake was revoked: %v", err)
	}
}

func TestRevoke_AmbiguousNameIsRefused(t *testing.T) {
	m := newStore(t)
	a := account.New(account.Options{Store: m})
	_, token := create(t, a, "x", sensocto.ScopeView)
	token.ID = "bbbbbbbb" // as two processes at once may leave it
	if err := m.InsertToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(t.Context(), "x"); sensocto.ErrorCode(err) != sensocto.CodeConflict {
		t.Errorf("%v", err)
	}
}

func TestList_OldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := account.New(account.Options{Store: newStore(t)})
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprint("token ", i))
			create(t, a, want[i], sensocto.ScopeView)
			time.Sleep(time.Millisecond)
		}
		tokens, err := a.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, token := range tokens {
			got = append(got, token.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

func TestEnsureAdmin_OnceAndNeverAgain(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	create(t, a, account.AdminName, sensocto.ScopeView) // no obstacle
	text, created, err := a.EnsureAdmin(t.Context())
	if err != nil || !created {
		t.Fatal(created, err)
	}
	id, err := a.Authenticate(t.Context(), text)
	if err != nil || !id.Can(sensocto.ScopeAdmin) || !id.Can(sensocto.ScopeIngest) {
		t.Fatal(id, err)
	}
	if err := a.Revoke(t.Context(), id.ID); err != nil {
		t.Fatal(err)
	}
	if text, created, err := a.EnsureAdmin(t.Context()); text != "" || created || err != nil {
		t.Errorf("came back: %v %v", created, err)
	}
}

// revocations collects what OnRevoked tells.
type revocations struct {
	mu  sync.Mutex
	ids []string
}

func (r *revocations) add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, id)
}

func (r *revocations) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := r.ids
	r.ids = nil
	return ids
}

func TestOnRevoked_TellsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStore(t)
		server, cli := account.New(account.Options{Store: m}), account.New(account.Options{Store: m})
		_, here := create(t, server, "here", sensocto.ScopeView)
		_, there := create(t, server, "there", sensocto.ScopeView)
		go func() { _ = server.Run(t.Context()) }()
		var got revocations
		stop := server.OnRevoked(got.add)
		defer stop()

		if err := server.Revoke(t.Context(), "here"); err != nil {
			t.Fatal(err)
		}
		if ids := got.take(); !slices.Equal(ids, []string{here.ID}) {
			t.Errorf("at once: %q", ids)
		}
		time.Sleep(account.PollInterval + time.Millisecond)
		if err := cli.Revoke(t.Context(), "there"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(account.PollInterval)
		synctest.Wait()
		if ids := got.take(); !slices.Equal(ids, []string{there.ID}) {
			t.Errorf("within the interval: %q", ids)
		}
		create(t, cli, "new", sensocto.ScopeView)
		time.Sleep(10 * account.PollInterval)
		if ids := got.take(); len(ids) > 0 {
			t.Errorf("told again: %q", ids)
		}
		stop()
		stop()
		_ = cli.Revoke(t.Context(), "new")
		time.Sleep(account.PollInterval)
		synctest.Wait()
		if ids := got.take(); len(ids) > 0 {
			t.Errorf("after stop: %q", ids)
		}
	})
}

func TestRun_SurvivesAFailingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, log := newStore(t), &bytes.Buffer{}
		server := account.New(account.Options{Store: m, Log: slog.New(slog.NewTextHandler(log, nil))})
		text, token := create(t, server, "x", sensocto.ScopeView)
		if _, err := server.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		go func() { _ = server.Run(t.Context()) }()
		var got revocations
		defer server.OnRevoked(got.add)()
		m.setFail(errors.New("disk on fire"))
		time.Sleep(10 * account.PollInterval)
		synctest.Wait()
		if n := strings.Count(log.String(), "disk on fire"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		m.setFail(nil)
		_ = m.RevokeToken(t.Context(), token.ID, time.Now())
		time.Sleep(account.PollInterval)
		synctest.Wait()
		if ids := got.take(); !slices.Equal(ids, []string{token.ID}) {
			t.Errorf("after it recovered: %q", ids)
		}
	})
}

func TestMetrics_CountResults(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	text, _ := create(t, a, "x", sensocto.ScopeView)
	_, _ = a.Authenticate(t.Context(), text)
	_, _ = a.Authenticate(t.Context(), "nonsense")
	_, _ = a.Authenticate(t.Context(), "")
	got := map[string]float64{}
	a.Metrics(func(m sensocto.Metric) { got[strings.Join(append([]string{m.Name}, m.Labels...), " ")] = m.Value })
	if got["authentications_total result accepted"] != 1 || got["authentications_total result refused"] != 2 || got["authentications_total result failed"] != 0 {
		t.Errorf("%v", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	m := newStore(t)
	a := account.New(account.Options{Store: m})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			defer a.OnRevoked(func(string) {})()
			text, token, err := a.Create(t.Context(), fmt.Sprint(i), viewer)
			if err != nil {
				t.Error(err)
			}
			if id, err := a.Authenticate(t.Context(), text); err != nil || id.ID != token.ID {
				t.Error(id, err)
			}
			if err := a.Revoke(t.Context(), token.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func FuzzAuthenticate(f *testing.F) {
	a := account.New(account.Options{Store: newStore(f)})
	f.Add("sno_aaaaaaaa_bbbb")
	f.Add("")
	f.Fuzz(func(t *testing.T, credential string) {
		if _, err := a.Authenticate(t.Context(), credential); !errors.Is(err, sensocto.ErrUnauthorized) {
			t.Errorf("%v", err)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	a := account.New(account.Options{Store: newStore(b)})
	text, _, err := a.Create(b.Context(), "x", viewer)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
