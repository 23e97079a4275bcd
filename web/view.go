package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// The types of this file are what the API answers. They repeat the domain's
// because they are documented, and change only with the API's version.

type sensorList struct {
	Sensors []sensorView `json:"sensors" nullable:"false" doc:"Sorted by id."`
	Next    string       `json:"next" doc:"Where the list goes on: pass it back as after=; empty at its end."`
}

type sensorView struct {
	ID            string          `json:"sensor_id" example:"chest-strap-7"`
	Name          string          `json:"sensor_name" example:"Chest strap"`
	Type          string          `json:"sensor_type" example:"ecg"`
	ConnectorID   string          `json:"connector_id"`
	ConnectorName string          `json:"connector_name"`
	OwnerName     string          `json:"owner_name,omitempty" doc:"What its owner is called, where that is a person." example:"Ada"`
	Activity      string          `json:"activity_status" enum:"online,idle,offline,unknown" doc:"online: sent within 5 s; idle: connected; offline: known."`
	SamplingRate  float64         `json:"sampling_rate" doc:"In Hz, 0 where unknown."`
	Attributes    []attributeView `json:"attributes" nullable:"false" doc:"What it measures, sorted by id."`
	Rates         ratesView       `json:"rates" doc:"How fast it sends, averaged over the last few seconds."`
	Own           bool            `json:"own" doc:"It is the asker's: to share, rename, hand over and delete."`
}

type attributeView struct {
	ID           string     `json:"id" example:"ecg"`
	Name         string     `json:"attribute_name"`
	Type         string     `json:"attribute_type"`
	Unit         string     `json:"unit" example:"mV"`
	SamplingRate float64    `json:"sampling_rate" doc:"In Hz, 0 where unknown."`
	LastValue    *lastValue `json:"last_value"`
	Rate         float64    `json:"measurements_per_second" doc:"Averaged over the last few seconds."`
}

type measurementView struct {
	Timestamp timestamp       `json:"timestamp"`
	Payload   json.RawMessage `json:"payload" doc:"A number, or any other JSON value."`
}

// lastValue is a measurement that may be missing.
type lastValue measurementView

// Schema describes a measurement or null.
func (lastValue) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[measurementView](), true, ""), {Type: "null"}}}
}

type ratesView struct {
	MeasurementsPerSecond float64    `json:"measurements_per_second"`
	BatchesPerSecond      float64    `json:"batches_per_second"`
	LastSeen              *timestamp `json:"last_seen" nullable:"true" doc:"When something came last; null where that is not known."`
}

type removedView struct {
	Attributes   int   `json:"attributes" doc:"How many attributes had measurements."`
	Measurements int64 `json:"measurements" doc:"How many measurements were removed."`
}

func viewOf(s sensocto.Sensor, r sensocto.Rates) sensorView {
	v := sensorView{
		ID: s.ID, Name: s.Name, Type: s.Type, ConnectorID: s.ConnectorID, ConnectorName: s.ConnectorName, OwnerName: s.OwnerName,
		Activity: string(s.Activity), SamplingRate: s.SamplingRate,
		Attributes: make([]attributeView, len(s.Attributes)),
		Rates:      ratesView{MeasurementsPerSecond: r.MeasurementsPerSecond, BatchesPerSecond: r.BatchesPerSecond, LastSeen: seen(r.LastSeen)},
	}
	for i, a := range s.Attributes {
		v.Attributes[i] = attributeView{ID: a.ID, Name: a.Name, Type: a.Type, Unit: a.Unit, SamplingRate: a.SamplingRate, Rate: r.Attributes[a.ID]}
		if a.LastValue != nil {
			v.Attributes[i].LastValue = &lastValue{timestamp(a.LastValue.Timestamp), a.LastValue.AppendPayload(nil)}
		}
	}
	return v
}

func seen(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	ts := timestamp(t.UnixMicro())
	return &ts
}

// timestamp is Unix time in µs inside, in ms on the wire.
type timestamp int64

func (t timestamp) MarshalJSON() ([]byte, error) {
	return sensocto.AppendTimestamp(nil, int64(t)), nil
}

// compactObject checks that the body of a command is one JSON object that any
// device can read, and drops white space: it becomes part of a text frame.
func compactObject(body []byte) (json.RawMessage, error) {
	var out bytes.Buffer
	if !utf8.Valid(body) || json.Compact(&out, body) != nil || out.Len() == 0 || out.Bytes()[0] != '{' {
		return nil, problem(http.StatusUnprocessableEntity, "the body must be a JSON object")
	}
	return out.Bytes(), nil
}
