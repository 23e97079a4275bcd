package socket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	people "github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/call"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/sqlite"
)

// What one input of FuzzTopics may be, and what it may make the process
// allocate while it is handled.
const (
	fuzzInputBytes  = 64 << 10
	fuzzAllocBudget = 32 << 20 // the dearest seeds, hundreds of joins, take 8 MiB
)

// frameSeparator stands between the frames of one input.
const frameSeparator = "\n\n"

// Ways to say one input.
const (
	fuzzV2 = iota
	fuzzV1
	fuzzBinary // on V2
	fuzzWays
)

// FuzzTopics sends frames on a connection that joined a topic of every family.
// One input may not cost more than the budget, panic, hang or leave goroutines.
func FuzzTopics(f *testing.F) {
	for _, e := range clientEvents {
		for way := range byte(fuzzWays) {
			f.Add(way, e.seed(way))
		}
	}
	for _, text := range attacks() {
		f.Add(byte(fuzzV2), text)
		f.Add(byte(fuzzV1), text)
		f.Add(byte(fuzzBinary), text)
	}
	f.Fuzz(func(t *testing.T, way byte, data []byte) {
		if len(data) > fuzzInputBytes {
			t.Skip("larger than the budget is made for")
		}
		if _, err := fuzzPeople(); err != nil {
			t.Fatal(err)
		}
		var w *world
		before, running := uint64(0), goleak.IgnoreCurrent()
		t.Cleanup(func() { // after the world has stopped
			if w == nil {
				return // it did not start, and said so
			}
			goleak.VerifyNone(t, running)
			if cost := allocated() - before; cost > fuzzAllocBudget {
				t.Errorf("%d bytes of frames made the server allocate %d, more than %d", len(data), cost, fuzzAllocBudget)
			}
			if n := w.metric("socket_panics_total"); n != 0 {
				t.Errorf("%v panics", n)
			}
		})
		w = newPipeWorld(t, withFuzzPeople)
		w.auth.userID = fuzzUser
		fuzzSamples(t, w)
		before = allocated()
		attack(t, w, way%fuzzWays, data)
	})
}

// attack joins the topics, sends the frames and waits for the end of a
// heartbeat behind them, or for the close.
func attack(t *testing.T, w *world, way byte, data []byte) {
	vsn := phx.V2
	if way == fuzzV1 {
		vsn = phx.V1
	}
	c := w.dial(map[phx.Version]string{phx.V1: "vsn=1.0.0&token=admin", phx.V2: "vsn=2.0.0&token=admin"}[vsn])
	ended, joined := make(chan error, 1), make(chan struct{}, len(fuzzJoins))
	go func() { ended <- readUntilEnd(c.ws, joined) }()
	c.ws.SetWriteDeadline(time.Now().Add(patience))
	kind := websocket.TextMessage
	send := func(kind int, frame []byte) bool { return c.ws.WriteMessage(kind, frame) == nil }
	for _, j := range fuzzJoins {
		send(kind, phx.AppendMessage(nil, vsn, phx.NewRef("1"), phx.NewRef("j"), j.topic, "phx_join", []byte(j.params)))
	}
	for range fuzzJoins {
		select {
		case <-joined:
		case err := <-ended:
			t.Fatalf("the connection ended at the joins: %v", err)
		}
	}
	if way == fuzzBinary {
		kind = websocket.BinaryMessage
	}
	for frame := range bytes.SplitSeq(data, []byte(frameSeparator)) {
		if !send(kind, frame) {
			break // closed: the reader says how
		}
	}
	send(websocket.TextMessage, phx.AppendMessage(nil, vsn, nil, phx.NewRef("end"), "phoenix", "heartbeat", []byte("{}")))
	if err := <-ended; err != nil {
		t.Error(err)
	}
	c.ws.Close()
}

// fuzzSamples gives the sensor some history.
func fuzzSamples(t *testing.T, w *world) {
	c := w.device("s1", `,"ack":true`)
	c.script(`
		> ["1","2","sensocto:sensor:s1","measurements_batch",[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000},{"attribute_id":"ecg","payload":2,"timestamp":1700000001000},{"attribute_id":"doc","payload":{"a":1},"timestamp":1700000002000}]]
		< ["1","2","sensocto:sensor:s1","phx_reply",{"status":"ok","response":{"accepted":3}}]`)
	c.ws.Close()
}

// readUntilEnd discards what comes until the reply with the ref "end", or the
// close, and tells of each join that was granted. It keeps nothing, so that
// only the server's memory is measured.
func readUntilEnd(ws *websocket.Conn, joined chan<- struct{}) error {
	head := make([]byte, 1024) // a V1 reply has its ref at the end
	buf := make([]byte, 32<<10)
	ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_, r, err := ws.NextReader()
		if _, closed := errors.AsType[*websocket.CloseError](err); closed {
			return nil
		}
		if err != nil {
			return fmt.Errorf("neither an answer nor a close: %w", err)
		}
		n, _ := io.ReadFull(r, head)
		if bytes.Contains(head[:n], []byte(`"end"`)) && bytes.Contains(head[:n], []byte(`"phoenix"`)) {
			return nil
		}
		if bytes.Contains(head[:n], []byte(`"j"`)) && bytes.Contains(head[:n], []byte(`"status":"ok"`)) {
			select {
			case joined <- struct{}{}:
			default: // an input used the same ref
			}
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buf); err != nil {
			return fmt.Errorf("a frame without an end: %w", err)
		}
	}
}

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

const (
	fuzzSensor    = "sensocto:sensor:s1"
	fuzzConnector = "sensocto:connector:c1"
)

// fuzzJoins are the topics that are joined before an input: one of each family.
var fuzzJoins = []struct{ topic, params string }{
	{fuzzConnector, `{"connector_id":"c1","connector_name":"C","connector_type":"unity","features":[]}`},
	{fuzzSensor, sensorParams(`["ecg"]`)},
	{"data:s1", `{}`},
	{"viewer:v", `{}`},
	{"signal:s1", `{}`},
	{"sensors:all", `{}`},
	{"sensors:status", `{}`},
	{"room:" + fuzzRoom, `{}`},
	{fuzzCall, `{}`},
	{"rooms:updates", `{}`},
	{"user:" + fuzzUser, `{}`},
}

// Who attacks is a person with a room.
const (
	fuzzUser = "01900000-0000-7000-8000-000000000001"
	fuzzRoom = "01900000-0000-7000-9000-000000000001"
	fuzzCall = "room:" + fuzzRoom + ":call"
)

// fuzzPeople is a database with the person and the room, for all inputs: opening
// one for each would take longer than the inputs.
var fuzzPeople = sync.OnceValues(func() (*peopledb.DB, error) {
	dir, err := os.MkdirTemp("", "sensocto-fuzz")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "people.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	store := peopledb.New(db)
	fuzzCleanup = func() { _ = errors.Join(db.Close(), os.RemoveAll(dir)) }
	return store, errors.Join(
		store.InsertUser(context.Background(), sensocto.User{ID: fuzzUser, Name: "Eve", CreatedAt: time.Now()}),
		store.InsertRoom(context.Background(), sensocto.Room{ID: fuzzRoom, Name: "Room", OwnerID: fuzzUser, CreatedAt: time.Now(), Settings: []byte("{}")}))
})

// fuzzCleanup closes and removes that database.
var fuzzCleanup = func() {}

func withFuzzPeople(o *socket.Options) {
	db, err := fuzzPeople()
	if err != nil {
		panic(err)
	}
	r := rights.New(rights.Options{Store: db, Owner: o.Sensors.Owner})
	o.Rights = r
	o.Calls = call.New(call.Options{})
	o.Rooms = room.New(room.Options{Store: db, Rights: r, Attempts: people.New(people.Options{Store: db}), Sensor: o.Sensors.Sensor, PubSub: o.PubSub})
}

func sensorParams(attributes string) string {
	return `{"sensor_id":"s1","sensor_name":"S","sensor_type":"ecg","connector_id":"c1","connector_name":"C","sampling_rate":10,"batch_size":1,"ack":true,"attributes":` + attributes + `}`
}

// clientEvent is an event of docs/protocol.md that clients send, with a payload
// that is good and some that are made for it. %s is a hostile value.
type clientEvent struct {
	name, topic, good string
	with              string
}

var clientEvents = []clientEvent{
	{"heartbeat", "phoenix", `{}`, `%s`},
	{"phx_join", fuzzSensor, sensorParams(`["ecg"]`), `{"sensor_id":"s1","sensor_name":%[1]s,"sensor_type":"ecg","connector_id":"c1","connector_name":"C","sampling_rate":%[1]s,"batch_size":%[1]s,"attributes":%[1]s}`},
	{"phx_join", fuzzConnector, `{"connector_id":"c1","connector_name":"C","connector_type":"unity","features":[]}`, `{"connector_id":"c1","connector_name":%[1]s,"features":%[1]s}`},
	{"phx_join", "data:s1", `{"history":10,"attention":"low","encoding":"binary"}`, `{"history":%[1]s,"attention":%[1]s,"encoding":%[1]s}`},
	{"phx_join", "viewer:w", `{}`, `%s`},
	{"phx_join", "signal:s1", `{}`, `%s`},
	{"phx_join", "sensors:all", `{}`, `%s`},
	{"phx_join", "sensors:status", `{}`, `%s`},
	{"phx_leave", fuzzSensor, `{}`, `%s`},
	{"measurement", fuzzSensor, `{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}`, `{"attribute_id":"ecg","payload":%[1]s,"timestamp":%[1]s}`},
	{"measurements_batch", fuzzSensor, `[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}]`, `[{"attribute_id":%[1]s,"payload":%[1]s,"timestamp":1700000000000},%[1]s]`},
	{"measurements", fuzzSensor, `{"stream":"0190b6a5-3c1e-7d42-8f00-1234567890ab","seq":1,"measurements":[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}]}`, `{"stream":"0190b6a5-3c1e-7d42-8f00-1234567890ab","seq":%[1]s,"measurements":[%[1]s]}`},
	{"update_attributes", fuzzSensor, `{"action":"register","attribute_id":"a","metadata":{"unit":"mV"}}`, `{"action":"update","attribute_id":"ecg","metadata":{"unit":%[1]s,"attribute_name":%[1]s,"sampling_rate":%[1]s}}`},
	{"discovery", fuzzSensor, `{"type":"x","state":1,"timestamp":1700000000000}`, `{"type":"x","value":%[1]s,"timestamp":%[1]s}`},
	{"update_connector", fuzzSensor, `{"connector_name":"N"}`, `{"connector_name":%[1]s}`},
	{"ping", fuzzSensor, `{}`, `%s`},
	{"visibility_changed", "data:s1", `{"visible":true}`, `{"visible":%[1]s}`},
	{"attention", "data:s1", `{"level":"low"}`, `{"level":%[1]s}`},
	{"battery", "data:s1", `{"level":0.5,"charging":false}`, `{"level":%[1]s,"charging":%[1]s}`},
	{"history", "data:s1", `{"attribute_id":"ecg"}`, `{"attribute_id":"ecg","from":%[1]s,"to":%[1]s,"resolution":%[1]s,"max_buckets":%[1]s,"limit":%[1]s,"cursor":%[1]s}`},
	{"history", "data:s1", `{"attribute_id":"ecg","resolution":"raw"}`, `{"attribute_id":"ecg","from":-9007199254740991,"to":9007199254740991,"resolution":1,"max_buckets":2000,"method":%[1]s}`},
	{"command", "data:s1", `{"do":"it"}`, `{"do":%[1]s}`},
	{"watch", "viewer:v", `{"sensor_ids":["s1"],"level":"high"}`, `{"sensor_ids":%[1]s,"level":"high"}`},
	{"unwatch", "viewer:v", `{"sensor_ids":["s1"]}`, `{"sensor_ids":%[1]s}`},
	{"attention", "viewer:v", `{"levels":{"s1":"low"}}`, `{"levels":%[1]s}`},
	{"visibility_changed", "viewer:v", `{"visible":true}`, `{"visible":%[1]s}`},
	{"battery", "viewer:v", `{"level":0.5,"charging":false}`, `{"level":%[1]s}`},
	{"phx_join", "room:" + fuzzRoom, `{}`, `%s`},
	{"phx_join", "rooms:updates", `{}`, `%s`},
	{"phx_join", "user:" + fuzzUser, `{}`, `%s`},
	{"phx_join", fuzzSensor, strings.Replace(sensorParams(`[]`), "{", `{"room_id":"`+fuzzRoom+`",`, 1), `{"sensor_id":"s1","sensor_name":"S","sensor_type":"ecg","attributes":[],"room_id":%[1]s}`},
	{"notification_read", "user:" + fuzzUser, `{"id":"01900000-0000-7000-9000-000000000009"}`, `{"id":%[1]s}`},
	{"phx_join", fuzzCall, `{}`, `%s`},
	{"offer", fuzzCall, `{"to":"p","description":{"type":"offer","sdp":"v=0"}}`, `{"to":%[1]s,"description":{"type":"offer","sdp":%[1]s}}`},
	{"answer", fuzzCall, `{"to":"p","description":{"type":"answer","sdp":"v=0"}}`, `{"to":"p","description":%[1]s}`},
	{"ice_candidate", fuzzCall, `{"to":"p","candidate":null}`, `{"to":"p","candidate":%[1]s}`},
	{"media_state", fuzzCall, `{"audio":true,"video":false,"screen":false}`, `{"audio":%[1]s,"video":%[1]s,"screen":%[1]s}`},
	{"report", fuzzCall, `{"join_ms":120,"seconds":{"good":1,"fair":0,"poor":0,"interrupted":0},"links":{"direct":1,"relayed":0,"failed":0},"interruptions":0}`, `{"join_ms":%[1]s,"seconds":{"good":%[1]s},"links":%[1]s,"interruptions":%[1]s}`},
	{"history", "viewer:v", `{"sensor_id":"s1","attribute_id":"ecg"}`, `{"sensor_id":"s1","attribute_id":"ecg","from":%[1]s,"resolution":%[1]s}`},
}

// hostileValues are JSON values that a good client does not send.
var hostileValues = []string{
	`null`, `true`, `-1`, `0`, `1e300`, `-1e300`, `1e-300`, `9223372036854775808`, `5e-324`, `""`, `"s1"`, `[]`, `{}`,
	`"\u0000\u001b[2J\u202e"`, `"1e300s"`, `"NaN"`, `"high"`, `"0.0000001ms"`,
	`"` + strings.Repeat("x", 500) + `"`,
	strings.Repeat("[", 60) + strings.Repeat("]", 60),
	`[` + strings.Repeat(`"s1",`, 500) + `"s1"]`,
	`{` + strings.Repeat(`"s1":"high",`, 200) + `"s2":"none"}`,
}

// seed is an input of the event: a good frame, then hostile ones.
func (e clientEvent) seed(way byte) []byte {
	frames := [][]byte{e.frame(way, e.good)}
	size := 0
	for _, v := range hostileValues {
		payload := v
		if e.with != `%s` {
			payload = fmt.Sprintf(e.with, v)
		}
		frame := e.frame(way, payload)
		if size += len(frame) + len(frameSeparator); size > fuzzInputBytes-4096 {
			break
		}
		frames = append(frames, frame)
	}
	return bytes.Join(frames, []byte(frameSeparator))
}

func (e clientEvent) frame(way byte, payload string) []byte {
	one := phx.NewRef("1")
	switch way {
	case fuzzV1:
		return phx.AppendMessage(nil, phx.V1, one, one, e.topic, e.name, []byte(payload))
	case fuzzV2:
		return phx.AppendMessage(nil, phx.V2, one, one, e.topic, e.name, []byte(payload))
	}
	b, err := phx.AppendBinaryMessage(nil, one, one, e.topic, e.name, []byte(payload))
	if err != nil {
		panic(err) // a fault of the table above
	}
	return b
}

// attacks are inputs as large as they may be, of one kind each.
func attacks() [][]byte {
	const size = fuzzInputBytes - 1024
	fill := func(item string) string { return strings.Repeat(item, size/len(item)) }
	var many strings.Builder // different attributes, and sensors
	for i := 0; many.Len() < size-16; i++ {
		fmt.Fprintf(&many, `"a%d",`, i)
	}
	ids := strings.TrimSuffix(many.String(), ",")
	v2 := func(topic, event, payload string) []byte {
		return phx.AppendMessage(nil, phx.V2, phx.NewRef("1"), phx.NewRef("1"), topic, event, []byte(payload))
	}
	return [][]byte{
		v2("viewer:v", "watch", `{"sensor_ids":[`+fill(`"s1",`)+`"s1"],"level":"high"}`),
		v2("viewer:v", "watch", `{"sensor_ids":[`+ids+`],"level":"high"}`),
		v2(fuzzSensor, "phx_join", sensorParams(`[`+ids+`]`)),
		v2(fuzzSensor, "phx_join", strings.Replace(sensorParams(`[]`), `"S"`, `"`+fill(`\u0000`)+`"`, 1)),
		v2(fuzzSensor, "update_connector", `{"connector_name":"`+fill(`\u001b`)+`"}`),
		v2(fuzzSensor, "ping", `"`+fill("x")+`"`),
		v2(fuzzSensor, "measurements_batch", `[`+fill(`0,`)+`0]`),
		v2(fuzzSensor, "measurements_batch", `[{"attribute_id":"doc","timestamp":1700000000000,"payload":"`+strings.Repeat("x", 60_000)+`"}]`),
		v2("data:s1", "command", fill("[")),
		v2("data:s1", "command", `{`+fill(`"k":0,`)+`"k":0}`),
		bytes.Repeat(append(v2("data:s1", "history", `{"attribute_id":"ecg","resolution":"raw","limit":5000}`), frameSeparator...), 400),
		bytes.Repeat(append(v2("data:s1", "phx_join", `{"history":10000}`), frameSeparator...), 800),
		bytes.Repeat(append(v2("sensors:all", "phx_join", `{}`), frameSeparator...), 1000),
		bytes.Repeat(append(v2("phoenix", "heartbeat", `{}`), frameSeparator...), 1500),
		[]byte(`["1","` + fill("1") + `","viewer:v","watch",{}]`),
		[]byte(fill("\xff")),
		[]byte(`["1","1","viewer:v","watch",{"sensor_ids":["\ud800"]}]`),
		[]byte("\x00\x01\x01\xff\xff11"),
	}
}

// Each event and family of topics that the protocol tells clients to use is
// among the seeds.
func TestFuzzTopics_SeedsKnowTheWholeProtocol(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	events, topics := protocolEvents(string(page)), protocolTopics(string(page))
	if len(events) < 22 || len(topics)+1 != len(fuzzJoins) { // a room's call is in none of the tables of topics
		t.Fatalf("the tables were not found: events %q, topics %q", events, topics)
	}
	var names, joined string
	for _, e := range clientEvents {
		names += e.name + "\n"
	}
	for _, j := range fuzzJoins {
		joined += j.topic + "\n"
	}
	for _, e := range events {
		if !strings.Contains("\n"+names, "\n"+e+"\n") {
			t.Errorf("no seed for event %s", e)
		}
	}
	for _, family := range topics {
		if !strings.Contains("\n"+joined, "\n"+family) {
			t.Errorf("no seed for topic %s", family)
		}
	}
}

var firstCode = regexp.MustCompile("^\\W*`([a-z_]+)")

// protocolEvents finds the events of clients: the messages of section 1, the
// tables of sections 3 and 8, and the last column of that of section 4.
func protocolEvents(page string) []string {
	events := []string{"heartbeat", "phx_join", "phx_leave"}
	for _, row := range tableRows(page, "| event | payload | reply |") {
		events = append(events, firstCode.FindStringSubmatch(row)[1])
	}
	for _, row := range tableRows(page, "| event | client → server | server → client |") {
		if cells := strings.Split(row, "|"); strings.TrimSpace(cells[2]) != "" {
			for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
				events = append(events, m[1])
			}
		}
	}
	for _, row := range tableRows(page, "| topic | join reply |") {
		cells := strings.Split(row, "|")
		for item := range strings.SplitSeq(cells[len(cells)-2], ";") {
			if m := firstCode.FindStringSubmatch(item); m != nil {
				events = append(events, m[1])
			}
		}
	}
	return events
}

// protocolTopics finds what the topics begin with that clients join.
func protocolTopics(page string) (families []string) {
	for _, m := range regexp.MustCompile("(?m)^(?:### |\\| )`([a-z]+:[a-z]*:?)(?:\\{[a-z_]+\\})?`").FindAllStringSubmatch(page, -1) {
		families = append(families, m[1])
	}
	return families
}

// tableRows returns the rows of the table whose head begins like this.
func tableRows(page, head string) []string {
	_, rest, _ := strings.Cut(page, head)
	table, _, _ := strings.Cut(rest, "\n\n")
	if lines := strings.Split(table, "\n"); len(lines) > 2 {
		return lines[2:]
	}
	return nil
}
