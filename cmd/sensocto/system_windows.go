package main

import (
	"math"

	"golang.org/x/sys/windows"
)

// freeBytes returns what is free on the disk of a directory.
func freeBytes(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return int64(free), err
}

// maxDescriptors returns how many files and sockets the process may have open:
// Windows sets no limit.
func maxDescriptors() (uint64, error) { return math.MaxUint64, nil }
