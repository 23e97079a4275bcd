package call

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// maxAddresses bounds what is remembered of one peer.
const maxAddresses = 256

// addressesOf returns the addresses in lines of ICE candidates (RFC 8839, 5.1):
//
//	candidate:<foundation> <component> <transport> <priority> <address> <port> typ …
//
// Names, which browsers give for addresses of their own network, are left out.
func addressesOf(lines string) (list []netip.Addr) {
	for line := range strings.Lines(lines) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "a=")
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "candidate:") || len(fields) < 6 {
			continue
		}
		if a, err := netip.ParseAddr(fields[4]); err == nil {
			list = append(list, a.Unmap().WithZone(""))
		}
	}
	return list
}

// candidateLine returns the line in an RTCIceCandidateInit, "" where there is none.
func candidateLine(candidate json.RawMessage) string {
	var c struct {
		Candidate string `json:"candidate"`
	}
	if json.Unmarshal(candidate, &c) != nil {
		return ""
	}
	return c.Candidate
}

// reachableAt remembers where a peer says that it can be reached: relays of other
// peers send there. The caller holds the calls' mu.
func (s *seat) reachableAt(list []netip.Addr) {
	for _, a := range list {
		if len(s.addresses) >= maxAddresses {
			return
		}
		if s.addresses == nil {
			s.addresses = make(map[netip.Addr]bool)
		}
		if !s.addresses[a] {
			s.addresses[a] = true
			s.calls.changes.Add(1)
		}
	}
}
