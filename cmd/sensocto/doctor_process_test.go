//go:build unix

package main

import (
	"fmt"
	"net"
	"testing"
)

func TestDoctor_Call(t *testing.T) {
	port := func() string { // free for UDP and TCP
		for {
			conn, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listener, err := net.Listen("tcp", conn.LocalAddr().String())
			conn.Close()
			if err == nil {
				defer listener.Close()
				return listener.Addr().String()
			}
		}
	}
	signedUp := func(p *process) []string {
		ada := &browser{t: t, url: p.url}
		ada.asks(201, "POST", "/users", fmt.Sprintf(`{"name":"Ada","email":"ada@example.org","password":%q}`, goodPassword))
		token := ada.asks(201, "POST", "/tokens", `{"name":"doctor","scopes":["view","ingest"]}`)["token"].(string)
		return []string{"SENSOCTO_SERVER=" + p.url, "SENSOCTO_TOKEN=" + token}
	}
	at, nobody := port(), port()
	p := startProcess(t, t.TempDir(), "--registration", "open", "--turn-listen", at, "--turn-public", "127.0.0.1", "--turn-private")
	env := signedUp(p)
	runCLI(t, env, "doctor", "call").wants(t, 0, "signalling", "stun:"+at+": sees you at 127.0.0.1", "turn:"+at+"?transport=udp: relays at 127.0.0.1",
		"turn:"+at+"?transport=tcp: relays at 127.0.0.1", "Calls work from here, also through firewalls")
	runCLI(t, env, "room", "list").wants(t, 0, "You are in no room") // nothing is left of it
	runCLI(t, []string{"SENSOCTO_SERVER=" + p.url}, "doctor", "call").wants(t, 1, "sign in first")

	p = startProcess(t, t.TempDir(), "--registration", "open")
	runCLI(t, signedUp(p), "doctor", "call").wants(t, 0, "in one network")
	p = startProcess(t, t.TempDir(), "--registration", "open", "--call-ice-servers", "turn:"+nobody)
	runCLI(t, signedUp(p), "doctor", "call").wants(t, 1, "FAILED  turn:"+nobody, "calls do not work from here")
}
