package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// authorityMain is an ACME authority (Pebble) as a process of its own: it reads
// from the environment where its certificate is and at which port it finds whom
// it asks for proof, and prints its address and its root.
func authorityMain() {
	port, err := strconv.Atoi(os.Getenv("SENSOCTO_TEST_TLS_PORT"))
	if err != nil {
		panic(err)
	}
	logger := log.New(os.Stderr, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(logger, store, va.New(logger, 0, port, false, "", store), authority, []string{"authority.example"}, false, false, 1, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	os.Stdout.Write(authority.GetRootCert(0).PEM())
	os.Stdout.Close()
	dir := os.Getenv("SENSOCTO_TEST_AUTHORITY")
	panic(http.ServeTLS(l, front.Handler(), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
}

// startAuthority returns the authority's directory, and the root that its
// certificates lead to.
func startAuthority(t *testing.T, dir string, port int) (directory string, roots *x509.CertPool) {
	t.Helper()
	cmd := program()
	cmd.Env = append(cmd.Env, "SENSOCTO_TEST_AUTHORITY="+dir, fmt.Sprint("SENSOCTO_TEST_TLS_PORT=", port), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log safeBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	in := bufio.NewReader(out)
	address, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	root, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		t.Fatalf("no root in %q", root)
	}
	return "https://" + strings.TrimSpace(address) + wfe.DirectoryPath, roots
}

// The server gets a certificate from a real authority by itself, over the port
// that it serves on, and keeps it.
func TestACME_GetsACertificate(t *testing.T) {
	files, data := t.TempDir(), t.TempDir()
	cert, _, _ := certificate(t, files, 1)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	directory, roots := startAuthority(t, files, port)
	p := launchProcess(t, data, fmt.Sprint("127.0.0.1:", port),
		"--acme-domains", "localhost", "--acme-directory", directory, "--acme-roots", cert)
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	issuer := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
		c, err := dialer.DialContext(ctx, "tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			return "", err
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].Issuer.CommonName, nil
	}
	deadline := time.After(60 * time.Second)
	for {
		name, err := issuer()
		if err == nil {
			if !strings.HasPrefix(name, "Pebble") {
				t.Errorf("issued by %q", name)
			}
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			t.Fatalf("no certificate came: %v\n%s", err, p.stderr)
		}
	}
	kept, err := filepath.Glob(filepath.Join(data, "acme", "certificates", "*", "localhost", "localhost.crt"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	text, err := os.ReadFile(kept[0])
	if block, _ := pem.Decode(text); err != nil || block == nil {
		t.Errorf("%s: %v", kept[0], err)
	}
	p.ends()
}

// An authority that cannot be reached is no silent failure.
func TestACME_SaysThatNoCertificateCame(t *testing.T) {
	p := launchProcess(t, t.TempDir(), "127.0.0.1:0", "--acme-domains", "localhost", "--acme-directory", "https://127.0.0.1:1/directory")
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return strings.Contains(p.stderr.String(), "the authority issued no certificate") })
	p.ends()
}
