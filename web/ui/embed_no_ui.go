//go:build no_ui

package ui

import "io/fs"

// Files returns nil: the program was built without the app.
func Files() fs.FS { return nil }
