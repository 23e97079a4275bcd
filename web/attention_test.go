package web_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/load"
	"github.com/sensocto/sensocto/web"
)

func TestAttention_SaysWhoLooksAndWhatThatAsks(t *testing.T) {
	looks := attention.New(attention.Options{})
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Attention, o.Load = looks, load.New(load.Options{})
		o.Delivered = func(string) uint64 { return 42 }
	}})
	link, _ := w.connect(t, "strap")
	defer link.Close()
	push(t, link, "ecg", sensocto.Sample{Timestamp: 1700000000000000, Value: 1})
	looks.Look(1, "strap", sensocto.AttentionMedium)
	looks.Look(2, "strap", sensocto.AttentionLow)
	looks.Look(2, "absent", sensocto.AttentionHigh)
	looks.Listen("strap", sensocto.Demand{NeverPause: true})
	looks.SetLoad(sensocto.Load{Level: sensocto.LoadHigh})
	type sensor struct {
		SensorID       string `json:"sensor_id"`
		AttentionLevel string `json:"attention_level"`
		Connected      bool
		Viewers        map[string]int
		Listeners      int
		NeverPause     bool `json:"never_pause"`
		Size           int  `json:"recommended_batch_size"`
		Window         int  `json:"recommended_batch_window"`
		Delivered      int
	}
	got := decode[struct {
		Load struct {
			Level     string
			Factor    float64
			Resources []struct{ Name string }
		}
		Sensors []sensor
	}](t, w.get(t, "/api/v1/attention").Body)
	if got.Load.Level != "normal" || got.Load.Factor != 1 || len(got.Load.Resources) != 2 {
		t.Errorf("%+v", got.Load) // the meter has not measured; the tracker was told
	}
	if len(got.Sensors) != 2 || got.Sensors[0].SensorID != "absent" || got.Sensors[0].Connected || got.Sensors[0].AttentionLevel != "high" {
		t.Fatalf("%+v", got.Sensors)
	}
	s := got.Sensors[1]
	if s.SensorID != "strap" || !s.Connected || s.AttentionLevel != "medium" || s.Viewers["medium"] != 1 || s.Viewers["low"] != 1 ||
		s.Listeners != 1 || !s.NeverPause || s.Size != 5 || s.Window != 600 || s.Delivered != 42 {
		t.Errorf("%+v", s)
	}
}

func TestAttention_IsPaged(t *testing.T) {
	looks := attention.New(attention.Options{})
	w := newWorld(t, setup{web: func(o *web.Options) { o.Attention, o.Load = looks, load.New(load.Options{}) }})
	for i := range 5 {
		looks.Look(1, fmt.Sprint("s", i), sensocto.AttentionLow)
	}
	var got []string
	for after, pages := "", 0; pages < 4; pages++ {
		page := decode[struct {
			Sensors []struct {
				ID string `json:"sensor_id"`
			}
			Next string
		}](t, w.get(t, "/api/v1/attention?limit=2&after="+after).Body)
		for _, s := range page.Sensors {
			got = append(got, s.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if fmt.Sprint(got) != "[s0 s1 s2 s3 s4]" {
		t.Errorf("%v", got)
	}
}

func TestAttention_IsAbsentWhereNobodyKnows(t *testing.T) {
	w := newWorld(t, setup{})
	checkProblem(t, w.do(call{path: "/api/v1/attention", token: w.viewer}), http.StatusNotFound)
}
