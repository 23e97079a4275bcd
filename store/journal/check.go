package journal

import (
	"fmt"
	"strings"
)

// Report is what a directory holds.
type Report struct {
	Segments []SegmentReport // oldest first
	Records  uint64          // that are there
	Lost     uint64          // that were damaged or are missing
	Bytes    int64           // of all segments
}

// SegmentReport is what is known of a segment.
type SegmentReport struct {
	Name       string
	First, End Position // of its records
	Bytes      int64    // of the file
	Counts     int64    // of these
	Groups     int      // that are whole
	Records    uint64
	// LeftOver: its writing was given up, or never came to be. It does not count.
	LeftOver bool
	// TornBytes at the end were not confirmed when a crash came. They are no damage.
	TornBytes int64
	Damage    []Damage
	// SetAside is the name under which a repair kept the damaged file.
	SetAside string
}

// Damage is a part of a segment that was on disk and is not as it was.
type Damage struct {
	Offset, Bytes int64
	First         Position // of the records that were there
	Records       uint64
	Problem       string
}

// Damaged tells whether anything is.
func (r Report) Damaged() bool {
	for _, s := range r.Segments {
		if len(s.Damage) > 0 {
			return true
		}
	}
	return false
}

// String returns a line of text for each segment and each damage.
func (r Report) String() string {
	var b strings.Builder
	for _, s := range r.Segments {
		switch {
		case s.LeftOver:
			fmt.Fprintf(&b, "%s: left over from a failed write, %d bytes, does not count\n", s.Name, s.Bytes)
			continue
		case len(s.Damage) == 0:
			fmt.Fprintf(&b, "%s: ok, %d groups, records %d to %d, %d bytes", s.Name, s.Groups, s.First, s.End, s.Counts)
		default:
			fmt.Fprintf(&b, "%s: DAMAGED, %d groups are whole, with %d records of %d to %d", s.Name, s.Groups, s.Records, s.First, s.End)
		}
		if s.TornBytes > 0 {
			fmt.Fprintf(&b, "; the last %d bytes were torn by a crash and never confirmed", s.TornBytes)
		}
		b.WriteByte('\n')
		for _, d := range s.Damage {
			fmt.Fprintf(&b, "    bytes %d to %d: %s; %d records are lost, from %d on\n", d.Offset, d.Offset+d.Bytes, d.Problem, d.Records, d.First)
		}
		if s.SetAside != "" {
			fmt.Fprintf(&b, "    repaired; the damaged file is kept as %s\n", s.SetAside)
		}
	}
	fmt.Fprintf(&b, "%d records in %d segments, %d bytes; %d records lost\n", r.Records, len(r.Segments), r.Bytes, r.Lost)
	return b.String()
}

// Check reads everything and tells what is there and what is damaged. It
// changes nothing. The error is about reading or a newer version, not about damage.
func Check(fs FS) (Report, error) {
	found, err := examine(fs)
	if err != nil {
		return Report{}, err
	}
	return report(found), nil
}

func report(found []*exam) (r Report) {
	for _, e := range found {
		r.Segments = append(r.Segments, e.report)
		r.Bytes += e.report.Bytes
		r.Records += e.report.Records
		for _, d := range e.report.Damage {
			r.Lost += d.Records
		}
	}
	return r
}
