package client_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sensocto/sensocto/client"
)

// A full disk under the file loses and doubles nothing: measurements wait in the
// device's queue, and go on when there is room.
func TestDevice_AFullDiskUnderItsFile(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("no right to mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, both...)
	c := w.dial(client.Options{})
	d := kept(t, c, filepath.Join(dir, "s1.spool"))
	if err := d.Add(numbers(0, 100)...); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	for i := 1; i < 50; i++ { // more than the block that the file has already
		if err := d.Add(numbers(100*i, 100)...); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return d.Queued() > 0 && c.Stats().Acknowledged > 0 })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	eachOnce(t, w.stored("s1", "ecg", 5000), 5000)
}
