package phx_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/phx"
)

// badFrame is one entry of testdata/malformed.json: a client's frame that closes
// the connection, and with which code. Bytes are in hex: some are not UTF-8.
type badFrame struct {
	Name   string `json:"name"`
	Vsn    string `json:"vsn"`
	Binary bool   `json:"binary,omitempty"`
	Hex    string `json:"hex"`
	Close  int    `json:"close"`
}

const (
	closeShape  = 1003
	closeSyntax = 1007
)

func badFrames() []badFrame {
	text := func(name, vsn string, code int, text string) badFrame {
		return badFrame{Name: name, Vsn: vsn, Hex: hex.EncodeToString([]byte(text)), Close: code}
	}
	binary := func(name string, code int, data string) badFrame {
		return badFrame{Name: name, Vsn: "2.0.0", Binary: true, Hex: hex.EncodeToString([]byte(data)), Close: code}
	}
	const v1, v2 = "1.0.0", "2.0.0"
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	return []badFrame{
		text("empty", v2, closeSyntax, ``),
		text("white space", v2, closeSyntax, " \n"),
		text("no JSON", v2, closeSyntax, `hello`),
		text("cut off", v2, closeSyntax, `["1","2","t","e",{"a":`),
		text("cut off after the payload", v2, closeSyntax, `["1","2","t","e",{}`),
		text("no payload", v2, closeSyntax, `["1","2","t","e",]`),
		text("trailing junk", v2, closeSyntax, `["1","2","t","e",{}]x`),
		text("second value", v2, closeSyntax, `["1","2","t","e",{}][]`),
		text("junk behind the payload", v2, closeSyntax, `["1","2","t","e",{}}]`),
		text("NaN", v2, closeSyntax, `["1","2","t","e",{"a":NaN}]`),
		text("leading zero", v2, closeSyntax, `["1","2","t","e",{"a":01}]`),
		text("bad UTF-8 in a string", v2, closeSyntax, "[\"1\",\"2\",\"t\",\"e\",{\"a\":\"\xff\"}]"),
		text("bad UTF-8 in the topic", v2, closeSyntax, "[\"1\",\"2\",\"t\xc3\",\"e\",{}]"),
		text("lone surrogate", v2, closeSyntax, `["1","2","\ud800","e",{}]`),
		text("control character", v2, closeSyntax, "[\"1\",\"2\",\"t\",\"e\",\"a\nb\"]"),
		text("nested too deep", v2, closeSyntax, `["1","2","t","e",`+deep+`]`),
		text("single quotes", v2, closeSyntax, `['1','2','t','e',{}]`),
		text("extra comma", v2, closeSyntax, `["1","2","t","e",{},]`),
		text("an object", v2, closeShape, `{"topic":"t","event":"e","payload":{},"ref":"1"}`),
		text("a number", v2, closeShape, `5`),
		text("empty array", v2, closeShape, `[]`),
		text("four elements", v2, closeShape, `["1","2","t","e"]`),
		text("six elements", v2, closeShape, `["1","2","t","e",{},1]`),
		text("topic a number", v2, closeShape, `["1","2",3,"e",{}]`),
		text("event null", v2, closeShape, `["1","2","t",null,{}]`),
		text("ref an object", v2, closeShape, `["1",{},"t","e",{}]`),
		text("join ref true", v2, closeShape, `[true,"2","t","e",{}]`),
		text("no JSON", v1, closeSyntax, `{"topic"`),
		text("bad payload", v1, closeSyntax, `{"topic":"t","event":"e","payload":{"a":+1},"ref":"1"}`),
		text("trailing junk", v1, closeSyntax, `{"topic":"t","event":"e","payload":{},"ref":"1"}}`),
		text("nested too deep", v1, closeSyntax, `{"topic":"t","event":"e","payload":`+deep+`,"ref":"1"}`),
		text("an array", v1, closeShape, `["1","2","t","e",{}]`),
		text("no topic", v1, closeShape, `{"event":"e","payload":{},"ref":"1"}`),
		text("no event", v1, closeShape, `{"topic":"t","payload":{},"ref":"1"}`),
		text("no payload", v1, closeShape, `{"topic":"t","event":"e","ref":"1"}`),
		text("no ref", v1, closeShape, `{"topic":"t","event":"e","payload":{}}`),
		text("topic twice", v1, closeShape, `{"topic":"t","topic":"u","event":"e","payload":{},"ref":"1"}`),
		text("event a list", v1, closeShape, `{"topic":"t","event":[],"payload":{},"ref":"1"}`),
		text("ref a list", v1, closeShape, `{"topic":"t","event":"e","payload":{},"ref":[1]}`),
		binary("empty", closeShape, ""),
		binary("kind alone", closeShape, "\x00"),
		binary("sizes cut off", closeShape, "\x00\x01\x01\x01"),
		binary("names cut off", closeShape, "\x00\x01\x01\x02\x0212te"),
		binary("a reply, which clients do not send", closeShape, "\x01\x00\x00\x01\x01te"),
		binary("a broadcast, which clients do not send", closeShape, "\x02\x01\x01te"),
		binary("unknown kind", closeShape, "\x03\x00\x00\x01\x01te"),
		binary("bad UTF-8 in the topic", closeSyntax, "\x00\x00\x00\x01\x01\xffe"),
	}
}

func TestMalformedFrames(t *testing.T) {
	checkGolden(t, "../testdata/malformed.json", badFrames())
	for _, b := range readGolden[badFrame](t, "../testdata/malformed.json") {
		data, err := hex.DecodeString(b.Hex)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := phx.ParseVersion(b.Vsn)
		want := map[int]error{closeShape: phx.ErrShape, closeSyntax: phx.ErrSyntax}[b.Close]
		if err := decodeClient(v, b.Binary, data); !errors.Is(err, want) {
			t.Errorf("%s %s: %v, want %v", b.Vsn, b.Name, err, want)
		}
	}
}

func decodeClient(v phx.Version, binary bool, data []byte) error {
	if binary {
		_, err := phx.DecodeBinary(data)
		return err
	}
	f, err := phx.Decode(v, data)
	if err != nil {
		return err
	}
	return f.Check()
}

func TestDecodeServerBinary_Malformed(t *testing.T) {
	for _, data := range []string{"", "\x00", "\x00\x01\x01\x01te", "\x01\x00\x00\x01\x05t", "\x02\xff\x01t", "\x03\x00\x00"} {
		if f, err := phx.DecodeServerBinary([]byte(data)); !errors.Is(err, phx.ErrShape) {
			t.Errorf("%q became %+v, %v", data, f, err)
		}
	}
}
