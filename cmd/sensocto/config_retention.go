package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// retentionTable is the rules of retention in the configuration: a list of
// mappings in YAML, which in a flag or a variable stands in one line.
type retentionTable store.Retention

// tableKey is one key of a rule.
type tableKey struct {
	name string
	text func(*store.RetentionRule) *string        // of keys that name something
	age  func(*store.RetentionRule) *time.Duration // of the others
}

func tableKeys() []tableKey {
	return []tableKey{
		{name: "sensor", text: func(r *store.RetentionRule) *string { return &r.SensorID }},
		{name: "attribute", text: func(r *store.RetentionRule) *string { return &r.AttributeID }},
		{name: "type", text: func(r *store.RetentionRule) *string { return &r.Type }},
		{name: "raw", age: func(r *store.RetentionRule) *time.Duration { return &r.Raw }},
		{name: "rollups", age: func(r *store.RetentionRule) *time.Duration { return &r.Rollups }},
	}
}

// setText reads the table from one line of YAML.
func (t *retentionTable) setText(text string) error {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return fmt.Errorf("%q is not a list, such as [{type: ecg, raw: 30d, rollups: 2y}]", text)
	}
	if len(document.Content) == 0 {
		*t = retentionTable{}
		return nil
	}
	return t.setNode(document.Content[0])
}

// setNode reads the table from YAML. It returns all that is wrong with it.
func (t *retentionTable) setNode(n *yaml.Node) error {
	rules := retentionTable{}
	var errs []error
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
	case n.Kind != yaml.SequenceNode:
		return errors.New("expected a list of rules, such as [{type: ecg, raw: 30d, rollups: 2y}]")
	default:
		for i, item := range n.Content {
			rule, err := retentionRule(item)
			if err != nil {
				errs = append(errs, fmt.Errorf("rule %d: %w", i+1, err))
			}
			rules = append(rules, rule)
		}
	}
	*t = rules
	return errors.Join(errs...)
}

func retentionRule(n *yaml.Node) (rule store.RetentionRule, err error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return rule, errors.New("expected {sensor: …, attribute: …, type: …, raw: AGE, rollups: AGE}, each of them optional")
	}
	var errs []error
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		switch {
		case seen[name]:
			errs = append(errs, fmt.Errorf("%s is there twice", name))
		case value.Kind != yaml.ScalarNode || value.Value == "":
			errs = append(errs, fmt.Errorf("%s has no value", name))
		default:
			errs = append(errs, setRuleKey(&rule, name, value.Value))
		}
		seen[name] = true
	}
	return rule, errors.Join(errs...)
}

func setRuleKey(rule *store.RetentionRule, name, value string) (err error) {
	names := make([]string, 0, 5)
	for _, k := range tableKeys() {
		switch {
		case k.name != name:
			names = append(names, k.name)
		case k.text != nil:
			*k.text(rule) = value
			return nil
		default:
			if *k.age(rule), err = sensocto.ParseAge(value); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return err
		}
	}
	return fmt.Errorf("%s is no key of a rule%s", name, suggest(name, names))
}

// String is what setText reads.
func (t retentionTable) String() string {
	rules := make([]string, len(t))
	for i := range t {
		var pairs []string
		for _, k := range tableKeys() {
			switch {
			case k.text != nil && *k.text(&t[i]) != "":
				pairs = append(pairs, fmt.Sprintf("%s: %q", k.name, *k.text(&t[i])))
			case k.age != nil && *k.age(&t[i]) != 0:
				pairs = append(pairs, k.name+": "+sensocto.FormatAge(*k.age(&t[i])))
			}
		}
		rules[i] = "{" + strings.Join(pairs, ", ") + "}"
	}
	return "[" + strings.Join(rules, ", ") + "]"
}
