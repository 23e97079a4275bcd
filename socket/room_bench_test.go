package socket_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// BenchmarkRoom_AThousandViewers measures how long it takes until the channels of
// one who is kicked out of a room with a thousand viewers have ended, and those of
// all when the room is deleted. Each viewer has joined the room and a sensor in it,
// which sends all the time.
func BenchmarkRoom_AThousandViewers(b *testing.B) {
	const viewers = 1000
	p := newPeopleWorld(b)
	ada := p.person("ada", false)
	device := ada.bring(p, "strap")
	stop, sending := make(chan struct{}), sync.WaitGroup{}
	sending.Go(func() {
		for n := 2; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				device.sample("strap", n)
			}
		}
	})
	defer sending.Wait()
	defer close(stop)
	crowd := make([]*somebody, viewers)
	for i := range crowd {
		crowd[i] = p.person(fmt.Sprint("viewer", i), false)
	}
	var kicks, deletions []time.Duration
	for b.Loop() {
		r, err := p.rooms.Create(b.Context(), ada.id, sensocto.RoomDraft{Name: "Hall"})
		p.must(err)
		p.must(p.rooms.Share(b.Context(), ada.id, r.ID, "strap", sensocto.ShareTerms{}))
		ended := make([]chan time.Time, viewers)
		for i, viewer := range crowd {
			p.must(p.db.AddMember(b.Context(), sensocto.Member{RoomID: r.ID, UserID: viewer.id.UserID, Role: sensocto.RoleMember, JoinedAt: time.Now()}, 2*viewers))
			c := viewer.dial(p)
			for _, topic := range []string{"data:strap", "room:" + r.ID} {
				if ok, reason := c.tryJoin(topic, "{}"); !ok {
					b.Fatal(reason)
				}
			}
			ended[i] = make(chan time.Time, 1)
			go func() {
				defer c.ws.Close()
				for over := map[string]bool{}; len(over) < 2; {
					f := c.next()
					if over[f.topic] {
						b.Errorf("%s got %s behind its end", f.topic, f.name)
					}
					if f.name == "phx_close" {
						over[f.topic] = true
					}
				}
				ended[i] <- time.Now()
			}()
		}
		began := time.Now()
		p.must(p.rooms.Remove(b.Context(), ada.id, r.ID, crowd[0].id.UserID, false))
		kicks = append(kicks, (<-ended[0]).Sub(began))
		began = time.Now()
		p.must(p.rooms.Delete(b.Context(), ada.id, r.ID))
		last := began
		for _, e := range ended[1:] {
			if at := <-e; at.After(last) {
				last = at
			}
		}
		deletions = append(deletions, last.Sub(began))
	}
	for name, times := range map[string][]time.Duration{"kick-ms": kicks, "delete-ms": deletions} {
		var sum time.Duration
		for _, d := range times {
			sum += d
		}
		b.ReportMetric(float64(sum.Microseconds())/1000/float64(len(times)), name)
	}
}
