package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/security.md says what every event that a client may send and every
// operation of the API costs, and names tests that exist.
func TestSecurityDoc_IsAboutEverything(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	events := clientEvents(t)
	if len(events) < 10 {
		t.Fatalf("only the events %q were found", events)
	}
	for _, event := range events {
		if !strings.Contains(doc, "`"+event+"`") {
			t.Errorf("the event %s is not there", event)
		}
	}
	for _, operation := range operationsOfTheAPI(t) {
		if !strings.Contains(doc, "`"+operation+"`") {
			t.Errorf("the operation %s is not there", operation)
		}
	}
	known := testsOfTheProject(t)
	for _, name := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(doc, -1) {
		if !known[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
}

// clientEvents returns the events that the handlers of topics know.
func clientEvents(t *testing.T) (events []string) {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../../socket/*.go", "../../socket/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "Handle" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if c, ok := n.(*ast.CaseClause); ok {
					for _, e := range c.List {
						if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
							event, _ := strconv.Unquote(lit.Value)
							events = append(events, event)
						}
					}
				}
				return true
			})
		}
	}
	return events
}

func operationsOfTheAPI(t *testing.T) (operations []string) {
	t.Helper()
	text, err := os.ReadFile("../../web/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for path, methods := range document.Paths {
		for method := range methods {
			operations = append(operations, strings.ToUpper(method)+" "+path)
		}
	}
	return operations
}

// testsOfTheProject returns the names of all tests.
func testsOfTheProject(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../../*_test.go", "../../*/*/*_test.go"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	known := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
	}
	return known
}
