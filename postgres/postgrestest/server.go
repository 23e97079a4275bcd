package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Off is whether the tests that need PostgreSQL were switched off.
func Off() bool { return os.Getenv("SENSOCTO_TEST_POSTGRES") == "off" }

// patience is for slow machines; nothing is measured with it.
const patience = 60 * time.Second

// owner and password of every server.
const (
	owner    = "sensocto"
	password = "s3cret-of-the-tests"
)

// Server is a PostgreSQL server that can be stopped, killed and started again.
type Server struct {
	dir, bin string
	port     int
	settings []string
	running  *postmaster
}

// postmaster is one life of the server.
type postmaster struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   bytes.Buffer // read after ended
}

// Start makes an empty server and starts it. Settings such as "fsync=on" go
// before those that make tests quick.
func Start(settings ...string) (_ *Server, err error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sensocto-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin, settings: settings}
	if err = s.initialize(); err == nil {
		err = s.Restart()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// findPrograms returns the directory of initdb and postgres.
func findPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: run scripts/postgres.sh install, or switch its tests off with SENSOCTO_TEST_POSTGRES=off")
	}
	path, err := filepath.EvalSymlinks(found[len(found)-1])
	return filepath.Dir(path), err
}

func (s *Server) initialize() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	for _, path := range []string{s.dir, secret} {
		if err := chown(path); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", owner, "-A", "scram-sha-256",
		"--pwfile", secret, "-E", "UTF8", "--locale=C", "-N")
	cmd.Dir, cmd.SysProcAttr = s.dir, unprivileged()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Restart starts a server that was stopped or killed, on the same port.
func (s *Server) Restart() error {
	for {
		err := s.launch()
		if err == nil || s.running != nil || !strings.Contains(err.Error(), "could not bind") {
			return err
		}
		s.port = 0 // somebody took it; no test depends on it yet
	}
}

func (s *Server) launch() error {
	first := s.port == 0
	if first {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="}
	for _, setting := range append([]string{"fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60",
		"shared_buffers=64MB", "autovacuum_naptime=5s", "log_min_messages=log", "log_statement=none"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	m := &postmaster{cmd: exec.Command(filepath.Join(s.bin, "postgres"), args...), ended: make(chan struct{})}
	m.cmd.Dir, m.cmd.SysProcAttr = s.dir, unprivileged()
	m.cmd.Stdout, m.cmd.Stderr = &m.log, &m.log
	started := make(chan error, 1) // one result
	go func() {
		// The kernel ends the server with the thread that started it.
		runtime.LockOSThread()
		defer close(m.ended)
		err := m.cmd.Start()
		started <- err
		if err == nil {
			_ = m.cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	if err := s.await(m); err != nil {
		return err
	}
	s.running = m
	return nil
}

// await waits until the server takes connections.
func (s *Server) await(m *postmaster) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-m.ended:
			return fmt.Errorf("PostgreSQL ended: %s", m.log.String())
		case <-ctx.Done():
			_ = m.cmd.Process.Kill()
			<-m.ended
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, m.log.String())
		case <-tick.C:
		}
	}
}

// Address is host and port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL names a database of the server, password included.
func (s *Server) URL(database string) string { return URLAt(s.Address(), database) }

// URLAt is URL for who reaches the server at another address, as through a proxy.
func URLAt(address, database string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", owner, password, address, database)
}

// Password is what must never be printed.
func Password() string { return password }

// Stop ends the server in order.
func (s *Server) Stop() { s.end(stopSignal) }

// Kill ends the server as kill -9 does, all its processes.
func (s *Server) Kill() { s.end(os.Kill) }

func (s *Server) end(signal os.Signal) {
	m := s.running
	if m == nil {
		return
	}
	s.running = nil
	if signal == os.Kill {
		killChildren(m.cmd.Process.Pid)
	}
	_ = m.cmd.Process.Signal(signal) // it may have ended by itself
	<-m.ended
}

// Close ends the server and deletes what it had. It may be called twice.
func (s *Server) Close() error {
	s.end(os.Kill)
	return os.RemoveAll(s.dir)
}
