package client

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/wire"
)

// decoder turns the events of one viewer's topic into updates. It runs on the
// reader and uses its memory again, so that a sample costs no allocation.
type decoder struct {
	c        *Client
	o        ViewOptions
	sensorID string // of a data topic, else ""
	wire     *wire.Decoder
	batch    sensocto.Batch
	items    []Item
	ids      map[string]string // interned sensor and attribute ids
}

func newDecoder(c *Client, sensorID string, o ViewOptions) *decoder {
	return &decoder{
		c: c, o: o, sensorID: sensorID,
		// The server has checked the times; the viewer's clock is no judge.
		wire: wire.NewDecoder(wire.Options{Skew: 100 * 365 * 24 * time.Hour}),
		ids:  make(map[string]string),
	}
}

// event handles one event of the topic.
func (d *decoder) event(e Event) {
	var err error
	switch {
	case e.Binary && e.Name == "measurements":
		err = d.columns(e.Payload)
	case e.Name == sensocto.EventMeasurement:
		err = d.measurement(e.Payload)
	case e.Name == sensocto.EventMeasurementsBatch:
		err = d.measurements(e.Payload)
	case e.Name == "sensor_batch":
		err = d.sensorBatch(e.Payload)
	default:
		if d.o.OnEvent != nil {
			d.o.OnEvent(e)
		}
	}
	if err != nil {
		d.c.stats.unexpected.Add(1)
		d.c.log.Warn("malformed event", "event", e.Name, "sensor", d.sensorID, "err", err)
	}
}

// deliver hands over the items that were gathered.
func (d *decoder) deliver(sensorID string, lagged int64) {
	if lagged > 0 {
		d.c.stats.lagged.Add(lagged)
	}
	if d.o.OnUpdate != nil && (len(d.items) > 0 || lagged > 0) {
		d.o.OnUpdate(Update{SensorID: sensorID, Items: d.items, Lagged: lagged})
	}
	clear(d.items) // documents must not be kept alive
	d.items = d.items[:0]
}

// take moves the decoded batch to the items.
func (d *decoder) take() {
	for _, m := range d.batch.Measurements {
		d.items = append(d.items, Item{AttributeID: m.AttributeID, Sample: m.Sample})
	}
	clear(d.batch.Measurements)
	d.batch.Measurements = d.batch.Measurements[:0]
}

func (d *decoder) columns(body []byte) error {
	h, _, err := d.wire.Columns(&d.batch, body)
	if err != nil {
		return err
	}
	d.take()
	d.deliver(d.sensorID, int64(h.Lagged))
	return nil
}

func (d *decoder) measurement(payload []byte) error {
	if err := d.wire.Measurement(&d.batch, payload); err != nil {
		return err
	}
	lagged, err := laggedOf(payload)
	d.take()
	d.deliver(d.sensorID, lagged)
	return err
}

// laggedOf reads the rare key of a single measurement.
func laggedOf(payload []byte) (int64, error) {
	if !bytes.Contains(payload, []byte(`"lagged"`)) {
		return 0, nil
	}
	var body struct {
		Lagged int64 `json:"lagged"`
	}
	err := json.Unmarshal(payload, &body)
	return body.Lagged, err
}

// measurements reads {sensor_id, measurements, lagged}.
func (d *decoder) measurements(payload []byte) error {
	var lagged int64
	err := jsonscan.Object(payload, func(key, value []byte) error {
		switch string(key) {
		case "measurements":
			return d.list(value)
		case "lagged":
			return json.Unmarshal(value, &lagged)
		}
		return nil
	})
	d.deliver(d.sensorID, lagged)
	return err
}

// list reads an array of measurements, with buckets among them.
func (d *decoder) list(array []byte) error {
	result, err := d.wire.Batch(&d.batch, array)
	if err != nil {
		return err
	}
	if result.Failed == 0 {
		d.take()
		return nil
	}
	d.batch.Measurements = d.batch.Measurements[:0]
	return each(array, func(value []byte) error { return d.item("", value) })
}

// sensorBatch reads {batch: {sensor_id: {attribute_id: […]}}, lagged}.
func (d *decoder) sensorBatch(payload []byte) error {
	var lagged int64
	var batch []byte
	err := jsonscan.Object(payload, func(key, value []byte) error {
		switch string(key) {
		case "batch":
			batch = value
		case "lagged":
			return json.Unmarshal(value, &lagged)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return jsonscan.Object(batch, func(sensor, attributes []byte) error {
		sensorID := d.intern(sensor)
		err := jsonscan.Object(attributes, func(attribute, list []byte) error {
			id := d.intern(attribute)
			return each(list, func(value []byte) error { return d.item(id, value) })
		})
		d.deliver(sensorID, lagged)
		lagged = 0 // of the whole frame: told once
		return err
	})
}

// item reads one sample or bucket. Without an id it has one of its own.
func (d *decoder) item(attributeID string, value []byte) error {
	item := Item{AttributeID: attributeID}
	var bucket sensocto.Bucket
	var mean float64
	err := jsonscan.Object(value, func(key, value []byte) error {
		number := func() float64 { v, _ := jsonscan.Number(value, 0); return v }
		switch string(key) {
		case "attribute_id":
			end, plain := jsonscan.String(value, 0)
			if end > 0 {
				item.AttributeID = d.intern(jsonscan.Unquote(value[:end], plain))
			}
		case "timestamp":
			item.Timestamp, _ = sensocto.TimestampFromMS(number())
		case "payload":
			if isNumber(value) {
				item.Value = number()
			} else {
				item.Document = bytes.Clone(value)
			}
		case "count":
			bucket.Count = int64(number())
		case "min":
			bucket.Min = number()
		case "max":
			bucket.Max = number()
		case "mean":
			mean = number()
		case "first":
			bucket.First = number()
		case "last":
			bucket.Last = number()
		case "from":
			bucket.From, _ = sensocto.TimestampFromMS(number())
		case "to":
			bucket.To, _ = sensocto.TimestampFromMS(number())
		}
		return nil
	})
	if bucket.Count > 0 {
		bucket.Sum = mean * float64(bucket.Count)
		item.Bucket = &bucket
		item.Timestamp, item.Value = bucket.To, bucket.Last
	}
	d.items = append(d.items, item)
	return err
}

func isNumber(value []byte) bool {
	return len(value) > 0 && (value[0] == '-' || '0' <= value[0] && value[0] <= '9')
}

// intern returns the string of an id; ids occur again and again.
func (d *decoder) intern(id []byte) string {
	if s, ok := d.ids[string(id)]; ok {
		return s
	}
	s := string(id)
	if len(d.ids) < 65536 {
		d.ids[s] = s
	}
	return s
}

// each calls visit with the JSON text of every element of an array.
func each(array []byte, visit func(value []byte) error) error {
	i := jsonscan.Byte(array, 0, '[')
	for i >= 0 && i < len(array) && array[i] != ']' {
		end := jsonscan.Value(array, i)
		if end < 0 {
			return jsonscan.ErrSyntax
		}
		if err := visit(array[i:end]); err != nil {
			return err
		}
		if i = jsonscan.Space(array, end); i < len(array) && array[i] == ',' {
			i = jsonscan.Space(array, i+1)
		}
	}
	if i < 0 {
		return jsonscan.ErrSyntax
	}
	return nil
}

// joined reads the answer to a join of a data topic.
func (d *decoder) joined(response json.RawMessage) {
	if d.o.OnJoined == nil {
		return
	}
	var body struct {
		Sensor  sensorJSON                 `json:"sensor"`
		History map[string]json.RawMessage `json:"history"`
	}
	if err := json.Unmarshal(response, &body); err != nil {
		d.c.stats.unexpected.Add(1)
		return
	}
	j := Joined{Sensor: body.Sensor.sensor(), History: make(map[string][]Item, len(body.History))}
	for id, list := range body.History {
		if err := each(list, func(value []byte) error { return d.item(id, value) }); err != nil {
			d.c.stats.unexpected.Add(1)
		}
		j.History[id] = append([]Item(nil), d.items...)
		d.items = d.items[:0]
	}
	d.o.OnJoined(j)
}
