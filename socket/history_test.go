package socket_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/socket"
)

// recorded is a viewer of a sensor that has sent n numbers, a millisecond
// apart, whose values are their numbers.
func recorded(t *testing.T, n int, change ...func(*socket.Options)) (w *world, device, viewer *client) {
	w = newWorld(t, change...)
	device = w.device("s", "")
	for first := 0; first < n; first += 1000 {
		var items []string
		for i := first; i < min(n, first+1000); i++ {
			items = append(items, fmt.Sprintf(`{"attribute_id":"a","payload":%d,"timestamp":%d}`, i, 1_700_000_000_000+i))
		}
		device.send(`["1",null,"sensocto:sensor:s","measurements_batch",[` + strings.Join(items, ",") + `]]`)
	}
	device.sync("sensocto:sensor:s")
	viewer = w.dial("vsn=2.0.0&token=view")
	viewer.join("1", "data:s", "")
	return w, device, viewer
}

func TestHistory_Forms(t *testing.T) {
	w, _, v := recorded(t, 100)
	many := w.dial("vsn=2.0.0&token=view")
	many.join("1", "viewer:x", "")
	for payload, want := range map[string]string{
		`"resolution":"50ms","from":1700000000000,"to":1700000000100`: `"status":"ok","response":{"width":50,"from":1700000000000,"to":1700000000100,"documents":0,"buckets":[` +
			`{"min":0,"max":49,"mean":24.5,"first":0,"last":49,"count":50,"from":1700000000000,"to":1700000000049},` +
			`{"min":50,"max":99,"mean":74.5,"first":50,"last":99,"count":50,"from":1700000000050,"to":1700000000099}]}`,
		`"resolution":50,"max_buckets":1`:                             `"status":"ok","response":{"width":50,"from":1700000000000,"to":1700000000100,"documents":0,"buckets":[{"min":0`,
		`"from":1700000000098`:                                        `"status":"ok","response":{"width":0,"from":1700000000098,"to":0,"documents":0,"points":"samples","samples":[{"payload":98,"timestamp":1700000000098},{"payload":99,"timestamp":1700000000099}]}`,
		`"method":"lttb","max_buckets":2,"resolution":"auto"`:         `"status":"ok","response":{"width":0,"from":0,"to":0,"documents":0,"points":"lttb_of_samples","samples":[`,
		`"resolution":"raw","limit":1,"to":1700000000002`:             `"status":"ok","response":{"width":0,"from":0,"to":1700000000002,"documents":0,"points":"samples","samples":[{"payload":0,`,
		`"from":1700000001000,"to":1700000002000,"resolution":"10ms"`: `"status":"ok","response":{"width":10,"from":1700000001000,"to":1700000002000,"documents":0,"buckets":[]}`,
		`"from":5,"to":4`:                                             `"status":"error","response":{"reason":"invalid_range"`,
		`"from":"x"`:                                                  `"status":"error","response":{"reason":"invalid_range"`,
		`"resolution":"x"`:                                            `"status":"error","response":{"reason":"invalid_resolution"`,
		`"resolution":-1`:                                             `"status":"error","response":{"reason":"invalid_resolution"`,
		`"resolution":null`:                                           `"status":"ok"`,
		`"method":"mean"`:                                             `"status":"error","response":{"reason":"invalid_payload"`,
		`"max_buckets":"many"`:                                        `"status":"error","response":{"reason":"invalid_payload"`,
		`"cursor":"1.2"`:                                              `"status":"error","response":{"reason":"invalid_cursor"`,
		`"cursor":"1.2.-3"`:                                           `"status":"error","response":{"reason":"invalid_cursor"`,
		`"attribute_id":"un known"`:                                   `"status":"error","response":{"reason":"invalid_attribute_id"`,
	} {
		if !strings.Contains(payload, "attribute_id") {
			payload = `"attribute_id":"a",` + payload
		}
		v.send(`["1","7","data:s","history",{` + payload + `}]`)
		v.expectPrefix(`["1","7","data:s","phx_reply",{` + want)
		many.send(`["1","7","viewer:x","history",{"sensor_id":"s",` + payload + `}]`)
		many.expectPrefix(`["1","7","viewer:x","phx_reply",{` + want)
	}
	many.send(`["1","8","viewer:x","history",{"attribute_id":"a"}]`)
	many.expectPrefix(`["1","8","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_sensor_id"`)
	v.send(`["1","8","data:s","history",{"attribute_id":"never"}]`)
	v.expectPrefix(`["1","8","data:s","phx_reply",{"status":"ok"`)
}

type historyReply struct {
	Status   string
	Response struct {
		Width   float64
		Buckets []struct{ Count int }
		Samples []struct {
			Payload   json.RawMessage
			Timestamp float64
		}
		Next string
	}
}

// history pushes the event and returns the reply, and how long its frame is.
func (c *client) history(payload string) (r historyReply, size int) {
	c.t.Helper()
	c.send(`["1","9","data:s","history",{"attribute_id":"a",` + payload + `}]`)
	for {
		text := c.receive()
		if !strings.HasPrefix(text, `["1","9","data:s","phx_reply",`) {
			continue // what comes in meanwhile
		}
		frame := []any{nil, nil, nil, nil, &r}
		if err := json.Unmarshal([]byte(text), &frame); err != nil || r.Status != "ok" {
			c.t.Fatal(text, err)
		}
		return r, len(text)
	}
}

// Pages are a snapshot, and put together they are the whole.
func TestHistory_RawPages(t *testing.T) {
	_, device, v := recorded(t, 3000)
	got, cursor := 0, ""
	for {
		payload := `"resolution":"raw","limit":700`
		if cursor != "" {
			payload += `,"cursor":"` + cursor + `"`
		}
		r, _ := v.history(payload)
		for _, s := range r.Response.Samples {
			if string(s.Payload) != fmt.Sprint(got) {
				t.Fatalf("sample %d is %s", got, s.Payload)
			}
			got++
		}
		if cursor = r.Response.Next; cursor == "" {
			break
		}
		device.send(measurement("sensocto:sensor:s", -1, 1_700_000_000_000+got+100))
		device.sync("sensocto:sensor:s")
	}
	if got != 3000 {
		t.Errorf("%d samples", got)
	}
}

// However much is asked for, an answer fits the queue of the connection.
func TestHistory_AnswersAreBounded(t *testing.T) {
	small := func(o *socket.Options) { o.Limits.QueueBytes = 64 << 10 }
	_, device, v := recorded(t, 3000, small)
	r, size := v.history(`"resolution":"1ms","max_buckets":100000`)
	count := 0
	for _, b := range r.Response.Buckets {
		count += b.Count
	}
	if size > 17<<10 || count != 3000 || r.Response.Width <= 2 {
		t.Errorf("%d bytes, %d samples in buckets of %v ms", size, count, r.Response.Width)
	}
	if r, size := v.history(`"resolution":"raw","limit":5000`); size > 17<<10 || r.Response.Next == "" {
		t.Errorf("%d bytes raw", size)
	}
	for range 20 {
		device.send(measurement("sensocto:sensor:s", `"`+strings.Repeat("x", 4000)+`"`, 1_700_000_010_000))
	}
	device.sync("sensocto:sensor:s")
	if r, size := v.history(`"from":1700000010000`); size > 17<<10 || len(r.Response.Samples) > 0 {
		t.Errorf("%d bytes of documents", size)
	}
	if r, size := v.history(`"resolution":"raw","from":1700000010000`); size > 17<<10 || len(r.Response.Samples) == 0 || r.Response.Next == "" {
		t.Errorf("%d bytes of documents raw", size)
	}
}
