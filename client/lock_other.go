//go:build !unix

package client

import "os"

func lock(*os.File) error { return nil }
