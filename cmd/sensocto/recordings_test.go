package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// writeFiles writes files into a new directory, and returns their paths in the
// order of the names.
func writeFiles(t *testing.T, nameAndText ...string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(nameAndText); i += 2 {
		path := filepath.Join(dir, nameAndText[i])
		if err := os.WriteFile(path, []byte(nameAndText[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

const leavesOut = "time,temp,label\n2026-01-01T00:00:00Z,unavailable,walk\n2026-01-01T00:00:02Z,21.5,run\n2026-01-01T00:00:01Z,21.25,\n"

var saysLeftOut = []string{
	`column "temp": no number in 1 cell such as "unavailable" (line 2)`, `column "label": left out`,
	"1 row earlier than one before (the first in line 4)", "2 samples stored", "; 3 things were left out or changed",
}

func TestImport_SaysAndCountsWhatItLeavesOut(t *testing.T) {
	dir := t.TempDir()
	files := writeFiles(t, "walk.csv", leavesOut)
	runCLI(t, nil, "import", files[0], "--data-dir", dir).wants(t, 0, saysLeftOut...)
	if said := runCLI(t, nil, "import", files[0], "--data-dir", dir, "-q").wants(t, 0).stderr; said != "" {
		t.Errorf("says %q in spite of -q", said)
	}
	wrong := filepath.Join(t.TempDir(), "rec.hea")
	record := writeRecord(t, "rec", 100)
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(strings.TrimSuffix(record, ".hea") + ".dat")
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{wrong: strings.Replace(string(text), "mV 16 0 0 0 0", "mV 16 0 0 9999 0", 1), strings.TrimSuffix(wrong, ".hea") + ".dat": string(data)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runCLI(t, nil, "import", wrong, "--data-dir", dir, "--start", startText).wants(t, 0, "the header says 9999", "; 1 thing was left out or changed")

	s := startServer(t, dir)
	want := "timestamp,payload\n1767225601000,21.25\n1767225602000,21.5\n"
	if got := s.cli(t, "read", "walk", "temp").wants(t, 0).stdout; got != want {
		t.Errorf("reads %q, want %q", got, want)
	}
	s.cli(t, "replay", files[0], "--sensor-id", "again", "--speed", "max", "--start", "2026-01-01T00:00:00Z").wants(t, 0, saysLeftOut...)
	if got := s.cli(t, "read", "again", "temp").wants(t, 0).stdout; got != want {
		t.Errorf("a replay reads %q, want %q", got, want)
	}
	s.cli(t, "import", files[0], "--sensor-id", "uploaded").wants(t, 0, saysLeftOut...)
	if log := s.stderr.String(); !strings.Contains(log, "left_out=3") && !strings.Contains(log, `"left_out":3`) {
		t.Errorf("the server's log does not say that 3 things were left out: %s", log)
	}
	if got := s.cli(t, "read", "uploaded", "temp").wants(t, 0).stdout; got != want {
		t.Errorf("an upload reads %q, want %q", got, want)
	}
}

func TestImport_AFileThatFailsDoesNotStopTheOthers(t *testing.T) {
	files := writeFiles(t,
		"a.csv", "time,x\n2026-01-01T00:00:00Z,1\n",
		"broken.csv", "time,x\n2026-01-01T00:00:00Z,1,2\n",
		"nostart.csv", "time,x\n0,1\n",
		"future.csv", "time,x\n2090-01-01T00:00:00Z,1\n",
		"wide.csv", "time"+strings.Repeat(",x", 1200)+"\n2026-01-01T00:00:00Z"+strings.Repeat(",1", 1200)+"\n",
		"z.csv", "time,x\n2026-01-01T00:00:00Z,2\n")
	pipe := filepath.Join(filepath.Dir(files[0]), "pipe.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	files = append([]string{pipe, filepath.Join(filepath.Dir(pipe), "gone.edf")}, files...)
	dir := t.TempDir()
	said := []string{
		"2 samples stored", "6 of 8 files failed:", "pipe.csv is a named pipe: only regular files", "gone.edf: no such file",
		"broken.csv: line 2: 3 fields", "nostart.csv does not say when it began", "future.csv began at 2090-01-01",
		"wide.csv: 1200 attributes are more than limits.attributes allows",
	}
	r := runCLI(t, nil, append([]string{"import", "--data-dir", dir}, files...)...).wants(t, exitFailed, said...)
	if strings.Contains(r.stderr, "a.csv:") || strings.Contains(r.stderr, "z.csv:") {
		t.Errorf("a file that is right is said to have failed: %s", r.stderr)
	}
	runCLI(t, nil, "import", "--data-dir", dir, files[0], files[1]).wants(t, exitFailed, "2 of 2 files failed")
	runCLI(t, nil, "import", "--data-dir", dir, files[0]).wants(t, exitFailed, "a named pipe")
	empty := t.TempDir()
	runCLI(t, nil, "import", "--data-dir", empty, files[0]).wants(t, exitFailed)
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("a database was made for nothing: %v, %v", entries, err)
	}
	s := startServer(t, dir)
	for _, sensor := range []string{"a", "z"} {
		s.cli(t, "read", sensor, "x").wants(t, 0, "1767225600000,")
	}
	s.cli(t, append([]string{"replay", "--speed", "max", "--start", "2026-02-01T00:00:00Z"}, files...)...).
		wants(t, exitFailed, "4 of 8 files failed:", "pipe.csv is a named pipe", "gone.edf", "broken.csv: line 2", "wide.csv", "too_many_attributes", "4 of 1204 samples sent")
	s.cli(t, "read", "nostart", "x").wants(t, 0, "1769904000000,1")
}

// A file that was exported comes back as it was: numbers to the bit, documents
// with their text, several samples of one time.
func TestImport_BringsBackWhatWasExported(t *testing.T) {
	text := "time,\"x, y (mV)\",mixed,annotations\n" +
		"2026-01-01T00:00:00Z,0.1,1,\n" +
		"2026-01-01T00:00:00Z,0.2,\"{\"\"a\"\":[1,\"\"b\"\"]}\",\"{\"\"type\"\":\"\"N\"\"}\"\n" +
		"2026-01-01T00:00:01.000001Z,,\"\"\"text, with comma\"\"\",\" null\"\n" +
		"2026-01-01T00:00:02Z,-1e-300,\"true\",\"[]\"\n"
	files := writeFiles(t, "s.csv", text)
	dir, out := t.TempDir(), t.TempDir()
	runCLI(t, nil, "import", files[0], "--data-dir", dir).wants(t, 0, "10 samples stored")
	first, second := filepath.Join(out, "s.csv"), filepath.Join(out, "t.csv")
	runCLI(t, nil, "export", "s", "--data-dir", dir, "-o", first).wants(t, 0)
	runCLI(t, nil, "import", first, "--sensor-id", "t", "--data-dir", dir).wants(t, 0, "10 samples stored")
	runCLI(t, nil, "export", "t", "--data-dir", dir, "-o", second).wants(t, 0)
	a, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) || !strings.Contains(string(a), `"{""a"":[1,""b""]}"`) || !strings.Contains(string(a), `" null"`) {
		t.Errorf("exported:\n%s\nafter import and export:\n%s", a, b)
	}
	s := startServer(t, t.TempDir())
	s.cli(t, "replay", first, "--sensor-id", "s", "--speed", "max", "--start", "2026-01-01T00:00:00Z").wants(t, 0, "10 samples stored")
	third := filepath.Join(out, "u.csv")
	s.cli(t, "export", "s", "-o", third).wants(t, 0)
	c, err := os.ReadFile(third)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(c), "\n") < 5 || !strings.Contains(string(c), `""text, with comma""`) || !strings.Contains(string(c), `""type"":""N""`) {
		t.Errorf("a replay gives\n%s", c)
	}
}

func TestImport_ReadsLocalTimes(t *testing.T) {
	dir := t.TempDir()
	files := writeFiles(t, "s.csv", "time,x\n2024-10-27 02:59:59,1\n2024-10-27 02:00:00,2\n")
	runCLI(t, nil, "import", files[0], "--zone", "Europe/Berlin", "--data-dir", dir).wants(t, 0, "from 2024-10-27T00:59:59.000Z", "2 samples stored")
	runCLI(t, nil, "import", files[0], "--zone", "Nowhere", "--data-dir", dir).wants(t, exitUsage, "--zone")
}

// What a file is called, and what is in it, does not reach the terminal as
// something that it obeys.
func TestImport_WritesNothingThatATerminalObeys(t *testing.T) {
	files := writeFiles(t, "a\x1b[2J.csv", "time,x,\x1b]0;title\a\n2026-01-01T00:00:00Z,1,\x1b[31m\xff\n", "b\x1b.csv", "time,x\n\x1b,2\n")
	r := runCLI(t, nil, "import", files[0], files[1], "--data-dir", t.TempDir()).wants(t, exitFailed, `a\x1b[2J.csv: column`, `b .csv: line 2`, "1 sample stored")
	single := runCLI(t, nil, "import", files[1], "--data-dir", t.TempDir()).wants(t, exitFailed, `b .csv`)
	if said := r.stderr + single.stderr; strings.ContainsAny(said, "\x1b\a") || !utf8.ValidString(said) {
		t.Errorf("says %q", said)
	}
}

// A replay sends large documents in frames of bounded size.
func TestReplay_LargeDocuments(t *testing.T) {
	s := startServer(t, t.TempDir())
	text := "time" + strings.Repeat(",d", 100) + "\n"
	for second := range 3 {
		text += strconv.Itoa(second) + strings.Repeat(",\"[\"\""+strings.Repeat("x", 60_000)+"\"\"]\"", 100) + "\n"
	}
	files := writeFiles(t, "large.csv", text)
	s.cli(t, "replay", files[0], "--speed", "max", "--start", "2026-01-01T00:00:00Z").wants(t, 0, "300 samples stored")
	if n := strings.Count(s.cli(t, "read", "large", "d_100").wants(t, 0).stdout, "\n"); n != 4 {
		t.Errorf("%d lines", n)
	}
}
