package recording

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// maxName bounds a name or a unit, in characters: what a server takes.
const maxName = 128

// maxAnnotationText bounds the text of an annotation, in bytes: escaped as JSON
// it may take six times as many, and a document has at most 64 KiB.
const maxAnnotationText = 8 << 10

// toText returns bytes of a file as UTF-8. A NUL ends the text. Bytes that are
// not UTF-8 are read as Windows-1252, which has Latin-1 in it: that is what
// programs wrote before UTF-8.
func toText(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	if utf8.Valid(b) {
		return string(b)
	}
	var text strings.Builder
	for _, c := range b {
		text.WriteRune(charmap.Windows1252.DecodeByte(c))
	}
	return text.String()
}

// cleanName makes a name or a unit of a file one that every database and
// every terminal can have: in UTF-8, without control characters, and not
// longer than maxName.
func cleanName(name string) string {
	name = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, toText([]byte(name)))
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > maxName {
		name = strings.TrimSpace(string([]rune(name)[:maxName]))
	}
	return name
}

// cleanLine makes a sentence that quotes a file one that can be shown: in UTF-8,
// without control characters.
func cleanLine(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, toText([]byte(text)))
}

// cleanError is an error whose text quotes a file.
type cleanError struct{ err error }

func (e cleanError) Error() string { return cleanLine(e.err.Error()) }
func (e cleanError) Unwrap() error { return e.err }

// cleaned returns an error that cannot harm a terminal or a log.
func cleaned(err error) error {
	if err == nil || cleanLine(err.Error()) == err.Error() {
		return err
	}
	return cleanError{err}
}

// cleanTexts sees to it that no text of a recording can harm whoever stores
// or shows it, whatever its format let through.
func (r *Recording) cleanTexts() {
	r.Name, r.StartText = cleanName(r.Name), cleanName(r.StartText)
	for i := range r.Signals {
		s := &r.Signals[i]
		if n := utf8.RuneCountInString(s.Name); n > maxName {
			r.Ignored = append(r.Ignored, fmt.Sprintf("signal %d: of its name of %d characters the first %d are kept", i+1, n, maxName))
		}
		s.Name, s.Unit = cleanName(s.Name), cleanName(s.Unit)
	}
	cut := 0
	for i := range r.Annotations {
		a := &r.Annotations[i]
		a.Type, a.Text = toText([]byte(a.Type)), toText([]byte(a.Text))
		if len(a.Text) > maxAnnotationText {
			a.Text = fit(a.Text, maxAnnotationText)
			cut++
		}
	}
	if cut > 0 {
		r.Ignored = append(r.Ignored, fmt.Sprintf("the ends of %d annotations: texts are cut to %d bytes", cut, maxAnnotationText))
	}
	for i, text := range r.Ignored {
		r.Ignored[i] = cleanLine(text)
	}
	for i, comment := range r.Comments {
		r.Comments[i] = toText([]byte(comment))
	}
}
