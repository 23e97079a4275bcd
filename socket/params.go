package socket

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

// Reasons that errors of this package carry to clients.
var (
	errInvalidPayload  = invalid("invalid_payload", "the payload has the wrong form")
	errUnmatchedTopic  = invalid("unmatched topic", "no such topic, or not joined")
	errUnknownEvent    = invalid("unknown event", "the topic does not know this event")
	errTooManyTopics   = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_topics", Message: "the connection has joined as many topics as the server allows"}
	errInvalidSensor   = invalid("invalid_sensor_id", "a sensor's id is 1–128 characters of A–Z a–z 0–9 . _ : - and the end of the topic")
	errInvalidConnID   = invalid("invalid_connector_id", "a connector's id is 1–128 characters of A–Z a–z 0–9 . _ : -")
	errInvalidConnName = invalid("invalid_connector_name", "a connector's name has 1–100 bytes of printable characters")
	errInvalidCommand  = invalid("invalid_command", "a command is a JSON object")
	errReplyTooLarge   = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "reply_too_large", Message: "the reply would be larger than the server allows: ask for less"}
	errTooManyIDs      = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_sensors", Message: "a frame may name as many sensors as the server allows topics: send several"}
	errTooManyPings    = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_pings", Message: "large pings of the connection wait for their sensors: wait for the answers"}
	errTooManyWatched  = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_watched", Message: "the connection, or all together, watch as many sensors as the server allows"}
	errInvalidLevel    = invalid("invalid_level", "a level is one of none, low, medium, high")
)

func invalid(reason, message string) *sensocto.Error {
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: reason, Message: message}
}

// maxParams bounds the keys of a payload: a map of a hundred thousand would be
// many times as large as its text. No event knows more than a dozen.
const maxParams = 1000

// params is a payload that is an object: values are JSON text, valid as long
// as the frame is.
type params map[string][]byte

// parseParams reads a payload. It returns a *ws.Error for text that is not
// JSON, which ends the connection, and errInvalidPayload for anything that is
// not an object. null stands for an empty object.
func parseParams(f *phx.Frame) (params, error) {
	if f.Binary {
		return nil, errInvalidPayload
	}
	p := params{}
	err := jsonscan.Object(f.Payload, func(key, value []byte) error {
		if len(p) == maxParams {
			return errInvalidPayload
		}
		p[string(key)] = value
		return nil
	})
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, jsonscan.ErrSyntax):
		return nil, malformed(f)
	case string(f.Payload) == "null":
		return p, nil
	}
	return nil, errInvalidPayload
}

// malformed says how the connection ends whose frame has a payload that is not
// JSON.
func malformed(f *phx.Frame) error { return frameError(f.Check()) }

// frameError turns an error of package phx into a close code.
func frameError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, phx.ErrShape):
		return &ws.Error{Code: ws.CloseUnsupported, Reason: "malformed_frame"}
	}
	return &ws.Error{Code: ws.CloseInvalid, Reason: "malformed_frame"}
}

// need returns an error that names those of the keys that are missing.
func (p params) need(keys ...string) error {
	missing := slices.DeleteFunc(keys, func(key string) bool { _, there := p[key]; return there })
	if len(missing) == 0 {
		return nil
	}
	return wire.NewItemError(0, sensocto.ErrMissingFields, missing...)
}

// text returns a string, "" where it is missing, null or something else.
func (p params) text(key string) string {
	token := p[key]
	if len(token) == 0 || token[0] != '"' {
		return ""
	}
	_, plain := jsonscan.String(token, 0)
	return string(jsonscan.Unquote(token, plain))
}

// has reports whether the key is there and not null.
func (p params) has(key string) bool { return len(p[key]) > 0 && string(p[key]) != "null" }

// number returns a number, and false where there is none.
func (p params) number(key string) (float64, bool) {
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

// flag returns a bool, and false where there is none.
func (p params) flag(key string) (value, ok bool) {
	switch string(p[key]) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// ids returns the different strings of a list, in their order. It returns
// errTooManyIDs where there are more than most of them, and reads no further.
func (p params) ids(key string, most int) ([]string, error) {
	token := p[key]
	if len(token) == 0 || token[0] != '[' {
		return nil, errInvalidPayload
	}
	var list []string
	known := make(map[string]struct{})
	for i := jsonscan.Space(token, 1); token[i] != ']'; {
		if token[i] != '"' {
			return nil, errInvalidPayload
		}
		end, plain := jsonscan.String(token, i)
		text := jsonscan.Unquote(token[i:end], plain)
		if _, doubled := known[string(text)]; !doubled {
			if len(list) == most {
				return nil, errTooManyIDs
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

// level returns an attention level, or the default where there is none.
func (p params) level(key string, or sensocto.AttentionLevel) (sensocto.AttentionLevel, error) {
	if !p.has(key) {
		return or, nil
	}
	l, err := sensocto.ParseAttentionLevel(p.text(key))
	if err != nil {
		return 0, errInvalidLevel
	}
	return l, nil
}

// battery returns what a viewer says of its battery. Where it does not say how
// full that is, nothing is known of it.
func (p params) battery() (b sensocto.Battery, err error) {
	if p.has("level") {
		if b.Level, b.Known = p.number("level"); !b.Known || b.Level < 0 || b.Level > 1 {
			return b, errInvalidLevel
		}
	}
	if p.has("charging") {
		var ok bool
		if b.Charging, ok = p.flag("charging"); !ok {
			return b, errInvalidPayload
		}
	}
	return b, nil
}
