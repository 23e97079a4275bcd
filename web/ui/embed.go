//go:build !no_ui

package ui

import (
	"embed"
	"io/fs"
)

// What `make ui` builds.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built app.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return files
}
