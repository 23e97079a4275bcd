package web

import (
	"embed"
	"io/fs"
)

// The pages of the account and of the API's documentation are files as they
// are: no build, no other host, nothing inline, so that they work without
// internet and under contentPolicy.
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
		s.mux.Handle("GET /{$}", mustFile(static, "static/no-app.html", "no-cache"))
	}
	if s.Accounts != nil {
		s.mux.Handle("GET /account", mustFile(static, "static/account.html", "no-cache"))
	}
	s.mux.Handle("GET /api/docs", mustFile(static, "static/docs.html", "no-cache"))
}
