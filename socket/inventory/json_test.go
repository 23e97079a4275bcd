package inventory_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/inventory"
)

// described is a sensor as viewers read it.
type described struct {
	SensorID   string            `json:"sensor_id"`
	Attributes []json.RawMessage `json:"attributes"`
	Truncated  bool              `json:"truncated"`
}

func sensor(id string, documents ...int) sensocto.Sensor {
	s := sensocto.Sensor{ID: id, Name: "<" + id + ">", Attributes: []sensocto.Attribute{}}
	for _, size := range documents {
		s.Attributes = append(s.Attributes, sensocto.Attribute{ID: "doc", LastValue: &sensocto.Sample{Document: []byte(`"` + strings.Repeat("x", size) + `"`)}})
	}
	return s
}

func TestDescribe_IsWholeAsLongAsItFits(t *testing.T) {
	s := sensor("s", 100, 200)
	whole := inventory.Describe(s, 1<<20)
	for _, c := range []struct {
		most      int
		truncated bool
	}{{len(whole), false}, {len(whole) - 1, true}, {300, true}, {0, true}, {-5, true}} {
		text := inventory.Describe(s, c.most)
		var d described
		if err := json.Unmarshal(text, &d); err != nil || d.SensorID != "s" || d.Truncated != c.truncated || d.Attributes == nil || (len(d.Attributes) == 2) == c.truncated {
			t.Errorf("in %d bytes: %s, %v", c.most, text, err)
		}
	}
	if !strings.Contains(string(whole), "<s>") || strings.Contains(string(whole), "truncated") {
		t.Errorf("the whole sensor is %s", whole)
	}
}

// A list has every sensor that was added, in order, and those that fit with their
// attributes.
func TestJSONList_IsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.IntRange(2, 5000).Draw(rt, "most")
		sizes := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 1500), 0, 3), 0, 12).Draw(rt, "documents")
		l := inventory.NewJSONList(most)
		for i, documents := range sizes {
			l.Add(sensor(string(rune('a'+i)), documents...))
		}
		text := l.Close()
		var list []described
		if err := json.Unmarshal(text, &list); err != nil || len(list) != len(sizes) {
			rt.Fatalf("%d sensors of %d, %v: %s", len(list), len(sizes), err, text)
		}
		bound := most + 2
		for i, d := range list {
			if d.SensorID != string(rune('a'+i)) || !d.Truncated && len(d.Attributes) != len(sizes[i]) || d.Truncated && len(d.Attributes) > 0 {
				rt.Fatalf("sensor %d is %+v", i, d)
			}
			if d.Truncated {
				bound += len(inventory.Describe(sensor("a"), 0)) + 1
			}
		}
		if len(text) > bound {
			rt.Fatalf("%d bytes, more than %d", len(text), bound)
		}
	})
}
