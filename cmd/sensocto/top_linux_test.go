package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sensocto/sensocto"
)

// terminal is a pseudo terminal in which a program runs.
type terminal struct {
	t    *testing.T
	side *os.File // ours
	seen safeBuffer
	cmd  *exec.Cmd
	read chan struct{} // closed when the program has let go of the terminal
}

func startInTerminal(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("unlock the pseudo terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skipf("number of the pseudo terminal: %v", err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("open the pseudo terminal: %v", err)
	}
	defer theirs.Close()
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 120}); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, side: ours, cmd: program(args...), read: make(chan struct{})}
	term.cmd.Env = append(append(term.cmd.Env, "TERM=xterm"), env...)
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = theirs, theirs, theirs
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.cmd.Process.Kill(); _ = term.cmd.Wait() })
	go func() {
		defer close(term.read)
		buf := make([]byte, 4096)
		for {
			n, err := ours.Read(buf)
			term.seen.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return term
}

// shows waits for words, after all that was seen when press was called last.
func (term *terminal) shows(from int, words ...string) (seen int) {
	term.t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		text := term.seen.String()
		missing := ""
		for _, word := range words {
			if !strings.Contains(text[from:], word) {
				missing = word
			}
		}
		if missing == "" {
			return len(text)
		}
		select {
		case <-ticker.C:
		case <-deadline:
			term.t.Fatalf("%q was never shown in %q", missing, text[from:])
		}
	}
}

func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.side.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

func (term *terminal) ends() {
	term.t.Helper()
	err := term.cmd.Wait()
	<-term.read
	if text := term.seen.String(); err != nil || !strings.HasSuffix(text, termLeave) {
		term.t.Errorf("%v, and the terminal is left with %q", err, text[max(0, len(text)-200):])
	}
}

func TestTop_InATerminal(t *testing.T) {
	s := startServer(t, t.TempDir(), "--guests", "view,ingest")
	watched(t, s.url, "strap", sensocto.AttentionHigh)
	for _, end := range []string{"q", "\x03"} {
		term := startInTerminal(t, []string{"SENSOCTO_SERVER=" + s.url}, "top", "--interval", "100ms")
		seen := term.shows(0, termEnter, "load ", "strap", "high", "1/0/0/0", "by level")
		term.press("n")
		seen = term.shows(seen, "by name")
		term.press("s")
		seen = term.shows(seen, "by level")
		watched(t, s.url, "lamp"+fmt.Sprint(len(end)), sensocto.AttentionLow) // and it is live
		term.shows(seen, "lamp")
		term.press(end)
		term.ends()
	}
}

// A server that hangs does not take the terminal with it.
func TestTop_EndsWhileTheServerHangs(t *testing.T) {
	p := startProcess(t, t.TempDir())
	term := startInTerminal(t, p.env, "top", "--interval", "100ms")
	term.shows(0, termEnter, "load ")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // until it waits for an answer
	term.press("q")
	ended := make(chan struct{})
	go func() { term.ends(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		_ = term.cmd.Process.Kill()
		<-ended
	}
}

func TestTop_InADumbTerminal(t *testing.T) {
	s := startServer(t, t.TempDir(), "--guests", "view,ingest")
	watched(t, s.url, "strap", sensocto.AttentionMedium)
	term := startInTerminal(t, []string{"SENSOCTO_SERVER=" + s.url, "TERM=dumb"}, "top", "--interval", "100ms")
	seen := term.shows(0, "strap", "medium", "by level")
	term.shows(seen, "strap") // again, below
	if strings.Contains(term.seen.String(), "\x1b") {
		t.Errorf("a dumb terminal got %q", term.seen.String())
	}
	_ = term.cmd.Process.Signal(syscall.SIGTERM)
	if err := term.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
