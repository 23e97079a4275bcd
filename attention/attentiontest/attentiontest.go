// Package attentiontest reads the tables of docs/attention.md, which are the
// rules of attention, so that the tests of every layer go through the same rows.
package attentiontest

import (
	"os"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

// Rule is a row of the table of rules: what a viewer does, and what counts.
type Rule struct {
	Topic string // with the sensor "s"
	Steps []Step
	Level sensocto.AttentionLevel
}

// Step is one thing that a viewer does.
type Step struct {
	Event   string // phx_join, phx_leave, or an event of the topic
	Payload string // a JSON object
}

// String names the rule.
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString(r.Topic)
	for _, s := range r.Steps {
		b.WriteString(" " + s.Event + s.Payload)
	}
	return b.String()
}

// Rules reads the table of rules from the document at path.
func Rules(t testing.TB, path string) (rules []Rule) {
	t.Helper()
	for _, row := range Table(t, path, "What a viewer does, and what counts") {
		rule := Rule{Topic: strings.Trim(row[0], "`"), Level: Level(t, row[2])}
		for i, span := range strings.Split(row[1], "`") {
			if i%2 == 0 {
				continue // between the spans of code
			}
			event, payload, ok := strings.Cut(span, " ")
			if !ok {
				payload = "{}"
			}
			rule.Steps = append(rule.Steps, Step{Event: event, Payload: payload})
		}
		rules = append(rules, rule)
	}
	return rules
}

// Level reads the name of a level.
func Level(t testing.TB, name string) sensocto.AttentionLevel {
	t.Helper()
	l, err := sensocto.ParseAttentionLevel(strings.Trim(name, "`"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Table returns the cells of the first table below a heading.
func Table(t testing.TB, path, heading string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, below, ok := strings.Cut(string(text), "# "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", path, heading)
	}
	for line := range strings.Lines(below) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		case len(rows) > 0:
			return rows[2:] // without the head and the line below it
		}
	}
	t.Fatalf("%s has no table that ends below %q", path, heading)
	return nil
}
