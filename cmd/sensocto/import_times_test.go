package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edfWith returns an EDF+ file of one signal, 10 Hz for 1 s, with the given
// start and lists of annotations.
func edfWith(t *testing.T, date, lists string) string {
	t.Helper()
	pad := func(width int, texts ...string) (s string) {
		for _, text := range texts {
			s += fmt.Sprintf("%-*s", width, text)
		}
		return s
	}
	header := pad(8, "0") + pad(80, "X X X X", "Startdate X X X X") + date + pad(8, "768") + pad(44, "EDF+C") + pad(8, "1", "1") + pad(4, "2")
	header += pad(16, "EEG", "EDF Annotations") + pad(80, "", "") + pad(8, "uV", "", "-100", "-1", "100", "1", "-100", "-32768", "100", "32767") +
		pad(80, "", "") + pad(8, "10", "50") + pad(32, "", "")
	data := strings.Repeat("\x07\x00", 10) + lists + strings.Repeat("\x00", 100-len(lists))
	path := filepath.Join(t.TempDir(), "night.edf")
	if err := os.WriteFile(path, []byte(header+data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImport_RefusesTimesThatCannotBeStoredBeforeItMakesAnything(t *testing.T) {
	clock := "+0\x14\x14\x00"
	for name, c := range map[string]struct {
		file, start string
		want        []string
	}{
		"future":             {edfWith(t, "04.05.6010.44.18", clock), "", []string{"began at 2060-05-04T10:44:18.000Z", "in the future: give another --start"}},
		"future by --start":  {edfWith(t, "04.05.2010.44.18", clock), "2090-01-01T00:00:00Z", []string{"in the future"}},
		"before 2000":        {edfWith(t, "04.05.9910.44.18", clock), "", []string{"nothing before 2000"}},
		"a note before 2000": {edfWith(t, "01.01.0000.00.00", clock+"-5.5\x14early\x14\x00"), "", []string{"began at 1999-12-31T23:59:54.500Z", "nothing before 2000"}},
		"no date":            {edfWith(t, "2024.2.109.01.17", clock), "", []string{`"2024.2.1 09.01.17" is no date`, "give --start"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			args := []string{"import", c.file, "--data-dir", dir}
			if c.start != "" {
				args = append(args, "--start", c.start)
			}
			runCLI(t, nil, args...).wants(t, exitUsage, c.want...)
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("the data directory was made: %v", err)
			}
		})
	}
}

func TestImportAndReplay_BringAnnotationsBeforeTheStart(t *testing.T) {
	file := edfWith(t, "01.02.2410.00.00", "+0\x14\x14\x00-5.5\x14Schl\xe4frig\x14\x00+0.5\x14late\x14\x00")
	s := startServer(t, t.TempDir())
	s.cli(t, "import", file).wants(t, 0, "12 samples stored")
	s.cli(t, "replay", file, "--speed", "max", "--start", "2024-02-01T10:00:00Z", "--sensor-id", "replayed").wants(t, 0)
	for _, sensor := range []string{"night", "replayed"} {
		s.cli(t, "read", sensor, "annotations").wants(t, 0, `1706781594500,"{""text"":""Schläfrig""}"`, `1706781600500,"{""text"":""late""}"`)
	}
}
