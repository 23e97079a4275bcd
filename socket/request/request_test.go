package request_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/ws"
)

// parse reads a payload as an event of version V2 brings it.
func parse(t testing.TB, payload string) (request.Params, error) {
	t.Helper()
	f, err := phx.Decode(phx.V2, []byte(`["1","2","t","e",`+payload+`]`))
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return request.Parse(&f)
}

func params(t testing.TB, payload string) request.Params {
	t.Helper()
	p, err := parse(t, payload)
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return p
}

// object is an object with so many keys.
func object(keys int) string {
	var b strings.Builder
	for i := range keys {
		fmt.Fprintf(&b, `,"k%d":0`, i)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestParse(t *testing.T) {
	for payload, want := range map[string]error{
		`{}`: nil, `{"a":1}`: nil, ` { "a" : [ ] } `: nil, `null`: nil, object(1000): nil,
		`[]`: request.ErrInvalidPayload, `"x"`: request.ErrInvalidPayload, `1`: request.ErrInvalidPayload, `true`: request.ErrInvalidPayload,
		object(1001): request.ErrInvalidPayload,
	} {
		if p, err := parse(t, payload); err != want || err == nil && p == nil {
			t.Errorf("%.40s: %v, %v; want %v", payload, p, err, want)
		}
	}
	if _, err := request.Parse(&phx.Frame{Binary: true, Payload: []byte("{}")}); err != request.ErrInvalidPayload {
		t.Errorf("a binary frame: %v", err)
	}
}

// A payload that is no JSON ends the connection.
func TestParse_Malformed(t *testing.T) {
	for _, payload := range []string{`{"a":}`, `{"a":1`, `{"a":01}`, `{"a":1}}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, ``} {
		f, err := phx.Decode(phx.V2, []byte(`["1","2","t","e",`+payload+`]`))
		if err == nil {
			_, err = request.Parse(&f)
		} else {
			err = request.FrameError(err)
		}
		var end *ws.Error
		if !errors.As(err, &end) || end.Reason != "malformed_frame" || end.Code != ws.CloseInvalid && end.Code != ws.CloseUnsupported {
			t.Errorf("%q: %v, want the end of the connection", payload, err)
		}
	}
}

func TestParams_ReadsByType(t *testing.T) {
	p := params(t, `{"text":"a\u00e4\"","empty":"","number":-1.5e2,"huge":1e999,"true":true,"false":false,"null":null,"list":[],"object":{}}`)
	type values struct {
		has      bool
		text     string
		number   float64
		isNumber bool
		flag     bool
		isFlag   bool
	}
	for key, want := range map[string]values{
		"text":    {has: true, text: `aä"`},
		"empty":   {has: true},
		"number":  {has: true, number: -150, isNumber: true},
		"huge":    {has: true}, // it has no JSON form when it is sent on
		"true":    {has: true, flag: true, isFlag: true},
		"false":   {has: true, isFlag: true},
		"null":    {},
		"list":    {has: true},
		"object":  {has: true},
		"missing": {},
	} {
		var got values
		got.has, got.text = p.Has(key), p.Text(key)
		got.number, got.isNumber = p.Number(key)
		got.flag, got.isFlag = p.Flag(key)
		if got != want {
			t.Errorf("%s is %+v, want %+v", key, got, want)
		}
	}
}

func TestParams_Need(t *testing.T) {
	p := params(t, `{"a":1,"b":null}`)
	if err := p.Need("a", "b"); err != nil {
		t.Errorf("both are there: %v", err)
	}
	err := p.Need("a", "c", "b", "d")
	if item, ok := err.(interface{ AppendJSON([]byte) []byte }); !ok || !errors.Is(err, sensocto.ErrMissingFields) || string(item.AppendJSON(nil)) != `{"reason":"missing_fields","fields":["c","d"]}` {
		t.Errorf("c and d are missing: %v", err)
	}
}

func TestParams_IDs(t *testing.T) {
	for payload, want := range map[string]struct {
		ids []string
		err error
	}{
		`{"ids":[]}`:                    {nil, nil},
		`{"ids":[ "a" , "\u0062" ]}`:    {[]string{"a", "b"}, nil},
		`{"ids":["a","b","a","c","b"]}`: {[]string{"a", "b", "c"}, nil},
		`{"ids":["a","b","c","a","d"]}`: {nil, request.ErrTooManyIDs},
		`{"ids":["a","b","c","d",0]}`:   {nil, request.ErrTooManyIDs}, // and reads no further
		`{"ids":["a",0]}`:               {nil, request.ErrInvalidPayload},
		`{"ids":[["a"]]}`:               {nil, request.ErrInvalidPayload},
		`{"ids":"a"}`:                   {nil, request.ErrInvalidPayload},
		`{"ids":null}`:                  {nil, request.ErrInvalidPayload},
		`{}`:                            {nil, request.ErrInvalidPayload},
	} {
		if ids, err := params(t, payload).IDs("ids", 3); err != want.err || !slices.Equal(ids, want.ids) {
			t.Errorf("%s: %q, %v; want %q, %v", payload, ids, err, want.ids, want.err)
		}
	}
}

func TestParams_LevelAndBattery(t *testing.T) {
	for payload, want := range map[string]struct {
		level sensocto.AttentionLevel
		err   error
	}{
		`{}`: {sensocto.AttentionMedium, nil}, `{"l":null}`: {sensocto.AttentionMedium, nil},
		`{"l":"none"}`: {sensocto.AttentionNone, nil}, `{"l":"high"}`: {sensocto.AttentionHigh, nil},
		`{"l":"HIGH"}`: {0, request.ErrInvalidLevel}, `{"l":""}`: {0, request.ErrInvalidLevel}, `{"l":3}`: {0, request.ErrInvalidLevel},
	} {
		if level, err := params(t, payload).Level("l", sensocto.AttentionMedium); level != want.level || err != want.err {
			t.Errorf("%s: level %v, %v; want %v, %v", payload, level, err, want.level, want.err)
		}
	}
	for payload, want := range map[string]struct {
		battery sensocto.Battery
		err     error
	}{
		`{}`:                             {},
		`{"level":null,"charging":null}`: {},
		`{"level":0}`:                    {battery: sensocto.Battery{Known: true}},
		`{"level":1,"charging":true}`:    {battery: sensocto.Battery{Known: true, Level: 1, Charging: true}},
		`{"charging":true}`:              {battery: sensocto.Battery{Charging: true}},
		`{"level":1.01}`:                 {err: request.ErrInvalidLevel},
		`{"level":-0.1}`:                 {err: request.ErrInvalidLevel},
		`{"level":"0.5"}`:                {err: request.ErrInvalidLevel},
		`{"charging":1}`:                 {err: request.ErrInvalidPayload},
	} {
		if b, err := params(t, payload).Battery(); err != want.err || err == nil && b != want.battery {
			t.Errorf("%s: %+v, %v; want %+v, %v", payload, b, err, want.battery, want.err)
		}
	}
}

func TestParseAttributes(t *testing.T) {
	full := sensocto.Attribute{ID: "ecg", Name: "ECG", Type: "wave", Unit: "mV", SamplingRate: 512}
	const fields = `"attribute_name":"ECG","attribute_type":"wave","unit":"mV","sampling_rate":512`
	for text, want := range map[string]struct {
		list []sensocto.Attribute
		err  error
	}{
		``:             {},
		`null`:         {},
		`[]`:           {},
		`{}`:           {},
		`["ecg","hr"]`: {list: []sensocto.Attribute{{ID: "ecg"}, {ID: "hr"}}},
		`[{"attribute_id":"ecg",` + fields + `}]`:    {list: []sensocto.Attribute{full}},
		`[{"id":"ecg",` + fields + `}]`:              {list: []sensocto.Attribute{full}},
		`[{"id":"x","attribute_id":"ecg"}]`:          {list: []sensocto.Attribute{{ID: "ecg"}}},
		`{"ecg":{` + fields + `},"hr":1}`:            {list: []sensocto.Attribute{full, {ID: "hr"}}},
		`{"ecg":{"attribute_id":"x"}}`:               {list: []sensocto.Attribute{{ID: "ecg"}}},
		`[{"id":"ecg","sampling_rate":-1,"unit":1}]`: {list: []sensocto.Attribute{{ID: "ecg"}}},
		`["","no id",0,null,[],{},"hr"]`:             {list: []sensocto.Attribute{{ID: "hr"}}}, // what is none is left out
		`["hr","hr",{"id":"hr","unit":"bpm"}]`:       {list: []sensocto.Attribute{{ID: "hr"}}}, // the first of an id counts
		`["a","b","c"]`:                              {list: []sensocto.Attribute{{ID: "a"}, {ID: "b"}, {ID: "c"}}},
		`["a","b","a","c","d"]`:                      {list: []sensocto.Attribute{{ID: "a"}, {ID: "b"}, {ID: "c"}}, err: sensocto.ErrTooManyAttributes},
		`{"a":0,"b":0,"c":0,"d":0}`:                  {list: []sensocto.Attribute{{ID: "a"}, {ID: "b"}, {ID: "c"}}, err: sensocto.ErrTooManyAttributes},
		`"ecg"`:                                      {err: request.ErrInvalidPayload},
		`7`:                                          {err: request.ErrInvalidPayload},
	} {
		list, err := request.ParseAttributes([]byte(text), 3)
		if err != want.err || !slices.EqualFunc(list, want.list, func(a, b sensocto.Attribute) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Errorf("%s: %+v, %v; want %+v, %v", text, list, err, want.list, want.err)
		}
	}
}

func TestParseAttribute(t *testing.T) {
	for _, c := range []struct {
		id, metadata string
		want         string // the id
		err          error
	}{
		{"a", ``, "a", nil},
		{"a", `null`, "a", nil},
		{"a", `{"attribute_id":"b"}`, "a", nil},
		{"", `{"attribute_id":"b"}`, "b", nil},
		{"", `{}`, "", sensocto.ErrInvalidAttributeID},
		{"no id", `{}`, "", sensocto.ErrInvalidAttributeID},
		{"a", `[]`, "", request.ErrInvalidPayload},
	} {
		if a, err := request.ParseAttribute(c.id, []byte(c.metadata)); a.ID != c.want || err != c.err {
			t.Errorf("%q %s: %q, %v; want %q, %v", c.id, c.metadata, a.ID, err, c.want, c.err)
		}
	}
}
