//go:build unix

package main

import "syscall"

// freeBytes returns what is free on the disk of a directory.
func freeBytes(dir string) (int64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(dir, &fs)
	return int64(fs.Bavail) * int64(fs.Bsize), err
}

// maxDescriptors returns how many files and sockets the process may have open.
func maxDescriptors() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err
}
