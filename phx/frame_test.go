package phx_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
)

func TestParseVersion(t *testing.T) {
	for vsn, want := range map[string]phx.Version{"": phx.V1, "1.0.0": phx.V1, "2.0.0": phx.V2} {
		if got, err := phx.ParseVersion(vsn); got != want || err != nil {
			t.Errorf("ParseVersion(%q) = %v, %v", vsn, got, err)
		}
	}
	for _, vsn := range []string{"2", "2.0", "2.0.1", "3.0.0", "v2", " 2.0.0"} {
		if _, err := phx.ParseVersion(vsn); !errors.Is(err, phx.ErrVersion) {
			t.Errorf("ParseVersion(%q) = %v", vsn, err)
		}
	}
}

func TestDecode_WhiteSpaceAnywhere(t *testing.T) {
	text := " [ \"1\" ,\t5 , \"t\"\n, \"e\" , { \"a\" : 1 } ]\r\n"
	f, err := phx.Decode(phx.V2, []byte(text))
	if err != nil || f.Check() != nil || string(f.Payload) != `{ "a" : 1 } ` || string(f.Ref) != "5" {
		t.Errorf("%q became %q, %v", text, f.Payload, err)
	}
}

func TestDecodeV1_AnyOrderAndUnknownKeys(t *testing.T) {
	text := `{"x":[1],"payload":{"topic":"no"},"ref":null,"\u0065vent":"e","join_ref":7,"topic":"t"}`
	f, err := phx.Decode(phx.V1, []byte(text))
	if err != nil || string(f.Topic) != "t" || string(f.Event) != "e" || string(f.Payload) != `{"topic":"no"}` || !f.Ref.IsNull() || string(f.JoinRef) != "7" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestFrame_Reply(t *testing.T) {
	for _, c := range []struct {
		payload, status, response string
		err                       error
	}{
		{`{"status":"ok","response":{"a":1}}`, "ok", `{"a":1}`, nil},
		{`{"response":[],"status":"\u0065rror","x":1}`, "error", `[]`, nil},
		{`{"status":"ok"}`, "", "", phx.ErrShape},
		{`{"status":1,"response":{}}`, "", "", phx.ErrShape},
		{`[]`, "", "", phx.ErrShape},
		{`{"status":`, "", "", phx.ErrSyntax},
	} {
		f := phx.Frame{Payload: []byte(c.payload)}
		status, response, err := f.Reply()
		if string(status) != c.status || string(response) != c.response || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %q, %v", c.payload, status, response, err)
		}
	}
}

func TestBinary_NamesThatDoNotFit(t *testing.T) {
	long := strings.Repeat("x", 256)
	kept := []byte("kept")
	for _, f := range []func() ([]byte, error){
		func() ([]byte, error) { return phx.AppendBinaryBroadcast(kept, long, "e", nil) },
		func() ([]byte, error) { return phx.AppendBinaryPush(kept, nil, "t", long, nil) },
		func() ([]byte, error) { return phx.AppendBinaryReply(kept, nil, phx.NewRef(long), "t", "ok", nil) },
		func() ([]byte, error) { return phx.AppendBinaryMessage(kept, phx.NewRef(long), nil, "t", "e", nil) },
	} {
		if got, err := f(); !errors.Is(err, phx.ErrTooLong) || string(got) != "kept" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestRef(t *testing.T) {
	for _, c := range []struct{ token, text string }{{`"12"`, "12"}, {`12`, "12"}, {`"a\"b"`, `a"b`}, {``, ``}} {
		if got := phx.Ref(c.token).AppendText(nil); string(got) != c.text {
			t.Errorf("text of %s is %q", c.token, got)
		}
	}
	if a, b := phx.NewRef("1"), phx.Ref(`"1"`); !a.Equal(b) || a.Equal(phx.Ref("1")) || a.Equal(nil) || !a.Clone().Equal(a) {
		t.Error("equality of refs")
	}
}

func TestDecodeAndEncode_AllocateNothing(t *testing.T) {
	text := []byte(`["3","17","sensocto:sensor:s1","measurements_batch",[{"attribute_id":"ecg","payload":1,"timestamp":1}]]`)
	dst := make([]byte, 0, 1024)
	n := testing.AllocsPerRun(100, func() {
		f, err := phx.Decode(phx.V2, text)
		if err != nil || f.Check() != nil {
			t.Fatal(err)
		}
		dst = phx.AppendReply(dst[:0], phx.V2, f.JoinRef, f.Ref, sensorTopic, phx.StatusOK, []byte("{}"))
		dst = phx.AppendPush(dst, phx.V2, nil, nil, "data:s1", "measurement", []byte("{}"))
		dst, _ = phx.AppendBinaryBroadcast(dst, "data:s1", "measurements", text)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDecodeFrame checks that whatever is accepted is a message that survives
// being sent again, and that nothing panics.
func FuzzDecodeFrame(f *testing.F) {
	for _, g := range readGolden[goldenFrame](f, "../testdata/frames.json") {
		if g.Text != "" {
			f.Add([]byte(g.Text))
		}
		if g.Hex != "" {
			f.Add(mustHex(f, g.Hex))
		}
	}
	for _, b := range readGolden[badFrame](f, "../testdata/malformed.json") {
		f.Add(mustHex(f, b.Hex))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []phx.Version{phx.V1, phx.V2} {
			checkText(t, v, data)
		}
		checkBinary(t, data)
		if f, err := phx.DecodeServerBinary(data); err == nil {
			f.Reply()
		}
	})
}

func checkText(t *testing.T, v phx.Version, data []byte) {
	f, err := phx.Decode(v, data)
	if err == nil {
		err = f.Check()
	}
	switch {
	case errors.Is(err, phx.ErrSyntax):
		if jsonscan.Check(data) == nil && depth(data) < jsonscan.MaxDepth {
			t.Fatalf("V%d refused valid JSON %q as such", v, data)
		}
		return
	case errors.Is(err, phx.ErrShape):
		return
	case err != nil:
		t.Fatal(err)
	}
	again := phx.AppendMessage(nil, v, f.JoinRef, f.Ref, string(f.Topic), string(f.Event), f.Payload)
	g, err := phx.Decode(v, again)
	if err != nil || g.Check() != nil || !same(f, g) {
		t.Fatalf("V%d %q sent again as %q: %v", v, data, again, err)
	}
}

// depth is an upper bound of how deep a text nests.
func depth(data []byte) int { return bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{")) }

func same(f, g phx.Frame) bool {
	return f.JoinRef.Equal(g.JoinRef) && f.Ref.Equal(g.Ref) && bytes.Equal(f.Topic, g.Topic) && bytes.Equal(f.Event, g.Event) && bytes.Equal(bytes.TrimSpace(f.Payload), bytes.TrimSpace(g.Payload))
}

func checkBinary(t *testing.T, data []byte) {
	f, err := phx.DecodeBinary(data)
	if err != nil {
		return
	}
	again, err := phx.AppendBinaryMessage(nil, f.JoinRef, f.Ref, string(f.Topic), string(f.Event), f.Payload)
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("%x sent again as %x, %v", data, again, err)
	}
}

func mustHex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzTopic checks that any topic and event survive every form of frame.
func FuzzTopic(f *testing.F) {
	f.Add("data:s1", "measurement")
	f.Add("viewer:\"\\\n\u2028é😀\x7f", "")
	f.Fuzz(func(t *testing.T, topic, event string) {
		if !utf8.ValidString(topic) || !utf8.ValidString(event) {
			t.Skip("frames are text")
		}
		for _, v := range []phx.Version{phx.V1, phx.V2} {
			g, err := phx.Decode(v, phx.AppendPush(nil, v, nil, nil, topic, event, []byte("{}")))
			if err != nil || string(g.Topic) != topic || string(g.Event) != event {
				t.Fatalf("V%d: %q %q became %q %q, %v", v, topic, event, g.Topic, g.Event, err)
			}
		}
		data, err := phx.AppendBinaryBroadcast(nil, topic, event, nil)
		if err != nil {
			return
		}
		if g, err := phx.DecodeServerBinary(data); err != nil || string(g.Topic) != topic || string(g.Event) != event {
			t.Fatalf("binary: %q %q became %q %q, %v", topic, event, g.Topic, g.Event, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`["3","17","sensocto:sensor:s1","measurements_batch",[]]`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := phx.Decode(phx.V2, text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendReply(b *testing.B) {
	joinRef, ref, dst := phx.NewRef("3"), phx.NewRef("17"), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst = phx.AppendReply(dst[:0], phx.V2, joinRef, ref, sensorTopic, phx.StatusOK, []byte("{}"))
	}
}
