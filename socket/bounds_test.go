package socket_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// A close frame is answered in kind.
func TestConn_AnswersACloseInKind(t *testing.T) {
	for name, test := range map[string]struct {
		payload []byte
		want    int
	}{
		"1000":             {websocket.FormatCloseMessage(1000, ""), 1000},
		"4000 and a word":  {websocket.FormatCloseMessage(4000, "bye"), 4000},
		"none":             {nil, 1005},
		"a reason in UTF8": {websocket.FormatCloseMessage(1001, "tschüß"), 1001},
		"bad UTF-8":        {append(binary.BigEndian.AppendUint16(nil, 1000), 0xFF), 1007},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t).v2()
			c.ws.WriteMessage(websocket.CloseMessage, test.payload)
			c.ws.SetReadDeadline(time.Now().Add(patience))
			if _, _, err := c.ws.ReadMessage(); !websocket.IsCloseError(err, test.want) {
				t.Errorf("answered with %v", err)
			}
		})
	}
}

func TestUpgrade_WantsHTTP11(t *testing.T) {
	w := newWorld(t)
	c, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /socket/websocket?vsn=2.0.0 HTTP/1.0\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(patience))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || r.StatusCode != http.StatusUpgradeRequired {
		t.Fatalf("%v, %v", r, err)
	}
	r.Body.Close()
}

// Strangers get small messages and a short time; whoever has shown who they are
// is not bound by that.
func TestAnonymous_SmallMessagesUntilTheJoin(t *testing.T) {
	w := newWorld(t)
	large := fmt.Sprintf(`["1","2","viewer:x","battery",{"level":1,"filler":%q}]`, strings.Repeat("x", 20<<10))
	c := w.v2()
	c.send(large)
	c.expectClose(1009, "frame_too_large")

	announced := w.v2() // 4 MiB, of which nothing comes
	announced.ws.NetConn().Write([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0})
	announced.expectClose(1009, "frame_too_large")

	pieces := w.v2() // 17 KiB in pieces of 1 KiB
	piece := append([]byte{0x01, 0xFE, 4, 0, 0, 0, 0, 0}, make([]byte, 1024)...)
	for i := range 17 {
		pieces.ws.NetConn().Write(piece)
		if i == 0 {
			piece[0] = 0x00
		}
	}
	pieces.expectClose(1009, "frame_too_large")

	for _, c := range []*client{w.v2(), w.dial("vsn=2.0.0&token=view")} {
		c.join("1", "viewer:x", `"token":"view"`)
		c.send(large)
		c.expect(`["1","2","viewer:x","phx_reply",{"status":"ok","response":{}}]`)
	}
	w.dial("vsn=2.0.0&token=view").send(large) // its first message
}

func TestAnonymous_HasToJoinInTime(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.JoinTimeout = 100 * time.Millisecond })
	idle, known, joined := w.v2(), w.dial("vsn=2.0.0&token=view"), w.v2()
	joined.join("1", "viewer:x", `"token":"view"`)
	refused := w.v2()
	refused.send(`["1","1","viewer:x","phx_join",{"token":"wrong"}]`)
	idle.expectClose(1008, "join_timeout")
	refused.expectClose(1008, "join_timeout")
	known.join("1", "viewer:x", "")
	joined.script(`
		> [null,"9","phoenix","heartbeat",{}]
		< [null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func TestAnonymous_TakeOnlySoManyPlaces(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.AnonymousOfOne = 2 })
	first, second := w.v2(), w.v2()
	refused := func() {
		t.Helper()
		_, r, err := w.dialer.Dial(w.url("vsn=2.0.0"), nil)
		if err == nil || r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("a third one: %v, %v", r, err)
		}
	}
	refused()
	w.dial("vsn=2.0.0&token=view") // valid credentials have places of their own
	first.join("1", "viewer:x", `"token":"view"`)
	third := w.v2()
	refused()
	second.ws.Close()
	third.ws.Close()
	w.eventually("the places are free again", func() bool { return w.metric("socket_anonymous") == 0 })
	w.v2()
}

// What is announced and does not come takes nothing; what comes and is never
// finished is bounded for all connections together.
func TestUnfinishedMessages_ShareABudget(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.UnfinishedBytes = 1 << 20 })
	for _, fragments := range []bool{false, true} {
		var closed int
		for range 4 {
			c := w.dial("vsn=2.0.0&token=view")
			raw := c.ws.NetConn()
			raw.SetWriteDeadline(time.Now().Add(patience))
			if fragments {
				piece := append([]byte{0x02, 0xFF, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}, make([]byte, 128<<10)...)
				for range 5 {
					raw.Write(piece)
					piece[0] = 0x00
				}
			} else {
				raw.Write(append([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, make([]byte, 700<<10)...))
			}
		}
		w.eventually("connections beyond the budget are closed", func() bool {
			closed = int(w.metric("socket_closes_total", "reason", "overloaded"))
			return closed >= 2
		})
		if used := w.metric("socket_unfinished_bytes"); used > 1<<20 {
			t.Errorf("%v bytes", used)
		}
	}
}

func TestWatch_NamesEachSensorOnce(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Topics = 3 })
	c := w.v2()
	c.join("1", "viewer:x", `"token":"view"`)
	many := strings.TrimSuffix(strings.Repeat(`"a",`, 50_000), ",")
	c.send(`["1","2","viewer:x","watch",{"sensor_ids":[` + many + `,"b"]}]`)
	if got := c.frame().payload["response"].(map[string]any)["sensors"].([]any); len(got) != 2 {
		t.Errorf("%d sensors in the reply", len(got))
	}
	for _, event := range []string{"watch", "unwatch"} {
		c.script(`
			> ["1","3","viewer:x","` + event + `",{"sensor_ids":["a","b","c","d"]}]
			< ["1","3","viewer:x","phx_reply",{"status":"error","response":{"reason":"too_many_sensors"}}]
			> ["1","4","viewer:x","` + event + `",{"sensor_ids":["a",1]}]
			< ["1","4","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]
			> ["1","5","viewer:x","` + event + `",{"sensor_ids":"a"}]
			< ["1","5","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]
			> ["1","6","viewer:x","` + event + `",{"sensor_ids":[ ]}]
			< ["1","6","viewer:x","phx_reply",{"status":"ok",…`)
	}
	c.script(`
		> ["1","7","viewer:x","attention",{"levels":{"a":"low","b":"low","c":"low","d":"low"}}]
		< ["1","7","viewer:x","phx_reply",{"status":"error","response":{"reason":"too_many_sensors"}}]`)
}

func TestWatch_HasABudget(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Watched, o.Limits.WatchedInAll = 3, 4 })
	c := w.v2()
	c.join("1", "viewer:x", `"token":"view"`)
	c.join("2", "viewer:y", "")
	c.join("3", "data:a", "")
	watch := func(topic, ids string, refused int) {
		t.Helper()
		c.send(`["1","9","` + topic + `","watch",{"sensor_ids":[` + ids + `]}]`)
		if got := c.frame().payload["response"].(map[string]any)["refused"].([]any); len(got) != refused {
			t.Errorf("refused %v", got)
		}
	}
	watch("viewer:x", `"a","b"`, 0)
	watch("viewer:y", `"a"`, 1)
	c.script(`
		> ["4","4","data:b","phx_join",{}]
		< ["4","4","data:b","phx_reply",{"status":"error","response":{"reason":"too_many_watched"}}]`)
	if n := w.metric("socket_watched"); n != 3 {
		t.Errorf("%v are watched", n)
	}
	other := w.v2()
	other.join("1", "data:a", `"token":"view"`)
	other.script(`
		> ["2","2","data:b","phx_join",{}]
		< ["2","2","data:b","phx_reply",{"status":"error","response":{"reason":"too_many_watched"}}]`)
	c.script(`
		> ["1","5","viewer:x","unwatch",{"sensor_ids":["a","b"]}]
		< ["1","5","viewer:x","phx_reply",{"status":"ok","response":{}}]`)
	watch("viewer:y", `"a"`, 0)
	c.ws.Close()
	other.ws.Close()
	w.eventually("nothing is watched any more", func() bool { return w.metric("socket_watched") == 0 })
	if n := w.metric("socket_watches_refused_total"); n != 3 {
		t.Errorf("%v refusals were counted", n)
	}
}

// A history has one budget for all attributes, and says what was cut.
func TestHistory_HasOneBudgetForAllAttributes(t *testing.T) {
	const reply = 64 << 10
	w := newWorld(t, func(o *socket.Options) { o.Limits.ReplyBytes = reply })
	d := w.device("s", "")
	const attributes, samples = 40, 200
	for a := range attributes {
		var batch []string
		for i := range samples {
			payload := fmt.Sprint(i)
			if a == 0 {
				payload = fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 500))
			}
			batch = append(batch, fmt.Sprintf(`{"attribute_id":"a%d","payload":%s,"timestamp":%d}`, a, payload, 1767225600000+i))
		}
		d.send(`["1",null,"sensocto:sensor:s","measurements_batch",[` + strings.Join(batch, ",") + `]]`)
	}
	d.sync("sensocto:sensor:s")
	v := w.v2()
	text := v.join("1", "data:s", `"token":"view","history":10000`)
	var parts []json.RawMessage
	var reply1 struct {
		Response struct {
			History map[string][]struct{ Timestamp float64 }
			Cut     []string `json:"history_cut"`
			Sensor  struct{ Truncated bool }
		}
	}
	if err := json.Unmarshal([]byte(text), &parts); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(parts[4], &reply1); err != nil {
		t.Fatal(err)
	}
	got := reply1.Response
	if len(text) > reply || len(got.Cut) != attributes || len(got.History) != attributes {
		t.Errorf("%d bytes, %d attributes, of which %d are cut", len(text), len(got.History), len(got.Cut))
	}
	for id, list := range got.History {
		if n := len(list); n == 0 || list[n-1].Timestamp != 1767225600000+samples-1 || id == "a0" && n > 3 {
			t.Errorf("%s has %d samples", id, len(list))
		}
	}
	if n := w.metric("socket_histories_cut_total"); n != 1 {
		t.Errorf("%v were counted", n)
	}
	few := w.v2().join("2", "data:s", `"token":"view","history":1`)
	if strings.Contains(few, "history_cut") {
		t.Error("a history that is as long as asked for is called cut")
	}
}

// What does not fit into a reply is described in brief, and the whole list of
// sensors comes in pieces.
func TestReplies_AreBounded(t *testing.T) {
	const reply = 256 << 10
	w := newWorld(t, func(o *socket.Options) { o.Limits.ReplyBytes = reply })
	d := w.v2()
	var attributes []string
	for i := range 300 {
		attributes = append(attributes, fmt.Sprintf("%q", fmt.Sprint("attribute", i)))
	}
	const sensors = 20
	ids := []string{}
	for i := range sensors {
		id := fmt.Sprint("s", i)
		d.send(fmt.Sprintf(`["%d","%d","sensocto:sensor:%s","phx_join",{"bearer_token":"ingest","sensor_name":"S","sensor_type":"x","attributes":[%s]}]`, i, i, id, strings.Join(attributes, ",")))
		d.expectReply(fmt.Sprint(i))
		ids = append(ids, fmt.Sprintf("%q", id))
	}
	v := w.v2()
	v.join("1", "viewer:x", `"token":"view"`)
	v.send(`["1","2","viewer:x","watch",{"sensor_ids":[` + strings.Join(ids, ",") + `]}]`)
	text := v.receive()
	if len(text) > reply || strings.Count(text, `"truncated":true`) == 0 || strings.Count(text, `"sensor_id"`) != sensors {
		t.Errorf("%d bytes, %d in brief", len(text), strings.Count(text, `"truncated":true`))
	}
	text = v.join("3", "sensors:all", "")
	seen := strings.Count(text, `"sensor_name"`)
	for len(text) > 0 && seen < sensors {
		text = v.expectPrefix(`["3",null,"sensors:all","sensor_list_updated",{"added":[`)
		seen += strings.Count(text, `"sensor_name"`)
		if len(text) > 300<<10 {
			t.Errorf("a piece of %d bytes", len(text))
		}
	}
	if seen != sensors {
		t.Errorf("%d sensors", seen)
	}
}

// Every sample arrives once, in the history or behind it, however equal they are
// and whenever a viewer joins.
func TestHistory_AndWhatIsLiveMeet(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	const batches, size = 60, 7
	item := `{"attribute_id":"rr","payload":800,"timestamp":1767225600000}`
	batch := `["1",null,"sensocto:sensor:s","measurements_batch",[` + strings.Repeat(item+",", size-1) + item + `]]`
	go func() {
		for range batches {
			if d.ws.WriteMessage(websocket.TextMessage, []byte(batch)) != nil {
				return
			}
		}
	}()
	count := func(text string) int { return strings.Count(text, `"timestamp":1767225600000`) }
	for range 12 {
		v := w.v2()
		v.send(`["1","1","data:s","phx_join",{"token":"view","history":10000}]`)
		text := v.expectPrefix(`["1","1","data:s","phx_reply",{"status":"ok"`)
		got := count(text[strings.Index(text, `"history"`):])
		for got < batches*size {
			got += count(v.receive())
		}
		if got != batches*size {
			t.Fatalf("%d of %d samples arrived", got, batches*size)
		}
		v.send(`[null,"9","phoenix","heartbeat",{}]`)
		if text := v.receive(); !strings.HasPrefix(text, `[null,"9"`) {
			t.Fatalf("more came: %.200s", text)
		}
		v.ws.Close()
	}
}

// A batch that is late in time comes once, too.
func TestHistory_OutOfOrderBatchComesOnce(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	for _, at := range []int{5, 1, 3} {
		d.send(fmt.Sprintf(`["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"a","payload":%d,"timestamp":%d}]`, at, 1767225600000+at))
	}
	d.sync("sensocto:sensor:s")
	v := w.v2()
	v.join("1", "data:s", `"token":"view","history":2`)
	d.send(`["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"a","payload":2,"timestamp":1767225600002}]`)
	v.expect(`[null,null,"data:s","measurement",{"sensor_id":"s","attribute_id":"a","payload":2,"timestamp":1767225600002}]`)
}

func (c *client) expectReply(ref string) {
	c.t.Helper()
	for {
		if f := c.frame(); f.ref == ref {
			if f.payload["status"] != "ok" {
				c.t.Fatalf("%v", f.payload)
			}
			return
		}
	}
}

// Each change of what a viewer sees costs all its sensors: whoever makes them
// without end waits, and the last counts.
func TestViewer_ChangesOfItsGazeArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPipeWorld(t)
		d, v := w.configured("s"), w.dial("vsn=2.0.0&token=view")
		began := time.Now()
		var answered []time.Duration
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				if _, _, err := v.ws.ReadMessage(); err != nil {
					return
				}
				answered = append(answered, time.Since(began))
			}
		})
		v.send(`["1","1","viewer:x","phx_join",{}]`)
		v.send(`["1","2","viewer:x","watch",{"sensor_ids":["s"],"level":"high"}]`)
		const turns = 151
		for i := range turns {
			v.send(fmt.Sprintf(`["1","t","viewer:x","visibility_changed",{"visible":%v}]`, i%2 == 1))
			v.send(fmt.Sprintf(`["1","t","viewer:x","visibility_changed",{"visible":%v}]`, i%2 == 1)) // changes nothing
		}
		time.Sleep(10 * time.Second)
		if got, want := d.last(), configText(sensocto.BackpressureFor(sensocto.AttentionNone)); got != want {
			t.Errorf("the device was told %s, want %s", got, want)
		}
		v.ws.Close()
		reading.Wait()
		const first = 2 + 2*50
		if len(answered) != 2+2*turns || answered[first-1] > time.Second || answered[len(answered)-1] < (turns-50)*time.Second/5 {
			t.Errorf("%d answers, the burst after %v, the last after %v", len(answered), answered[min(first, len(answered))-1], answered[len(answered)-1])
		}
	})
}
