package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// chromium is a page in a headless browser, driven over the DevTools protocol.
type chromium struct {
	t       *testing.T
	conn    *websocket.Conn
	session string // of the page
	calls   int
	refused []string // what the content security policy kept the page from
}

const browserPatience = 20 * time.Second

// newChromium starts a browser that ends with the test. Without one on the
// machine the test is skipped.
func newChromium(t *testing.T) *chromium {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("there is no Chromium on this machine: the account page is not tested in a browser")
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	command.WaitDelay = 5 * time.Second // its children may hold its output open
	said, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	address, lines := make(chan string, 1), make(chan struct{})
	go func() { // reads until the browser ends, which would wait otherwise
		defer close(lines)
		scanner := bufio.NewScanner(said)
		for scanner.Scan() {
			if _, url, ok := strings.Cut(scanner.Text(), "DevTools listening on "); ok {
				address <- url
			}
		}
		_, _ = io.Copy(io.Discard, said)
	}()
	c := &chromium{t: t}
	t.Cleanup(func() {
		if c.conn != nil {
			_ = c.conn.WriteJSON(map[string]any{"id": 0, "method": "Browser.close"})
			select {
			case <-lines:
			case <-time.After(5 * time.Second):
			}
			_ = c.conn.Close()
		}
		cancel()
		<-lines
		_ = command.Wait()
	})
	select {
	case url := <-address:
		if c.conn, _, err = websocket.DefaultDialer.Dial(url, nil); err != nil {
			t.Fatal(err)
		}
	case <-time.After(browserPatience):
		t.Fatal("the browser does not start")
	}
	c.tab("about:blank")
	return c
}

// tab opens another page, which is the one that is driven from now on.
func (c *chromium) tab(url string) {
	c.t.Helper()
	c.session = ""
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": url}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	c.call("Page.enable", nil, nil)
	c.call("Log.enable", nil, nil)
}

// call asks the browser for something and waits for its answer.
func (c *chromium) call(method string, params map[string]any, into any) {
	c.t.Helper()
	c.calls++
	if params == nil {
		params = map[string]any{}
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(browserPatience))
	if err := c.conn.WriteJSON(map[string]any{"id": c.calls, "method": method, "params": params, "sessionId": c.session}); err != nil {
		c.t.Fatal(err)
	}
	for {
		var m struct {
			ID     int
			Method string
			Result json.RawMessage
			Error  *struct{ Message string }
			Params struct{ Entry struct{ Source, Text string } }
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(browserPatience))
		if err := c.conn.ReadJSON(&m); err != nil {
			c.t.Fatalf("%s: %v", method, err)
		}
		if m.Method == "Log.entryAdded" && m.Params.Entry.Source == "security" {
			c.refused = append(c.refused, m.Params.Entry.Text)
		}
		if m.ID != c.calls {
			continue
		}
		if m.Error != nil {
			c.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				c.t.Fatal(err)
			}
		}
		return
	}
}

func (c *chromium) open(url string) {
	c.t.Helper()
	c.call("Page.navigate", map[string]any{"url": url}, nil)
}

// run runs JavaScript in the page and returns its value as text. While the page
// is being left there may be nothing to run it in: then it returns "".
func (c *chromium) run(script string) string {
	c.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	c.call("Runtime.evaluate", map[string]any{"expression": script, "userGesture": true}, &r)
	if r.ExceptionDetails != nil || r.Result.Value == nil {
		return ""
	}
	return fmt.Sprint(r.Result.Value)
}

// wait waits until a JavaScript condition holds.
func (c *chromium) wait(condition string) {
	c.t.Helper()
	for deadline := time.Now().Add(browserPatience); c.run("Boolean("+condition+")") != "true"; {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s does not come true: the page says %s", condition, c.run("document.body.innerText"))
		}
		<-time.After(50 * time.Millisecond)
	}
}

// shown is a condition: an element can be seen.
func shown(id string) string { return "document.getElementById('" + id + "')?.checkVisibility()" }

// says is a condition: an element has some text.
func says(id, text string) string {
	return "document.getElementById('" + id + "')?.textContent.includes(" + strconv.Quote(text) + ")"
}

// click waits for an element and clicks it.
func (c *chromium) click(id string) {
	c.t.Helper()
	c.wait(shown(id))
	c.run("document.getElementById('" + id + "').click()")
}

// fill waits for a field and writes into it.
func (c *chromium) fill(id, text string) {
	c.t.Helper()
	c.wait(shown(id))
	c.run("document.getElementById('" + id + "').value = " + strconv.Quote(text))
}
