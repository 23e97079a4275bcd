package bench

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"
)

// sysEpollPwait2 is epoll_pwait2(2), the same number on every architecture:
// unlike epoll_wait it takes nanoseconds, and pacing 10,000 frames a second
// by whole milliseconds would send them in bursts.
const sysEpollPwait2 = 441

// poller waits for many sockets at once, level-triggered. One goroutine of
// the driver with it costs a fraction of a goroutine per connection.
type poller struct {
	fd     int
	events [512]syscall.EpollEvent
	coarse bool // the kernel has no epoll_pwait2
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create poller: %w", err)
	}
	return &poller{fd: fd}, nil
}

// set says what to wait for on fd; add must be true the first time.
func (p *poller) set(fd int, add, read, write bool) error {
	op := syscall.EPOLL_CTL_MOD
	if add {
		op = syscall.EPOLL_CTL_ADD
	}
	event := syscall.EpollEvent{Fd: int32(fd)}
	if read {
		event.Events |= syscall.EPOLLIN
	}
	if write {
		event.Events |= syscall.EPOLLOUT
	}
	return syscall.EpollCtl(p.fd, op, fd, &event)
}

// wait calls f for every socket that is ready, after at most timeout.
func (p *poller) wait(timeout time.Duration, f func(fd int, readable, writable bool)) error {
	n, err := p.poll(max(timeout, 0))
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	for i := range max(n, 0) {
		e := &p.events[i]
		const in = syscall.EPOLLIN | syscall.EPOLLHUP | syscall.EPOLLERR | syscall.EPOLLRDHUP
		f(int(e.Fd), e.Events&in != 0, e.Events&syscall.EPOLLOUT != 0)
	}
	return nil
}

func (p *poller) poll(timeout time.Duration) (int, error) {
	if !p.coarse {
		ts := syscall.NsecToTimespec(int64(timeout))
		n, _, errno := syscall.Syscall6(sysEpollPwait2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)),
			uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.ENOSYS {
			return 0, errno
		}
		p.coarse = true
	}
	return syscall.EpollWait(p.fd, p.events[:], int(timeout/time.Millisecond))
}

func (p *poller) close() { syscall.Close(p.fd) }

// takeFD moves the socket out of the net package, whose own poller would
// otherwise be woken by every arrival as well.
func takeFD(conn *net.TCPConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(old uintptr) {
		if fd, dupErr = syscall.Dup(int(old)); dupErr == nil {
			syscall.CloseOnExec(fd)
			dupErr = syscall.SetNonblock(fd, true)
		}
	})
	conn.Close()
	return fd, errors.Join(err, dupErr)
}

// readFD and writeFD return again where the socket is not ready.
func readFD(fd int, p []byte) (n int, again bool, err error) {
	return tried(syscall.Read(fd, p))
}

func writeFD(fd int, p []byte) (n int, again bool, err error) {
	return tried(syscall.Write(fd, p))
}

func tried(n int, err error) (int, bool, error) {
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return 0, true, nil
	}
	return max(n, 0), false, err
}

func closeFD(fd int) { syscall.Close(fd) }

// raiseFileLimit allows as many open files as the system lets it.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}

// ownCPU is the processor time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// smallBuffers keeps what the kernel takes for a viewer that stops reading
// small, so that it is the server that has to deal with it.
func smallBuffers(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
	})
}
