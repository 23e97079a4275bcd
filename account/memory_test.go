package account_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a TokenStore that several Accounts may share, as processes share a
// database. It can be told to fail, which a real one cannot.
type memory struct {
	mu      sync.Mutex
	tokens  map[string]sensocto.Token
	version int64
	fail    error
}

func newMemory() *memory { return &memory{tokens: map[string]sensocto.Token{}} }

func (m *memory) change(f func(tokens map[string]sensocto.Token) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.version++
	return f(m.tokens)
}

func (m *memory) setFail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) InsertToken(_ context.Context, t sensocto.Token) error {
	return m.change(func(tokens map[string]sensocto.Token) error {
		if _, taken := tokens[t.ID]; taken {
			return errors.New("the id is taken")
		}
		tokens[t.ID] = t
		return nil
	})
}

func (m *memory) RevokeToken(_ context.Context, id string, at time.Time) error {
	return m.change(func(tokens map[string]sensocto.Token) error {
		t, ok := tokens[id]
		if !ok {
			return sensocto.ErrNotFound
		}
		t.RevokedAt = at
		tokens[id] = t
		return nil
	})
}

func (m *memory) Token(_ context.Context, id string) (sensocto.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return sensocto.Token{}, m.fail
	}
	t, ok := m.tokens[id]
	if !ok {
		return t, sensocto.ErrNotFound
	}
	return t, nil
}

func (m *memory) Tokens(context.Context) ([]sensocto.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.tokens)), m.fail
}

func (m *memory) DataVersion(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, m.fail
}
