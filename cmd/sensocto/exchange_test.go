package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// directory is how commands name a data directory that no server has open.
func directory(dir string) []string { return []string{"--data-dir", dir} }

func TestImport_StoresEachSampleOnceWithItsTime(t *testing.T) {
	dir, record := t.TempDir(), writeRecord(t, "rec-1", 9000)
	in := func(args ...string) []string { return append(append(args, "--start", startText), directory(dir)...) }
	runCLI(t, nil, in("import", record)...).wants(t, 0, "8999 samples stored", "new database")
	runCLI(t, nil, in("import", record)...).wants(t, 0, "0 samples stored", "8999 were there already")
	runCLI(t, nil, in("import", record, "--sensor-id", "other", "-q")...).wants(t, 0)
	runCLI(t, nil, "import", record, "--data-dir", dir).wants(t, exitUsage, "does not say when it began")
	runCLI(t, nil, in("import", record, record, "--sensor-id", "one")...).wants(t, exitUsage, "goes with one file")
	runCLI(t, nil, in("import", filepath.Join(dir, "no.hea"))...).wants(t, exitFailed, "no such file")
	runCLI(t, nil, "import", record, "--start", "2090-01-01T00:00:00Z", "--data-dir", dir).wants(t, exitUsage, "in the future", "give another --start")

	s := startServer(t, dir)
	want := expected(t, record, 0, startMicros)
	for _, id := range []string{"rec-1", "other"} {
		if got := s.cli(t, "read", id, "ECG_lead_I").wants(t, 0).stdout; got != want {
			t.Errorf("%s reads %d bytes, want %d", id, len(got), len(want))
		}
	}
}

// What a device sends and what is imported are one series.
func TestImport_ThroughAServerBesideADevice(t *testing.T) {
	s := startServer(t, t.TempDir())
	long, short := writeRecord(t, "rec-1", 20_000), writeRecord(t, "rec-1", 5000)
	s.cli(t, "replay", short, "--speed", "max", "--start", startText).wants(t, 0)
	s.cli(t, "import", long, "--start", startText).wants(t, 0, "15000 samples stored", "4999 were there already")
	s.cli(t, "replay", short, "--speed", "max", "--start", "2026-03-01T00:00:00Z").wants(t, 0)
	want := expected(t, long, 0, startMicros)
	got := s.cli(t, "read", "rec-1", "ECG_lead_I", "--to", "2026-02-28T00:00:00Z").wants(t, 0).stdout
	if got != want {
		t.Errorf("reads %d bytes, want %d", len(got), len(want))
	}
	all := s.cli(t, "read", "rec-1", "ECG_lead_I").wants(t, 0).stdout
	if n := strings.Count(all, "\n") - 1; n != 19_999+4999 {
		t.Errorf("%d samples in all", n)
	}

	view := runCLI(t, nil, "token", "create", "--name", "v", "--scope", "view", "--data-dir", s.dir).wants(t, 0)
	for token, why := range map[string]string{strings.TrimSpace(view.stdout): "ingest", "wrong": "not valid"} {
		env := []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + token}
		runCLI(t, env, "import", long, "--start", startText).wants(t, exitFailed, why)
	}
}

// shared is the record of real data that may lie beside the sources.
func shared() string { return filepath.Join("..", "..", "..", "shared", "data", "100.hea") }

func TestExchange_ForeignSoftwareFindsWhatWasImported(t *testing.T) {
	t.Parallel()
	interpreter := os.Getenv("SENSOCTO_PYTHON")
	if interpreter == "" {
		venv := filepath.Join("..", "..", ".cache", "venv")
		if _, err := os.Stat(filepath.Join(venv, "installed")); err == nil { // the last thing that an installation does
			interpreter = filepath.Join(venv, "bin", "python")
		}
	}
	if interpreter == "" {
		t.Skip("no Python with wfdb, pyedflib and pyarrow in .cache/venv: `make test` installs it, or SENSOCTO_PYTHON names one")
	}
	records := map[string]string{"made-up": writeRecord(t, "rec-1", 9000)}
	if _, err := os.Stat(shared()); err == nil {
		records["real"] = shared()
	} else {
		t.Log("no shared data: only a made-up record is compared")
	}
	for name, record := range records {
		t.Run(name, func(t *testing.T) {
			id, files := strings.TrimSuffix(filepath.Base(record), ".hea"), t.TempDir()
			s := startServer(t, t.TempDir())
			s.cli(t, "import", record, "--start", startText).wants(t, 0)
			for _, format := range []string{"csv", "edf", "parquet", "wfdb"} {
				s.cli(t, "export", id, "--format", format, "-o", files+"/", "--to", "2026-01-01T00:03:00Z").wants(t, 0, files)
			}
			out, err := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", "compare_export.py"),
				strings.TrimSuffix(record, ".hea"), strconv.Itoa(startMicros), "180", files).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// The same files come out of a server and of its directory.
func TestExport_OfAServerAndOfItsDirectory(t *testing.T) {
	s, one, two := startServer(t, t.TempDir()), t.TempDir(), t.TempDir()
	s.cli(t, "import", writeRecord(t, "rec-1", 9000), writeRecord(t, "rec-2", 100), "--start", startText).wants(t, 0, "9098 samples stored")
	formats := map[string]string{"csv": ".csv", "edf": ".edf", "wfdb": ".dat"}
	for format := range formats {
		s.cli(t, "export", "--all", "--format", format, "-o", one).wants(t, 0)
	}
	stream := s.cli(t, "export", "rec-1", "-o", "-", "-a", "ECG_lead_I").wants(t, 0)
	s.cli(t, "export", "rec-1", "-o", filepath.Join(one, "rec-1.csv")).wants(t, exitFailed, "--force")
	s.cli(t, "export", "rec-1", "-o", filepath.Join(one, "rec-1.csv"), "--force", "-q").wants(t, 0)
	s.cli(t, "export", "nothing").wants(t, exitFailed, "no sensor nothing")
	s.cli(t, "export", "rec-1", "-a", "resp", "-o", one).wants(t, exitFailed, "--force")
	s.cli(t, "export", "rec-2", "-a", "resp", "-o", two).wants(t, exitFailed, "no attribute resp")
	s.cli(t, "export", "rec-1", "rec-2", "-o", filepath.Join(one, "x.csv")).wants(t, exitUsage, "directory")
	s.cli(t, "export").wants(t, exitUsage, "--all")
	s.stop()
	for format, extension := range formats {
		runCLI(t, nil, append([]string{"export", "--all", "--format", format, "-o", two}, directory(s.dir)...)...).wants(t, 0)
		for _, id := range []string{"rec-1", "rec-2"} {
			if a, b := readFile(t, filepath.Join(one, id+extension)), readFile(t, filepath.Join(two, id+extension)); !bytes.Equal(a, b) {
				t.Errorf("%s%s: %d bytes and %d bytes", id, extension, len(a), len(b))
			}
		}
	}
	if string(readFile(t, filepath.Join(two, "rec-1.csv"))) != stream.stdout {
		t.Error("standard output differs")
	}
	for _, dir := range []string{one, two} {
		if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A server that goes away in the middle leaves no file that could pass for one.
func TestExport_ThatBreaksLeavesNoFile(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("time,ecg\n"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer broken.Close()
	dir := t.TempDir()
	runCLI(t, []string{"SENSOCTO_SERVER=" + broken.URL}, "export", "s1", "-o", dir).wants(t, exitFailed, "early")
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What was exported is imported again as what it was.
func TestExchange_ComesBack(t *testing.T) {
	s, files := startServer(t, t.TempDir()), t.TempDir()
	s.cli(t, "import", writeRecord(t, "rec-1", 9000), "--start", startText).wants(t, 0)
	want := s.cli(t, "read", "rec-1", "ECG_lead_I").wants(t, 0).stdout
	for _, format := range []string{"csv", "wfdb", "edf", "parquet"} {
		s.cli(t, "export", "rec-1", "--format", format, "-o", files).wants(t, 0)
	}
	for _, extension := range []string{"csv", "hea", "edf"} {
		s.cli(t, "import", filepath.Join(files, "rec-1."+extension), "--sensor-id", extension).wants(t, 0, "8999 samples stored")
		got := s.cli(t, "read", extension, "ECG_lead_I").wants(t, 0).stdout
		if extension == "edf" { // digital numbers are the same, physical ones within half a step
			times := func(text string) (list []string) {
				for line := range strings.Lines(text) {
					at, _, _ := strings.Cut(line, ",")
					list = append(list, at)
				}
				return list
			}
			if !slices.Equal(times(got), times(want)) {
				t.Error("other times in EDF+")
			}
			continue
		}
		if got != want {
			t.Errorf("%s: reads %d bytes, want %d", extension, len(got), len(want))
		}
	}
	// Imported to where it came from, nothing is stored twice.
	s.cli(t, "import", filepath.Join(files, "rec-1.csv")).wants(t, 0, "0 samples stored", "8999 were there already")
}
