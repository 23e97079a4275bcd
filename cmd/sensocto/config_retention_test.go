package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

func TestConfig_RetentionIsATable(t *testing.T) {
	const day = 24 * time.Hour
	want := retentionTable{
		{Raw: 90 * day},
		{Type: "ecg", Raw: 7 * day, Rollups: 730 * day},
		{SensorID: "strap-7", AttributeID: "ecg", Raw: sensocto.Forever},
	}
	path := writeConfig(t, `
retention:
  - raw: 90d
  - {type: ecg, raw: 1w, rollups: 2y}
  - sensor: strap-7
    attribute: ecg
    raw: forever
`)
	c, err := loadConfig(nil, path, nil)
	if err != nil || !reflect.DeepEqual(c.Retention, want) {
		t.Errorf("%v %v", c.Retention, err)
	}
	// What is printed is read back, from a file and from a line.
	again, err := loadConfig(environment{"SENSOCTO_RETENTION": c.Retention.String()}, "", nil)
	if err != nil || !reflect.DeepEqual(again.Retention, want) {
		t.Errorf("from the environment: %v %v", again.Retention, err)
	}
	printed := runCLI(t, nil, "config", "print", "--config", path).wants(t, 0, `{sensor: "strap-7", attribute: "ecg", raw: forever}`)
	again, err = loadConfig(nil, writeConfig(t, printed.stdout), nil)
	if err != nil || !reflect.DeepEqual(again.Retention, want) {
		t.Errorf("printed and read: %v %v", again.Retention, err)
	}
}

func TestConfig_RetentionProblems(t *testing.T) {
	for text, want := range map[string][]string{
		"retention: 30d":                          {":1: retention: expected a list"},
		"retention: [30d]":                        {"rule 1: expected {sensor"},
		"retention: [{raw: soon}, {rwa: 1d}]":     {`rule 1: raw: "soon" is no age`, "rule 2: rwa is no key of a rule: did you mean raw?"},
		"retention: [{raw: 1d, raw: 2d}]":         {"raw is there twice"},
		"retention: [{sensor: [a], raw: 2d}]":     {"sensor has no value"},
		"retention: [{type: ecg}, {raw: 2m}]":     {"rule 1: says neither", "rule 2: 2m0s is too short"},
		"retention: [{sensor: 'a b', raw: 2d}]":   {"no id of a sensor"},
		"retention: [{raw: 2d, rollups: 1d}]":     {"rollups cannot go before"},
		"retention: [{raw: 2d}, {rollups: 900d}]": {"same as rule 1"},
	} {
		runCLI(t, nil, "config", "check", writeConfig(t, text)).wants(t, exitUsage, want...)
	}
	runCLI(t, nil, "config", "check", "--retention", "30d").wants(t, exitUsage, "--retention: retention: expected a list")
	runCLI(t, nil, "config", "check", "--retention", "[{raw: 30d}]").wants(t, 0)
}
