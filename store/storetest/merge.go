package storetest

import (
	"fmt"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// testMergeBesideReads: while small chunks become a large one, which spans more
// time than any before, whoever reads by time gets these or that.
func testMergeBesideReads(t *testing.T, p Place) {
	c := p.Open(t)
	for round := range 50 {
		sensor := fmt.Sprint("s", round)
		write(t, c, chunk(sensor, "a", 0, 10, epoch, epoch+9), chunk(sensor, "a", 10, 10, epoch+10, epoch+19))
		merged := make(chan error, 1) // one result
		go func() {
			merged <- c.WriteChunks(t.Context(), []sensocto.Chunk{chunk(sensor, "a", 0, 20, epoch, epoch+19)})
		}()
		requireTwenty(t, c, sensor, merged)
	}
}

// requireTwenty reads until the merge is over.
func requireTwenty(t *testing.T, c store.Cold, sensor string, merged <-chan error) {
	for over := false; !over; {
		select {
		case err := <-merged:
			if over = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
		samples := 0
		for _, c := range read(t, c, sensocto.ChunkRange{SensorID: sensor, AttributeID: "a", From: epoch}) {
			samples += c.Count
		}
		if samples != 20 {
			t.Errorf("%s: %d samples", sensor, samples)
		}
	}
}
