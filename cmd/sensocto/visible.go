package main

import (
	"strconv"
	"strings"
	"unicode"
)

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
	return c != '\n' && (!unicode.IsPrint(c) || c == unicode.ReplacementChar)
}
