package main

import (
	"fmt"
	"io"

	"github.com/sensocto/sensocto/store/journal"
)

// journalFindings are what a check says of the journal.
type journalFindings struct {
	Segments int            `json:"segments"`
	Records  uint64         `json:"records"`
	Lost     uint64         `json:"lost_records"`
	Bytes    int64          `json:"bytes"`
	Torn     int64          `json:"torn_bytes"` // of a crash: they were never confirmed
	Damage   []journalFault `json:"damage"`
}

// journalFault is a part of a segment that is not as it was written.
type journalFault struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes"`
	First   uint64 `json:"first_record"`
	Records uint64 `json:"records"`
	Text    string `json:"text"`
}

// checkJournal reads all of the journal.
func checkJournal(config Config) (f journalFindings, err error) {
	f.Damage = []journalFault{}
	r, err := journal.Check(journal.OS(config.journal()))
	if err != nil {
		return f, err
	}
	f.Segments, f.Records, f.Lost, f.Bytes = len(r.Segments), r.Records, r.Lost, r.Bytes
	for _, s := range r.Segments {
		f.Torn += s.TornBytes
		for _, d := range s.Damage {
			f.Damage = append(f.Damage, journalFault{s.Name, d.Offset, d.Bytes, uint64(d.First), d.Records, d.Problem})
		}
	}
	return f, nil
}

func (f *journalFindings) printDamage(w io.Writer) {
	for _, d := range f.Damage {
		fmt.Fprintf(w, "journal: %s, bytes %d to %d: %s; %s lost, from %d on\n", d.Segment, d.Offset, d.Offset+d.Bytes, d.Text, plural(int64(d.Records), "record"), d.First)
	}
}

func (f *journalFindings) print(w io.Writer) {
	if f.Segments == 0 {
		return
	}
	fmt.Fprintf(w, "journal: %s in %s, %s\n", plural(int64(f.Records), "record"), plural(int64(f.Segments), "file"), humanBytes(f.Bytes))
	if f.Torn > 0 {
		fmt.Fprintf(w, "the last %d bytes of the journal were torn by a crash and never confirmed: no damage\n", f.Torn)
	}
}

// mendJournal keeps all records that are whole. The damaged files stay beside it.
func mendJournal(config Config, w io.Writer) error {
	r, err := journal.Repair(journal.OS(config.journal()))
	if err != nil {
		return err
	}
	for _, s := range r.Segments {
		if s.SetAside != "" {
			fmt.Fprintf(w, "journal: %s was made again; it is kept as it was as %s in %s\n", s.Name, s.SetAside, config.journal())
		}
	}
	fmt.Fprintf(w, "journal: %s kept, %d lost\n", plural(int64(r.Records), "record"), r.Lost)
	return nil
}
