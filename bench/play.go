package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// sensor is what the driver knows of one sensor: what its device sent, and
// how far its viewers are.
type sensor struct {
	id    string
	sent  int64           // samples
	times []time.Duration // when batch n was sent, at n modulo the length

	// Of the batches on their way: how many viewers have each, and the first
	// that not all of them have. Used at full speed only.
	acks    []int32
	acked   int64
	viewers int32

	memo []memo // frames by the batch that they begin with
}

// memo is a frame that was parsed: the next viewer who gets the same bytes
// gets the same samples, all in a row.
type memo struct {
	raw     []byte
	samples span
}

// device is one connection that brings one sensor.
type device struct {
	d      *driver
	conn   *conn
	sensor *sensor
	frames *frames
	phase  time.Duration // its first batch is due that long after the start
	pace   *pace         // of one that follows what the server asks for, else nil
	pings  int64         // bursts whose ping was sent, when their replies count
	ponged int64
	acked  int64 // batches that the server has confirmed

	batches int64 // sent
}

// viewer is one connection that watches.
type viewer struct {
	d       *driver
	conn    *conn
	tracks  []*track // by sensor, nil where not watched
	latency *Histogram
	silent  bool // its latencies do not count
}

// join brings the device: a connector and a sensor.
func (dev *device) join() {
	connector := fmt.Sprintf("bench-%s-c%s", dev.d.runID, dev.sensor.id[len(dev.sensor.id)-5:])
	id := fmt.Sprintf(`"connector_id":%q,"connector_name":%q,"bearer_token":%q`, connector, "bench", dev.d.target.Token)
	connectorJoin := fmt.Sprintf(`{%s,"connector_type":"bench","features":[]}`, id)
	sensorJoin := fmt.Sprintf(`{%s,"sensor_id":%q,"sensor_name":%q,"sensor_type":"ecg","sampling_rate":%g,"batch_size":%d,`+
		`"attributes":[{"attribute_id":%q,"attribute_type":"ecg","unit":"mV","sampling_rate":%g}]}`,
		id, dev.sensor.id, dev.sensor.id, dev.d.cfg.Rate, dev.d.cfg.Batch, attributeID, dev.d.cfg.Rate)
	dev.conn.joins = 2
	dev.d.send(dev.conn, textFrame("1", "j1", "sensocto:connector:"+connector, "phx_join", connectorJoin))
	dev.d.send(dev.conn, textFrame(joinRef, "j2", "sensocto:sensor:"+dev.sensor.id, "phx_join", sensorJoin))
}

// burst sends the device's prebuilt frames with the next samples in them.
func (dev *device) burst() {
	s, f := dev.sensor, dev.frames
	f.patch(s.sent)
	now, unit := dev.d.now(), dev.d.cfg.unit()
	end := s.sent + int64(f.count*f.batch)
	for ; s.sent < end; s.sent += unit {
		s.times[s.sent/unit&int64(len(s.times)-1)] = now
	}
	dev.batches += int64(f.count)
	dev.d.send(dev.conn, f.buf)
}

// ping asks for a reply after all that was sent has been taken.
func (dev *device) ping() {
	dev.pings++
	dev.d.send(dev.conn, textFrame(joinRef, "p"+strconv.FormatInt(dev.pings, 10), "sensocto:sensor:"+dev.sensor.id, "ping", "{}"))
}

var (
	pong     = []byte(`["` + joinRef + `","p`)
	stored   = []byte(`["` + joinRef + `","m"`)
	statusOK = []byte(`"status":"ok"`)
)

// onText: a device gets replies and what it is asked for, which it follows only
// where the scenario says so.
func (dev *device) onText(p []byte, now time.Duration) {
	switch {
	case bytes.HasPrefix(p, pong) && bytes.Contains(p, statusOK):
		dev.onPong()
		return
	case bytes.HasPrefix(p, stored) && bytes.Contains(p, statusOK):
		dev.onStored(p, now)
		return
	}
	m, err := decodeText(p)
	if err != nil {
		dev.d.fault("%s: %v", dev.conn.name, err)
		return
	}
	if m.event == "backpressure_config" && dev.pace != nil {
		dev.follow(m.payload)
	}
	dev.d.event(dev.conn, m)
}

// join watches the sensors; a number in the ref tells the replies apart.
func (v *viewer) join(sensors []int) {
	v.tracks = make([]*track, len(v.d.sensors))
	v.conn.joins = len(sensors)
	params := fmt.Sprintf(`{"bearer_token":%q}`, v.d.target.Token)
	if v.d.cfg.Encoding == EncodingBinary {
		params = fmt.Sprintf(`{"bearer_token":%q,"encoding":"binary"}`, v.d.target.Token)
	}
	var all []byte
	for i, n := range sensors {
		v.tracks[n] = new(track)
		all = append(all, joinFrame("j"+strconv.Itoa(i+1), "data:"+v.d.sensors[n].id, params)...)
	}
	v.d.send(v.conn, all)
}

var measurementEvent = []byte(`","measurement`)

// onText finds measurements by the bytes they begin with; everything else
// takes the slow way.
func (v *viewer) onText(p []byte, now time.Duration) {
	prefix := v.d.dataPrefix
	if at := len(prefix) + 5; bytes.HasPrefix(p, prefix) && bytes.HasPrefix(p[min(at, len(p)):], measurementEvent) {
		n, _ := scanDecimal(p[len(prefix):at], 0)
		payload := p[at+max(bytes.IndexByte(p[at:], '{'), 0) : len(p)-1]
		v.measurements(int(n), p, payload, now, false)
		return
	}
	m, err := decodeText(p)
	if err != nil {
		v.d.fault("%s: %v", v.conn.name, err)
		return
	}
	v.slow(m, p, now)
}

func (v *viewer) onBinary(p []byte, now time.Duration) {
	m, err := decodeBinary(p)
	if err != nil {
		v.d.fault("%s: %v", v.conn.name, err)
		return
	}
	v.slow(m, p, now)
}

func (v *viewer) slow(m message, raw []byte, now time.Duration) {
	switch m.event {
	case "measurement", "measurements_batch", "measurements":
		n, err := strconv.Atoi(m.topic[max(len(m.topic)-5, 0):])
		if err != nil {
			v.d.fault("%s: measurements on %q", v.conn.name, m.topic)
			return
		}
		v.measurements(n, raw, m.payload, now, m.binary)
	case "sensor_batch":
		v.sensorBatch(m.payload, now)
	default:
		v.d.event(v.conn, m)
	}
}

// measurements counts what a frame of sensor n brought.
func (v *viewer) measurements(n int, raw, payload []byte, now time.Duration, binary bool) {
	if n >= len(v.tracks) || v.tracks[n] == nil {
		v.d.fault("%s: measurements of sensor %d, which it does not watch", v.conn.name, n)
		return
	}
	s, t := v.d.sensors[n], v.tracks[n]
	m := &s.memo[t.next/v.d.cfg.unit()&int64(len(s.memo)-1)]
	if m.samples.first == t.next && bytes.Equal(m.raw, raw) {
		v.take(s, t, m.samples, now)
		return
	}
	a := &v.d.arrival
	parse := a.parseJSON
	if binary {
		parse = a.parseBinary
	}
	if err := parse(payload, v.d.clock); err != nil {
		v.d.fault("%s: %v", v.conn.name, err)
	}
	t.lagged += a.lagged
	if len(a.spans) == 1 && a.lagged == 0 && !a.spans[0].merged {
		m = &s.memo[a.spans[0].first/v.d.cfg.unit()&int64(len(s.memo)-1)]
		m.raw, m.samples = append(m.raw[:0], raw...), a.spans[0]
	}
	for _, span := range a.spans {
		v.take(s, t, span, now)
	}
}

// take counts samples, their latency, and how far the viewer is.
func (v *viewer) take(s *sensor, t *track, samples span, now time.Duration) {
	before := t.next
	t.take(samples)
	v.d.delivered += samples.end - samples.first
	if samples.merged || v.silent || t.silent {
		return
	}
	batch := v.d.cfg.unit()
	if v.d.measuring {
		for first := samples.first; first < samples.end; {
			end := min(samples.end, (first/batch+1)*batch)
			d := now - s.times[first/batch&int64(len(s.times)-1)]
			v.d.latency.Record(d, int(end-first))
			if v.latency != nil {
				v.latency.Record(d, int(end-first))
			}
			first = end
		}
	}
	if s.acks != nil {
		s.progress(before/batch, t.next/batch)
	}
}

// progress notes that one more viewer has the batches from before to after.
func (s *sensor) progress(before, after int64) {
	mask := int64(len(s.acks) - 1)
	for b := before; b < after; b++ {
		s.acks[b&mask]++
	}
	for s.acks[s.acked&mask] == s.viewers {
		s.acks[s.acked&mask] = 0
		s.acked++
	}
}

// replyStatus returns the status of a phx_reply's payload.
func replyStatus(payload []byte) string {
	var reply struct{ Status string }
	if err := json.Unmarshal(payload, &reply); err != nil {
		return "malformed"
	}
	return reply.Status
}
