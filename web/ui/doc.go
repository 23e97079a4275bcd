// Package ui holds the web app that `make ui` builds from web/ui/src. The tag
// no_ui leaves it out, so that `go build` works without Node.
package ui
