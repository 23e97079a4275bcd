package p2p

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// transcript returns the lines of the golden transcripts that begin with a mark.
// The sidecar's tests read the same files.
func transcript(t testing.TB, mark string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/protocol/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.Lines(string(b)) {
			if line, ok := strings.CutPrefix(strings.TrimSpace(text), mark); ok {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) < 20 {
		t.Fatalf("only %d lines", len(lines))
	}
	return lines
}

func plain(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestLine_RequestsAreThoseOfTheTranscripts(t *testing.T) {
	for _, text := range transcript(t, "> ") {
		var r request
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		encoded, err := encodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(t, []byte(text)), plain(t, encoded)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLine_AnswersAreThoseOfTheTranscripts(t *testing.T) {
	for _, text := range transcript(t, "< ") {
		l, err := decodeLine([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		encoded, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(t, []byte(text)), plain(t, encoded)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLine_WhatIsNeitherAnswerNorEventIsRefused(t *testing.T) {
	for _, text := range []string{``, `{}`, `[]`, `{"id":1}`, `{"ok":{}}`, `{"event":""}`, `{"id":1,"ok":{},"error":{"code":"x","message":"y"}}`, `{"id":1,"ok":{},"event":"hello"}`} {
		if l, err := decodeLine([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, l)
		}
	}
}

func FuzzSidecarLine(f *testing.F) {
	for _, text := range transcript(f, "< ") {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := decodeLine(text)
		if err != nil {
			return
		}
		encoded, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeLine(encoded)
		if err != nil {
			t.Fatalf("%s became %s: %v", text, encoded, err)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(encoded, second) {
			t.Fatalf("%s became %s", encoded, second)
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add(Ticket{Room: "01890000-0000-7000-8000-000000000000", Root: (&Keys{make([]byte, 32)}).Room("x").Key, Name: "Lab", Doc: "docaaaa"}.String())
	f.Add("https://example.org/join#ticket=sensocto-room-e30")
	f.Fuzz(func(t *testing.T, text string) {
		ticket, err := ParseTicket(text)
		if err != nil {
			return
		}
		again, err := ParseTicket("https://example.org/join#" + ticket.String())
		if err != nil || !cmp.Equal(ticket, again) {
			t.Fatalf("%q: %+v became %+v, %v", text, ticket, again, err)
		}
	})
}
