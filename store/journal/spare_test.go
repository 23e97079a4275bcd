package journal_test

import (
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/journal/journaltest"
)

const spare = "journal-spare.tmp"

func TestJournal_BeginsTheNextSegmentWithoutADescriptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := journaltest.New(1)
		disk.Put(spare, []byte("left by a crash"))
		o := open(t, disk.Mount(), journal.Options{SegmentBytes: 64})
		records := numbered(0, 30)
		o.append(records[:10])
		o.sync(t)
		synctest.Wait()
		disk.Before(func(op journaltest.Op, _ string) error {
			if op == journaltest.Create || op == journaltest.Open {
				return syscall.EMFILE
			}
			return nil
		})
		before := len(disk.Names())
		o.append(records[10:])
		o.sync(t)
		synctest.Wait()
		if names := disk.Names(); slices.Contains(names, spare) || len(names) != before {
			t.Errorf("the spare file did not become a segment: %v", names)
		}
		disk.Before(func(journaltest.Op, string) error { return nil })
		o.close(t)
		got, err := openAndReplay(t, disk)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, got, records)
	})
}
