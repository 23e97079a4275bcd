package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// appPaths are the addresses of the app's views; the app itself tells them
// apart. Others stay 404, so that a mistyped address of the API is one.
var appPaths = []string{
	"/{$}", "/sensors/{id}", "/compare", "/sense", "/rooms", "/rooms/{id}", "/rooms/{id}/wall", "/me", "/admin", "/status", "/design",
	"/sign-in", sensocto.LinkPage, "/device",
}

// routeApp serves the web app. It holds nothing secret: what it shows it asks
// of the API.
func (s *server) routeApp() {
	s.routeViews(mustFile(s.App, "index.html", "no-cache"))
	err := fs.WalkDir(s.App, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "index.html" || strings.HasSuffix(name, ".gz") {
			return err
		}
		caching := "no-cache"
		if strings.HasPrefix(name, "assets/") { // a hash of the content is in the name
			caching = "public, max-age=31536000, immutable"
		}
		s.mux.Handle("GET /"+name, mustFile(s.App, name, caching))
		return nil
	})
	if err != nil {
		panic(err) // as in mustFile
	}
}

// routeViews serves one page at the addresses of all views.
func (s *server) routeViews(page *file) {
	for _, p := range appPaths {
		s.mux.Handle("GET "+p, page)
	}
}

// file serves one file that never changes while the program runs, compressed
// where the client takes that and the build made a compressed one.
type file struct {
	name, caching, etag string
	plain, gzipped      []byte
}

// mustFile returns a file of those that are part of the program.
func mustFile(files fs.FS, name, caching string) *file {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(plain)
	f := &file{name: name, caching: caching, etag: hex.EncodeToString(sum[:8]), plain: plain}
	if b, err := fs.ReadFile(files, name+".gz"); err == nil && compresses(b, plain) {
		f.gzipped = b
	}
	return f
}

// compresses reports whether b is plain compressed: a build that was
// interrupted may have left an older one.
func compresses(b, plain []byte) bool {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return false
	}
	got, err := io.ReadAll(io.LimitReader(r, int64(len(plain))+1))
	return err == nil && bytes.Equal(got, plain)
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, etag := f.plain, `"`+f.etag+`"`
	h := w.Header()
	h.Set("Content-Type", contentType(f.name))
	h.Set("Cache-Control", f.caching)
	if f.gzipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
			h.Set("Content-Encoding", "gzip")
			content, etag = f.gzipped, `"`+f.etag+`-gzip"`
		}
	}
	h.Set("Etag", etag)
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(content))
}

// contentType is that of a file's name. The list of a machine may lack these or
// have them otherwise.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	default:
		return mime.TypeByExtension(ext)
	}
}
