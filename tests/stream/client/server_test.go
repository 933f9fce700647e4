// SPDX-License-Identifier: Apache-2.0

// Package client tests keelson-stream with the streaming clients of Kubernetes' own client-go.
package client

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a running stream-test-server, which makes URLs on request.
type server struct {
	t   testing.TB
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

func start(t testing.TB, tls ...string) *server {
	t.Helper()
	bin := os.Getenv("KEELSON_BIN_DIR")
	if bin == "" {
		t.Skip("KEELSON_BIN_DIR is not set")
	}
	// With a sanitizer the program is the one that it can look at.
	program := "keelson-stream"
	if os.Getenv("KEELSON_INSTRUMENTED") != "" {
		program = "stream-test-program"
	}
	args := append([]string{filepath.Join(bin, program)}, tls...)
	cmd := exec.Command(filepath.Join(bin, "stream-test-server"), args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("stream-test-server: %v", err)
		}
	})
	return &server{t: t, in: in, out: bufio.NewReader(out)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) ask(words ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintln(s.in, strings.Join(words, "\t")); err != nil {
		s.t.Error(err)
		return ""
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Error(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// url of an exec, attach or forward.
func (s *server) url(words ...string) string {
	answer := s.ask(words...)
	if !strings.HasPrefix(answer, "http") {
		s.t.Errorf("%v: %s", words, answer)
	}
	return answer
}

func (s *server) state(name string) int {
	for _, field := range strings.Fields(s.ask("state")) {
		if value, found := strings.CutPrefix(field, name+"="); found {
			n := 0
			fmt.Sscan(value, &n)
			return n
		}
	}
	s.t.Errorf("no state %q", name)
	return -1
}

// awaits a state that comes true by itself, with a deadline.
func (s *server) await(what string, true_ func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !true_(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within 20 s: %s; %s", what, s.ask("state"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
