package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProcess_KilledOnAFullDisk: the disk is full again and again, and the
// server is killed before, while and after that.
func TestProcess_KilledOnAFullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	begin := func(t *testing.T) *crash { return beginCrash(t, smallDisk(t, "256m")) }
	rounds(t, begin, func(c *crash, i int) {
		ballast := filepath.Join(c.server.dir, "ballast")
		fillDisk(c.t, ballast)
		c.pause(500 * time.Millisecond)
		started := true
		if i%3 != 0 {
			c.kill()
			started = c.startOnAFullDisk()
		}
		c.pause(500 * time.Millisecond)
		if err := os.Remove(ballast); err != nil {
			c.t.Fatal(err)
		}
		if started {
			c.pause(500 * time.Millisecond)
			c.kill()
		}
		c.start()
	})
}

// startOnAFullDisk starts the server, which may end at once if it says why.
func (c *crash) startOnAFullDisk() bool {
	c.t.Helper()
	c.launch()
	err := c.server.awaitURL()
	if err != nil && (!strings.Contains(err.Error(), "full") || c.server.stop() != exitFailed) {
		c.t.Fatal(err)
	}
	return err == nil
}
