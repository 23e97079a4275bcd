package p2p

import (
	"testing"

	"github.com/sensocto/sensocto"
)

// What another server answers is what was asked for, and comes to an end.
func TestIsPage_ACursorGoesOnBehindTheSamples(t *testing.T) {
	at := func(times ...int64) (all []sensocto.Sample) {
		for _, one := range times {
			all = append(all, sensocto.Sample{Timestamp: one})
		}
		return all
	}
	cursor := func(at, seq int64) *sensocto.Cursor { return &sensocto.Cursor{Timestamp: at, Seq: seq} }
	asked := sensocto.Query{From: 10, To: 20, After: cursor(12, 5)}
	back := sensocto.Query{From: 10, To: 20, After: cursor(12, 5), Order: sensocto.Descending}
	for name, f := range map[string]struct {
		page sensocto.Page
		q    sensocto.Query
		want bool
	}{
		"all":                          {sensocto.Page{Samples: at(10, 11, 11, 19)}, sensocto.Query{From: 10, To: 20}, true},
		"nothing":                      {sensocto.Page{}, asked, true},
		"before what was asked for":    {sensocto.Page{Samples: at(9)}, sensocto.Query{From: 10, To: 20}, false},
		"behind what was asked for":    {sensocto.Page{Samples: at(20)}, sensocto.Query{From: 10, To: 20}, false},
		"out of order":                 {sensocto.Page{Samples: at(14, 13)}, asked, false},
		"before the cursor":            {sensocto.Page{Samples: at(11)}, asked, false},
		"goes on":                      {sensocto.Page{Samples: at(12, 14), Next: cursor(14, 0)}, asked, true},
		"goes on at the same moment":   {sensocto.Page{Samples: at(12), Next: cursor(12, 6)}, asked, true},
		"stays where it is":            {sensocto.Page{Samples: at(12), Next: cursor(12, 5)}, asked, false},
		"goes back":                    {sensocto.Page{Samples: at(12), Next: cursor(12, 4)}, asked, false},
		"goes on without samples":      {sensocto.Page{Next: cursor(14, 6)}, asked, false},
		"goes on elsewhere":            {sensocto.Page{Samples: at(12, 14), Next: cursor(13, 6)}, asked, false},
		"backwards":                    {sensocto.Page{Samples: at(12, 11), Next: cursor(11, 9)}, back, true},
		"backwards at the same moment": {sensocto.Page{Samples: at(12), Next: cursor(12, 4)}, back, true},
		"backwards, out of order":      {sensocto.Page{Samples: at(11, 12)}, back, false},
		"backwards, stays":             {sensocto.Page{Samples: at(12), Next: cursor(12, 5)}, back, false},
	} {
		if isPage(f.page, f.q) != f.want {
			t.Errorf("%s: not %v", name, f.want)
		}
	}
}
