package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("SENSOCTO_TEST_AUTHORITY") != "" {
		authorityMain()
	}
	if os.Getenv("SENSOCTO_TEST_MAIN") != "" { // this is the program, see process_test.go
		os.Unsetenv("SENSOCTO_TEST_MAIN")
		main()
	}
	goleak.VerifyTestMain(m)
}

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
}

// cli runs a command to its end.
func runCLI(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stdout, stderr safeBuffer
	code := run(ctx, args, &stdout, &stderr, env)
	return result{code, stdout.String(), stderr.String()}
}

// wants fails the test unless the command ended with a code and said some words.
func (r result) wants(t *testing.T, code int, words ...string) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, word := range words {
		if !strings.Contains(r.stdout+r.stderr, word) {
			t.Errorf("nothing of %q in:\n%s%s", word, r.stdout, r.stderr)
		}
	}
	return r
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a server in this process.
type running struct {
	url    string
	env    []string // with the server's URL and a token that may do everything
	dir    string
	stderr *safeBuffer
	stop   func() int
}

// startServer starts a server on a free port and waits for its URL.
func startServer(t *testing.T, dir string, flags ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	s := &running{dir: dir, stderr: &safeBuffer{}}
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir}, flags...)
		code := run(ctx, args, writer, s.stderr, nil)
		writer.Close()
		ended <- code
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() { s.stop() })
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatalf("no URL came: %v\n%s", err, s.stderr)
	}
	s.url = strings.TrimSpace(line)
	name := "test-" + time.Now().Format("150405.000000000")
	token := runCLI(t, nil, "token", "create", "--name", name, "--scope", "ingest,view", "--data-dir", dir).wants(t, 0)
	s.env = []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + strings.TrimSpace(token.stdout)}
	return s
}

func (s *running) cli(t *testing.T, args ...string) result {
	t.Helper()
	return runCLI(t, s.env, args...)
}
