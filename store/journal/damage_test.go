package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/journal/journaltest"
)

// TestJournal_Damage: whatever happens to the files of a journal, a start never
// gives a wrong record; check tells of damage exactly where a start refuses; and
// a repair, also one that was interrupted, keeps every record that is whole.
func TestJournal_Damage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed, plan := rapid.Uint64().Draw(rt, "seed"), steps(rt)
		l := newLife(seed)
		var err error
		synctest.Test(t, func(*testing.T) { err = l.run(plan) })
		if err != nil {
			rt.Fatal(err)
		}
		disk := l.disk.Clone(seed)
		if rapid.IntRange(0, 4).Draw(rt, "misplaced") == 0 {
			misplace(rt, disk)
		} else {
			for range rapid.IntRange(1, 3).Draw(rt, "damages") {
				damage(rt, disk)
			}
		}
		_, refused := positions(disk)
		report, err := journal.Check(disk.Mount())
		if err != nil {
			rt.Fatal("check: ", err)
		}
		if corrupt := (*journal.CorruptError)(nil); refused != nil && !errors.As(refused, &corrupt) || report.Damaged() != (refused != nil) {
			rt.Fatalf("a start says %v; a check says\n%s", refused, report)
		}
		mended(rt, disk.Clone(seed), report)
		interrupted(rt, disk, report)
	})
}

// damage changes a file of the journal.
func damage(t *rapid.T, disk *journaltest.Disk) {
	name, at := somewhere(t, disk)
	if name == "" {
		return
	}
	content := disk.Content(name)
	switch rapid.SampledFrom([]string{"flip", "flip", "zero", "cut", "delete"}).Draw(t, "kind") {
	case "flip":
		content[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case "zero":
		clear(content[at:min(len(content), at+rapid.SampledFrom([]int{1, 40, 512, 4096}).Draw(t, "bytes"))])
	case "cut":
		content = content[:at]
	case "delete":
		disk.Delete(name)
		return
	}
	disk.Put(name, content)
}

// misplace puts a block of one file into another.
func misplace(t *rapid.T, disk *journaltest.Disk) {
	name, at := somewhere(t, disk)
	other, from := somewhere(t, disk)
	if name == "" {
		return
	}
	content, block := disk.Content(name), disk.Content(other)
	if rapid.Bool().Draw(t, "same place") {
		from = min(at, len(block))
	}
	copy(content[at:], block[from:min(len(block), from+rapid.SampledFrom([]int{40, 512, 4096}).Draw(t, "bytes"))])
	disk.Put(name, content)
}

// somewhere returns a file of the journal and a place in it, or nothing where
// all are empty.
func somewhere(t *rapid.T, disk *journaltest.Disk) (name string, at int) {
	names := slices.DeleteFunc(disk.Names(), func(name string) bool {
		return !strings.HasSuffix(name, ".seg") || len(disk.Content(name)) == 0
	})
	if len(names) == 0 {
		return "", 0
	}
	name = rapid.SampledFrom(names).Draw(t, "file")
	return name, rapid.IntRange(0, len(disk.Content(name))-1).Draw(t, "at")
}

// positions returns where a start finds records. It is an error if one is not
// what was appended there.
func positions(disk *journaltest.Disk) (list []journal.Position, err error) {
	j, err := journal.Open(disk.Mount(), new(sum), journal.Options{})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	err = j.Replay(context.Background(), func(at journal.Position, r []byte) error {
		var i int
		if _, err := fmt.Sscan(string(r), &i); err != nil || journal.Position(i) != at || len(list) > 0 && at <= list[len(list)-1] {
			return fmt.Errorf("at %d is %.20q", at, r)
		}
		list = append(list, at)
		return nil
	}, nil)
	return list, err
}

// mended repairs and wants everything back that is whole.
func mended(t *rapid.T, disk *journaltest.Disk, before journal.Report) {
	report, err := journal.Repair(disk.Mount())
	if err != nil {
		t.Fatalf("repair: %v; before:\n%s", err, before)
	}
	after, err := journal.Check(disk.Mount())
	if err != nil || after.Damaged() || after.Records != before.Records || report.Lost != before.Lost {
		t.Fatalf("after the repair: %v\n%s\nbefore:\n%s", err, after, before)
	}
	list, err := positions(disk)
	if err != nil || uint64(len(list)) != before.Records {
		t.Fatalf("a start finds %d records, %v; before were whole:\n%s", len(list), err, before)
	}
}

var errDead = errors.New("the repair was killed")

// interrupted repairs several times; only the last is let finish.
func interrupted(t *rapid.T, disk *journaltest.Disk, before journal.Report) {
	for range rapid.IntRange(1, 4).Draw(t, "interruptions") {
		left := rapid.IntRange(0, 30).Draw(t, "operations")
		disk.Before(func(journaltest.Op, string) error {
			if left--; left < 0 {
				return errDead
			}
			return nil
		})
		_, err := journal.Repair(disk.Mount())
		if err == nil {
			return
		}
		if !errors.Is(err, errDead) {
			t.Fatalf("repair: %v; before:\n%s", err, before)
		}
		if rapid.Bool().Draw(t, "power cut") {
			disk.PowerCut()
		} else {
			disk.Kill()
		}
	}
	disk.Before(func(journaltest.Op, string) error { return nil })
	if _, err := journal.Repair(disk.Mount()); err != nil {
		t.Fatal("repeated repair: ", err)
	}
	list, err := positions(disk)
	if err != nil || uint64(len(list)) != before.Records {
		t.Fatalf("a start finds %d records, %v; before were whole:\n%s", len(list), err, before)
	}
}

// Whatever bit changes on the disk after it was durable: a start reads all
// records as they were, or says that the journal is damaged and what to do.
func TestJournal_BitFlips(t *testing.T) {
	disk, told := long(t), 0
	want := strings.Join(numbered(0, 300), "\n")
	for _, name := range disk.Names() {
		content := disk.Content(name)
		for bit := range 8 * int64(len(content)) {
			if bit%5 != 0 || bit > 800 && bit%95 != 0 { // the header more thoroughly
				continue
			}
			disk.Flip(name, bit)
			records, err := openAndReplay(t, disk)
			disk.Put(name, content)
			if err == nil && strings.Join(records, "\n") == want {
				continue
			}
			told++
			if corrupt := (*journal.CorruptError)(nil); !errors.As(err, &corrupt) && !errors.Is(err, journal.ErrVersion) || errors.As(err, &corrupt) && !strings.Contains(err.Error(), "sensocto repair") {
				t.Fatalf("%s bit %d: %d records, %v", name, bit, len(records), err)
			}
		}
	}
	if told < 1000 {
		t.Errorf("only %d flips were noticed", told)
	}
}

// A torn tail is left off, told and counted; before it nothing is missing.
func TestJournal_ATornTailIsToldAndCounted(t *testing.T) {
	disk := long(t)
	names := disk.Names()
	last := names[len(names)-1]
	for _, tail := range []string{"x", "\xf6SJG and then the power went", string(make([]byte, 4096))} {
		d := disk.Clone(1)
		d.Put(last, append(d.Content(last), tail...))
		report, err := journal.Check(d.Mount())
		if err != nil || report.Damaged() || report.Segments[len(report.Segments)-1].TornBytes != int64(len(tail)) {
			t.Errorf("check: %v\n%s", err, report)
		}
		var log strings.Builder
		o := open(t, d.Mount(), journal.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		expect(t, replay(t, o.Journal), numbered(0, 300))
		if !strings.Contains(log.String(), "torn by a crash") || metric(o.Journal, "journal_torn_bytes_total") != float64(len(tail)) {
			t.Errorf("%d bytes were torn: %v; the log says %s", len(tail), metric(o.Journal, "journal_torn_bytes_total"), &log)
		}
		o.append(numbered(300, 310))
		o.sync(t)
		o.close(t)
		records, err := openAndReplay(t, d)
		if err != nil {
			t.Fatal(fmt.Errorf("the next start: %w", err))
		}
		expect(t, records, numbered(0, 310))
	}
}
