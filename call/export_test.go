package call

import "net"

// MayReach is mayReach for tests: most addresses cannot be reached from here.
func (r *Relay) MayReach(ip net.IP) bool { return r.mayReach(nil, ip) }
