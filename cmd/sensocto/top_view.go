package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sensocto/sensocto"
)

// topAnswer is what the API says of attention and load.
type topAnswer struct {
	Time float64 `json:"time"` // in ms
	Load struct {
		Level          string
		Factor         float64
		MemoryCritical bool `json:"memory_critical"`
		Cores          float64
		Memory         int64
		Resources      []struct {
			Name  string
			Ratio float64
			Level string
		}
	}
	Sensors []topSensor
	Next    string
}

type topSensor struct {
	ID        string `json:"sensor_id"`
	Level     string `json:"attention_level"`
	Connected bool
	Viewers   struct{ High, Medium, Low, None int }
	Listeners int
	Size      int `json:"recommended_batch_size"`
	Window    int `json:"recommended_batch_window"`
	Paused    bool
	Rates     struct {
		Measurements float64 `json:"measurements_per_second"`
		Batches      float64 `json:"batches_per_second"`
	}
	Delivered uint64
	Waiting   int
	Refused   uint64

	out float64 // delivered per second since the last answer
}

func (s *topSensor) viewers() int {
	return s.Viewers.High + s.Viewers.Medium + s.Viewers.Low + s.Viewers.None
}

// topColumn is what the table is sorted by; the highest comes first.
type topColumn string

// topColumns are all of them, in the order of the key s.
var topColumns = []struct {
	name topColumn
	key  byte
	by   func(s *topSensor) float64
}{
	{"level", 'l', func(s *topSensor) float64 { l, _ := sensocto.ParseAttentionLevel(s.Level); return float64(l) }},
	{"viewers", 'v', func(s *topSensor) float64 { return float64(s.viewers()) }},
	{"in", 'i', func(s *topSensor) float64 { return s.Rates.Measurements }},
	{"out", 'o', func(s *topSensor) float64 { return s.out }},
	{"window", 'w', func(s *topSensor) float64 { return float64(s.Window) }},
	{"mailbox", 'm', func(s *topSensor) float64 { return float64(s.Waiting) }},
	{"drops", 'd', func(s *topSensor) float64 { return float64(s.Refused) }},
	{"name", 'n', func(*topSensor) float64 { return 0 }},
}

func (c topColumn) index() int {
	for i, column := range topColumns {
		if column.name == c {
			return i
		}
	}
	return 0
}

// topView is what is shown.
type topView struct {
	answer  topAnswer
	sort    topColumn
	trouble error // why the last answer is old
}

// take puts a new answer in the place of the last, and sees what happened
// between them.
func (v *topView) take(answer topAnswer) {
	before := make(map[string]uint64, len(v.answer.Sensors))
	for _, s := range v.answer.Sensors {
		before[s.ID] = s.Delivered
	}
	seconds := (answer.Time - v.answer.Time) / 1000
	for i := range answer.Sensors {
		s := &answer.Sensors[i]
		// Less than before: all viewers left, and others came.
		if then, ok := before[s.ID]; ok && s.Delivered >= then && seconds > 0 {
			s.out = float64(s.Delivered-then) / seconds
		}
	}
	v.answer = answer
}

// key does what a key asks for. It reports false for the end.
func (v *topView) key(key byte) bool {
	const ctrlC, ctrlD = 3, 4
	switch key {
	case 'q', 'Q', ctrlC, ctrlD:
		return false
	case 's':
		v.sort = topColumns[(v.sort.index()+1)%len(topColumns)].name
	}
	for _, column := range topColumns {
		if column.key == key {
			v.sort = column.name
		}
	}
	return true
}

// render draws everything, cut to the size of the terminal, if there is one.
func (v *topView) render(size topSize) string {
	lines := append(v.head(size.width > 0), v.rows()...)
	if size.height > 0 && len(lines) > size.height {
		hidden := len(lines) - size.height + 1
		lines = append(lines[:size.height-1], fmt.Sprintf("… and %d more", hidden))
	}
	if size.width == 0 {
		return strings.Join(lines, "\n") + "\n"
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n") // the terminal is raw
		}
		b.WriteString(cut(line, size.width) + "\x1b[K")
	}
	return b.String()
}

// cut shortens a line to a number of characters.
func cut(line string, width int) string {
	for i := range line {
		if width--; width < 0 {
			return line[:i]
		}
	}
	return line
}

func (v *topView) head(keys bool) []string {
	l := v.answer.Load
	load := fmt.Sprintf("load %s, windows ×%g", l.Level, l.Factor)
	for _, r := range l.Resources {
		load += fmt.Sprintf("  %s %.0f%%", r.Name, r.Ratio*100)
		switch {
		case r.Name == "cpu" && l.Cores > 0:
			load += fmt.Sprintf(" of %g", l.Cores)
		case r.Name == "memory" && l.Memory > 0:
			load += fmt.Sprintf(" of %.1f GiB", float64(l.Memory)/(1<<30))
		}
	}
	if l.MemoryCritical {
		load += "  memory critical: devices nobody looks at are paused"
	}
	watched, in, out := 0, 0.0, 0.0
	for i := range v.answer.Sensors {
		s := &v.answer.Sensors[i]
		in, out = in+s.Rates.Measurements, out+s.out
		if s.viewers()+s.Listeners > 0 {
			watched++
		}
	}
	sum := fmt.Sprintf("%d sensors, %d watched, in %.0f/s, out %.0f/s, by %s", len(v.answer.Sensors), watched, in, out, v.sort)
	if keys {
		sum += "  (s n l v i o w m d: sort, q: end)"
	}
	lines := []string{load, sum}
	if v.trouble != nil {
		first, _, _ := strings.Cut(v.trouble.Error(), "\n")
		lines = append(lines, "no answer, trying again: "+first)
	}
	return append(lines, fmt.Sprintf("%-24s %-6s %11s %9s %8s %9s %4s %7s %6s %6s",
		"SENSOR", "LEVEL", "H/M/L/N", "IN/S", "BATCH/S", "OUT/S", "SIZE", "WINDOW", "MAIL", "DROPS"))
}

func (v *topView) rows() (lines []string) {
	by := topColumns[v.sort.index()].by
	sensors := slices.Clone(v.answer.Sensors)
	slices.SortFunc(sensors, func(a, b topSensor) int {
		return cmp.Or(cmp.Compare(by(&b), by(&a)), cmp.Compare(a.ID, b.ID))
	})
	for i := range sensors {
		lines = append(lines, sensors[i].line())
	}
	return lines
}

func (s *topSensor) line() string {
	viewers := fmt.Sprintf("%d/%d/%d/%d", s.Viewers.High, s.Viewers.Medium, s.Viewers.Low, s.Viewers.None)
	if s.Listeners > 0 {
		viewers += fmt.Sprintf("+%d", s.Listeners)
	}
	size, window := fmt.Sprint(s.Size), fmt.Sprintf("%dms", s.Window)
	switch {
	case !s.Connected:
		size, window = "-", "away"
	case s.Paused:
		window = "paused"
	}
	return fmt.Sprintf("%-24.24s %-6s %11s %9.1f %8.1f %9.1f %4s %7s %6d %6d",
		s.ID, s.Level, viewers, s.Rates.Measurements, s.Rates.Batches, s.out, size, window, s.Waiting, s.Refused)
}
