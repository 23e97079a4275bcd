package bench

import (
	"bytes"
	"fmt"
	"os"
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
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time of the server: %w", err)
	}
	// The name in parentheses may hold spaces: count from behind it.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("read CPU time of the server: unexpected %q", stat)
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read CPU time of the server: unexpected %q", stat)
	}
	return time.Duration(user+system) * clockTick, nil
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
