package inventory

import (
	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/outbound"
)

// JSONList is a JSON list of sensors that is bounded in bytes.
type JSONList struct {
	most int
	json []byte
}

// NewJSONList returns a list of at most about that many bytes.
func NewJSONList(most int) *JSONList { return &JSONList{most: most, json: []byte{'['}} }

// Add appends a sensor as Describe does.
func (l *JSONList) Add(s sensocto.Sensor) {
	l.append(Describe(s, l.most-len(l.json)))
}

// Describe returns a sensor as JSON of at most about a number of bytes: without
// its attributes where these do not fit, and then with the key truncated.
func Describe(s sensocto.Sensor, most int) []byte {
	if atLeast(s) <= most {
		if text := outbound.AppendJSON(nil, s); len(text) <= most {
			return text
		}
	}
	s.Attributes = []sensocto.Attribute{}
	return outbound.AppendJSON(nil, struct {
		sensocto.Sensor
		Truncated bool `json:"truncated"`
	}{s, true})
}

// atLeast is a lower bound of a sensor's size as JSON, so that one with many
// large documents is not encoded only to be thrown away.
func atLeast(s sensocto.Sensor) (n int) {
	for i := range s.Attributes {
		a := &s.Attributes[i]
		n += len(a.ID) + len(a.Name) + len(a.Type) + len(a.Unit)
		if a.LastValue != nil {
			n += len(a.LastValue.Document)
		}
	}
	return n
}

// addWhole appends a sensor if it fits, or is the first. It reports whether it did.
func (l *JSONList) addWhole(s sensocto.Sensor) bool {
	text := Describe(s, l.most)
	if len(l.json) > 1 && len(l.json)+len(text) > l.most {
		return false
	}
	l.append(text)
	return true
}

func (l *JSONList) append(text []byte) {
	if len(l.json) > 1 {
		l.json = append(l.json, ',')
	}
	l.json = append(l.json, text...)
}

// Close ends the list and returns it.
func (l *JSONList) Close() []byte { return append(l.json, ']') }
