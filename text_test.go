package sensocto_test

import (
	"math"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

func TestValidText(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                 true,
		"Ada's strap":                      true,
		"Brustgurt – Übung 3 °C":           true,
		"心電図\u00a0センサー":                    true,
		"می\u200cخواهم":                    true,
		"\U0001F468\u200d\U0001F4BB\ufe0f": true,
		strings.Repeat("é", 128):           true,
		strings.Repeat("é", 129):           false,
		"a\x00b":                           false,
		"\x1b[2J":                          false,
		"\u009b2J":                         false,
		"a\nb":                             false,
		"a\u202eb":                         false,
		"a\u2028b":                         false,
		"a\x7f":                            false,
		"caf\xe9":                          false,
		"\ufffd":                           true,
	} {
		if got := sensocto.ValidText(text); got != want {
			t.Errorf("ValidText(%q) = %v", text, got)
		}
		if clean := sensocto.CleanText(text); !sensocto.ValidText(clean) || want && clean != text {
			t.Errorf("CleanText(%q) = %q", text, clean)
		}
	}
}

func TestCheck_NamesTheField(t *testing.T) {
	const bad = "\x1b]0;owned\a"
	attribute := func(a sensocto.Attribute) sensocto.Registration {
		a.ID = "ecg"
		return sensocto.Registration{Attributes: []sensocto.Attribute{a}}
	}
	for reason, r := range map[string]sensocto.Registration{
		"":                       {SensorName: "Strap", SamplingRate: 250},
		"invalid_sensor_name":    {SensorName: bad},
		"invalid_sensor_type":    {SensorType: bad},
		"invalid_connector_name": {ConnectorName: bad},
		"invalid_sampling_rate":  {SamplingRate: math.Inf(1)},
		"invalid_attribute_name": attribute(sensocto.Attribute{Name: bad}),
		"invalid_attribute_type": attribute(sensocto.Attribute{Type: bad}),
		"invalid_unit":           attribute(sensocto.Attribute{Unit: bad}),
		"invalid_attribute_id":   {Attributes: []sensocto.Attribute{{ID: bad}}},
	} {
		if got := sensocto.ErrorReason(r.Check()); got != reason {
			t.Errorf("%+v: %q, want %q", r, got, reason)
		}
	}
}

func TestSensor_Clean(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	s := sensocto.Sensor{ID: "s", Name: long, Type: "a\x00", ConnectorName: "\xff", SamplingRate: math.NaN(),
		Attributes: []sensocto.Attribute{{ID: "ecg", Name: "\x1b[31m", Unit: long, SamplingRate: math.Inf(1)}}}.Clean()
	r := sensocto.Registration{SensorName: s.Name, SensorType: s.Type, ConnectorName: s.ConnectorName, SamplingRate: s.SamplingRate, Attributes: s.Attributes}
	if err := r.Check(); err != nil || len(s.Name) != sensocto.MaxText {
		t.Errorf("%v after cleaning, %d bytes of name", err, len(s.Name))
	}
}
