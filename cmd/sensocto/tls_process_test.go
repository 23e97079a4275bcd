package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// certificate writes a certificate for this machine that signs itself, and
// returns its files.
func certificate(t *testing.T, dir string, serial int64) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "sensocto test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(path, kind string, data []byte) []byte {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return text
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(write(cert, "CERTIFICATE", der))
	write(key, "EC PRIVATE KEY", secret)
	return cert, key, roots
}

// A device, a viewer and the commands reach a server with TLS.
func TestTLS_DeviceViewerAndCommands(t *testing.T) {
	dir := t.TempDir()
	cert, key, roots := certificate(t, dir, 1)
	cmd := program("serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--tls-cert", cert, "--tls-key", key, "--guests", "view,ingest")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "https://127.0.0.1:") {
		t.Fatalf("first line %q, %v", line, err)
	}
	url := strings.TrimSpace(line)

	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}}
	dial := func() *websocket.Conn {
		ws, _, err := dialer.Dial("wss"+strings.TrimPrefix(url, "https")+"/socket/websocket?vsn=2.0.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		return ws
	}
	viewer, device := dial(), dial()
	defer viewer.Close()
	defer device.Close()
	send := func(ws *websocket.Conn, text string) {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(ws *websocket.Conn, want string) {
		t.Helper()
		for {
			_, text, err := ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), want) {
				return
			}
		}
	}
	send(viewer, `["1","1","data:strap","phx_join",{}]`)
	receive(viewer, `"status":"ok"`)
	send(device, `["1","1","sensocto:sensor:strap","phx_join",{"sensor_name":"Strap","sensor_type":"ecg","attributes":[]}]`)
	receive(device, `"status":"ok"`)
	send(device, `["1",null,"sensocto:sensor:strap","measurement",{"attribute_id":"ecg","payload":1.5,"timestamp":1767225600000}]`)
	receive(viewer, `"payload":1.5`)

	read := program("read", "strap", "ecg", "--server", url, "--format", "csv")
	read.Env = append(read.Env, "SSL_CERT_FILE="+cert)
	out, err := read.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1.5") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = program("read", "strap", "ecg", "--server", url).CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(string(out), "certificate") {
		t.Errorf("a server that nobody vouches for: %v %s", err, out)
	}

	// The head of a request is read as strictly as without TLS.
	raw, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(raw, "POST /api/v1/sensors/strap/command HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if status, err := bufio.NewReader(raw).ReadString('\n'); err != nil || !strings.Contains(status, " 400 ") {
		t.Errorf("a request with two lengths: %q, %v", status, err)
	}

	// Over plain HTTP nothing is to be had.
	r, err := http.Get("http" + strings.TrimPrefix(url, "https") + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if r.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "use https") {
		t.Errorf("plain HTTP: %d %s", r.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A certificate that is renewed is used without a restart; a broken one is not.
func TestTLS_ARenewedCertificateIsUsed(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certificate(t, dir, 1)
	files := &certificateFiles{cert: cert, key: key, log: newLogger(io.Discard, Config{})}
	serial := func() int64 {
		t.Helper()
		c, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("serial %d", n)
	}
	certificate(t, dir, 2)
	later := time.Now().Add(time.Minute)
	for _, path := range []string{cert, key} {
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	files.checked = time.Time{}
	if n := serial(); n != 2 {
		t.Errorf("serial %d after it was renewed", n)
	}
	if err := os.WriteFile(cert, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	files.checked = time.Time{}
	if n := serial(); n != 2 {
		t.Errorf("serial %d after it was broken", n)
	}
	missing := &certificateFiles{cert: filepath.Join(dir, "none"), key: key}
	if _, err := missing.get(nil); err == nil {
		t.Error("a certificate that is not there")
	}
}
