// Package request reads what clients ask for: the payload of a join or an event as
// values of known types, and the attributes that a device brings with its join. It
// names the reasons for which any topic refuses a request, and says what a topic that
// answers requests is. It decides nothing about rights and knows no connection.
package request

import (
	"errors"
	"math"
	"slices"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
	"github.com/sensocto/sensocto/wire"
)

// Errors that several topics answer with.
var (
	ErrInvalidPayload = Invalid("invalid_payload", "the payload has the wrong form")
	ErrUnmatchedTopic = Invalid("unmatched topic", "no such topic, or not joined")
	ErrUnknownEvent   = Invalid("unknown event", "the topic does not know this event")
	ErrInvalidSensor  = Invalid("invalid_sensor_id", "a sensor's id is 1–128 characters of A–Z a–z 0–9 . _ : - and the end of the topic")
	ErrInvalidLevel   = Invalid("invalid_level", "a level is one of none, low, medium, high")
	ErrTooManyIDs     = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_sensors", Message: "a frame may name as many sensors as the server allows topics: send several"}
)

// Invalid returns the error of a request that is wrong.
func Invalid(reason, message string) *sensocto.Error {
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: reason, Message: message}
}

// maxParams bounds the keys of a payload: a map of a hundred thousand would be
// many times as large as its text. No event knows more than a dozen.
const maxParams = 1000

// Params is a payload that is an object: values are JSON text, valid as long
// as the frame is.
type Params map[string][]byte

// Parse reads a payload. It returns a *ws.Error for text that is not
// JSON, which ends the connection, and ErrInvalidPayload for anything that is
// not an object. null stands for an empty object.
func Parse(f *phx.Frame) (Params, error) {
	if f.Binary {
		return nil, ErrInvalidPayload
	}
	p := Params{}
	err := jsonscan.Object(f.Payload, func(key, value []byte) error {
		if len(p) == maxParams {
			return ErrInvalidPayload
		}
		p[string(key)] = value
		return nil
	})
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, jsonscan.ErrSyntax):
		return nil, Check(f)
	case string(f.Payload) == "null":
		return p, nil
	}
	return nil, ErrInvalidPayload
}

// Check reports how the connection ends whose frame is malformed, nil where it is
// not.
func Check(f *phx.Frame) error { return FrameError(f.Check()) }

// FrameError turns an error of package phx into a *ws.Error.
func FrameError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, phx.ErrShape):
		return &ws.Error{Code: ws.CloseUnsupported, Reason: "malformed_frame"}
	}
	return &ws.Error{Code: ws.CloseInvalid, Reason: "malformed_frame"}
}

// Need returns an error that names those of the keys that are missing.
func (p Params) Need(keys ...string) error {
	missing := slices.DeleteFunc(keys, func(key string) bool { _, there := p[key]; return there })
	if len(missing) == 0 {
		return nil
	}
	return wire.NewItemError(0, sensocto.ErrMissingFields, missing...)
}

// Text returns a string, "" where it is missing, null or something else.
func (p Params) Text(key string) string {
	token := p[key]
	if len(token) == 0 || token[0] != '"' {
		return ""
	}
	_, plain := jsonscan.String(token, 0)
	return string(jsonscan.Unquote(token, plain))
}

// Has reports whether the key is there and not null.
func (p Params) Has(key string) bool { return len(p[key]) > 0 && string(p[key]) != "null" }

// Number returns a number, and false where there is none.
func (p Params) Number(key string) (float64, bool) {
	token := p[key]
	if len(token) == 0 || token[0] != '-' && (token[0] < '0' || token[0] > '9') {
		return 0, false
	}
	v, end := jsonscan.Number(token, 0)
	if !jsonscan.End(token, end) || math.IsInf(v, 0) { // 1e999 has no JSON form when it is sent on
		return 0, false
	}
	return v, true
}

// Flag returns a bool, and false where there is none.
func (p Params) Flag(key string) (value, ok bool) {
	switch string(p[key]) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// IDs returns the different strings of a list, in their order. It returns
// ErrTooManyIDs where there are more than most of them, and reads no further.
func (p Params) IDs(key string, most int) ([]string, error) {
	token := p[key]
	if len(token) == 0 || token[0] != '[' {
		return nil, ErrInvalidPayload
	}
	var list []string
	known := make(map[string]struct{})
	for i := jsonscan.Space(token, 1); token[i] != ']'; {
		if token[i] != '"' {
			return nil, ErrInvalidPayload
		}
		end, plain := jsonscan.String(token, i)
		text := jsonscan.Unquote(token[i:end], plain)
		if _, doubled := known[string(text)]; !doubled {
			if len(list) == most {
				return nil, ErrTooManyIDs
			}
			list = append(list, string(text))
			known[list[len(list)-1]] = struct{}{}
		}
		if i = jsonscan.Space(token, end); token[i] == ',' {
			i = jsonscan.Space(token, i+1)
		}
	}
	return list, nil
}

// Level returns an attention level, or the default where there is none.
func (p Params) Level(key string, or sensocto.AttentionLevel) (sensocto.AttentionLevel, error) {
	if !p.Has(key) {
		return or, nil
	}
	l, err := sensocto.ParseAttentionLevel(p.Text(key))
	if err != nil {
		return 0, ErrInvalidLevel
	}
	return l, nil
}

// Battery returns what a viewer says of its battery. Where it does not say how
// full that is, nothing is known of it.
func (p Params) Battery() (b sensocto.Battery, err error) {
	if p.Has("level") {
		if b.Level, b.Known = p.Number("level"); !b.Known || b.Level < 0 || b.Level > 1 {
			return b, ErrInvalidLevel
		}
	}
	if p.Has("charging") {
		var ok bool
		if b.Charging, ok = p.Flag("charging"); !ok {
			return b, ErrInvalidPayload
		}
	}
	return b, nil
}
