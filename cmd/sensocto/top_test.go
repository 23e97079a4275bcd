package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// watched brings a sensor that sends 100 a second, and a viewer at a level.
func watched(t *testing.T, url, sensor string, level sensocto.AttentionLevel) {
	t.Helper()
	c, err := client.Dial(t.Context(), url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d, err := c.Device(t.Context(), client.DeviceOptions{Registration: sensocto.Registration{SensorID: sensor}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.View(t.Context(), sensor, client.ViewOptions{Level: &level}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				_ = d.Add(sensocto.Measurement{AttributeID: "x", Sample: sensocto.Sample{Timestamp: now.UnixMicro(), Value: 1}})
			case <-done:
				return
			}
		}
	}()
}

func TestTop_Once(t *testing.T) {
	s := startServer(t, t.TempDir(), "--guests", "view,ingest")
	watched(t, s.url, "strap", sensocto.AttentionHigh)
	watched(t, s.url, "lamp", sensocto.AttentionLow)
	env := []string{"SENSOCTO_SERVER=" + s.url}
	var lines, strap []string
	for strap = []string{"", "", "", "0.0"}; strap[3] == "0.0"; { // rates are means over seconds
		got := runCLI(t, env, "top", "--once", "--interval", "500ms").wants(t, 0, "load ", "cpu ", "memory ", "2 sensors, 2 watched", "by level").stdout
		lines = strings.Split(got, "\n")
		strap = strings.Fields(lines[3])
	}
	if len(strap) != 10 || strap[0] != "strap" || strap[1] != "high" || strap[2] != "1/0/0/0" || strap[6] != "1" || !strings.HasSuffix(strap[7], "ms") || strap[9] != "0" {
		t.Errorf("%q", lines)
	}
	if strap[5] == "0.0" {
		t.Errorf("no rates: %q", strap)
	}
	if lamp := strings.Fields(lines[4]); lamp[0] != "lamp" || lamp[1] != "low" || lamp[2] != "0/0/1/0" || lamp[6] != "10" {
		t.Errorf("%q", lamp)
	}
	byName := runCLI(t, env, "top", "--once", "--interval", "100ms", "--sort", "name").wants(t, 0).stdout
	if strings.Index(byName, "lamp") > strings.Index(byName, "strap") {
		t.Errorf("by name: %s", byName)
	}
	runCLI(t, env, "top", "--interval", "1ms").wants(t, exitUsage, "--interval")
}

func TestTop_NeedsTheRightToView(t *testing.T) {
	s := startServer(t, t.TempDir())
	runCLI(t, []string{"SENSOCTO_SERVER=" + s.url}, "top", "--once").wants(t, exitFailed, "token")
	ingest := strings.TrimSpace(runCLI(t, nil, "token", "create", "--name", "i", "--scope", "ingest", "--data-dir", s.dir).wants(t, 0).stdout)
	runCLI(t, []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + ingest}, "top", "--once").wants(t, exitFailed)
	runCLI(t, s.env, "top", "--once", "--interval", "100ms").wants(t, 0, "0 sensors")
}

func TestTopView_KeysSortAndTheTerminalCuts(t *testing.T) {
	v := &topView{sort: "level"}
	var a, b topAnswer
	for i, name := range []string{"a", "b", "c"} {
		s := topSensor{ID: name, Level: []string{"low", "high", "none"}[i], Connected: i < 2, Delivered: uint64(100 * i), Paused: i == 0}
		s.Rates.Measurements = float64([]int{5, 1, 9}[i])
		a.Sensors = append(a.Sensors, s)
		s.Delivered += uint64(1000 * (3 - i))
		b.Sensors = append(b.Sensors, s)
	}
	a.Time, b.Time = 1000, 3000
	v.take(a)
	v.take(b)
	order := func() (ids string) {
		for _, line := range v.rows() {
			ids += line[:1]
		}
		return ids
	}
	for _, tt := range []struct {
		key  byte
		want string
	}{{'l', "bac"}, {'i', "cab"}, {'o', "abc"}, {'n', "abc"}, {'s', "bac"}, {'?', "bac"}} {
		if !v.key(tt.key) {
			t.Errorf("%q ends", tt.key)
		}
		if got := order(); got != tt.want {
			t.Errorf("after %q: %s, want %s", tt.key, got, tt.want)
		}
	}
	for _, end := range []byte{'q', 3} {
		if v.key(end) {
			t.Errorf("%q does not end", end)
		}
	}
	text := v.render(topSize{40, 5})
	lines := strings.Split(text, "\r\n")
	if len(lines) != 5 || !strings.Contains(lines[4], "2 more") {
		t.Errorf("%d lines: %q", len(lines), text)
	}
	for _, line := range lines {
		if n := len([]rune(strings.TrimSuffix(line, "\x1b[K"))); n > 40 {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if full := v.render(topSize{}); !strings.Contains(full, "paused") || !strings.Contains(full, "away") || strings.Contains(full, "\x1b") {
		t.Errorf("%q", full)
	}
}
