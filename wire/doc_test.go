package wire_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The example in the protocol page is the golden entry that it names.
func TestProtocolPage_Example(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```hex\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("no example")
	}
	digits := regexp.MustCompile(`#.*|\s`).ReplaceAllString(string(block[1]), "")
	if want := readGolden[goldenColumns](t, "../testdata/columns.json")[1]; digits != want.Hex {
		t.Errorf("the page has %s\n%q is %s", digits, want.Name, want.Hex)
	}
}

// Every reason that a measurement can be refused with is explained.
func TestProtocolPage_Reasons(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`"reason": ?"([a-z_ ]+)"`)
	for _, file := range []string{"measurements.json", "columns_malformed.json"} {
		text, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reasons.FindAllSubmatch(text, -1) {
			if !strings.Contains(string(page), "`"+string(m[1])+"`") {
				t.Errorf("%s of %s is not explained", m[1], file)
			}
		}
	}
}
