package socket_test

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

// seen is one sample or bucket that a viewer got.
type seen struct {
	at        time.Duration // since the viewer came
	attribute string
	value     float64
	document  string
	micros    int64
	bucket    *sensocto.Bucket
}

// onlooker is a viewer that notes everything.
type onlooker struct {
	*client
	mu     sync.Mutex // guards what follows
	seen   map[string][]seen
	frames []time.Duration // when measurements came
	marks  []mark
	lagged int64 // in all marks
	began  time.Time
	at     time.Duration // when the message came that is being decoded
	refs   int

	keep    bool // messages are decoded when all is over, which costs no time while it goes on
	kept    []message
	reading sync.WaitGroup

	delay atomic.Int64 // that it takes for each frame: how slow its network is
}

// mark is what a frame said of samples that came merged.
type mark struct {
	at time.Duration
	n  int64
}

// message is one as it came.
type message struct {
	at   time.Duration
	kind int
	data []byte
}

func (w *world) onlooker() *onlooker { return w.look(false) }

func (w *world) look(keep bool) *onlooker {
	o := &onlooker{client: w.dial("vsn=2.0.0&token=view"), seen: map[string][]seen{}, began: time.Now(), keep: keep}
	o.reading.Go(o.read)
	return o
}

// hangUp ends the onlooker, and decodes what it kept.
func (o *onlooker) hangUp() {
	o.ws.Close()
	o.reading.Wait()
	for _, m := range o.kept {
		o.decode(m)
	}
	o.kept = nil
}

func (o *onlooker) read() {
	for {
		time.Sleep(time.Duration(o.delay.Load()))
		kind, data, err := o.ws.ReadMessage()
		if err != nil {
			return
		}
		if m := (message{time.Since(o.began), kind, data}); o.keep {
			o.kept = append(o.kept, m)
		} else {
			o.decode(m)
		}
	}
}

func (o *onlooker) decode(m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at = m.at
	decode := o.text
	if m.kind == websocket.BinaryMessage {
		decode = o.columns
	}
	if err := decode(m.data); err != nil {
		o.t.Errorf("%v in %.300q", err, m.data)
	}
}

func (o *onlooker) columns(data []byte) error {
	f, err := phx.DecodeServerBinary(data)
	if err != nil {
		return err
	}
	o.frames = append(o.frames, o.at)
	sensor := string(f.Topic)[len("data:"):]
	_, err = wire.ReadColumns(f.Payload, func(c *wire.EncodedColumn) error {
		for ts, v := range c.All() {
			o.see(sensor, seen{attribute: string(c.AttributeID), value: v, micros: ts})
		}
		return nil
	})
	return err
}

type itemJSON struct {
	AttributeID    string `json:"attribute_id"`
	Payload        json.RawMessage
	Timestamp      float64
	Min, Max, Mean float64
	First, Last    float64
	Count          int64
	From, To       float64
}

func micros(ms float64) int64 { return int64(math.Round(ms * 1000)) }

func (i itemJSON) seen(attribute string) seen {
	s := seen{attribute: attribute, micros: micros(i.Timestamp)}
	if i.Count > 0 {
		s.bucket = &sensocto.Bucket{Count: i.Count, Min: i.Min, Max: i.Max, Sum: i.Mean * float64(i.Count), First: i.First, Last: i.Last, From: micros(i.From), To: micros(i.To)}
		return s
	}
	if json.Unmarshal(i.Payload, &s.value) != nil {
		s.document = string(i.Payload)
	}
	return s
}

func (o *onlooker) text(data []byte) error {
	f, err := phx.Decode(phx.V2, data)
	if err != nil {
		return err
	}
	var p struct {
		itemJSON
		SensorID     string `json:"sensor_id"`
		Measurements []itemJSON
		Batch        map[string]map[string][]itemJSON
		Lagged       int64
	}
	switch string(f.Event) {
	case "measurement", "measurements_batch", "sensor_batch":
		err = json.Unmarshal(f.Payload, &p)
	default:
		return nil
	}
	o.frames = append(o.frames, o.at)
	if p.Lagged > 0 {
		o.marks = append(o.marks, mark{o.at, p.Lagged})
		o.lagged += p.Lagged
	}
	if string(f.Event) == "measurement" {
		o.see(p.SensorID, p.itemJSON.seen(p.AttributeID))
	}
	for _, i := range p.Measurements {
		o.see(p.SensorID, i.seen(i.AttributeID))
	}
	for sensor, attributes := range p.Batch {
		for attribute, items := range attributes {
			for _, i := range items {
				o.see(sensor, i.seen(attribute))
			}
		}
	}
	return err
}

func (o *onlooker) see(sensor string, s seen) {
	s.at = o.at
	o.seen[sensor] = append(o.seen[sensor], s)
}

// tell pushes an event; its answer is not waited for.
func (o *onlooker) tell(topic, event, payload string) {
	o.refs++
	o.send(fmt.Sprintf(`["1","r%d",%q,%q,%s]`, o.refs, topic, event, payload))
	synctest.Wait()
}

// emit publishes measurements as a sensor does.
func (w *world) emit(sensor string, ms ...sensocto.Measurement) {
	event := sensocto.EventMeasurementsBatch
	if len(ms) == 1 {
		event = sensocto.EventMeasurement
	}
	w.pubsub.Publish(&sensocto.Message{Topic: sensocto.DataTopic(sensor), Event: event, Payload: &sensocto.Batch{SensorID: sensor, Measurements: ms}})
	synctest.Wait()
}

func numbers(attribute string, at time.Time, every time.Duration, n int) []sensocto.Measurement {
	ms := make([]sensocto.Measurement, n)
	for i := range ms {
		t := at.Add(time.Duration(i) * every).UnixMicro()
		ms[i] = sensocto.Measurement{AttributeID: attribute, Sample: sensocto.Sample{Timestamp: t, Value: math.Sin(float64(t) / 1e5)}}
	}
	return ms
}

// account checks that the viewer got every sample either itself or in exactly
// one bucket, in order, and that what was merged is marked.
func (o *onlooker) account(sent map[string][]sensocto.Measurement) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var merged int64
	for sensor, got := range o.seen {
		rest := map[string][]sensocto.Measurement{}
		for _, m := range sent[sensor] {
			rest[m.AttributeID] = append(rest[m.AttributeID], m)
		}
		for i, s := range got {
			n, left, err := s.match(rest[s.attribute])
			if err != nil {
				return fmt.Errorf("%s: entry %d: %w", sensor, i, err)
			}
			rest[s.attribute] = left
			merged += n
		}
		for attribute, left := range rest {
			if len(left) > 0 {
				return fmt.Errorf("%s/%s: %d samples never came", sensor, attribute, len(left))
			}
		}
	}
	for sensor, ms := range sent {
		if len(ms) > 0 && len(o.seen[sensor]) == 0 {
			return fmt.Errorf("%s: nothing came", sensor)
		}
	}
	if merged != o.lagged {
		return fmt.Errorf("%d samples merged, %d marked", merged, o.lagged)
	}
	return nil
}

// match takes what the entry stands for from the samples that are due, and
// returns how many were not sent one by one. Documents may be left out, where a
// newer one comes.
func (s seen) match(due []sensocto.Measurement) (merged int64, left []sensocto.Measurement, err error) {
	var b sensocto.Bucket
	want := int64(1)
	if s.bucket != nil {
		want = s.bucket.Count
		merged = want
	}
	for i, m := range due {
		switch {
		case s.document != "" && !m.IsDocument():
			left = append(left, m) // a number that stands behind the newest document
		case s.document != "":
			if string(m.Document) == s.document && m.Timestamp == s.micros {
				return merged, append(left, due[i+1:]...), nil
			}
			merged++
		case m.IsDocument():
			left = append(left, m)
		default:
			if b.Add(m.Timestamp, m.Value); b.Count < want {
				continue
			}
			return merged, append(left, due[i+1:]...), s.compare(b)
		}
	}
	return 0, nil, fmt.Errorf("%+v: not among what is due", s)
}

func (s seen) compare(b sensocto.Bucket) error {
	if s.bucket == nil {
		if s.value != b.First || s.micros != b.From {
			return fmt.Errorf("got %v at %d, want %v at %d", s.value, s.micros, b.First, b.From)
		}
		return nil
	}
	mean := s.bucket.Sum / float64(b.Count)
	got := *s.bucket
	got.Sum = b.Sum
	if got != b || math.Abs(mean-b.Mean()) > 1e-12*math.Abs(b.Mean())+1e-12 {
		return fmt.Errorf("got bucket %+v, want %+v", *s.bucket, b)
	}
	return nil
}
