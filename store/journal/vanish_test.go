package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
)

// TestJournal_ADirectoryThatVanishesIsNoticed takes the directory from a running
// journal, in each way: the next sync must not confirm what no start will find.
func TestJournal_ADirectoryThatVanishesIsNoticed(t *testing.T) {
	for name, vanish := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+"-old") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-old"), os.CopyFS(dir, os.DirFS(dir+"-old")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			o := open(t, journal.OS(dir), journal.Options{})
			o.append([]string{"one"})
			if err := o.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := vanish(dir); err != nil {
				t.Fatal(err)
			}
			o.append([]string{"two"})
			err := o.Sync(t.Context())
			if !errors.Is(err, journal.ErrVanished) || !errors.Is(err, journal.ErrFailing) {
				t.Fatalf("confirmed what is gone: %v", err)
			}
			for err != nil { // a new segment comes with the next attempt
				err = o.Sync(t.Context())
			}
			o.close(t)
			if got := metricOf(o.Journal, "journal_vanished_total"); got != 1 {
				t.Errorf("counted %v", got)
			}
			content := ""
			files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				content += string(data)
			}
			if !strings.Contains(content, "two") {
				t.Error("what was confirmed is not there")
			}
			open(t, journal.OS(dir), journal.Options{}) // must be possible
		})
	}
}

func metricOf(j *journal.Journal, name string) (v float64) {
	j.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			v = m.Value
		}
	})
	return v
}
