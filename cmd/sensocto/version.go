package main

import (
	"fmt"
	"runtime"
)

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(a *app) error {
	fmt.Fprintf(a.stdout, "sensocto %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
