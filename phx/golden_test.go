package phx_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto/phx"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenFrame is one entry of testdata/frames.json: the bytes of a frame and
// what it means. The tests of other languages read the same file.
type goldenFrame struct {
	Name  string        `json:"name"`
	From  string        `json:"from"` // "client" or "server"
	Vsn   string        `json:"vsn"`
	Text  string        `json:"text,omitempty"` // a text frame
	Hex   string        `json:"hex,omitempty"`  // or a binary frame
	Frame goldenMessage `json:"frame"`
}

type goldenMessage struct {
	JoinRef    json.RawMessage `json:"join_ref"`
	Ref        json.RawMessage `json:"ref"`
	Topic      string          `json:"topic"`
	Event      string          `json:"event"`
	Status     string          `json:"status,omitempty"`      // of binary replies
	Payload    json.RawMessage `json:"payload,omitempty"`     // of text frames
	PayloadHex string          `json:"payload_hex,omitempty"` // of binary frames
}

func client(name string, v phx.Version, joinRef, ref, topic, event, payload string) goldenFrame {
	text := phx.AppendMessage(nil, v, phx.Ref(joinRef), phx.Ref(ref), topic, event, []byte(payload))
	return textFrame(name, "client", v, text, message(joinRef, ref, topic, event, payload))
}

func server(name string, v phx.Version, joinRef, ref, topic, event, payload string) goldenFrame {
	text := phx.AppendPush(nil, v, phx.Ref(joinRef), phx.Ref(ref), topic, event, []byte(payload))
	if v == phx.V1 {
		joinRef = ""
	}
	return textFrame(name, "server", v, text, message(joinRef, ref, topic, event, payload))
}

func reply(name string, v phx.Version, joinRef, ref, topic, status, response string) goldenFrame {
	text := phx.AppendReply(nil, v, phx.Ref(joinRef), phx.Ref(ref), topic, status, []byte(response))
	if v == phx.V1 {
		joinRef = ""
	}
	payload := `{"status":"` + status + `","response":` + response + `}`
	return textFrame(name, "server", v, text, message(joinRef, ref, topic, phx.EventReply, payload))
}

func message(joinRef, ref, topic, event, payload string) goldenMessage {
	m := goldenMessage{JoinRef: token(joinRef), Ref: token(ref), Topic: topic, Event: event}
	if payload != "" {
		m.Payload = json.RawMessage(payload)
	}
	return m
}

func token(ref string) json.RawMessage {
	if ref == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(ref)
}

func textFrame(name, from string, v phx.Version, text []byte, m goldenMessage) goldenFrame {
	return goldenFrame{Name: name, From: from, Vsn: map[phx.Version]string{phx.V1: "1.0.0", phx.V2: "2.0.0"}[v], Text: string(text), Frame: m}
}

func binaryFrame(name, from string, data []byte, err error, m goldenMessage, status string, payload []byte) goldenFrame {
	if err != nil {
		panic(err)
	}
	m.Status, m.PayloadHex = status, hex.EncodeToString(payload)
	return goldenFrame{Name: name, From: from, Vsn: "2.0.0", Hex: hex.EncodeToString(data), Frame: m}
}

const sensorTopic = "sensocto:sensor:s1"

// goldenFrames is a session of each version, and then what is rare.
func goldenFrames() []goldenFrame {
	var all []goldenFrame
	for _, v := range []phx.Version{phx.V1, phx.V2} {
		all = append(all,
			client("heartbeat", v, "", `"1"`, "phoenix", "heartbeat", `{}`),
			reply("heartbeat reply", v, "", `"1"`, "phoenix", "ok", `{}`),
			client("join", v, `"3"`, `"3"`, sensorTopic, "phx_join", `{"sensor_id":"s1","sensor_type":"ecg","attributes":["ecg"],"bearer_token":""}`),
			reply("join reply", v, `"3"`, `"3"`, sensorTopic, "ok", `{}`),
			reply("join refused", v, `"3"`, `"3"`, sensorTopic, "error", `{"reason":"unauthorized"}`),
			server("push to one joiner", v, `"3"`, "", sensorTopic, "backpressure_config", `{"attention_level":"none","recommended_batch_window":5000,"recommended_batch_size":20,"paused":false,"load_level":"normal","timestamp":1700000000000}`),
			client("measurement", v, `"3"`, `"4"`, sensorTopic, "measurement", `{"attribute_id":"ecg","payload":-0.145,"timestamp":1700000000123.456}`),
			client("batch, a top-level array", v, `"3"`, `"5"`, sensorTopic, "measurements_batch", `[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}]`),
			reply("batch partly refused", v, `"3"`, `"5"`, sensorTopic, "error", `{"reason":"invalid_batch","accepted":1,"failed_count":1,"errors":[{"index":1,"reason":"missing_fields","fields":["payload"]}]}`),
			server("broadcast", v, "", "", "data:s1", "measurement", `{"sensor_id":"s1","attribute_id":"ecg","payload":-0.145,"timestamp":1700000000123.456}`),
			client("leave", v, `"3"`, `"6"`, sensorTopic, "phx_leave", `{}`),
			reply("leave reply", v, `"3"`, `"6"`, sensorTopic, "ok", `{}`),
			server("close of the channel with join ref 3", v, `"3"`, `"3"`, sensorTopic, "phx_close", `{}`),
			server("error of the channel with join ref 3", v, `"3"`, `"3"`, sensorTopic, "phx_error", `{}`),
			client("refs as numbers", v, `7`, `12`, "data:s1", "phx_join", `{"history":2}`),
			reply("reply to refs as numbers", v, `7`, `12`, "data:s1", "ok", `{}`),
			reply("refs of any bytes", v, `"a\u0062\"é"`, `-1.50e+2`, "data:s1", "ok", `{}`),
			client("message without join ref", v, "", `"8"`, "viewer:tab-1", "watch", `{"sensor_ids":["s1"],"level":"high"}`),
			client("names with escapes", v, `"1"`, `"2"`, "viewer:\"ü\\\n", "x\ty", `{"a":[1,{"b":"]"}],"c":"\","}`),
			client("payload that is no object", v, `"1"`, `"2"`, "viewer:v", "ping", `" , ] "`),
		)
	}
	return append(all, goldenBinaryFrames()...)
}

func goldenBinaryFrames() []goldenFrame {
	body := []byte{1, 0, 0, 0}
	ref := phx.Ref(`"9"`)
	push, err1 := phx.AppendBinaryMessage(nil, phx.Ref(`"3"`), ref, sensorTopic, "measurements", body)
	empty, err2 := phx.AppendBinaryMessage(nil, nil, nil, "viewer:é", "x", nil)
	toOne, err3 := phx.AppendBinaryPush(nil, phx.Ref(`"3"`), "data:s1", "measurements", body)
	answer, err4 := phx.AppendBinaryReply(nil, phx.Ref(`"3"`), ref, sensorTopic, "ok", []byte{0xff, 0})
	broadcast, err5 := phx.AppendBinaryBroadcast(nil, "data:s1", "measurements", body)
	return []goldenFrame{
		binaryFrame("binary push", "client", push, err1, message(`"3"`, `"9"`, sensorTopic, "measurements", ""), "", body),
		binaryFrame("binary push without refs and payload", "client", empty, err2, message("", "", "viewer:é", "x", ""), "", nil),
		binaryFrame("binary push to one joiner", "server", toOne, err3, message(`"3"`, "", "data:s1", "measurements", ""), "", body),
		binaryFrame("binary reply", "server", answer, err4, message(`"3"`, `"9"`, sensorTopic, "phx_reply", ""), "ok", []byte{0xff, 0}),
		binaryFrame("binary broadcast", "server", broadcast, err5, message("", "", "data:s1", "measurements", ""), "", body),
	}
}

func TestGoldenFrames_Encode(t *testing.T) {
	checkGolden(t, "../testdata/frames.json", goldenFrames())
}

// checkGolden compares what the program makes with the file, byte by byte.
func checkGolden(t *testing.T, path string, entries any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(entries); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (rewrite it with -update): %s", path, diff)
	}
}

func readGolden[T any](t testing.TB, path string) (entries []T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestGoldenFrames_Decode(t *testing.T) {
	for _, g := range readGolden[goldenFrame](t, "../testdata/frames.json") {
		f, err := decodeGolden(t, g)
		if err != nil {
			t.Errorf("%s %s: %v", g.Vsn, g.Name, err)
			continue
		}
		got := goldenMessage{JoinRef: f.JoinRef.Append(nil), Ref: f.Ref.Append(nil), Topic: string(f.Topic), Event: string(f.Event), Status: string(f.Status)}
		if f.Binary {
			got.PayloadHex = hex.EncodeToString(f.Payload)
		} else {
			got.Payload = f.Payload
		}
		if diff := cmp.Diff(compact(t, g.Frame), compact(t, got)); diff != "" {
			t.Errorf("%s %s: %s", g.Vsn, g.Name, diff)
		}
	}
}

// compact removes the white space that the file has inside payloads.
func compact(t *testing.T, m goldenMessage) goldenMessage {
	if m.Payload != nil {
		var b bytes.Buffer
		if err := json.Compact(&b, m.Payload); err != nil {
			t.Fatal(err)
		}
		m.Payload = b.Bytes()
	}
	return m
}

func decodeGolden(t testing.TB, g goldenFrame) (phx.Frame, error) {
	if g.Hex != "" {
		data, err := hex.DecodeString(g.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if g.From == "client" {
			return phx.DecodeBinary(data)
		}
		return phx.DecodeServerBinary(data)
	}
	v, err := phx.ParseVersion(g.Vsn)
	if err != nil {
		t.Fatal(err)
	}
	f, err := phx.Decode(v, []byte(g.Text))
	if err == nil {
		err = f.Check()
	}
	return f, err
}
