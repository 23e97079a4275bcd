package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// preloadsName is what the build of the app says about its own files.
const preloadsName = "preload.json"

// preloads are the scripts that a view and a language of the app need beyond
// those that the page names itself. Named in a Link header they are fetched with
// the page's own, and not after these have run: one round trip less.
type preloads struct {
	Views     map[string][]string `json:"views"` // by address, as in the app: /sensors/:id
	Languages map[string][]string `json:"languages"`
}

// mustPreloads reads those of an app that is part of the program.
func mustPreloads(app fs.FS) preloads {
	var p preloads
	b, err := fs.ReadFile(app, preloadsName)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		panic(fmt.Errorf("%s: %w", preloadsName, err)) // as in mustFile
	}
	return p
}

// appAddress writes a pattern of the mux as the app writes it.
var appAddress = strings.NewReplacer("{$}", "", "{id}", ":id")

// before serves page at a view's address, with the scripts of the view and of
// the reader's language in its header.
func (p preloads) before(pattern string, page http.Handler) http.Handler {
	view := linkOf(p.Views[appAddress.Replace(pattern)])
	languages := make(map[string]string, len(p.Languages))
	for l, files := range p.Languages {
		languages[l] = linkOf(files)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Link"] = []string{view, languages[languageOf(r.Header.Get("Accept-Language"), languages)]}
		h.Add("Vary", "Accept-Language")
		page.ServeHTTP(w, r)
	})
}

// languageOf is the first language that a browser prefers and the app speaks,
// English if there is none. Browsers list them best first.
func languageOf(accept string, spoken map[string]string) string {
	for preference := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(preference), ";")
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if _, ok := spoken[base]; ok {
			return base
		}
	}
	return "en"
}

func linkOf(files []string) string {
	links := make([]string, len(files))
	for i, f := range files {
		links[i] = "</" + f + ">; rel=modulepreload"
	}
	return strings.Join(links, ", ")
}
