package p2p

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/sensocto/sensocto"
)

// sensorProtocol is the name of the streams of live sensors: docs/p2p.md.
const sensorProtocol = "sensocto/sensor/1"

// The kinds of frames. A frame is its kind, the length of its body in four bytes, and
// the body.
const (
	// From whoever watches. The bodies are JSON.
	frameOpen  = 1 // openFrame, the first one
	frameWatch = 2 // watchFrame
	frameAsk   = 3 // question
	framePing  = 4 // of both sides: nothing

	// From the server of the sensor.
	frameState  = 11 // stateFrame as JSON
	frameBegin  = 12 // the number of the first sample that follows, by attribute, as JSON
	frameData   = 13 // runs
	frameLost   = 14 // lostFrame as JSON
	frameAnswer = 15 // a part of an answer: id, 1 for the last part, bytes
	frameFailed = 16 // failedFrame as JSON
)

const (
	maxAskFrame  = 64 << 10  // from whoever watches
	maxDataFrame = 512 << 10 // from the server of the sensor
	frameHead    = 5
)

// openFrame says who wants to see what.
type openFrame struct {
	Room   string `json:"room"`
	As     Key    `json:"as"` // a member at the server that opens the stream
	Owner  Key    `json:"owner"`
	Sensor string `json:"sensor"` // its id at the other server
}

// watchFrame says how closely the sensor is looked at.
type watchFrame struct {
	Level      string `json:"level"`
	NeverPause bool   `json:"never_pause,omitempty"`
	// From has the number of the next sample by attribute, where a stream goes on;
	// attributes that are not in it begin at 0, so that {} stands for all from the first
	// sample on. null: from now on.
	From map[string]int64 `json:"from"`
}

// stateFrame is what is known of the sensor.
type stateFrame struct {
	Name          string           `json:"name"`
	Type          string           `json:"type"`
	Online        bool             `json:"online"` // its device is connected
	ConnectorID   string           `json:"connector_id"`
	ConnectorName string           `json:"connector_name"`
	SamplingRate  float64          `json:"sampling_rate"`
	Attributes    []stateAttribute `json:"attributes"`
}

type stateAttribute struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Type         string  `json:"type"`
	Unit         string  `json:"unit"`
	SamplingRate float64 `json:"sampling_rate"`
}

// lostFrame says how many samples the server no longer has in memory.
type lostFrame struct {
	AttributeID string `json:"attribute_id"`
	Samples     int64  `json:"samples"`
}

// failedFrame answers a question, or with id 0 ends the stream.
type failedFrame struct {
	ID      uint64        `json:"id"`
	Code    sensocto.Code `json:"code"`
	Reason  string        `json:"reason"`
	Message string        `json:"message"`
}

func failed(id uint64, err error) failedFrame {
	return failedFrame{ID: id, Code: sensocto.ErrorCode(err), Reason: sensocto.ErrorReason(err), Message: err.Error()}
}

// failureFrame returns the frame that answers a question with an error.
func failureFrame(id uint64, err error) []byte {
	body, _ := json.Marshal(failed(id, err)) // numbers and texts alone: it cannot fail
	return appendFrame(nil, frameFailed, body)
}

func (f failedFrame) err() error {
	return &sensocto.Error{Code: f.Code, Reason: f.Reason, Message: "the sensor's server: " + shorten(f.Message)}
}

// beginFrame appends the head of a frame, whose body endFrame ends.
func beginFrame(dst []byte, kind byte) (out []byte, at int) {
	return append(dst, kind, 0, 0, 0, 0), len(dst)
}

func endFrame(dst []byte, at int) []byte {
	binary.LittleEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-frameHead))
	return dst
}

func appendFrame(dst []byte, kind byte, body []byte) []byte {
	dst, at := beginFrame(dst, kind)
	return endFrame(append(dst, body...), at)
}

func appendJSONFrame(dst []byte, kind byte, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("encode frame: %w", err)
	}
	return appendFrame(dst, kind, body), nil
}

var errFrame = &sensocto.Error{Code: sensocto.CodeInvalid, Message: "a frame of a sensor's stream is malformed or too large"}

// frames takes a stream apart.
type frames struct {
	read func(context.Context) ([]byte, error)
	most int // bytes of a body
	rest []byte
}

// next returns the next frame, whose body is valid until the call after.
func (f *frames) next(ctx context.Context) (kind byte, body []byte, err error) {
	for {
		if len(f.rest) >= frameHead {
			n := int(binary.LittleEndian.Uint32(f.rest[1:]))
			if n < 0 || n > f.most {
				return 0, nil, errFrame
			}
			if len(f.rest) >= frameHead+n {
				kind, body = f.rest[0], f.rest[frameHead:frameHead+n]
				f.rest = f.rest[frameHead+n:]
				return kind, body, nil
			}
		}
		more, err := f.read(ctx)
		if err != nil {
			return 0, nil, err
		}
		f.rest = append(f.rest, more...)
	}
}
