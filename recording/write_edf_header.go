package recording

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// edfPacking is how the annotations are spread over the data records: each has
// so many bytes for them, filled one after the other.
type edfPacking struct {
	bytes int64 // per record, even
	next  int   // the note to be written
	list  []byte
}

// maxTAL bounds a single annotation: every data record has room for the
// longest.
const maxTAL = 4096

// pack finds how much room for annotations every record needs.
func (w *edfWriter) pack() error {
	w.start = floorSecond(w.layout.stretches[0].origin)
	total, longest := int64(0), int64(0)
	for i := range w.tracks.notes {
		n := int64(len(w.appendTAL(nil, i)))
		if n > maxTAL {
			return refused("an annotation at %s is longer than %d bytes: EDF+ cannot hold it, leave its attribute out or export as CSV or Parquet", formatMicros(w.tracks.notes[i].at), maxTAL)
		}
		total, longest = total+n, max(longest, n)
	}
	const clock = 32 // of the annotation that keeps the time
	if len(w.tracks.list) == 0 {
		w.layout.stretches[0].records = max(1, (total+maxEDFRecord/2-1)/(maxEDFRecord/2))
		w.layout.records = w.layout.stretches[0].records
	}
	for room := max(longest, total/w.layout.records); ; room += room/8 + 16 {
		if w.fits(room) {
			w.packing.bytes = (clock + room + 1) / 2 * 2
			return nil
		}
	}
}

// fits reports whether all annotations find room, each in one record.
func (w *edfWriter) fits(room int64) bool {
	records, left := w.layout.records, room
	for i := range w.tracks.notes {
		n := int64(len(w.appendTAL(w.packing.list[:0], i)))
		if n > left {
			if records--; records == 0 {
				return false
			}
			left = room
		}
		left -= n
	}
	return true
}

// appendTAL appends note i as a time-stamped annotation list.
func (w *edfWriter) appendTAL(dst []byte, i int) []byte {
	n := &w.tracks.notes[i]
	dst = appendOnset(dst, n.at-w.start)
	if n.Duration > 0 {
		dst = append(dst, 0x15)
		dst = appendSeconds(dst, n.Duration)
	}
	dst = append(dst, 0x14)
	text := n.Text
	switch {
	case n.Type != "" && n.Text != "":
		text = n.Type + " " + n.Text
	case n.Type != "":
		text = n.Type
	}
	for _, c := range []byte(text) {
		if (c < 32 || c == 127) && c != '\t' && c != '\n' && c != '\r' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, 0x14, 0)
}

func appendOnset(dst []byte, us int64) []byte {
	if us >= 0 {
		dst = append(dst, '+')
	}
	return appendSeconds(dst, us)
}

// appendSeconds writes µs as seconds with as many decimals as they need.
func appendSeconds(dst []byte, us int64) []byte {
	if us < 0 {
		dst, us = append(dst, '-'), -us
	}
	dst = strconv.AppendInt(dst, us/1e6, 10)
	if us %= 1e6; us != 0 {
		dst = append(dst, strings.TrimRight(fmt.Sprintf(".%06d", us), "0")...)
	}
	return dst
}

// writeNotes writes the annotations of a record: the one that keeps the time,
// then as many as there is room for.
func (w *edfWriter) writeNotes(b *bufio.Writer, _ int64, onset int64) error {
	p := &w.packing
	p.list = append(appendOnset(p.list[:0], onset), 0x14, 0x14, 0)
	for p.next < len(w.tracks.notes) {
		at := len(p.list)
		if p.list = w.appendTAL(p.list, p.next); int64(len(p.list)) > p.bytes {
			p.list = p.list[:at]
			break
		}
		p.next++
	}
	p.list = append(p.list, make([]byte, p.bytes-int64(len(p.list)))...)
	_, err := b.Write(p.list)
	return err
}

// header returns the header of the file.
func (w *edfWriter) header() []byte {
	var h bytes.Buffer
	field := func(width int, text string) { fmt.Fprintf(&h, "%-*s", width, fit(text, width)) }
	start := time.UnixMicro(w.start).UTC()
	count := len(w.tracks.list) + 1
	field(8, "0")
	field(80, "X X X X")
	equipment := strings.ReplaceAll(edfASCII(w.export.SensorID), " ", "_")
	field(80, "Startdate "+strings.ToUpper(start.Format("02-Jan-2006"))+" X X "+equipment)
	field(8, start.Format("02.01.06"))
	field(8, start.Format("15.04.05"))
	field(8, strconv.Itoa(edfFixed+count*edfPerSignal))
	kind := "EDF+C"
	if len(w.layout.stretches) > 1 {
		kind = "EDF+D"
	}
	field(44, kind)
	field(8, strconv.FormatInt(w.layout.records, 10))
	field(8, strconv.FormatFloat(w.layout.duration, 'f', -1, 64))
	field(4, strconv.Itoa(count))
	for _, column := range w.signalFields() {
		for _, text := range column.texts {
			field(column.width, text)
		}
	}
	return h.Bytes()
}

type edfColumn struct {
	width int
	texts []string
}

// signalFields returns the columns of the header's second part, the annotation
// signal last.
func (w *edfWriter) signalFields() []edfColumn {
	columns := make([]edfColumn, 10)
	for k, width := range []int{16, 80, 8, 8, 8, 8, 8, 80, 8, 32} {
		columns[k].width = width
	}
	add := func(texts ...string) {
		for k, text := range texts {
			columns[k].texts = append(columns[k].texts, text)
		}
	}
	for i, t := range w.tracks.list {
		s := w.scales[i]
		add(w.labels[i], "", edfASCII(t.attribute.Unit), s.physicalLow, s.physicalHigh,
			strconv.FormatInt(s.digitalLow, 10), strconv.FormatInt(s.digitalHigh, 10), "",
			strconv.FormatInt(w.layout.perRecord[i], 10), strconv.FormatInt(w.layout.valid[i], 10)+validSuffix)
	}
	add("EDF Annotations", "", "", "-1", "1", "-32768", "32767", "", strconv.FormatInt(w.packing.bytes/2, 10), "")
	return columns
}
