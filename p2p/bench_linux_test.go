package p2p

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// BenchmarkRoomSync_ChangeToEvent measures from a change at one server to its event
// on the topic of the room at the other, the pause for more changes included.
func BenchmarkRoomSync_ChangeToEvent(b *testing.B) {
	x, y, roomID := two(b)
	y.listen(roomID)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		x.rename(roomID, fmt.Sprint("Name ", i))
		for y.heard(sensocto.RoomTopic(roomID), sensocto.EventSettingsUpdated) <= i {
			time.Sleep(time.Millisecond)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-p50")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-max")
}

// cpuAndMemory returns what a process has used: processor time and resident bytes.
func cpuAndMemory(b *testing.B, pid string) (cpu time.Duration, memory int64) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, pages * int64(os.Getpagesize())
}

// BenchmarkSidecar_FirstContact measures how long 100 documents of 50 entries take to
// arrive whole, and what the sidecar needs with them while nothing happens. A document is
// read when the sidecar says that it has changed, as rooms are.
func BenchmarkSidecar_FirstContact(b *testing.B) {
	const documents, entries = 100, 50
	file := program(b)
	x := running(b, SidecarOptions{Program: file})
	eventually(b, "start", up(x))
	var tickets []string
	for range documents {
		doc, err := x.Create(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		values := map[string][]byte{}
		for i := range entries {
			values[settingKey(fmt.Sprint(i))] = []byte(strings.Repeat("x", 400) + doc + fmt.Sprint(i))
		}
		if err := x.Set(b.Context(), doc, values); err != nil {
			b.Fatal(err)
		}
		ticket, err := x.Share(b.Context(), doc, true)
		if err != nil {
			b.Fatal(err)
		}
		tickets = append(tickets, ticket)
	}
	for b.Loop() {
		b.StopTimer()
		changed := make(chan string, 100*documents)
		y := running(b, SidecarOptions{Program: file, Event: func(e Event) {
			if e.Name == eventChanged {
				changed <- e.Doc
			}
		}})
		eventually(b, "start", up(y))
		b.StartTimer()
		for _, ticket := range tickets {
			if _, _, err := y.Import(b.Context(), ticket); err != nil {
				b.Fatal(err)
			}
		}
		arrived, deadline := map[string]bool{}, time.After(time.Minute)
		for len(arrived) < documents {
			select {
			case doc := <-changed:
				if !arrived[doc] && whole(b, y, doc) == entries {
					arrived[doc] = true
				}
			case <-deadline:
				b.Fatal("the documents did not arrive")
			}
		}
		b.StopTimer()
		var pid string
		for _, s := range []*Sidecar{x, y} {
			pid = pidOf(b, s)
		}
		time.Sleep(2 * time.Second) // the last commits and timers of the exchanges do not count as idle
		before, _ := cpuAndMemory(b, pid)
		time.Sleep(10 * time.Second)
		after, memory := cpuAndMemory(b, pid)
		b.ReportMetric(float64(after-before)/float64(10*time.Second)*100, "%cpu-idle")
		b.ReportMetric(float64(memory)/1e6, "MB-idle")
		b.StartTimer()
	}
}

// whole counts the entries of a document whose values are there.
func whole(b *testing.B, s *Sidecar, doc string) (n int) {
	entries, err := s.Entries(b.Context(), doc)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if e.State == "" {
			n++
		}
	}
	return n
}

// BenchmarkLive_ECG measures an ECG of 512 Hz whose device is at one server and who
// looks at it at the other: from the moment that a sample is sent until it is published
// there. The device sends what it is asked for: each measurement at once.
func BenchmarkLive_ECG(b *testing.B) {
	const rate, seconds = 512, 10
	_, y, _, d, id := twoLive(b)
	o := y.watch(id, sensocto.AttentionHigh)
	eventually(b, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	before := d.count
	for b.Loop() {
		began := time.Now()
		for i := range rate * seconds {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / rate)))
			d.send(1)
		}
	}
	sent := d.count - before
	eventually(b, "all samples", func() bool { return o.counts() == sent })
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.late)
	at := func(share float64) float64 {
		return float64(o.late[int(share*float64(len(o.late)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(float64(sent-len(o.got)), "lost")
	b.ReportMetric(at(0.5), "ms-p50")
	b.ReportMetric(at(0.95), "ms-p95")
	b.ReportMetric(at(1), "ms-max")
}
