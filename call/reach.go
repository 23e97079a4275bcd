package call

import "net/netip"

// What follows is what the relay asks of the calls.

// present reports whether a peer is in its call.
func (c *Calls) present(peerID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peers[peerID] != nil
}

// mayAllocate reports whether a peer may have one more allocation.
func (c *Calls) mayAllocate(peerID string, o *RelayOptions) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasRoom(c.peers[peerID], o)
}

// hasRoom reports whether a peer, its person and the relay have fewer allocations than
// they may. The caller holds mu.
func (c *Calls) hasRoom(s *seat, o *RelayOptions) bool {
	return s != nil && len(s.allocations) < o.Allocations && c.allocationsOf[s.peer.UserID] < o.OfPerson && c.allocations < o.InAll
}

// allocated notes an allocation, unless its peer has left, or others took what was left
// since mayAllocate.
func (c *Calls) allocated(p *relayed) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.peers[p.peerID]
	if !c.hasRoom(s, &p.relay.options) {
		return false
	}
	if s.allocations == nil {
		s.allocations = make(map[netip.AddrPort]*relayed)
	}
	s.allocations[p.at] = p
	p.userID = s.peer.UserID
	c.allocationsOf[p.userID]++
	c.allocations++
	c.changes.Add(1)
	return true
}

// freed forgets an allocation.
func (c *Calls) freed(p *relayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allocations--
	if c.allocationsOf[p.userID]--; c.allocationsOf[p.userID] == 0 {
		delete(c.allocationsOf, p.userID)
	}
	c.changes.Add(1)
	if s := c.peers[p.peerID]; s != nil {
		delete(s.allocations, p.at)
	}
}

// reaches reports whether an allocation may send to an address: to the allocations
// of other peers of its call, and elsewhere to where these say that they are. Their
// ports do not count there: a NAT may give them others than those which they know of.
func (c *Calls) reaches(p *relayed, to netip.AddrPort) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.peers[p.peerID]
	if s == nil {
		return false
	}
	for _, other := range c.rooms[s.roomID] {
		switch {
		case other == s:
		case other.allocations[to] != nil:
			return true
		case to.Addr() != p.at.Addr() && other.addresses[to.Addr()]:
			return true
		}
	}
	return false
}
