package journal_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/journal/journaltest"
)

// slowDisk is a disk whose syncs take a time and are counted.
func slowDisk(sync time.Duration) (disk *journaltest.Disk, syncs *atomic.Int64) {
	disk, syncs = journaltest.New(1), new(atomic.Int64)
	disk.Before(func(op journaltest.Op, name string) error {
		if op == journaltest.Sync {
			syncs.Add(1)
			time.Sleep(sync)
		}
		return nil
	})
	return disk, syncs
}

// Nobody is made to wait for a group: who waits alone has the disk at once, and
// under load a group is what came while the disk was busy with the one before.
func TestJournal_NobodyWaitsForAGroup(t *testing.T) {
	const syncTime, writers, rounds = 5 * time.Millisecond, 100, 50
	synctest.Test(t, func(t *testing.T) {
		disk, syncs := slowDisk(syncTime)
		o := open(t, disk.Mount(), journal.Options{})
		o.append(numbered(0, 1))
		o.sync(t) // begins the segment
		time.Sleep(time.Minute)

		began := time.Now()
		o.append(numbered(1, 2))
		o.sync(t)
		if took := time.Since(began); took != syncTime {
			t.Errorf("alone it took %v, a sync takes %v", took, syncTime)
		}

		syncs.Store(0)
		var slowest atomic.Int64
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				time.Sleep(time.Duration(w) * 97 * time.Microsecond)
				for range rounds {
					began := time.Now()
					o.append(numbered(w, w+1))
					o.sync(t)
					slowest.Store(max(slowest.Load(), int64(time.Since(began))))
				}
			})
		}
		writing.Wait()
		if worst := time.Duration(slowest.Load()); worst > 2*syncTime {
			t.Errorf("one waited for %v: longer than the sync under way and its own", worst)
		}
		if n := syncs.Load(); n > writers*rounds/10 {
			t.Errorf("%d records took %d syncs", writers*rounds, n)
		}
		o.close(t)
	})
}

// What nobody waits for is in the file after 20 ms and on the disk after a second.
func TestJournal_WritesWhatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, after := range []struct {
			time time.Duration
			end  func(*journaltest.Disk)
		}{{25 * time.Millisecond, (*journaltest.Disk).Kill}, {1100 * time.Millisecond, (*journaltest.Disk).PowerCut}} {
			disk, _ := slowDisk(time.Millisecond)
			o := open(t, disk.Mount(), journal.Options{})
			o.append(numbered(0, 10))
			time.Sleep(after.time)
			after.end(disk)
			_ = o.Close()
			<-o.ended
			records, err := openAndReplay(t, disk)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, records, numbered(0, 10))
		}
	})
}

// Ready says whether Admit would wait: while half of what may be in memory is not on
// disk it might.
func TestJournal_Ready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, _ := slowDisk(5 * time.Second)
		o := open(t, disk.Mount(), journal.Options{MaxPending: 1 << 20})
		if !o.Ready() {
			t.Error("an empty journal is not ready")
		}
		record := string(make([]byte, 1<<10))
		for range 600 {
			o.append([]string{record})
		}
		if o.Ready() {
			t.Error("it is ready with 600 of 1024 KiB that are not on disk")
		}
		o.sync(t)
		if !o.Ready() {
			t.Error("it is not ready once all is on disk")
		}
		o.close(t)
	})
}
