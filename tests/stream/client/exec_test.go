// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

type executorMaker struct {
	name     string
	executor func(t testing.TB, config *restclient.Config, address string) remotecommand.Executor
	// Whether the client can say that its input has ended.
	halfClose bool
}

func spdyExecutor(protocols ...string) func(testing.TB, *restclient.Config, string) remotecommand.Executor {
	return func(t testing.TB, config *restclient.Config, address string) remotecommand.Executor {
		u, err := url.Parse(address)
		must(t, err)
		transport, upgrader, err := spdy.RoundTripperFor(config)
		must(t, err)
		e, err := remotecommand.NewSPDYExecutorForProtocols(transport, upgrader, "POST", u, protocols...)
		must(t, err)
		return e
	}
}

func wsExecutor(protocols ...string) func(testing.TB, *restclient.Config, string) remotecommand.Executor {
	return func(t testing.TB, config *restclient.Config, address string) remotecommand.Executor {
		e, err := remotecommand.NewWebSocketExecutorForProtocols(config, "GET", address, protocols...)
		must(t, err)
		return e
	}
}

var executors = []executorMaker{
	{"SPDYv4", spdyExecutor("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"), true},
	{"SPDYv3", spdyExecutor("v3.channel.k8s.io"), true},
	{"SPDYv2", spdyExecutor("v2.channel.k8s.io"), true},
	{"SPDYv1", spdyExecutor("channel.k8s.io"), false},
	{"WebSocketv5", wsExecutor("v5.channel.k8s.io"), true},
	{"WebSocketv4", wsExecutor("v4.channel.k8s.io"), false},
}

func stream(t testing.TB, e remotecommand.Executor, options remotecommand.StreamOptions) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return e.StreamWithContext(ctx, options)
}

func TestExecBringsBothStreamsAndTheExitCode(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		t.Run(m.name, func(t *testing.T) {
			var out, err bytes.Buffer
			e := m.executor(t, &restclient.Config{}, s.url("exec", "oe", "/bin/sh", "-c", "echo out; echo err >&2; exit 7"))
			failed := stream(t, e, remotecommand.StreamOptions{Stdout: &out, Stderr: &err})
			if out.String() != "out\n" || err.String() != "err\n" {
				t.Errorf("out %q, err %q", out.String(), err.String())
			}
			// The first version's client does not wait for the error stream.
			if m.name != "SPDYv1" && (failed == nil || !strings.Contains(failed.Error(), "7")) {
				t.Errorf("exit 7 is told as: %v", failed)
			}
			if code, is := failed.(exec.CodeExitError); strings.HasSuffix(m.name, "4") || strings.HasSuffix(m.name, "5") {
				if !is || code.Code != 7 {
					t.Errorf("exit 7 is told as: %#v", failed)
				}
			}
			var good bytes.Buffer
			e = m.executor(t, &restclient.Config{}, s.url("exec", "o", "/bin/echo", "fine"))
			if failed := stream(t, e, remotecommand.StreamOptions{Stdout: &good}); failed != nil || good.String() != "fine\n" {
				t.Errorf("%q, %v", good.String(), failed)
			}
		})
	}
}

func TestExecThatCannotStartSaysWhy(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if m.name == "SPDYv1" {
			continue // its client does not wait for the error stream
		}
		t.Run(m.name, func(t *testing.T) {
			var out bytes.Buffer
			e := m.executor(t, &restclient.Config{}, s.url("exec", "o", "/no/such"))
			failed := stream(t, e, remotecommand.StreamOptions{Stdout: &out})
			if failed == nil || !strings.Contains(failed.Error(), "no such file") {
				t.Errorf("told as: %v", failed)
			}
		})
	}
}

func TestExecSeesTheEndOfItsInput(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if !m.halfClose {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			var out bytes.Buffer
			e := m.executor(t, &restclient.Config{}, s.url("exec", "io", "/bin/sh", "-c", "cat; echo ended"))
			failed := stream(t, e, remotecommand.StreamOptions{Stdin: strings.NewReader("hello\n"), Stdout: &out})
			if failed != nil || out.String() != "hello\nended\n" {
				t.Errorf("%q, %v", out.String(), failed)
			}
		})
	}
}

type sizes struct {
	queue chan remotecommand.TerminalSize
}

func (q *sizes) Next() *remotecommand.TerminalSize {
	size, more := <-q.queue
	if !more {
		return nil
	}
	return &size
}

func TestExecResizesItsTerminal(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if strings.HasSuffix(m.name, "v1") || strings.HasSuffix(m.name, "v2") {
			continue // they have no resize stream
		}
		t.Run(m.name, func(t *testing.T) {
			queue := &sizes{make(chan remotecommand.TerminalSize, 2)}
			queue.queue <- remotecommand.TerminalSize{Width: 132, Height: 43}
			defer close(queue.queue)
			var out bytes.Buffer
			script := `tty >/dev/null && until [ "$(stty size)" = "43 132" ]; do sleep 0.01; done; echo good; exit 3`
			e := m.executor(t, &restclient.Config{}, s.url("exec", "to", "/bin/sh", "-c", script))
			failed := stream(t, e, remotecommand.StreamOptions{Stdout: &out, Tty: true, TerminalSizeQueue: queue})
			if failed == nil || out.String() != "good\r\n" {
				t.Errorf("%q, %v", out.String(), failed)
			}
		})
	}
}

func TestTerminalTakesInputAndEndsWithItsShell(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		t.Run(m.name, func(t *testing.T) {
			in, keyboard := io.Pipe()
			defer keyboard.Close()
			go io.WriteString(keyboard, "echo $((20+22)); exit 5\n")
			var out bytes.Buffer
			e := m.executor(t, &restclient.Config{}, s.url("exec", "tio", "/bin/sh"))
			failed := stream(t, e, remotecommand.StreamOptions{Stdin: in, Stdout: &out, Tty: true})
			if (m.name != "SPDYv1" && (failed == nil || !strings.Contains(failed.Error(), "5"))) || !strings.Contains(out.String(), "42\r\n") {
				t.Errorf("%q, %v", out.String(), failed)
			}
		})
	}
}

func TestAttachEndsWithSuccessWhateverTheContainersExit(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if !m.halfClose {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			var out bytes.Buffer
			e := m.executor(t, &restclient.Config{}, s.url("attach", "io", "cat; exit 9"))
			failed := stream(t, e, remotecommand.StreamOptions{Stdin: strings.NewReader("attached"), Stdout: &out})
			if failed != nil || out.String() != "attached" {
				t.Errorf("%q, %v", out.String(), failed)
			}
		})
	}
}

// What the command left behind in the background does not hold the session for ever, and what it
// still writes is not lost.
func TestExecEndsThoughAChildHoldsItsPipes(t *testing.T) {
	s := start(t)
	var out bytes.Buffer
	e := executors[0].executor(t, &restclient.Config{}, s.url("exec", "oe", "/bin/sh", "-c", "(sleep 1; echo late; exec sleep 600) & exit 4"))
	failed := stream(t, e, remotecommand.StreamOptions{Stdout: &out, Stderr: io.Discard})
	if code, is := failed.(exec.CodeExitError); !is || code.Code != 4 || out.String() != "late\n" {
		t.Errorf("%q, %v", out.String(), failed)
	}
}

// counting hashes what it is given.
func largeOutput(t *testing.T, s *server, m executorMaker, mebibytes int) {
	want := sha256.New()
	zero := make([]byte, 1<<20)
	for i := 0; i < mebibytes; i++ {
		want.Write(zero)
	}
	got := sha256.New()
	e := m.executor(t, &restclient.Config{}, s.url("exec", "o", "/usr/bin/head", "-c", fmt.Sprint(mebibytes<<20), "/dev/zero"))
	begun := time.Now()
	must(t, stream(t, e, remotecommand.StreamOptions{Stdout: got}))
	t.Logf("%.0f MiB/s", float64(mebibytes)/time.Since(begun).Seconds())
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("what arrived is not what was sent")
	}
}

func TestCatOfOneGibibyteArrivesWhole(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if m.name == "SPDYv4" || m.name == "WebSocketv5" {
			t.Run(m.name, func(t *testing.T) { largeOutput(t, s, m, 1024) })
		}
	}
}

// Random bytes there and back: through `cat`, both directions at once.
func TestInputComesBackWhole(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if !m.halfClose {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			source := newRandom(64 << 20)
			sent, got := sha256.New(), sha256.New()
			e := m.executor(t, &restclient.Config{}, s.url("exec", "io", "/bin/cat"))
			must(t, stream(t, e, remotecommand.StreamOptions{Stdin: io.TeeReader(source, sent), Stdout: got}))
			if !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
				t.Error("what came back is not what was sent")
			}
		})
	}
}

type slowWriter struct {
	first chan struct{}
	gate  chan struct{}
	once  sync.Once
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.first) })
	<-w.gate
	return len(p), nil
}

func TestASlowClientSlowsNobodyElse(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		if m.name != "SPDYv4" && m.name != "WebSocketv5" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			const slow = 20
			var done sync.WaitGroup
			gate := make(chan struct{})
			for i := 0; i < slow; i++ {
				w := &slowWriter{first: make(chan struct{}), gate: gate}
				e := m.executor(t, &restclient.Config{}, s.url("exec", "o", "/usr/bin/head", "-c", fmt.Sprint(64<<20), "/dev/zero"))
				done.Add(1)
				go func() {
					defer done.Done()
					if err := stream(t, e, remotecommand.StreamOptions{Stdout: w}); err != nil {
						t.Error(err)
					}
				}()
				<-w.first
			}
			largeOutput(t, s, m, 128)
			close(gate)
			done.Wait()
		})
	}
}

func TestFailingExecsLeaveNothingBehind(t *testing.T) {
	s := start(t)
	run := func(n int) {
		var left sync.WaitGroup
		for worker := 0; worker < 8; worker++ {
			left.Add(1)
			go func() {
				defer left.Done()
				for i := 0; i < n/8; i++ {
					m := executors[(worker+i)%len(executors)]
					command := [][]string{{"/bin/false"}, {"/no/such"}, {"/bin/sh", "-c", "kill -9 $$"}}[i%3]
					e := m.executor(t, &restclient.Config{}, s.url(append([]string{"exec", "oe"}, command...)...))
					err := stream(t, e, remotecommand.StreamOptions{Stdout: io.Discard, Stderr: io.Discard})
					if err == nil && m.name != "SPDYv1" {
						t.Error("a failing exec succeeds")
					}
				}
			}()
		}
		left.Wait()
		s.await("no sessions", func() bool { return s.state("sessions") == 0 && s.state("backend") == 0 })
	}
	programFds := s.state("program_fds")
	run(48) // threads and what they keep are there afterwards
	fds := s.state("fds")
	run(10000)
	s.await("descriptors are as before", func() bool {
		return s.state("fds") <= fds && s.state("program_fds") <= programFds
	})
}

func TestAnAbandonedExecIsEnded(t *testing.T) {
	s := start(t)
	for _, m := range executors {
		t.Run(m.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			in, keyboard := io.Pipe()
			defer keyboard.Close()
			e := m.executor(t, &restclient.Config{}, s.url("exec", "io", "/bin/sleep", "600"))
			failed := make(chan error)
			go func() { failed <- e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: io.Discard}) }()
			s.await("the session is open", func() bool { return s.state("backend") == 1 })
			cancel()
			<-failed
			s.await("the session is gone", func() bool { return s.state("backend") == 0 && s.state("sessions") == 0 })
		})
	}
}
