package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// In the scenario tiles each viewer shows many sensors at once, on one viewer
// topic: one it looks at closely, one is in view, and the others are further
// down on the page.

// tilesTopic is the topic of a viewer.
func (v *viewer) tilesTopic() string {
	return "viewer:bench-" + v.d.runID + "-" + v.conn.name[len("viewer "):]
}

// joinTiles watches the sensors, all at low or all at high, and then looks at
// one closely and at the next in passing. Latencies are of what it looks at
// closely: the rest is meant to come later.
func (v *viewer) joinTiles(sensors []int) {
	v.tracks = make([]*track, len(v.d.sensors))
	ids := new(bytes.Buffer)
	for i, n := range sensors {
		v.tracks[n] = &track{silent: v.d.cfg.Tiles != TilesHigh}
		if i > 0 {
			ids.WriteByte(',')
		}
		fmt.Fprintf(ids, "%q", v.d.sensors[n].id)
	}
	v.conn.joins = 2
	all := joinFrame("j1", v.tilesTopic(), fmt.Sprintf(`{"bearer_token":%q}`, v.d.target.Token))
	level := "low"
	if v.d.cfg.Tiles == TilesHigh {
		level = "high"
	}
	all = append(all, textFrame("j1", "j2", v.tilesTopic(), "watch", `{"level":"`+level+`","sensor_ids":[`+ids.String()+`]}`)...)
	if v.d.cfg.Tiles != TilesHigh {
		v.conn.joins++
		all = append(all, textFrame("j1", "j3", v.tilesTopic(), "attention", v.lookCloser(sensors))...)
	}
	v.d.send(v.conn, all)
}

// lookCloser says which of the sensors the viewer looks at, and which is beside it.
func (v *viewer) lookCloser(sensors []int) (levels string) {
	at := 0
	if v.d.cfg.Tiles == TilesEach {
		at = len(v.d.viewers) % len(sensors) // its number is not the same as any other's
	}
	high, medium := sensors[at], sensors[(at+1)%len(sensors)]
	v.tracks[high].silent = false
	return fmt.Sprintf(`{"levels":{%q:"high",%q:"medium"}}`, v.d.sensors[high].id, v.d.sensors[medium].id)
}

// sensorBatch counts what a frame of many sensors brought. Which of them a
// frame's lagged is of does not matter: it is added up.
func (v *viewer) sensorBatch(payload []byte, now time.Duration) {
	var frame struct {
		Batch  map[string]map[string]json.RawMessage
		Lagged int64
	}
	if err := json.Unmarshal(payload, &frame); err != nil {
		v.d.fault("%s: sensor_batch: %v", v.conn.name, err)
		return
	}
	var list []byte
	for id, attributes := range frame.Batch {
		n, err := strconv.Atoi(id[max(len(id)-5, 0):])
		if err != nil || n >= len(v.tracks) || v.tracks[n] == nil {
			v.d.fault("%s: measurements of sensor %q, which it does not watch", v.conn.name, id)
			continue
		}
		v.tracks[n].lagged += frame.Lagged
		frame.Lagged = 0
		list = append(append(append(list[:0], `{"measurements":`...), attributes[attributeID]...), '}')
		a := &v.d.arrival
		if err := a.parseJSON(list, v.d.clock); err != nil {
			v.d.fault("%s: %v", v.conn.name, err)
		}
		for _, span := range a.spans {
			v.take(v.d.sensors[n], v.tracks[n], span, now)
		}
	}
}
