package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Server is a server process that was started for a run. One with nothing but
// a Target runs already and is left alone.
type Server struct {
	Target
	command *exec.Cmd
	output  *tail
	dataDir string
}

// StartProgram starts the program at binary with an empty data directory and
// a token of its own. Close ends it and removes the directory.
func StartProgram(ctx context.Context, binary string, arguments ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "sensocto-bench-")
	if err != nil {
		return nil, err
	}
	token, err := exec.CommandContext(ctx, binary, "token", "create",
		"--name", "bench", "--scope", "ingest,view", "--data-dir", dir).Output()
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("create a token: %w%s", err, stderrOf(err))
	}
	profiles, err := freeAddress()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	arguments = append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--pprof", profiles}, arguments...)
	s, err := start(binary, arguments...)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s.dataDir, s.Token, s.Profiles = dir, strings.TrimSpace(string(token)), "http://"+profiles
	return s, nil
}

// StartOn starts the program at binary on a data directory, with a token that is
// in it, and does not wait until it serves. Close leaves the directory.
func StartOn(binary, dir, token string, arguments ...string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	arguments = append([]string{"serve", "--listen", address, "--data-dir", dir}, arguments...)
	s := &Server{Target: Target{URL: "http://" + address, Token: token}, command: exec.Command(binary, arguments...), output: new(tail)}
	s.command.Stderr = s.output
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s.PID = s.command.Process.Pid
	return s, nil
}

// StartBare starts binary with arguments that make it serve a [Bare] and
// print its URL.
func StartBare(binary string, arguments ...string) (*Server, error) {
	s, err := start(binary, arguments...)
	if err == nil {
		s.Token = "none"
	}
	return s, err
}

// start runs a command whose first line on standard output is its URL.
func start(binary string, arguments ...string) (*Server, error) {
	s := &Server{command: exec.Command(binary, arguments...), output: new(tail)}
	s.command.Stderr = s.output
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.command.Process.Kill()
		return nil, fmt.Errorf("start the server: %w: %s", errors.Join(s.command.Wait(), err), s.output)
	}
	s.URL, s.PID = strings.TrimSpace(line), s.command.Process.Pid
	return s, nil
}

// Close ends the process, politely first, and removes its data.
func (s *Server) Close() error {
	if s.command == nil {
		return nil // it ran before, it goes on
	}
	const patience = 20 * time.Second
	_ = s.command.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { _ = s.command.Process.Kill() })
	err := s.command.Wait()
	if !kill.Stop() {
		err = errors.Join(err, fmt.Errorf("did not end within %v", patience))
	}
	if s.dataDir != "" {
		os.RemoveAll(s.dataDir)
	}
	if err != nil {
		return fmt.Errorf("end the server: %w: %s", err, s.output)
	}
	return nil
}

// freeAddress returns a loopback address with a port that was free just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func stderrOf(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return ": " + string(bytes.TrimSpace(e.Stderr))
	}
	return ""
}

// tail keeps the end of what was written to it, for error messages. Package
// exec writes to it from one goroutine and is done when Wait returns.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	const limit = 4 << 10
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(len(t.kept)-limit, 0):]
	return len(p), nil
}

func (t *tail) String() string { return string(bytes.TrimSpace(t.kept)) }
