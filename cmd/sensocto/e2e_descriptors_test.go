//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Strangers open more connections than the server may have files; a device with
// a token connects all the same, and everything that it sends is acknowledged.
func TestE2E_StrangersDoNotTakeTheDescriptors(t *testing.T) {
	const descriptors, strangers = 200, 600
	limited, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err) // every Unix has one
	}
	p := launchLimited(t, limited, descriptors)
	address := strings.TrimPrefix(p.url, "http://")
	for i := range strangers {
		if i%2 == 0 { // a socket that joins nothing: refused where there are too many
			ws, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/socket/websocket?vsn=2.0.0", nil)
			if err == nil {
				t.Cleanup(func() { ws.Close() })
			}
			continue
		}
		c, err := net.Dial("tcp", address) // a connection that asks for nothing
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	token := strings.TrimPrefix(p.env[1], "SENSOCTO_TOKEN=")
	ws, r, err := websocket.DefaultDialer.Dial("ws://"+address+"/socket/websocket?vsn=2.0.0", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatalf("a device with a token: %v, %v\n%s", err, r, p.stderr)
	}
	defer ws.Close()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	exchange := func(text, want string) {
		t.Helper()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		for {
			_, answer, err := ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(answer), `"phx_reply"`) {
				if !strings.Contains(string(answer), want) {
					t.Fatalf("%s: %s", text, answer)
				}
				return
			}
		}
	}
	exchange(`["1","1","sensocto:sensor:s","phx_join",{"sensor_name":"S","sensor_type":"x","attributes":[]}]`, `"status":"ok"`)
	for seq := 1; seq <= 100; seq++ {
		exchange(fmt.Sprintf(`["1","2","sensocto:sensor:s","measurements",{"stream":"0198c0de-0000-7000-8000-000000000001","seq":%d,"measurements":[{"attribute_id":"a","payload":%d,"timestamp":%d}]}]`,
			seq, seq, time.Now().UnixMilli()), fmt.Sprintf(`"seq":%d`, seq))
	}
	if log := p.stderr.String(); strings.Contains(log, "too many open files") {
		t.Errorf("the descriptors were used up:\n%s", log)
	}
}

// launchLimited starts a server that may have only so many files open.
func launchLimited(t *testing.T, shell string, descriptors int) *process {
	t.Helper()
	dir := t.TempDir()
	p := launchWith(t, dir, func(args ...string) *exec.Cmd {
		cmd := program()
		cmd.Path, cmd.Args = shell, append([]string{shell, "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, descriptors), os.Args[0]}, args...)
		return cmd
	}, "127.0.0.1:0", "--log-level", "debug") // which shows what a listener that fails says
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	p.createToken(nil)
	return p
}
