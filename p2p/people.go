package p2p

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// people knows the keys of people in shared rooms, and their accounts here.
type people struct {
	keys  *Keys
	store Store

	mu    sync.Mutex // guards what follows
	users map[Key]string
	names map[string]string // by user, of people of other servers
	of    map[string]Key    // by user
}

func newPeople(keys *Keys, store Store) *people {
	return &people{keys: keys, store: store, users: map[Key]string{}, names: map[string]string{}, of: map[string]Key{}}
}

func (p *people) load(ctx context.Context) error {
	all, err := p.store.PersonKeys(ctx)
	if err != nil {
		return fmt.Errorf("read the keys of people: %w", err)
	}
	for _, person := range all {
		p.note(Key(person.Key), person.UserID, person.Name)
	}
	return nil
}

func (p *people) note(k Key, userID, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users[k], p.of[userID], p.names[userID] = userID, k, name
}

// forget removes a person of whom nothing is to be said any more.
func (p *people) forget(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	userID := p.users[k]
	delete(p.users, k)
	delete(p.of, userID)
	delete(p.names, userID)
}

// key returns the key of a user; users of this server get one.
func (p *people) key(ctx context.Context, userID string) (Key, error) {
	p.mu.Lock()
	k, ok := p.of[userID]
	p.mu.Unlock()
	if ok {
		return k, nil
	}
	k = p.keys.Person(userID).Key
	if err := p.store.LinkPerson(ctx, string(k), userID); err != nil {
		return "", fmt.Errorf("store the key of a person: %w", err)
	}
	p.note(k, userID, "")
	return k, nil
}

// known returns the account of a key; "" for none.
func (p *people) known(k Key) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users[k]
}

// local reports whether a key is that of a user of this server.
func (p *people) local(k Key) bool {
	userID := p.known(k)
	return userID != "" && p.keys.Person(userID).Key == k
}

// signer returns the key pair of a user of this server.
func (p *people) signer(k Key) (Signer, bool) {
	if !p.local(k) {
		return Signer{}, false
	}
	return p.keys.Person(p.known(k)), true
}

// user returns the account of a member, which it makes for people of other
// servers. Nobody can sign in with such an account.
func (p *people) user(ctx context.Context, k Key, m Member) (string, error) {
	userID := p.known(k)
	if userID != "" && p.local(k) {
		return userID, nil
	}
	p.mu.Lock()
	name := p.names[userID]
	p.mu.Unlock()
	want := m.Name
	if want == "" && name == "" {
		want = "Member " + string(k[:6])
	}
	if userID != "" && (want == "" || want == name) {
		return userID, nil
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	shadow := sensocto.User{ID: uuid.Must(uuid.NewV7()).String(), Name: want, CreatedAt: now, DisabledAt: now, Version: 1}
	userID, err := p.store.PutPerson(ctx, string(k), shadow)
	if err != nil {
		return "", fmt.Errorf("store a person of another server: %w", err)
	}
	p.note(k, userID, want)
	return userID, nil
}
