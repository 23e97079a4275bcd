//go:build !linux

package bench

import (
	"errors"
	"net"
	"syscall"
	"time"
)

var errNeedsLinux = errors.New("the load driver needs Linux")

type poller struct{}

func newPoller() (*poller, error)                               { return nil, errNeedsLinux }
func (*poller) set(int, bool, bool, bool) error                 { return errNeedsLinux }
func (*poller) wait(time.Duration, func(int, bool, bool)) error { return errNeedsLinux }
func (*poller) close()                                          {}
func takeFD(*net.TCPConn) (int, error)                          { return -1, errNeedsLinux }
func readFD(int, []byte) (n int, again bool, err error)         { return 0, false, errNeedsLinux }
func writeFD(int, []byte) (n int, again bool, err error)        { return 0, false, errNeedsLinux }
func closeFD(int)                                               {}
func raiseFileLimit()                                           {}
func ownCPU() time.Duration                                     { return 0 }
func smallBuffers(_, _ string, _ syscall.RawConn) error         { return nil }
