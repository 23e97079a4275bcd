//go:build unix

package postgrestest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

const stopSignal = syscall.SIGINT // "fast": does not wait for clients

// account is whom the server runs as: root may not.
func account() (uid, gid int, ok bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid) // numbers on Unix
			gid, _ := strconv.Atoi(u.Gid)
			return uid, gid, true
		}
	}
	return 65534, 65534, true
}

func chown(path string) error {
	uid, gid, ok := account()
	if !ok {
		return nil
	}
	return os.Chown(path, uid, gid)
}

func credential() *syscall.Credential {
	uid, gid, ok := account()
	if !ok {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
