package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sensocto/sensocto"
)

// sensorJSON is a sensor as the server describes it.
type sensorJSON struct {
	ID            string                  `json:"sensor_id"`
	Name          string                  `json:"sensor_name"`
	Type          string                  `json:"sensor_type"`
	ConnectorID   string                  `json:"connector_id"`
	ConnectorName string                  `json:"connector_name"`
	Activity      sensocto.ActivityStatus `json:"activity_status"`
	SamplingRate  float64                 `json:"sampling_rate"`
	Attributes    []attributeJSON         `json:"attributes"`
}

type attributeJSON struct {
	ID           string  `json:"id"`
	Name         string  `json:"attribute_name"`
	Type         string  `json:"attribute_type"`
	Unit         string  `json:"unit"`
	SamplingRate float64 `json:"sampling_rate"`
	LastValue    *struct {
		Payload   json.RawMessage `json:"payload"`
		Timestamp float64         `json:"timestamp"`
	} `json:"last_value"`
}

func (s sensorJSON) sensor() sensocto.Sensor {
	out := sensocto.Sensor{
		ID: s.ID, Name: s.Name, Type: s.Type,
		ConnectorID: s.ConnectorID, ConnectorName: s.ConnectorName,
		Activity: s.Activity, SamplingRate: s.SamplingRate,
		Attributes: make([]sensocto.Attribute, 0, len(s.Attributes)),
	}
	for _, a := range s.Attributes {
		out.Attributes = append(out.Attributes, a.attribute())
	}
	return out
}

func (a attributeJSON) attribute() sensocto.Attribute {
	out := sensocto.Attribute{ID: a.ID, Name: a.Name, Type: a.Type, Unit: a.Unit, SamplingRate: a.SamplingRate}
	if a.LastValue == nil {
		return out
	}
	sample := sensocto.Sample{}
	sample.Timestamp, _ = sensocto.TimestampFromMS(a.LastValue.Timestamp)
	if err := json.Unmarshal(a.LastValue.Payload, &sample.Value); err != nil || !isNumber(a.LastValue.Payload) {
		sample.Document = bytes.Clone(a.LastValue.Payload)
	}
	out.LastValue = &sample
	return out
}

// ParseSensor reads a sensor as events, replies and the HTTP API describe it.
func ParseSensor(text []byte) (sensocto.Sensor, error) {
	var s sensorJSON
	if err := json.Unmarshal(text, &s); err != nil {
		return sensocto.Sensor{}, fmt.Errorf("read sensor: %w", err)
	}
	return s.sensor(), nil
}
