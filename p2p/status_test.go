package p2p

import "testing"

func TestEndpointStatus_WhoReachesIt(t *testing.T) {
	for _, c := range []struct {
		relay     string
		addresses []string
		loopback  bool
	}{
		{"", []string{"127.0.0.1:4711", "[::1]:4711"}, true},
		{"", []string{"127.0.0.1:4711", "192.0.2.2:4711"}, false},
		{"https://relay.example.org./", []string{"127.0.0.1:4711"}, false},
		{"", nil, false}, // it is not known
	} {
		if got := (EndpointStatus{Relay: c.relay, Addresses: c.addresses}).loopback(); got != c.loopback {
			t.Errorf("%q %q: %v", c.relay, c.addresses, got)
		}
	}
}
