package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// onTerminal returns w, or, where that is a terminal, a writer that shows what is
// not printable as an escape: what others named or sent must not give orders to
// the terminal of whoever reads it. Files and pipes get every byte as it is.
func onTerminal(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &printable{w: w}
	}
	return w
}

// printable passes on what is printable, and escapes the rest.
type printable struct {
	w    io.Writer
	rest []byte // the beginning of a character whose end has not come
}

// Write implements io.Writer.
func (p *printable) Write(b []byte) (int, error) {
	text := append(p.rest, b...)
	end := len(text)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			end = i
			break
		}
	}
	p.rest = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(p.w, visible(string(text[:end]))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// visible makes a text that others wrote, such as a name in a file, safe for a
// terminal: what is not printable is shown as an escape. Line ends stay.
func visible(text string) string {
	if !strings.ContainsFunc(text, invisible) {
		return text
	}
	var out strings.Builder
	for _, c := range text {
		if invisible(c) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(c), "'"))
		} else {
			out.WriteRune(c)
		}
	}
	return out.String()
}

func invisible(c rune) bool {
	return c != '\n' && c != '\t' && (!unicode.IsPrint(c) || c == unicode.ReplacementChar)
}
