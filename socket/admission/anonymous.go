package admission

import (
	"net/netip"
	"sync"
)

// Anonymous counts the connections without an identity, in all and by address,
// so that strangers cannot take every connection there may be.
type Anonymous struct {
	Most, MostOfOne int

	mu        sync.Mutex // guards what follows
	all       int
	addresses map[netip.Prefix]int
}

// Add counts one more, and reports whether that is allowed.
func (a *Anonymous) Add(address string) (ok bool) {
	key := prefixOf(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= a.Most || a.addresses[key] >= a.MostOfOne {
		return false
	}
	if a.addresses == nil {
		a.addresses = make(map[netip.Prefix]int)
	}
	a.all++
	a.addresses[key]++
	return true
}

// Remove undoes an Add that was allowed.
func (a *Anonymous) Remove(address string) {
	key := prefixOf(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all--
	if a.addresses[key]--; a.addresses[key] == 0 {
		delete(a.addresses, key)
	}
}

// Count returns how many there are.
func (a *Anonymous) Count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}
