package request

import (
	"encoding/json"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// attributeFields is how clients describe an attribute.
type attributeFields struct {
	AttributeID   json.RawMessage `json:"attribute_id"`
	ID            json.RawMessage `json:"id"`
	AttributeType json.RawMessage `json:"attribute_type"`
	AttributeName json.RawMessage `json:"attribute_name"`
	Unit          json.RawMessage `json:"unit"`
	SamplingRate  json.RawMessage `json:"sampling_rate"`
}

// attributeList gathers the attributes of a join: each id once, and no more
// than the sensor may have.
type attributeList struct {
	limit int
	list  []sensocto.Attribute
	known map[string]struct{}
}

// ParseAttributes reads the attributes of a join, which come as a list of
// strings, a list of objects, or a map by id. One without a valid id is left
// out: its measurements will be refused with a reason, the others are welcome.
// It stops with ErrTooManyAttributes at the limit.
func ParseAttributes(text []byte, limit int) ([]sensocto.Attribute, error) {
	l := attributeList{limit: limit, known: make(map[string]struct{})}
	var err error
	switch {
	case len(text) == 0 || string(text) == "null":
	case text[0] == '[':
		err = l.parseList(text)
	case text[0] == '{':
		err = l.parseMap(text)
	default:
		err = ErrInvalidPayload
	}
	return l.list, err
}

func (l *attributeList) parseList(text []byte) error {
	var items []json.RawMessage
	if json.Unmarshal(text, &items) != nil {
		return ErrInvalidPayload
	}
	for _, item := range items {
		id, metadata := "", item
		if item[0] == '"' {
			id, metadata = Text(item), nil
		}
		if err := l.add(id, metadata); err != nil {
			return err
		}
	}
	return nil
}

func (l *attributeList) parseMap(text []byte) error {
	var full error
	err := jsonscan.Object(text, func(key, value []byte) error {
		if value[0] != '{' {
			value = nil
		}
		full = l.add(string(key), value)
		return full
	})
	if err != nil && full == nil {
		return ErrInvalidPayload
	}
	return full
}

// add takes an attribute that is not there yet.
func (l *attributeList) add(id string, metadata []byte) error {
	a, err := ParseAttribute(id, metadata)
	if err != nil {
		return nil
	}
	if _, known := l.known[a.ID]; known {
		return nil
	}
	if len(l.list) >= l.limit {
		return sensocto.ErrTooManyAttributes
	}
	l.known[a.ID] = struct{}{}
	l.list = append(l.list, a)
	return nil
}

// ParseAttribute reads the metadata of an attribute. An id inside counts where
// none is given.
func ParseAttribute(id string, metadata []byte) (sensocto.Attribute, error) {
	var f attributeFields
	if len(metadata) > 0 && string(metadata) != "null" && json.Unmarshal(metadata, &f) != nil {
		return sensocto.Attribute{}, ErrInvalidPayload
	}
	if id == "" {
		if id = Text(f.AttributeID); id == "" {
			id = Text(f.ID)
		}
	}
	if !sensocto.ValidAttributeID(id) {
		return sensocto.Attribute{}, sensocto.ErrInvalidAttributeID
	}
	rate, _ := Params{"r": f.SamplingRate}.Number("r")
	return sensocto.Attribute{
		ID: strings.Clone(id), Name: Text(f.AttributeName), Type: Text(f.AttributeType),
		Unit: Text(f.Unit), SamplingRate: max(0, rate),
	}, nil
}

// Text returns the text of a JSON string, "" for anything else.
func Text(token []byte) string { return Params{"t": token}.Text("t") }
