// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

func newRandom(size int64) io.Reader {
	return io.LimitReader(mathrand.New(mathrand.NewSource(1)), size)
}

func get(t *testing.T, address string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", address, nil)
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body)
}

var upgradeHeaders = []string{"Connection", "Upgrade", "Upgrade", "SPDY/3.1", "X-Stream-Protocol-Version", "v4.channel.k8s.io"}

func TestATokenIsGoodOnce(t *testing.T) {
	s := start(t)
	address := s.url("exec", "o", "/bin/echo", "hello")
	other := strings.Replace(address, "/exec/", "/attach/", 1)
	if status, body := get(t, other, upgradeHeaders...); status != 404 || !strings.Contains(body, "good once") {
		t.Errorf("for another kind of stream: %d %q", status, body)
	}
	if status, body := get(t, address); status != 400 || !strings.Contains(body, "upgrade") {
		t.Errorf("without an upgrade: %d %q", status, body)
	}
	var out bytes.Buffer
	must(t, stream(t, executors[0].executor(t, &restclient.Config{}, address), remotecommand.StreamOptions{Stdout: &out}))
	if status, body := get(t, address, upgradeHeaders...); status != 404 || !strings.Contains(body, "good once") {
		t.Errorf("for the second time: %d %q", status, body)
	}
	if answer := s.ask("exec", "te", "/bin/echo"); !strings.Contains(answer, "terminal") {
		t.Errorf("a terminal with stderr: %q", answer)
	}
	if answer := s.ask("exec", "t", "/bin/echo"); !strings.Contains(answer, "stdin") {
		t.Errorf("no stream at all: %q", answer)
	}
}

// A client whose input nobody takes is not listened to; that it has left is seen all the same.
func TestAnAbandonedExecIsEndedThoughItsInputIsNotTaken(t *testing.T) {
	s := start(t)
	u, err := url.Parse(s.url("exec", "io", "/bin/sleep", "600"))
	must(t, err)
	conn, err := net.Dial("tcp4", u.Host)
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n", u.Path)
	frame := append([]byte{0x82, 0xfe, 0x80, 0x00, 0, 0, 0, 0}, make([]byte, 0x8000)...)
	for {
		conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := conn.Write(frame); err != nil {
			break // every buffer is full
		}
	}
	if s.state("backend") != 1 {
		t.Error("there is no session")
	}
	// Soon it hears that it is not forgotten, as its pings cannot be read.
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	heard := []byte{}
	for piece := make([]byte, 4096); !bytes.Contains(heard, []byte{0x8a, 0}); {
		n, err := conn.Read(piece)
		must(t, err)
		heard = append(heard, piece[:n]...)
	}
	conn.Close()
	s.await("the session is gone", func() bool { return s.state("backend") == 0 && s.state("sessions") == 0 })
}

func TestAURLOutlivesTheProgram(t *testing.T) {
	s := start(t)
	address := s.url("exec", "o", "/bin/echo", "hello")
	ended := make(chan error)
	// SPDY's client takes a lost connection for success.
	e := executors[4].executor(t, &restclient.Config{}, s.url("exec", "o", "/bin/sleep", "600"))
	go func() { ended <- stream(t, e, remotecommand.StreamOptions{Stdout: io.Discard}) }()
	s.await("the session is open", func() bool { return s.state("backend") == 1 })
	s.ask("kill")
	if <-ended == nil {
		t.Error("a session whose program died ended well")
	}
	s.await("the dead program's sessions are ended", func() bool { return s.state("backend") == 0 })
	var out bytes.Buffer
	must(t, stream(t, executors[0].executor(t, &restclient.Config{}, address), remotecommand.StreamOptions{Stdout: &out}))
	if out.String() != "hello\n" {
		t.Errorf("%q", out.String())
	}
}

func TestTheProgramHasNoRights(t *testing.T) {
	if os.Getenv("KEELSON_INSTRUMENTED") != "" {
		t.Skip("a program that sanitizers look at keeps its rights")
	}
	s := start(t)
	status, err := os.ReadFile(filepath.Join("/proc", strings.TrimPrefix(strings.Fields(s.ask("state"))[4], "program="), "status"))
	must(t, err)
	want := []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"}
	if os.Geteuid() == 0 {
		want = append(want, "Uid:\t60601\t60601\t60601\t60601", "Gid:\t60601\t60601\t60601\t60601")
	} else {
		want = want[:3]
	}
	for _, line := range want {
		if !strings.Contains(string(status), line) {
			t.Errorf("no %q in its status", line)
		}
	}
}

func selfSigned(t *testing.T) (cert, key string, pool []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	keyDer, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	pool = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cert, key = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(cert, pool, 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDer}), 0o600))
	return cert, key, pool
}

func TestTLSCarriesEverythingToo(t *testing.T) {
	cert, key, pool := selfSigned(t)
	s := start(t, cert, key)
	config := &restclient.Config{TLSClientConfig: restclient.TLSClientConfig{CAData: pool}}
	for _, m := range executors {
		if m.name != "SPDYv4" && m.name != "WebSocketv5" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			var out bytes.Buffer
			address := s.url("exec", "io", "/bin/cat")
			if !strings.HasPrefix(address, "https://127.0.0.1:") {
				t.Error(address)
			}
			sent := make([]byte, 8<<20)
			_, err := io.ReadFull(newRandom(8<<20), sent)
			must(t, err)
			must(t, stream(t, m.executor(t, config, address), remotecommand.StreamOptions{Stdin: bytes.NewReader(sent), Stdout: &out}))
			if !bytes.Equal(out.Bytes(), sent) {
				t.Error("what came back is not what was sent")
			}
		})
	}
}
