package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

// The pages are files as they are: no build, no other host, nothing inline, so
// that they work without internet and under contentPolicy.
//
//go:embed static
var static embed.FS

// routePages serves the pages. They hold nothing secret: what they show they
// ask of the API.
func (s *server) routePages() {
	names, _ := fs.Glob(static, "static/*") // the pattern is well-formed
	for _, name := range names {
		s.mux.Handle("GET /"+name, asset(name))
	}
	s.mux.Handle("GET /{$}", asset("static/index.html"))
	if s.Accounts != nil {
		s.mux.Handle("GET /account", asset("static/account.html"))
	}
	s.mux.Handle("GET /api/docs", asset("static/docs.html"))
}

// asset serves an embedded file that is fetched again only when it changed.
func asset(name string) http.Handler {
	content, err := static.ReadFile(name)
	if err != nil {
		panic(err) // the file is part of the program
	}
	sum := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", etag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}
