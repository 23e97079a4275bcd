package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestDoctor_VerdictSaysWhatWorks(t *testing.T) {
	for _, test := range []struct {
		health
		says, err string
	}{
		{health{}, "in one network", ""},
		{health{outside: 1}, "with most people", ""},
		{health{relay: 1}, "through firewalls", ""},
		{health{relay: 1, failed: []string{"turn:b"}}, "through firewalls", "turn:b"},
		{health{outside: 1, failed: []string{"turn:a", "turn:b"}}, "with most people", "turn:a, turn:b"},
		{health{failed: []string{"turn:b"}}, "", errNoCalls.Error()},
	} {
		var out bytes.Buffer
		err := doctorCallCmd{}.verdict(&app{stdout: &out}, test.health)
		if !strings.Contains(out.String(), test.says) || (test.says == "") != (out.Len() == 0) {
			t.Errorf("%+v: %q", test.health, &out)
		}
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%+v: %v", test.health, err)
		}
		if works := test.relay+test.outside > 0; works && errors.Is(err, errNoCalls) {
			t.Errorf("%+v: calls work, and it says that they do not", test.health)
		}
	}
}
