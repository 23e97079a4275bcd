package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk returns a directory on a file system of a given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("no right to mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk writes a file until there is no room.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Fatal(err)
	}
	most := int64(disk.Bavail)*disk.Bsize - 1<<20 // more would take what others write meanwhile
	if most > 0 && syscall.Fallocate(int(f.Fd()), 0, 0, most) == nil {
		_, _ = f.Seek(most, io.SeekStart)
	}
	for err = nil; err == nil; {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestProcess_FullDisk: while the disk is full, measurements are taken up to a
// bound and refused beyond, aloud; what was answered ok is there afterwards.
func TestProcess_FullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := smallDisk(t, "32m")
	p := startProcess(t, dir, "--store-max-unflushed", "128KiB")
	d := p.device("s")
	acknowledging, acknowledged := p.device("acknowledged"), 0
	push := func() replyPayload {
		t.Helper()
		r, err := acknowledging.request("measurements", map[string]any{
			"stream": "01234567-89ab-4def-8123-456789abcdef", "seq": acknowledged + 1, "measurements": numbered(acknowledged),
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Status == "ok" {
			acknowledged++
		}
		return r
	}
	if r := push(); r.Status != "ok" {
		t.Fatalf("with room: %+v", r)
	}
	batches := 0
	put := func() replyPayload {
		t.Helper()
		r, err := d.request("measurements_batch", numbered(batches))
		if err != nil {
			t.Fatal(err)
		}
		if r.Status == "ok" {
			batches++
		}
		return r
	}
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)

	waitFor(t, func() bool {
		put()
		code, _ := p.status("/readyz")
		return code == 503
	})
	if _, body := p.status("/readyz"); !strings.Contains(body, "the disk is full") {
		t.Errorf("not ready, because: %s", body)
	}
	if code, body := p.status("/healthz"); code != 200 {
		t.Errorf("not healthy: %d %s", code, body)
	}
	// What still fits the page that the journal has begun is acknowledged, and nothing more.
	for r := push(); r.Response.Reason != "unavailable"; r = push() {
		if r.Status != "ok" || acknowledged > 100 {
			t.Fatalf("acknowledged on a full disk: %+v, after %d batches", r, acknowledged)
		}
	}
	for r := put(); r.Response.Reason != "unavailable"; r = put() {
		if r.Status != "ok" {
			t.Fatalf("%+v", r)
		}
	}
	p.wantsCount("s", "n", batches*batchSize) // it can be read all the time
	p.wantsLog("the disk is full")

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { code, _ := p.status("/readyz"); return code == 200 })
	waitFor(t, func() bool { return put().Status == "ok" })
	p.ends()
	p = startProcess(t, dir)
	if got := p.wantsCount("s", "n", batches*batchSize); got != batches*batchSize {
		t.Errorf("%d samples, want %d: what was refused was taken", got, batches*batchSize)
	}
	p.wantsCount("acknowledged", "n", acknowledged*batchSize)
}

// TestProcess_StartOnAFullDisk ends at once and says why.
func TestProcess_StartOnAFullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := smallDisk(t, "1m")
	fillDisk(t, filepath.Join(dir, "ballast"))
	refused(t, []string{"full"}, "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"))
}

// TestProcess_StopOnAFullDisk: what cannot be written is not lost in silence.
func TestProcess_StopOnAFullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := smallDisk(t, "32m")
	p := startProcess(t, dir, "--shutdown-timeout", "2s")
	d := p.device("s")
	fillDisk(t, filepath.Join(dir, "ballast"))
	waitFor(t, func() bool {
		if r, err := d.request("measurements_batch", numbered(0)); err != nil || r.Status != "ok" && r.Response.Reason != "unavailable" {
			t.Fatalf("%+v %v", r, err)
		}
		code, _ := p.status("/readyz")
		return code == 503
	})
	if code := p.signal(syscall.SIGTERM); code != exitFailed || !strings.Contains(p.stderr.String(), "are not in the journal either") {
		t.Errorf("exit code %d, want %d\n%s", code, exitFailed, p.stderr)
	}
}
