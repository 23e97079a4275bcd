package socket

import (
	"encoding/json"
	"slices"
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

// parseAttributes reads the attributes of a join, which come as a list of
// strings, a list of objects, or a map by id. One without a valid id is left
// out: its measurements will be refused with a reason, the others are welcome.
func parseAttributes(text []byte) ([]sensocto.Attribute, error) {
	switch {
	case len(text) == 0 || string(text) == "null":
		return nil, nil
	case text[0] == '[':
		return parseAttributeList(text)
	case text[0] == '{':
		return parseAttributeMap(text)
	}
	return nil, errInvalidPayload
}

func parseAttributeList(text []byte) ([]sensocto.Attribute, error) {
	var items []json.RawMessage
	if json.Unmarshal(text, &items) != nil {
		return nil, errInvalidPayload
	}
	var list []sensocto.Attribute
	for _, item := range items {
		id, metadata := "", item
		if item[0] == '"' {
			id, metadata = tokenText(item), nil
		}
		if a, err := parseAttribute(id, metadata); err == nil {
			list = withAttribute(list, a)
		}
	}
	return list, nil
}

func parseAttributeMap(text []byte) ([]sensocto.Attribute, error) {
	var list []sensocto.Attribute
	err := jsonscan.Object(text, func(key, value []byte) error {
		if value[0] != '{' {
			value = nil
		}
		if a, err := parseAttribute(string(key), value); err == nil {
			list = withAttribute(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, errInvalidPayload
	}
	return list, nil
}

// withAttribute appends an attribute that is not there yet.
func withAttribute(list []sensocto.Attribute, a sensocto.Attribute) []sensocto.Attribute {
	if slices.ContainsFunc(list, func(b sensocto.Attribute) bool { return b.ID == a.ID }) {
		return list
	}
	return append(list, a)
}

// parseAttribute reads the metadata of an attribute. An id inside counts where
// none is given.
func parseAttribute(id string, metadata []byte) (sensocto.Attribute, error) {
	var f attributeFields
	if len(metadata) > 0 && string(metadata) != "null" && json.Unmarshal(metadata, &f) != nil {
		return sensocto.Attribute{}, errInvalidPayload
	}
	if id == "" {
		if id = tokenText(f.AttributeID); id == "" {
			id = tokenText(f.ID)
		}
	}
	if !sensocto.ValidAttributeID(id) {
		return sensocto.Attribute{}, sensocto.ErrInvalidAttributeID
	}
	rate, _ := params{"r": f.SamplingRate}.number("r")
	return sensocto.Attribute{
		ID: strings.Clone(id), Name: tokenText(f.AttributeName), Type: tokenText(f.AttributeType),
		Unit: tokenText(f.Unit), SamplingRate: max(0, rate),
	}, nil
}

// tokenText returns the text of a JSON string, "" for anything else.
func tokenText(token []byte) string { return params{"t": token}.text("t") }
