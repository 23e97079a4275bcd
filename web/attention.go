package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// Attention tells who looks at what.
type Attention interface {
	// Sensors returns the ids of those that are looked at or connected, sorted.
	Sensors() []string
	Snapshot(sensorID string) sensocto.AttentionSnapshot
}

// Load tells how busy the server is.
type Load interface {
	Load() sensocto.Load
	Readings() []sensocto.LoadReading
	// Limits returns what the server may use, 0 where that is not known.
	Limits() (cores float64, memory int64)
}

type attentionView struct {
	Time    timestamp      `json:"time"`
	Load    loadView       `json:"load"`
	Sensors []lookedAtView `json:"sensors" nullable:"false" doc:"Sensors that somebody looks at or whose device is connected, sorted by id."`
	Next    string         `json:"next" doc:"Where the list goes on; empty at its end."`
}

type loadView struct {
	Level          string         `json:"level" enum:"normal,elevated,high,critical"`
	Factor         float64        `json:"factor" doc:"What the batch windows of devices are multiplied with."`
	MemoryCritical bool           `json:"memory_critical" doc:"Devices that nobody looks at closely are paused."`
	Cores          float64        `json:"cores" doc:"What the server may use; 0 where that is not known."`
	Memory         int64          `json:"memory" doc:"The same in bytes."`
	Resources      []resourceView `json:"resources" nullable:"false" doc:"What the load is measured by."`
}

type resourceView struct {
	Name  string  `json:"name" example:"cpu"`
	Ratio float64 `json:"ratio" doc:"Smoothed use of what there is: 1 is all."`
	Level string  `json:"level" enum:"normal,elevated,high,critical" doc:"The load that it alone would give."`
}

type lookedAtView struct {
	SensorID    string      `json:"sensor_id"`
	Level       string      `json:"attention_level" enum:"none,low,medium,high"`
	Connected   bool        `json:"connected" doc:"Its device is."`
	Viewers     viewersView `json:"viewers"`
	Listeners   int         `json:"listeners" doc:"Parts of the server that want its measurements."`
	NeverPause  bool        `json:"never_pause" doc:"One of them forbids that the device is paused."`
	BatchSize   int         `json:"recommended_batch_size"`
	BatchWindow int         `json:"recommended_batch_window" doc:"In milliseconds, load included."`
	Paused      bool        `json:"paused"`
	Rates       ratesView   `json:"rates" doc:"How fast it sends, averaged over the last few seconds."`
	Delivered   uint64      `json:"delivered" doc:"Measurements to viewers, each as often as it went to one, since the first of them came."`
	Waiting     int         `json:"waiting" doc:"Measurements in the sensor's mailbox."`
	Refused     uint64      `json:"refused" doc:"Measurements that were not taken since the server started."`
}

// viewersView counts viewers by the level that counts for each.
type viewersView struct {
	High   int `json:"high"`
	Medium int `json:"medium"`
	Low    int `json:"low"`
	None   int `json:"none"`
}

func (s *server) registerAttention() {
	op := s.operation("see-attention", http.MethodGet, "/api/v1/attention", sensocto.ScopeView, "Operation", "See who looks at what, and what devices are asked for")
	op.Description = "The level, the viewers and the rates of every sensor that somebody looks at or whose device is connected, and the load of the server. `sensocto top` shows it."
	huma.Register(s.api, op, s.attention)
}

type attentionAnswer struct{ Body attentionView }

type attentionInput struct {
	After string `query:"after" maxLength:"128" doc:"Continue behind this sensor: next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Most sensors of a page."`
}

func (s *server) attention(ctx context.Context, in *attentionInput) (*attentionAnswer, error) {
	if s.Attention == nil || s.Load == nil {
		return nil, problem(http.StatusNotFound, "this server does not know who looks at what")
	}
	v := attentionView{Time: timestamp(time.Now().UnixMicro()), Load: s.loadView(), Sensors: []lookedAtView{}}
	connected := make(map[string]bool)
	for _, id := range s.Sensors.Online() {
		connected[id] = true
	}
	visible, err := s.visible(ctx)
	if err != nil {
		return nil, err
	}
	ids := slices.DeleteFunc(s.Attention.Sensors(), func(id string) bool { _, sees := visible(id); return !sees })
	if at, found := slices.BinarySearch(ids, in.After); in.After != "" {
		if found {
			at++
		}
		ids = ids[at:]
	}
	if len(ids) > in.Limit {
		ids = ids[:in.Limit]
		v.Next = ids[in.Limit-1]
	}
	for _, id := range ids {
		v.Sensors = append(v.Sensors, s.lookedAt(id, connected[id]))
	}
	return &attentionAnswer{v}, nil
}

func (s *server) loadView() loadView {
	l := s.Load.Load()
	v := loadView{Level: string(l.Level), Factor: l.Level.Factor(), MemoryCritical: l.MemoryCritical, Resources: []resourceView{}}
	v.Cores, v.Memory = s.Load.Limits()
	for _, r := range s.Load.Readings() {
		v.Resources = append(v.Resources, resourceView{Name: r.Name, Ratio: r.Ratio, Level: string(r.Level)})
	}
	return v
}

func (s *server) lookedAt(id string, connected bool) lookedAtView {
	a, r := s.Attention.Snapshot(id), s.Sensors.Rates(id)
	v := lookedAtView{
		SensorID: id, Level: a.Level.String(), Connected: connected, Listeners: a.Listeners, NeverPause: a.NeverPause,
		Viewers: viewersView{
			High: a.Viewers[sensocto.AttentionHigh], Medium: a.Viewers[sensocto.AttentionMedium],
			Low: a.Viewers[sensocto.AttentionLow], None: a.Viewers[sensocto.AttentionNone],
		},
		BatchSize: a.Config.BatchSize, BatchWindow: a.Config.BatchWindowMS, Paused: a.Config.Paused,
		Rates:   ratesView{MeasurementsPerSecond: r.MeasurementsPerSecond, BatchesPerSecond: r.BatchesPerSecond, LastSeen: seen(r.LastSeen)},
		Waiting: r.Waiting, Refused: r.Refused,
	}
	if s.Delivered != nil {
		v.Delivered = s.Delivered(id)
	}
	return v
}
