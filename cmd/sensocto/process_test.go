//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestProcess_EndsInOrderOnASignal starts the program as a process.
func TestProcess_EndsInOrderOnASignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		cmd := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir())
		cmd.Env = append(os.Environ(), "SENSOCTO_TEST_MAIN=1")
		var stderr safeBuffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out := bufio.NewReader(stdout)
		line, err := out.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "http://127.0.0.1:") {
			t.Errorf("first line %q %v", line, err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(out)
		if err := cmd.Wait(); err != nil || len(rest) > 0 {
			t.Errorf("%v: %v, further output %q\n%s", signal, err, rest, stderr.String())
		}
	}
}

// Whoever reads the log or the URL may go away: the server goes on, and ends in
// order when it is told to. It starts with SIGPIPE as it is by default.
func TestProcess_OutlivesTheReadersOfItsOutput(t *testing.T) {
	cmd := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--log-level", "debug")
	cmd.Env = append(os.Environ(), "SENSOCTO_TEST_MAIN=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	stdout.Close()
	lost := func() float64 {
		t.Helper()
		r, err := http.Get(strings.TrimSpace(url) + "/metrics") // logs a line
		if err != nil {
			t.Fatalf("the server has ended: %v", err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		_, value, _ := strings.Cut(string(body), "\nsensocto_log_lines_lost_total ")
		value, _, _ = strings.Cut(value, "\n")
		n, _ := strconv.ParseFloat(value, 64)
		return n
	}
	lost()
	if n := lost(); n < 1 {
		t.Errorf("%v lost lines were counted", n)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// 'sensocto … | head -1' is no error.
func TestProcess_AReaderWhoHasSeenEnough(t *testing.T) {
	cmd := exec.Command(os.Args[0], "config", "print")
	cmd.Env = append(os.Environ(), "SENSOCTO_TEST_MAIN=1")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	var stderr safeBuffer
	cmd.Stdout, cmd.Stderr = writer, &stderr
	if err := cmd.Run(); err != nil || stderr.String() != "" {
		t.Errorf("%v %s", err, stderr.String())
	}
	writer.Close()
}

// 0.0.0.0 is IPv4 alone, and the URL can be opened.
func TestProcess_ListensOnEveryAddress(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--listen", "0.0.0.0:0")
	if !strings.HasPrefix(p.url, "http://127.0.0.1:") {
		t.Errorf("URL %s", p.url)
	}
	if status, _ := p.status("/healthz"); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if c, err := net.Dial("tcp6", strings.Replace(strings.TrimPrefix(p.url, "http://"), "127.0.0.1", "[::1]", 1)); err == nil {
		c.Close()
		t.Error("it listens on IPv6 as well")
	}
}
