package main

import (
	"bytes"
	"testing"
)

func TestPrintable_EscapesWhatATerminalWouldObey(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext\n":        "plain\ttext\n",
		"a\x1b[2Jb":            `a\x1b[2Jb`,
		"bell\a, CSI \u009b2J": `bell\a, CSI \u009b2J`,
		"turned \u202e round":  `turned \u202e round`,
		"Grüße, 心拍 ❤":          "Grüße, 心拍 ❤",
		"\r\x00":               `\r\x00`,
	} {
		for split := range len(text) { // wherever a write ends
			var out bytes.Buffer
			p := &printable{w: &out}
			for _, piece := range []string{text[:split], text[split:]} {
				if n, err := p.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
			}
			if out.String() != want {
				t.Errorf("%q, split at %d: %q", text, split, out.String())
			}
		}
	}
}

// What is no terminal gets every byte.
func TestOnTerminal_LeavesFilesAlone(t *testing.T) {
	var out bytes.Buffer
	if onTerminal(&out) != &out {
		t.Error("a buffer is taken for a terminal")
	}
}
