package load

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Usage is what is used, and what there is to use.
type Usage struct {
	CPU         time.Duration // used since some time in the past
	CPUs        float64       // that may be used at a time; 0: not known
	Memory      int64         // bytes in use
	MemoryLimit int64         // 0: not known
}

// Machine reads what the kernel says of the process and of its cgroup, of
// version 1 or 2. Where that is not Linux, little is known.
type Machine struct {
	Files fs.FS // the file system's root
}

// Usage measures. cpus and memory, where they are not zero, are what the
// process alone may use. Else the tightest limit of its cgroups counts, against
// what all in that cgroup use together; and where there is none, what the
// process uses of the machine.
func (m Machine) Usage(cpus float64, memory int64) Usage {
	u := Usage{CPU: processCPU(), CPUs: cpus, Memory: m.resident(), MemoryLimit: memory}
	groups := m.groups()
	if cpus <= 0 {
		u.CPUs = float64(runtime.NumCPU())
		if quota, used, ok := m.cpuGroup(groups, u.CPUs); ok {
			u.CPU, u.CPUs = used, quota
		}
	}
	if memory <= 0 {
		u.MemoryLimit = m.physical()
		if limit, used, ok := m.memoryGroup(groups, u.MemoryLimit); ok {
			u.Memory, u.MemoryLimit = used, limit
		}
	}
	return u
}

// MemoryLimit is what the process may use: its cgroup's limit or the machine's
// memory, 0 where neither is known.
func (m Machine) MemoryLimit() int64 { return m.Usage(0, 0).MemoryLimit }

// groups returns the directories of the process's cgroups by controller; "" is
// that of version 2.
func (m Machine) groups() map[string]string {
	groups := make(map[string]string)
	for line := range strings.Lines(m.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			groups[controller] = parts[2]
		}
	}
	return groups
}

const cgroups = "sys/fs/cgroup"

// upwards calls f with the directory of a cgroup and of all above it. Inside a
// container the path may be one that only the host has: then the mount's root
// is the cgroup.
func upwards(mount, group string, f func(dir string)) {
	for {
		f(path.Join(mount, group))
		if group == "/" || group == "" || group == "." {
			return
		}
		group = path.Dir(group)
	}
}

// cpuGroup returns the tightest quota that is below all, and what is used of it.
func (m Machine) cpuGroup(groups map[string]string, all float64) (quota float64, used time.Duration, ok bool) {
	quota = all
	upwards(cgroups, groups[""], func(dir string) {
		fields := strings.Fields(m.text(dir + "/cpu.max"))
		if len(fields) != 2 {
			return
		}
		if q := parse(fields[0]) / parse(fields[1]); q < quota {
			quota, ok = q, true
			used = time.Duration(m.value(dir+"/cpu.stat", "usage_usec")) * time.Microsecond
		}
	})
	upwards(cgroups+"/cpu", groups["cpu"], func(dir string) {
		runtime, period := parse(m.text(dir+"/cpu.cfs_quota_us")), parse(m.text(dir+"/cpu.cfs_period_us"))
		if q := runtime / period; runtime > 0 && q < quota {
			quota, ok = q, true
			used = time.Duration(m.amount(strings.Replace(dir, "/cpu", "/cpuacct", 1) + "/cpuacct.usage"))
		}
	})
	return quota, used, ok
}

// memoryGroup returns the tightest limit that is below all, and what is used
// of it. Cached files that nobody reads are not in use: the kernel takes them
// back before it refuses anything.
func (m Machine) memoryGroup(groups map[string]string, all int64) (limit, used int64, ok bool) {
	best := float64(all)
	if all <= 0 {
		best = math.Inf(1)
	}
	try := func(dir, limitFile, usedFile, cached string) {
		l := parse(m.text(dir + limitFile))
		if !(l > 0 && l < best) {
			return
		}
		best, limit, ok = l, int64(l), true
		used = int64(m.amount(dir+usedFile) - m.value(dir+"/memory.stat", cached))
	}
	upwards(cgroups, groups[""], func(dir string) { try(dir, "/memory.max", "/memory.current", "inactive_file") })
	upwards(cgroups+"/memory", groups["memory"], func(dir string) {
		try(dir, "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file")
	})
	return limit, used, ok
}

// physical is the memory of the machine.
func (m Machine) physical() int64 { return int64(m.value("proc/meminfo", "MemTotal:")) << 10 }

// resident is the memory of the process: what the kernel has in use for it.
func (m Machine) resident() int64 { return int64(m.value("proc/self/status", "VmRSS:")) << 10 }

// value reads one line "key number …" of a file, 0 where it is not there.
func (m Machine) value(name, key string) float64 {
	lines := bufio.NewScanner(bytes.NewReader([]byte(m.text(name))))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && fields[0] == key {
			return parse(fields[1])
		}
	}
	return 0
}

// amount reads a file that is one number, 0 where it is not there.
func (m Machine) amount(name string) float64 {
	if v := parse(m.text(name)); !math.IsInf(v, 1) {
		return v
	}
	return 0
}

// text returns a small file, "" where it cannot be read.
func (m Machine) text(name string) string {
	b, err := fs.ReadFile(m.Files, strings.TrimPrefix(path.Clean(name), "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// parse reads a number; "max" and all that is none is infinite, so that it is
// never the tightest.
func parse(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.Inf(1)
	}
	return v
}
