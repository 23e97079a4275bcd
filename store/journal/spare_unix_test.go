//go:build unix

package journal_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sensocto/sensocto/store/journal"
)

// On a real directory, in a process whose every descriptor is taken, and taken
// again as soon as one is free, the next segment begins in the file made ahead.
// Once there are descriptors again the journal goes on as before.
func TestJournal_GoesOnWithoutAFreeDescriptor(t *testing.T) {
	dir := journal.OS(t.TempDir())
	o := open(t, dir, journal.Options{SegmentBytes: 16 << 10})
	records := numbered(0, 1000)
	o.append(records[:10])
	o.sync(t)
	for end := time.Now().Add(time.Minute); ; { // the next file is made behind the sync
		if names, err := dir.List(); err != nil {
			t.Fatal(err)
		} else if slices.Contains(names, spare) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("no file was made ahead: %v", names)
		}
		time.Sleep(time.Millisecond)
	}
	giveBack := takeDescriptors(t)
	o.append(records[10:200]) // fills the first segment
	err := o.Sync(t.Context())
	o.append(records[200:220])
	err = errors.Join(err, o.Sync(t.Context()))
	names := giveBack(dir)
	if err != nil || len(names) < 2 {
		t.Errorf("without a descriptor: %v, the files %v", err, names)
	}
	o.append(records[220:])
	o.sync(t)
	o.close(t)
	again := open(t, dir, journal.Options{})
	expect(t, replay(t, again.Journal), records)
}

// takeDescriptors takes every descriptor, also what comes free, until what it
// returns is called, which lists the files of the directory meanwhile.
func takeDescriptors(t *testing.T) (giveBack func(journal.FS) []string) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = 128
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	full, stop := make(chan struct{}), make(chan struct{})
	var taking sync.WaitGroup
	taking.Go(func() {
		for once := false; ; {
			f, err := os.Open(os.DevNull)
			if err == nil {
				files = append(files, f)
				continue
			}
			if !once {
				close(full)
				once = true
			}
			select {
			case <-stop:
				return
			default:
				runtime.Gosched()
			}
		}
	})
	<-full
	return func(dir journal.FS) []string {
		close(stop)
		taking.Wait()
		files[0].Close() // to list with
		names, err := dir.List()
		if err != nil {
			t.Error(err)
		}
		for _, f := range files[1:] {
			f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
		return names
	}
}
