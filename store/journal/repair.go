package journal

import (
	"fmt"
	"slices"
	"strings"
)

// Repair makes a damaged journal one that opens, with everything that is
// whole in it. Records that are damaged are lost, and the report says which. It
// deletes nothing: a damaged segment is kept under another name. It may be
// repeated, also when it was interrupted. Nobody else may use the directory.
func Repair(fs FS) (Report, error) {
	if err := resume(fs); err != nil {
		return Report{}, fmt.Errorf("repair journal: %w", err)
	}
	found, err := examine(fs)
	if err != nil {
		return Report{}, err
	}
	var last *exam
	for _, e := range slices.Backward(found) {
		if !e.report.LeftOver {
			last = e
			break
		}
	}
	for _, e := range found {
		if len(e.report.Damage) == 0 || e.report.LeftOver {
			continue
		}
		if e.report.SetAside, err = e.repair(e == last); err != nil {
			return Report{}, fmt.Errorf("repair journal: %s: %w", e.name, err)
		}
	}
	return report(found), nil
}

// resume finishes or takes back what an interrupted repair left.
func resume(fs FS) error {
	names, err := fs.List()
	if err != nil {
		return err
	}
	for _, unfinished := range names {
		name, ok := strings.CutSuffix(unfinished, repairSuffix)
		switch {
		case !ok:
			continue
		case slices.Contains(names, name): // the damaged one is still in its place
			err = fs.Remove(unfinished)
		default:
			err = fs.Rename(unfinished, name)
		}
		if err != nil {
			return err
		}
	}
	return fs.Sync()
}

// repair puts a segment in the place of a damaged one, which it sets aside.
func (e *exam) repair(last bool) (aside string, err error) {
	if e.empty() {
		return e.setAside()
	}
	if err := e.write(e.name+repairSuffix, last); err != nil {
		return "", err
	}
	if aside, err = e.setAside(); err != nil {
		return "", err
	}
	if err := e.fs.Rename(e.name+repairSuffix, e.name); err != nil {
		return "", err
	}
	return aside, e.fs.Sync()
}

// empty tells whether there is nothing to keep.
func (e *exam) empty() bool { return !e.groups }

// setAside gives the damaged file a name that nothing else has.
func (e *exam) setAside() (name string, err error) {
	names, err := e.fs.List()
	if err != nil {
		return "", err
	}
	name = e.name + damagedSuffix
	for i := 2; slices.Contains(names, name); i++ {
		name = fmt.Sprintf("%s%s-%d", e.name, damagedSuffix, i)
	}
	if err := e.fs.Rename(e.name, name); err != nil {
		return "", err
	}
	return name, e.fs.Sync()
}

// write writes the repaired segment. Whole groups keep their places; what is
// damaged becomes a hole.
func (e *exam) write(name string, last bool) error {
	to, err := e.fs.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }() // synced below
	w := &mender{exam: e, to: to, header: e.mended()}
	if err := e.scan(e.length, w.copy); err != nil {
		return err
	}
	if last {
		if err := w.put(&group{synced: w.offset, first: e.report.End}, make([]byte, groupSize)); err != nil {
			return err
		}
	}
	if err := to.Sync(); err != nil {
		return err
	}
	return e.fs.Sync()
}

// mended returns the header that the repaired segment gets.
func (e *exam) mended() header {
	h := e.header
	h.previous, h.previousLength = 0, 0
	if e.known && (e.before == nil || !e.relinked) {
		h.previous, h.previousLength = e.header.previous, e.header.previousLength
	}
	if b := e.before; b != nil && e.relinked {
		h.previous, h.previousLength = b.number, b.length
	}
	if e.before != nil && e.before.report.End != h.first {
		h.flags |= flagHole
	}
	h.headLength = min(h.headLength, e.length)
	for _, d := range e.report.Damage { // a hole must not lie across the end of the head
		if d.Offset < h.headLength && d.Offset+d.Bytes > h.headLength {
			h.headLength = d.Offset + d.Bytes
		}
	}
	return h
}

// mender writes a repaired segment.
type mender struct {
	*exam
	to     File
	header header
	offset int64
}

func (w *mender) copy(s *scanner) error {
	head := w.header.append(nil)
	if _, err := w.to.WriteAt(head, 0); err != nil {
		return err
	}
	w.offset = headerSize
	s.salt, s.lost = w.header.salt, false
	for _, d := range append(w.report.Damage, Damage{Offset: w.length}) {
		if d.Offset+d.Bytes <= headerSize {
			continue // the header, or what was before the segment
		}
		if err := w.groups(s, d.Offset, head); err != nil {
			return err
		}
		if d.Bytes > 0 {
			if err := w.hole(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// groups copies the groups up to an offset, all of which are whole.
func (w *mender) groups(s *scanner, until int64, head []byte) error {
	for w.offset < until {
		g, payload, ok, err := s.group(w.offset)
		if err != nil {
			return readError(w.name, err)
		}
		if !ok {
			return fmt.Errorf("byte %d was whole before", w.offset)
		}
		b := append(make([]byte, groupSize, g.size()), payload...)
		if g.kind == kindSnapshot {
			copy(b[groupSize:], head)
		}
		if err := w.put(&g, b); err != nil {
			return err
		}
	}
	return nil
}

// hole writes a group that says what is lost.
func (w *mender) hole(d Damage) error {
	if d.Bytes < groupSize || d.Records > 1<<32-1 {
		return fmt.Errorf("no room at byte %d to note that %d records are lost: restore a backup", d.Offset, d.Records)
	}
	return w.put(&group{kind: kindHole, synced: d.Offset, first: d.First, records: uint32(d.Records)}, make([]byte, d.Bytes))
}

func (w *mender) put(g *group, b []byte) error {
	g.salt = w.header.salt
	g.seal(b, w.offset)
	_, err := w.to.WriteAt(b, w.offset)
	w.offset += int64(len(b))
	return err
}
