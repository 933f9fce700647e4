// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/httpstream"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

type dialerMaker struct {
	name   string
	dialer func(t testing.TB, address string) httpstream.Dialer
}

var dialers = []dialerMaker{
	{"SPDY", func(t testing.TB, address string) httpstream.Dialer {
		u, err := url.Parse(address)
		must(t, err)
		transport, upgrader, err := spdy.RoundTripperFor(&restclient.Config{})
		must(t, err)
		return spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", u)
	}},
	{"Tunnel", func(t testing.TB, address string) httpstream.Dialer {
		u, err := url.Parse(address)
		must(t, err)
		d, err := portforward.NewSPDYOverWebsocketDialer(u, &restclient.Config{})
		must(t, err)
		return d
	}},
}

// echo listens on this machine, sends back what it gets and, after its end, "bye".
func echo(t *testing.T) int {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
				io.WriteString(conn, "bye")
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// forward has the port forwarded and gives the local one.
func forward(t *testing.T, s *server, d dialerMaker, port int) (local int, errors *lockedBuffer, stop func()) {
	t.Helper()
	stopped, ready, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	errors = &lockedBuffer{}
	dialer := d.dialer(t, s.url("forward", fmt.Sprint(port)))
	f, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, stopped, ready, io.Discard, errors)
	must(t, err)
	go func() { done <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	ports, err := f.GetPorts()
	must(t, err)
	return int(ports[0].Local), errors, func() { close(stopped); <-done }
}

func roundTrip(t *testing.T, port int, size int64) {
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	sent, err := io.ReadAll(newRandom(size))
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		conn.Write(sent)
		conn.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, append(sent, "bye"...)) {
		t.Errorf("%d bytes came back of %d: %v", len(got), size, err)
	}
}

func TestPortForwardCarriesManyConnections(t *testing.T) {
	s := start(t)
	port := echo(t)
	for _, d := range dialers {
		t.Run(d.name, func(t *testing.T) {
			before := s.state("program_fds")
			local, _, stop := forward(t, s, d, port)
			roundTrip(t, local, 5)
			var all sync.WaitGroup
			for i := 0; i < 20; i++ {
				all.Add(1)
				go func() {
					defer all.Done()
					roundTrip(t, local, int64(i)<<18)
				}()
			}
			all.Wait()
			s.await("no forwarded connection stays", func() bool { return s.state("program_fds") <= before+1 })
			stop()
			s.await("the session is gone", func() bool { return s.state("sessions") == 0 })
		})
	}
}

func TestPortForwardToAPortThatNobodyListensOnSaysSo(t *testing.T) {
	s := start(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	closed := l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	for _, d := range dialers {
		t.Run(d.name, func(t *testing.T) {
			local, errors, stop := forward(t, s, d, closed)
			conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", local))
			must(t, err)
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			if got, _ := io.ReadAll(conn); len(got) != 0 {
				t.Errorf("got %q", got)
			}
			_ = errors // client-go writes it to its log alone
			stop()
			s.await("the session is gone", func() bool { return s.state("sessions") == 0 })
		})
	}
}

func TestAConnectionThatTakesNothingDoesNotStopTheOthers(t *testing.T) {
	s := start(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	go func() { // takes connections and never reads, until the listener is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	deaf := l.Addr().(*net.TCPAddr).Port
	good := echo(t)
	// Two clients: the windows that would keep connections of one client apart are not kept by client-go.
	localDeaf, _, stopDeaf := forward(t, s, dialers[0], deaf)
	defer stopDeaf()
	defer l.Close() // first: a client that is not listened to cannot say that it leaves
	local, _, stop := forward(t, s, dialers[0], good)
	defer stop()
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", localDeaf))
	must(t, err)
	defer conn.Close()
	go conn.Write([]byte(strings.Repeat("x", 32<<20)))
	roundTrip(t, local, 16<<20)
}
