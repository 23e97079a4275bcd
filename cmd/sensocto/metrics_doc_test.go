//go:build unix

package main

import (
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metricRow is a metric as docs/metrics.md has it in a row of a table.
type metricRow struct {
	kind, labels string
	only         string // the database that has it
	later        bool   // there is none before something has happened
}

var (
	metricRowPattern = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*) \\| ([^|]+) \\|$")
	metricHelp       = regexp.MustCompile(`(?m)^# HELP sensocto_(\w+) (.*)$`)
	metricType       = regexp.MustCompile(`(?m)^# TYPE sensocto_(\w+) (\w+)$`)
	metricSeries     = regexp.MustCompile(`(?m)^sensocto_(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? `)
	metricLabel      = regexp.MustCompile(`(\w+)="`)
)

func documentedMetrics(t *testing.T) map[string]metricRow {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]metricRow)
	for _, m := range metricRowPattern.FindAllStringSubmatch(string(text), -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s is there twice", m[1])
		}
		row := metricRow{kind: m[2], labels: strings.ReplaceAll(strings.TrimSpace(m[3]), "`", "")}
		row.later = strings.HasPrefix(m[4], "Once seen: ")
		for _, database := range []string{"SQLite", "PostgreSQL"} {
			if strings.HasPrefix(m[4], database+": ") {
				row.only = database
			}
		}
		rows[m[1]] = row
	}
	return rows
}

// scrapeMetrics returns kinds and labels by name, and rows for what is new.
func scrapeMetrics(t *testing.T, s *running) (found map[string]metricRow, help map[string]string) {
	t.Helper()
	req, _ := http.NewRequest(http.MethodGet, s.url+"/metrics", nil)
	req.Header.Set("Authorization", "Bearer "+strings.TrimPrefix(s.env[1], "SENSOCTO_TOKEN="))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	text := string(body)
	found, help = make(map[string]metricRow), make(map[string]string)
	for _, m := range metricType.FindAllStringSubmatch(text, -1) {
		found[m[1]] = metricRow{kind: m[2]}
	}
	for _, m := range metricHelp.FindAllStringSubmatch(text, -1) {
		help[m[1]] = m[2]
	}
	for _, m := range metricSeries.FindAllStringSubmatch(text, -1) {
		row, ok := found[m[1]]
		if !ok {
			continue // one whose own name ends like a part of a histogram has its type under that
		}
		var labels []string
		for _, l := range metricLabel.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		row.labels = strings.Join(labels, ", ")
		found[m[1]] = row
	}
	return found, help
}

// docs/metrics.md has every metric that a server shows, and no other.
func TestMetrics_AreAllDocumented(t *testing.T) {
	documented := documentedMetrics(t)
	check := func(t *testing.T, database string, s *running) {
		s.cli(t, "replay", writeRecord(t, "rec-1", 500), "--speed", "max", "--start", startText).wants(t, 0)
		s.cli(t, "read", "rec-1", "ECG_lead_I", "--limit", "1").wants(t, 0)
		found, help := scrapeMetrics(t, s)
		for _, name := range slices.Sorted(maps.Keys(found)) {
			got, want := found[name], documented[name]
			if want.only != "" && want.only != database {
				t.Errorf("%s is said to be of %s alone", name, want.only)
			}
			want.only, want.later = "", false
			if got != want {
				t.Errorf("docs/metrics.md lacks or has otherwise:\n| `%s` | %s | %s | %s |", name, got.kind, got.labels, help[name])
			}
		}
		for name, row := range documented {
			if _, ok := found[name]; !ok && !row.later && (row.only == "" || row.only == database) {
				t.Errorf("docs/metrics.md has %s, which no server has", name)
			}
		}
	}
	mail := []string{"--smtp-host", "127.0.0.1:9", "--smtp-from", "sensocto@example.org", "--smtp-tls", "none", "--p2p-listen", "127.0.0.1:0", "--p2p-program", "/there/is/none"} // nothing is sent
	t.Run("SQLite", func(t *testing.T) { check(t, "SQLite", startServer(t, t.TempDir(), mail...)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		_, url := postgresServer(t)
		check(t, "PostgreSQL", &startProcess(t, t.TempDir(), append(mail, "--database-url", url)...).running)
	})
}
