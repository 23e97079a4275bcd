package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfig_Calls(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		key    string // that is wrong
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.CallICEServers = []string{"stun:stun.example.org", "turns:turn.example.org:5349"} }, ""},
		{func(c *Config) { c.CallICEServers = []string{"http://example.org"} }, "call.ice_servers"},
		{func(c *Config) { c.CallICEServers = []string{"turn:"} }, "call.ice_servers"},
		{func(c *Config) { c.CallTURNSecretFile = "secret" }, "call.turn_secret_file"},
		{func(c *Config) { c.TURNListen, c.TURNPublic = "0.0.0.0:3478", "203.0.113.7" }, ""},
		{func(c *Config) { c.TURNPublic = "203.0.113.7" }, "turn.public"},
		{func(c *Config) { c.TURNListen = "0.0.0.0:3478" }, "turn.public"},
		{func(c *Config) { c.TURNListen, c.TURNPublic = "3478", "203.0.113.7" }, "turn.listen"},
		{func(c *Config) { c.TURNListen, c.TURNPublic, c.TURNMinPort = "0.0.0.0:3478", "203.0.113.7", 65536 }, "turn.max_port"},
	} {
		c := defaults(environment{"HOME": "/home/x"})
		tt.change(&c)
		got := ""
		for _, p := range c.check() {
			got += p.key
		}
		if got != tt.key {
			t.Errorf("%v %v %v: %q is wrong, want %q", c.CallICEServers, c.TURNListen, c.TURNPublic, got, tt.key)
		}
	}
}

// A TURN server elsewhere that shares the secret gets the credential that coturn
// expects of the same secret, name and time.
func TestElsewhere_CredentialsAsCoturnHasThem(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	servers := elsewhere([]string{"stun:s.example.org", "turn:t.example.org"}, "north", "peer", at)
	if len(servers) != 2 || servers[0].Username != "" || servers[0].Credential != "" {
		t.Fatalf("%+v", servers)
	}
	// printf %s 1800043200:peer | openssl dgst -sha1 -hmac north -binary | base64
	if s := servers[1]; s.Username != "1800043200:peer" || s.Credential != "XLLx48ToQZlkfAloZdhLmcRt3xw=" {
		t.Errorf("%+v", s)
	}
	if s := elsewhere([]string{"turn:t.example.org"}, "", "peer", at)[0]; s.Username != "" {
		t.Errorf("without a secret: %+v", s)
	}
}

func TestNewCalls_ReadsTheSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("north\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{CallICEServers: []string{"turn:t.example.org"}, CallTURNSecretFile: file}
	if _, err := newCalls(c); err != nil {
		t.Error(err)
	}
	c.CallTURNSecretFile += "x"
	if _, err := newCalls(c); err == nil || !strings.Contains(err.Error(), "call.turn_secret_file") {
		t.Errorf("%v", err)
	}
}

// The TURN server and the web share the file descriptors.
func TestConfig_SocketsOfTURN(t *testing.T) {
	all := maxConnections()
	if off := (Config{}); off.turnSockets() != 0 || off.connections() != all {
		t.Errorf("off: %d and %d of %d", off.turnSockets(), off.connections(), all)
	}
	if on := (Config{TURNListen: "127.0.0.1:0"}); on.turnSockets() < 1 || on.turnSockets() > 4096 || on.connections()+2*on.turnSockets() != all {
		t.Errorf("on: %d and %d of %d", on.turnSockets(), on.connections(), all)
	}
}
