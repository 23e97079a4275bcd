package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stopped is the data directory of a server that has stopped.
func stopped(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	runCLI(t, nil, "import", writeRecord(t, "rec-1", 70_000), writeRecord(t, "rec-2", 9000), "--start", startText, "-q", "--data-dir", dir).wants(t, 0)
	return dir
}

// alter runs SQL on the database of a directory, past the program.
func alter(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "sensocto.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// chunkPages returns where the pages of the database file begin that hold the
// chunks, in the order of the chunks. The file must be whole, and no server have
// it open.
func chunkPages(t *testing.T, dir string) (offsets []int64) {
	t.Helper()
	const pageSize = 4096
	path := filepath.Join(dir, "sensocto.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT data FROM chunk ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(file, data)
		if at < 0 {
			t.Fatalf("chunk %d does not stand in one page of %s", len(offsets), path)
		}
		offsets = append(offsets, int64(at-at%pageSize))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return offsets
}

// scribble writes over parts of the database file.
func scribble(t *testing.T, dir string, offsets ...int64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "sensocto.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range offsets {
		if _, err := f.WriteAt([]byte(strings.Repeat("\xa5\x00\xff", 100)), at); err != nil {
			t.Fatal(err)
		}
	}
}

const flipAByte = `CAST(substr(data, 1, 40) || x'7f01' || substr(data, 43) AS BLOB)`

func TestCheck_OfWhatIsSound(t *testing.T) {
	dir := stopped(t)
	runCLI(t, nil, "check", dir).wants(t, 0, "2 series", "78998 samples", "is sound")
	runCLI(t, nil, "repair", dir).wants(t, 0, "is sound")
	t.Chdir(filepath.Dir(dir))
	runCLI(t, nil, "check", filepath.Base(dir)).wants(t, 0, "is sound")
	var report findings
	out := runCLI(t, nil, "check", "--json", dir).wants(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &report); err != nil || !report.Sound || report.Chunks.Samples != 78_998 || report.Faults == nil {
		t.Errorf("%v: %s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "repair-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCheck_OfWhatIsNoDirectoryOfAServer(t *testing.T) {
	empty := t.TempDir()
	for _, command := range []string{"check", "repair"} {
		runCLI(t, nil, command, empty).wants(t, exitFailed, "no database in "+empty)
		runCLI(t, nil, command, filepath.Join(empty, "nowhere")).wants(t, exitFailed, "no database")
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("made %v, %v", entries, err)
	}
	s := startServer(t, t.TempDir())
	runCLI(t, nil, "check", s.dir).wants(t, exitFailed, "stop it first")
	runCLI(t, nil, "repair", s.dir, "--yes").wants(t, exitFailed, "stop it first")
}

func TestRepair_MendsChunks(t *testing.T) {
	for name, tc := range map[string]struct {
		damage string
		told   string // by check
		done   string // by repair
		left   string // samples
	}{
		"a chunk that does not decode": {
			`UPDATE chunk SET data = ` + flipAByte + ` WHERE id = (SELECT min(id) + 2 FROM chunk)`, "unreadable: rec-1", "removed: ", "74902 samples"},
		"a row that lies":     {`UPDATE chunk SET max = max + 1 WHERE id = (SELECT min(id) FROM chunk)`, "row: rec-1", "rewritten: ", "78998 samples"},
		"totals that are off": {`UPDATE series SET samples = 5, bytes = 7`, "totals: ", "recounted: ", "78998 samples"},
		"overlapping numbers": {`UPDATE chunk SET first_seq = first_seq - 96 WHERE id = (SELECT min(id) + 3 FROM chunk)`, "overlap: rec-1", "trimmed: ", "78902 samples"},
		"a rollup that does not decode": {
			`INSERT INTO rollup (series_id, level, cell, first_seq, samples, span, min_time, max_time, numbers, data)
				SELECT series_id, 1, 1000000, first_seq, samples, span, min_time, max_time, 0, x'0100' FROM chunk WHERE first_seq = 0`,
			"unreadable: ", "rebuilt: ", "78998 samples"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := stopped(t)
			alter(t, dir, tc.damage)
			r := runCLI(t, nil, "check", dir).wants(t, exitFailed, tc.told, "is not sound", "sensocto repair")
			if strings.Contains(r.stdout, "is sound") {
				t.Error(r.stdout)
			}
			runCLI(t, nil, "check", dir).wants(t, exitFailed, tc.told) // it changed nothing
			runCLI(t, nil, "repair", dir).wants(t, exitFailed, "--yes")
			runCLI(t, nil, "repair", dir, "--yes").wants(t, 0, tc.done, "is sound")
			runCLI(t, nil, "check", dir).wants(t, 0, tc.left)
			if kept, err := filepath.Glob(filepath.Join(dir, "repair-*", "before.backup")); tc.told != "totals: " && (err != nil || len(kept) != 1) {
				t.Errorf("kept %v, %v", kept, err)
			}
			startServer(t, dir).cli(t, "read", "rec-2", "ECG_lead_I", "--limit", "1").wants(t, 0)
		})
	}
}

// Damage to the pages of the file: what can be read goes to a new one.
func TestRepair_SavesWhatAFileStillHas(t *testing.T) {
	dir := stopped(t)
	pages := chunkPages(t, dir)
	scribble(t, dir, pages[len(pages)/3], pages[len(pages)/2])
	runCLI(t, nil, "check", dir).wants(t, exitFailed, "database: ", "is not sound")
	runCLI(t, nil, "repair", dir, "--yes").wants(t, 0, "saved: ", "is sound")
	runCLI(t, nil, "check", dir).wants(t, 0, "is sound")
	old, err := filepath.Glob(filepath.Join(dir, "repair-*", "sensocto.db"))
	if err != nil || len(old) != 1 {
		t.Errorf("the damaged file went to %v, %v", old, err)
	}
	s := startServer(t, dir)
	if n := strings.Count(s.cli(t, "read", "rec-1", "ECG_lead_I").wants(t, 0).stdout, "\n"); n < 30_000 {
		t.Errorf("%d lines are left", n)
	}
}

// An index can be made again.
func TestRepair_Indexes(t *testing.T) {
	dir := stopped(t)
	alter(t, dir, `PRAGMA writable_schema = ON`,
		`UPDATE sqlite_schema SET sql = 'CREATE INDEX chunk_min_time ON chunk (series_id, span, max_time)' WHERE name = 'chunk_min_time'`)
	runCLI(t, nil, "check", dir).wants(t, exitFailed, "database: ", "chunk_min_time")
	runCLI(t, nil, "repair", dir, "--yes").wants(t, 0, "indexes were made again", "is sound")
}

// Where nothing is left to save, nothing changes, and a backup helps.
func TestRepair_SaysWhenOnlyABackupHelps(t *testing.T) {
	dir, file := stopped(t), filepath.Join(t.TempDir(), "all.backup")
	runCLI(t, nil, "backup", file, "--data-dir", dir).wants(t, 0)
	path := filepath.Join(dir, "sensocto.db")
	for name, damage := range map[string]func() error{
		"its first page is noise": func() error { scribble(t, dir, 0); return nil },
		"it is cut short":         func() error { return os.Truncate(path, 6000) },
		"it is another's":         func() error { return os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			runCLI(t, nil, "restore", file, "--replace", "-q", "--data-dir", dir).wants(t, 0)
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			runCLI(t, nil, "check", dir).wants(t, exitFailed, "database: ")
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			runCLI(t, nil, "repair", dir, "--yes").wants(t, exitFailed, "sensocto restore")
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file changed: %v", err)
			}
			runCLI(t, nil, "restore", file, "--data-dir", dir, "--replace").wants(t, 0)
			runCLI(t, nil, "check", dir).wants(t, 0, "78998 samples", "is sound")
		})
	}
}

// Commands that were interrupted say so: half a look is neither "sound" nor
// "not sound", and half a backup is none.
func TestCommands_SayThatTheyWereInterrupted(t *testing.T) {
	dir, out := stopped(t), t.TempDir()
	file := filepath.Join(out, "all.backup")
	runCLI(t, nil, "backup", file, "--data-dir", dir).wants(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{
		"check " + dir, "repair --yes " + dir, "retention --dry-run --data-dir " + dir, "cleanup rec-1 --yes --data-dir " + dir,
		"backup " + out + "/other.backup --data-dir " + dir, "backup --verify " + file, "restore " + file + " --data-dir " + out + "/new",
		"export rec-1 -o " + out + "/rec.csv --data-dir " + dir, "token list --data-dir " + dir,
	} {
		var stdout, stderr safeBuffer
		code := run(ctx, strings.Fields(args), &stdout, &stderr, nil)
		if said := stdout.String() + stderr.String(); code != exitFailed || strings.Contains(said, "sound") || strings.Contains(said, "damaged") {
			t.Errorf("%s: exit code %d: %s", args, code, said)
		}
	}
	runCLI(t, nil, "check", dir).wants(t, 0, "78998 samples", "is sound")
	if left, _ := filepath.Glob(filepath.Join(dir, "repair-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	entries, err := os.ReadDir(out)
	for _, e := range entries {
		if e.Name() != "all.backup" && e.Name() != "new" {
			t.Errorf("left behind: %v, %v", e.Name(), err)
		}
	}
}
