//go:build unix

package client

import (
	"errors"
	"os"
	"syscall"
)

// lock takes a file for this process; the lock ends with the process, whatever
// happens to it.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errInUse
	}
	return err
}
