// SPDX-License-Identifier: Apache-2.0

// Command client asks a kubelet for exec, attach and port-forward the way kubectl does, over SPDY and over WebSocket, for a pod of
// examples/web.yaml: `client https://HOST:PORT POD`. It prints a line for each case.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

const patience = 30 * time.Second

type client struct {
	config    *rest.Config
	base, pod string
	websocket bool
}

func (c client) url(call, container string, query url.Values) *url.URL {
	u, err := url.Parse(c.base + "/" + call + "/default/" + c.pod)
	if err != nil {
		panic(err)
	}
	if container != "" {
		u = u.JoinPath(container)
	}
	u.RawQuery = query.Encode()
	return u
}

func (c client) stream(call, container string, query url.Values, options remotecommand.StreamOptions) error {
	for name, wanted := range map[string]bool{
		"input": options.Stdin != nil, "output": options.Stdout != nil, "error": options.Stderr != nil, "tty": options.Tty,
	} {
		if wanted {
			query.Set(name, "1")
		}
	}
	u := c.url(call, container, query)
	var executor remotecommand.Executor
	var err error
	if c.websocket {
		executor, err = remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, u.String())
	} else {
		executor, err = remotecommand.NewSPDYExecutor(c.config, http.MethodPost, u)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return executor.StreamWithContext(ctx, options)
}

func (c client) exec(stdin io.Reader, command ...string) (string, string, error) {
	var out, errors bytes.Buffer
	err := c.stream("exec", "writer", url.Values{"command": command}, remotecommand.StreamOptions{Stdin: stdin, Stdout: &out, Stderr: &errors})
	return out.String(), errors.String(), err
}

func expect(what, got, wanted string) error {
	if got != wanted {
		return fmt.Errorf("%s: %q instead of %q", what, got, wanted)
	}
	return nil
}

func (c client) execAnswersWithBothOutputs() error {
	out, errors, err := c.exec(nil, "sh", "-c", "echo one; echo two >&2")
	if err != nil {
		return err
	}
	if err = expect("stdout", out, "one\n"); err != nil {
		return err
	}
	return expect("stderr", errors, "two\n")
}

func (c client) execReadsItsInputToTheEnd() error {
	sent := strings.Repeat("0123456789abcdef", 1<<16)
	out, _, err := c.exec(strings.NewReader(sent), "cat")
	if err != nil {
		return err
	}
	if out != sent {
		return fmt.Errorf("%d bytes came back of %d", len(out), len(sent))
	}
	return nil
}

func (c client) execTellsTheExitCode() error {
	_, _, err := c.exec(nil, "sh", "-c", "exit 3")
	var code exec.CodeExitError
	if !errors.As(err, &code) || code.Code != 3 {
		return fmt.Errorf("not exit code 3: %v", err)
	}
	return nil
}

// A queue of one size.
type size struct{ sent bool }

func (s *size) Next() *remotecommand.TerminalSize {
	if s.sent {
		return nil
	}
	s.sent = true
	return &remotecommand.TerminalSize{Width: 123, Height: 45}
}

func (c client) execHasATerminalOfTheClientsSize() error {
	var out bytes.Buffer
	command := url.Values{"command": {"sh", "-c", "n=0; until [ \"$(stty size)\" = '45 123' ] || [ $n = 100 ]; do n=$((n+1)); sleep 0.1; done; stty size"}}
	stdin, typist := io.Pipe() // who closes it hangs up
	defer typist.Close()
	err := c.stream("exec", "writer", command, remotecommand.StreamOptions{Stdin: stdin, Stdout: &out, Tty: true, TerminalSizeQueue: &size{}})
	if err != nil {
		return err
	}
	return expect("stty", strings.TrimSpace(out.String()), "45 123")
}

// Writes until what is looked for has come, then says so.
type watcher struct {
	text   bytes.Buffer
	wanted string
	seen   func()
}

func (w *watcher) Write(b []byte) (int, error) {
	w.text.Write(b)
	if strings.Contains(w.text.String(), w.wanted) {
		w.seen()
	}
	return len(b), nil
}

func (c client) attachFollowsTheOutput() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out := &watcher{wanted: "Hello from Keelson, page", seen: cancel}
	done := make(chan error, 1)
	go func() {
		done <- c.stream("attach", "writer", url.Values{}, remotecommand.StreamOptions{Stdout: out, Stderr: io.Discard})
	}()
	select {
	case err := <-done:
		return fmt.Errorf("attach ended: %v", err)
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("no output within the time limit")
	}
	return nil
}

func (c client) portForwardReachesThePage() error {
	u := c.url("portForward", "", url.Values{})
	round, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: round}, http.MethodPost, u)
	if c.websocket {
		u.RawQuery = "port=80" // the kubelet wants it named before it hands the connection on
		if dialer, err = portforward.NewSPDYOverWebsocketDialer(u, c.config); err != nil {
			return err
		}
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	forwarder, err := portforward.New(dialer, []string{"0:80"}, stop, ready, io.Discard, os.Stderr)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err = <-ended:
		return fmt.Errorf("forwarding ended: %v", err)
	case <-ready:
	case <-time.After(patience):
		return errors.New("not ready within the time limit")
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	for i := 0; i < 3; i++ {
		web := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := web.Get(fmt.Sprintf("http://127.0.0.1:%d/index.html", ports[0].Local))
		if err != nil {
			return err
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(page), "Hello from Keelson") {
			return fmt.Errorf("the page is %q, %v", page, err)
		}
	}
	return nil
}

func main() {
	failed := 0
	for _, websocket := range []bool{false, true} {
		c := client{&rest.Config{Host: os.Args[1], TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, os.Args[1], os.Args[2], websocket}
		title := "over SPDY"
		if websocket {
			title = "over WebSocket"
		}
		for _, test := range []struct {
			name string
			run  func() error
		}{
			{"exec answers with both outputs", c.execAnswersWithBothOutputs},
			{"exec reads its input to the end", c.execReadsItsInputToTheEnd},
			{"exec tells the exit code", c.execTellsTheExitCode},
			{"exec has a terminal of the client's size", c.execHasATerminalOfTheClientsSize},
			{"attach follows the output", c.attachFollowsTheOutput},
			{"port-forward reaches the page", c.portForwardReachesThePage},
		} {
			begin := time.Now()
			err := test.run()
			took := time.Since(begin).Milliseconds()
			if err == nil {
				fmt.Printf("case passed %d ms %s %s\n", took, test.name, title)
			} else {
				failed++
				fmt.Printf("case failed %d ms %s %s -- %s\n", took, test.name, title, strings.ReplaceAll(err.Error(), "\n", " "))
			}
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}
