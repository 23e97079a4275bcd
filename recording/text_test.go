package recording

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestToText_IsUTF8WhateverTheFileHas(t *testing.T) {
	for in, want := range map[string]string{
		"Größe":               "Größe",
		"Gr\xf6\xdfe \x80":    "Größe €",
		"36 \xb0C":            "36 °C",
		"name\x00\xff\x00old": "name",
		"\x81":                "\ufffd",
		"":                    "",
	} {
		if got := toText([]byte(in)); got != want || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestCleanName_HasNoControlCharactersAndAnEnd(t *testing.T) {
	for in, want := range map[string]string{
		" ECG\x1b[2J\tlead\n":    "ECG [2J lead",
		"a\u202eb\ufeff":         "a b",
		strings.Repeat("ö", 300): strings.Repeat("ö", maxName),
	} {
		if got := cleanName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
