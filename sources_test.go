package sensocto_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func contains(t *testing.T, file, text string) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), text)
}

// docs/security.md has the inventory of cryptography: each package that imports
// some is in its table.
func TestSecurityDoc_HasTheInventoryOfCryptography(t *testing.T) {
	doc, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "\n## Cryptography\n")
	table, _, _ = strings.Cut(table, "\n## ")
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(row[1], ",") {
			listed[strings.Trim(strings.TrimSpace(name), "`")] = false
		}
	}
	uses := func(imported string) bool {
		for _, prefix := range []string{"crypto/", "golang.org/x/crypto", "hash/", "math/rand", "github.com/go-webauthn/", "github.com/coreos/go-oidc", "github.com/caddyserver/certmagic"} {
			if strings.HasPrefix(imported, prefix) {
				return true
			}
		}
		return false
	}
	for dir, files := range packages(t) {
		for _, file := range files {
			if strings.HasSuffix(dir, "test") || !slices.ContainsFunc(imports(t, file), uses) {
				continue
			}
			if _, ok := listed[dir]; !ok {
				t.Errorf("%s uses cryptography, checksums or random numbers, and %s is not in the table of docs/security.md", file, dir)
			}
			listed[dir] = true
		}
	}
	for _, throughLibraries := range []string{"postgres", "socket"} {
		listed[throughLibraries] = true
	}
	for dir, used := range listed {
		if !used {
			t.Errorf("%s is in the table and uses no cryptography", dir)
		}
	}
}

// What could not be looked at is said, so that nobody takes a run for a clean one.
func TestMakeCheck_SaysWhatItSkipped(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "make", "--no-print-directory", "vulnerabilities", "VULNERABILITIES=http://127.0.0.1:1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SKIPPED known vulnerabilities") || !strings.Contains(string(out), "http://127.0.0.1:1 is out of reach") {
		t.Errorf("%v\n%s", err, out)
	}
	if check, err := exec.CommandContext(t.Context(), "make", "-n", "check").CombinedOutput(); err != nil || !strings.Contains(string(check), "vulnerabilities") {
		t.Errorf("make check does not look for them: %v\n%s", err, check)
	}
}
