package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// problem is one thing that is wrong with the configuration.
type problem struct {
	source string // file:line, variable or flag; "" for a value whose source does not matter
	key    string
	text   string
}

// configError is all problems together.
type configError []problem

func (e configError) Error() string {
	var b strings.Builder
	b.WriteString("the configuration is not valid:")
	for _, p := range e {
		b.WriteString("\n  ")
		if p.source != "" {
			b.WriteString(p.source + ": ")
		}
		b.WriteString(p.key + ": " + p.text)
	}
	b.WriteString("\n'sensocto config print' shows all keys with their values.")
	return b.String()
}

// loadConfig puts the configuration together: defaults, then the file, the
// environment, and flags (by key). It reports all problems at once.
func loadConfig(env environment, file string, flags map[string]string) (Config, error) {
	c := defaults(env)
	l := &loader{fields: make(map[string]field)}
	for _, f := range fields(&c) {
		l.fields[f.key] = f
	}
	if file != "" {
		if err := l.file(file); err != nil {
			return c, err
		}
	}
	l.environment(env)
	for _, key := range sortedKeys(flags) {
		l.set("--"+l.fields[key].flag(), key, flags[key])
	}
	if len(l.problems) == 0 {
		l.problems = c.check()
	}
	if len(l.problems) > 0 {
		return c, usageError{configError(l.problems)}
	}
	return c, nil
}

type loader struct {
	fields   map[string]field
	problems []problem
}

func (l *loader) set(source, key, text string) {
	if err := l.fields[key].set(text); err != nil {
		l.problems = append(l.problems, problem{source, key, err.Error()})
	}
}

// foreign are the variables with our prefix that are not the server's: those
// of the other commands and of the scripts in the source tree.
var foreign = []string{"SENSOCTO_TOKEN", "SENSOCTO_SERVER", "SENSOCTO_CONFIG", "SENSOCTO_PYTHON", "SENSOCTO_RUN_", "SENSOCTO_TEST_", "SENSOCTO_BENCH_"}

func (l *loader) environment(env environment) {
	keys := make(map[string]string, len(l.fields))
	for key, f := range l.fields {
		keys[f.variable()] = key
	}
	for _, name := range sortedKeys(env) {
		if !strings.HasPrefix(name, "SENSOCTO_") {
			continue
		}
		if key, ok := keys[name]; ok {
			l.set(name, key, env[name])
		} else if !slices.ContainsFunc(foreign, func(f string) bool { return name == f || strings.HasSuffix(f, "_") && strings.HasPrefix(name, f) }) {
			l.problems = append(l.problems, problem{"environment", name, "no such setting" + suggest(name, sortedKeys(keys))})
		}
	}
}

// file reads a YAML file of nested keys.
func (l *loader) file(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return usagef("configuration file %s does not exist: make one with 'sensocto config print > %s'", path, path)
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return usagef("configuration file %s: %w", path, err)
	}
	if len(document.Content) > 0 {
		l.node(path, "", document.Content[0])
	}
	return nil
}

// node reads a mapping; prefix is where it stands, with a dot.
func (l *loader) node(path, prefix string, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // an empty file or section
	}
	if n.Kind != yaml.MappingNode {
		l.problems = append(l.problems, problem{fmt.Sprintf("%s:%d", path, n.Line), strings.TrimSuffix(prefix, "."), "expected keys with values"})
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := prefix+n.Content[i].Value, n.Content[i+1]
		source := fmt.Sprintf("%s:%d", path, n.Content[i].Line)
		_, known := l.fields[key]
		switch {
		case seen[key]:
			l.problems = append(l.problems, problem{source, key, "is there twice"})
		case known:
			l.scalar(source, key, value)
		case l.isSection(key):
			l.node(path, key+".", value)
		default:
			l.problems = append(l.problems, problem{source, key, "no such setting" + suggest(key, sortedKeys(l.fields))})
		}
		seen[key] = true
	}
}

// scalar reads the value of a key: a scalar, a list of them, or a table.
func (l *loader) scalar(source, key string, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	table, isTable := l.fields[key].value.Addr().Interface().(*retentionTable)
	switch {
	case isTable:
		if err := table.setNode(n); err != nil {
			l.problems = append(l.problems, problem{source, key, err.Error()})
		}
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		l.set(source, key, "")
	case n.Kind == yaml.ScalarNode:
		l.set(source, key, n.Value)
	case n.Kind == yaml.SequenceNode && !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Kind != yaml.ScalarNode }):
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = item.Value
		}
		l.set(source, key, strings.Join(items, ","))
	default:
		l.problems = append(l.problems, problem{source, key, "expected a value or a list of values"})
	}
}

func (l *loader) isSection(name string) bool {
	for key := range l.fields {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// suggest names the candidate that is nearest to a misspelled name.
func suggest(name string, candidates []string) string {
	best, distance := "", 4
	for _, c := range candidates {
		if d := editDistance(name, c); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// editDistance is the number of characters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
