package attention_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/attention/attentiontest"
)

const document = "../docs/attention.md"

func TestTracker_LevelIsThatOfTheDocument(t *testing.T) {
	for _, row := range attentiontest.Table(t, document, "The level of a sensor") {
		tr := attention.New(attention.Options{})
		for i, name := range strings.Fields(row[0]) {
			tr.Look(sensocto.ViewerID(i), "s", attentiontest.Level(t, name))
		}
		for _, name := range strings.Fields(row[1]) {
			tr.Listen("s", sensocto.Demand{Level: attentiontest.Level(t, name)})
		}
		if got := tr.Level("s"); got != attentiontest.Level(t, row[2]) {
			t.Errorf("viewers %s, listeners %s: level %v", row[0], row[1], got)
		}
	}
}

func TestTracker_ConfigurationIsThatOfTheDocument(t *testing.T) {
	rows := attentiontest.Table(t, document, "What the device is asked for")
	if len(rows) != 16 {
		t.Errorf("%d rows", len(rows))
	}
	for _, row := range rows {
		level, load := attentiontest.Level(t, row[0]), sensocto.LoadLevel(strings.Trim(row[1], "`"))
		size, _ := strconv.Atoi(row[2])
		window, _ := strconv.Atoi(row[3])
		for _, critical := range []bool{false, true} {
			for _, forbidden := range []bool{false, true} {
				want := sensocto.Backpressure{
					AttentionLevel: level, BatchSize: size, BatchWindowMS: window, LoadLevel: load,
					Paused: critical && !forbidden && row[4] == "yes",
				}
				if got := ask(level, sensocto.Load{Level: load, MemoryCritical: critical}, forbidden); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		}
	}
}

// ask returns what a device is told that comes while there is load.
func ask(level sensocto.AttentionLevel, load sensocto.Load, neverPause bool) (got sensocto.Backpressure) {
	tr := attention.New(attention.Options{})
	tr.SetLoad(load)
	tr.Listen("s", sensocto.Demand{NeverPause: neverPause})
	tr.Look(1, "s", level)
	tr.Watch("s", func(b sensocto.Backpressure) { got = b })
	return got
}
