package sensocto_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sensocto/sensocto"

// allowed is the import table: which packages of the module, and which third
// parties, a package may import in its non-test files. Every package may
// import the root and the standard library, except where std says so.
var allowed = map[string]struct {
	siblings []string
	third    []string
}{
	".":                         {},
	"jsonscan":                  {},
	"phx":                       {siblings: []string{"jsonscan"}},
	"wire":                      {siblings: []string{"jsonscan"}},
	"pubsub":                    {},
	"attention":                 {},
	"load":                      {},
	"sensor":                    {},
	"recording":                 {third: []string{"github.com/parquet-go/parquet-go", "golang.org/x/text"}},
	"sim":                       {},
	"socket":                    {siblings: []string{"phx", "wire", "jsonscan", "socket/admission", "socket/handshake", "socket/history", "socket/inventory", "socket/outbound", "socket/request", "socket/rooms", "socket/tick", "socket/ws"}, third: []string{"github.com/gorilla/websocket"}},
	"socket/admission":          {},
	"socket/handshake":          {siblings: []string{"phx"}},
	"socket/history":            {siblings: []string{"wire", "jsonscan", "socket/request"}},
	"socket/inventory":          {siblings: []string{"phx", "jsonscan", "socket/admission", "socket/outbound", "socket/request", "socket/visible"}},
	"socket/outbound":           {siblings: []string{"phx", "wire", "jsonscan", "socket/tick", "socket/ws"}, third: []string{"golang.org/x/sys"}},
	"socket/request":            {siblings: []string{"phx", "wire", "jsonscan", "socket/ws"}},
	"socket/rooms":              {siblings: []string{"phx", "socket/admission", "socket/outbound", "socket/request"}},
	"socket/tick":               {},
	"socket/visible":            {},
	"socket/ws":                 {},
	"client":                    {siblings: []string{"phx", "wire", "jsonscan"}, third: []string{"github.com/gorilla/websocket", "github.com/google/uuid"}},
	"store":                     {siblings: []string{"jsonscan", "store/journal"}, third: []string{"github.com/klauspost/compress"}},
	"store/journal":             {},
	"sqlite":                    {third: []string{"modernc.org/sqlite", "github.com/pressly/goose/v3"}},
	"postgres":                  {third: []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"}},
	"postgres/postgrestest":     {third: []string{"github.com/jackc/pgx/v5"}},
	"peopledb":                  {},
	"rights":                    {},
	"room":                      {third: []string{"github.com/google/uuid"}},
	"erasure":                   {},
	"p2p":                       {third: []string{"github.com/google/uuid"}},
	"p2p/p2ptest":               {},
	"mail":                      {third: []string{"github.com/wneessen/go-mail"}},
	"mail/mailtest":             {third: []string{"github.com/emersion/go-sasl", "github.com/emersion/go-smtp"}},
	"account":                   {third: []string{"github.com/google/uuid", "golang.org/x/crypto", "github.com/trustelem/zxcvbn", "github.com/go-webauthn/webauthn", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}},
	"account/accounttest":       {third: []string{"github.com/go-webauthn/webauthn", "github.com/zitadel/oidc/v3", "golang.org/x/text"}},
	"alert":                     {third: []string{"github.com/google/uuid"}},
	"audit":                     {third: []string{"github.com/google/uuid"}},
	"seclog":                    {},
	"call":                      {third: []string{"github.com/pion/turn/v5", "github.com/pion/stun/v4", "github.com/pion/logging"}},
	"backup":                    {third: []string{"github.com/klauspost/compress"}},
	"web":                       {third: []string{"github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang", "github.com/prometheus/client_model", "rsc.io/qr"}},
	"web/ui":                    {},
	"bench":                     {siblings: []string{"client", "phx", "wire", "jsonscan"}, third: []string{"github.com/gorilla/websocket", "golang.org/x/sys"}},
	"attention/attentiontest":   {},
	"pubsub/pubsubtest":         {},
	"store/storetest":           {siblings: []string{"store", "store/journal"}, third: []string{"github.com/google/go-cmp", "pgregory.net/rapid"}},
	"store/journal/journaltest": {siblings: []string{"store/journal"}},
}

// command is the only package that knows all others.
const command = "cmd/sensocto"

func TestImportsFollowTheTable(t *testing.T) {
	for dir, files := range packages(t) {
		if dir == command {
			continue
		}
		rule, ok := allowed[dir]
		if !ok {
			t.Errorf("package %s is not in the import table: add a line, and a sentence in docs/architecture.md", dir)
			continue
		}
		for _, file := range files {
			for _, imported := range imports(t, file) {
				if !permitted(imported, rule.siblings, rule.third) {
					t.Errorf("%s imports %s, which the import table does not allow", file, imported)
				}
			}
		}
	}
}

func permitted(imported string, siblings, third []string) bool {
	if sibling, ok := strings.CutPrefix(imported, module+"/"); ok {
		return slices.Contains(siblings, sibling)
	}
	if imported == module || !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return true
	}
	return slices.ContainsFunc(third, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") })
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for dir, files := range packages(t) {
		found := slices.ContainsFunc(files, func(file string) bool {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			return len(f.Doc.Text()) > 80
		})
		if !found {
			t.Errorf("package %s has no package comment of a sentence or two", dir)
		}
	}
}

// TestGoroutinesAreLeakChecked wants a goleak.VerifyTestMain in every package
// that starts goroutines.
func TestGoroutinesAreLeakChecked(t *testing.T) {
	for dir, files := range packages(t) {
		starts := slices.ContainsFunc(files, func(file string) bool { return contains(t, file, "\tgo ") || contains(t, file, ".Go(") })
		if !starts || strings.HasSuffix(dir, "test") { // a suite runs inside the tests of others
			continue
		}
		tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tests, func(file string) bool { return contains(t, file, "goleak.VerifyTestMain") }) {
			t.Errorf("package %s starts goroutines, but its tests have no goleak.VerifyTestMain", dir)
		}
	}
}

// packages returns the non-test Go files of the module by directory.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "tools" || (strings.HasPrefix(d.Name(), ".") && file != ".")):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go"):
			dir := path.Clean(filepath.ToSlash(filepath.Dir(file)))
			found[dir] = append(found[dir], file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
