package web

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/sensocto/sensocto"
)

// The pages of the API's documentation, and the one in place of the app where the
// program was built without it, are files as they are: no build, no other host,
// nothing inline, so that they work without internet and under contentPolicy.
//
//go:embed static
var static embed.FS

// routePages serves the pages. They hold nothing secret: what they show they
// ask of the API.
func (s *server) routePages() {
	names, _ := fs.Glob(static, "static/*") // the pattern is well-formed
	for _, name := range names {
		s.mux.Handle("GET /"+name, mustFile(static, name, "no-cache"))
	}
	if s.App != nil {
		s.routeApp()
	} else {
		s.routeViews(mustFile(static, "static/no-app.html", "no-cache"))
	}
	// Links of older versions led here. Browsers keep the fragment, which has the secret.
	s.mux.Handle("GET /account", http.RedirectHandler(sensocto.LinkPage, http.StatusPermanentRedirect))
	s.mux.Handle("GET /api/docs", mustFile(static, "static/docs.html", "no-cache"))
}
