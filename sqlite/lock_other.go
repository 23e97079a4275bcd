//go:build !unix

package sqlite

// lockFile does nothing where there is no advisory lock.
func lockFile(string) (unlock func() error, err error) {
	return func() error { return nil }, nil
}
