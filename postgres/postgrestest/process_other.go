//go:build unix && !linux

package postgrestest

import "syscall"

func unprivileged() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(), Setpgid: true}
}

// killChildren does nothing: the processes of a server notice that it is gone.
func killChildren(int) {}
