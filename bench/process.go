package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: 100 a second on every
// Linux there is (USER_HZ).
const clockTick = 10 * time.Millisecond

// usage is what a process has used so far.
type usage struct {
	cpu  time.Duration // user and system, all threads
	rss  int64         // bytes
	peak int64         // bytes
}

// processUsage reads the usage of the process; pid 0 is nobody and all zero.
func processUsage(pid int) (usage, error) {
	if pid == 0 {
		return usage{}, nil
	}
	cpu, err := processCPU(pid)
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, fmt.Errorf("read memory of the server: %w", err)
	}
	return usage{cpu: cpu, rss: statusKiB(status, "VmRSS:"), peak: statusKiB(status, "VmHWM:")}, nil
}

func processCPU(pid int) (time.Duration, error) {
	s, err := readStat(pid)
	return s.own, err
}

// familyCPU is the time of a process and of its children, also of those that
// have ended: a database server has one for each connection.
func familyCPU(pid int) (time.Duration, error) {
	parent, err := readStat(pid)
	total := parent.own + parent.ended
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))   // digits
		if s, err := readStat(child); err == nil && s.parent == pid { // else it has ended just now
			total += s.own
		}
	}
	return total, err
}

// procStat is what /proc/PID/stat says of a process.
type procStat struct {
	parent     int
	own, ended time.Duration // processor time, and that of children that have ended
}

func readStat(pid int) (s procStat, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, fmt.Errorf("read CPU time of the server: %w", err)
	}
	// The name in parentheses may hold spaces: count from behind it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 15 {
		return s, fmt.Errorf("read CPU time of the server: unexpected %q", stat)
	}
	var n [5]int64
	for i, at := range [...]int{1, 11, 12, 13, 14} {
		if n[i], err = strconv.ParseInt(string(fields[at]), 10, 64); err != nil {
			return s, fmt.Errorf("read CPU time of the server: unexpected %q", stat)
		}
	}
	return procStat{int(n[0]), time.Duration(n[1]+n[2]) * clockTick, time.Duration(n[3]+n[4]) * clockTick}, nil
}

// statusKiB returns the value of one line of /proc/PID/status in bytes.
func statusKiB(status []byte, key string) int64 {
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) >= 2 && string(fields[0]) == key {
			kib, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib << 10
		}
	}
	return 0
}
