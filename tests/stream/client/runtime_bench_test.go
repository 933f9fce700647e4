// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
)

// urls of a real runtime's, by a program that makes them on request (scripts/bench streams).
type urls struct {
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

func (u *urls) url(words ...string) string {
	fmt.Fprintln(u.in, strings.Join(words, "\t"))
	line, err := u.out.ReadString('\n')
	if err != nil {
		return "the program that makes URLs has ended"
	}
	return strings.TrimSpace(line)
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func tell(what, unit string, values []float64) {
	sort.Float64s(values)
	fmt.Printf("stream %s\t%s\t%g\t%g\n", what, unit, values[len(values)/2], values[len(values)*99/100])
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// BenchmarkStreamsOfARuntime prints a line a measure: what, unit, p50, p99, parted by tabs; or "failed" and why.
func BenchmarkStreamsOfARuntime(b *testing.B) {
	command := strings.Fields(os.Getenv("KEELSON_BENCH_URLS"))
	if len(command) == 0 {
		b.Skip("KEELSON_BENCH_URLS is not set")
	}
	count, megabytes := number("KEELSON_BENCH_COUNT", 200), int64(number("KEELSON_BENCH_MEGABYTES", 512))
	u := &urls{cmd: exec.Command(command[0], command[1:]...)}
	u.cmd.Stderr = os.Stderr
	u.in, _ = u.cmd.StdinPipe()
	out, _ := u.cmd.StdoutPipe()
	u.out = bufio.NewReader(out)
	must(b, u.cmd.Start())
	defer func() { u.in.Close(); u.cmd.Wait() }()
	for _, m := range executors {
		if m.name != "SPDYv4" && m.name != "WebSocketv5" {
			continue
		}
		measure := func(what, unit string, run func() ([]float64, error)) {
			if values, err := run(); err != nil {
				fmt.Printf("stream %s %s\t%s\tfailed\t%s\n", m.name, what, unit, strings.ReplaceAll(err.Error(), "\n", " "))
			} else {
				tell(m.name+" "+what, unit, values)
			}
		}
		measure("exec of true, with its URL", "ms", func() (values []float64, err error) {
			for i := 0; i < count; i++ {
				begin := time.Now()
				e := m.executor(b, &restclient.Config{}, u.url("o", "/bin/busybox", "true"))
				if err := stream(b, e, remotecommand.StreamOptions{Stdout: io.Discard}); err != nil {
					return nil, err
				}
				values = append(values, time.Since(begin).Seconds()*1e3)
			}
			return values, nil
		})
		measure("round trip of a byte through cat", "ms", func() (values []float64, err error) {
			in, send := io.Pipe()
			receive, out := io.Pipe()
			done := make(chan error, 1)
			e := m.executor(b, &restclient.Config{}, u.url("io", "/bin/busybox", "cat"))
			go func() {
				err := stream(b, e, remotecommand.StreamOptions{Stdin: in, Stdout: out})
				out.CloseWithError(io.ErrUnexpectedEOF)
				in.CloseWithError(io.ErrClosedPipe)
				done <- err
			}()
			piece := []byte{'x'}
			for i := 0; i < count+1; i++ {
				begin := time.Now()
				if _, err := send.Write(piece); err != nil {
					return nil, fmt.Errorf("write: %v, %v", err, <-done)
				}
				if _, err := io.ReadFull(receive, piece); err != nil {
					return nil, fmt.Errorf("read: %v, %v", err, <-done)
				}
				if i > 0 {
					values = append(values, time.Since(begin).Seconds()*1e3)
				}
			}
			send.Close()
			select {
			case <-done:
			case <-time.After(5 * time.Second): // a server that does not tell the command of its input's end
			}
			return values, nil
		})
		measure("output", "MB/s", func() ([]float64, error) {
			var got counter
			e := m.executor(b, &restclient.Config{}, u.url("o", "/bin/busybox", "dd", "if=/dev/zero", "bs=65536", fmt.Sprint("count=", megabytes*16)))
			begin := time.Now()
			err := stream(b, e, remotecommand.StreamOptions{Stdout: &got})
			if err == nil && got.n != megabytes<<20 {
				err = fmt.Errorf("%d bytes came of %d", got.n, megabytes<<20)
			}
			return []float64{float64(megabytes) / time.Since(begin).Seconds()}, err
		})
		measure("input", "MB/s", func() ([]float64, error) {
			var got bytes.Buffer
			e := m.executor(b, &restclient.Config{}, u.url("io", "/bin/sh", "-c", "cat >/dev/null; echo read"))
			begin := time.Now()
			err := stream(b, e, remotecommand.StreamOptions{Stdin: io.LimitReader(zeros{}, megabytes<<20), Stdout: &got})
			if err == nil && got.String() != "read\n" {
				err = fmt.Errorf("the end of the input was not seen: %q", got.String())
			}
			return []float64{float64(megabytes) / time.Since(begin).Seconds()}, err
		})
	}
	u.forwarded(b, count, megabytes)
}

// forwarded measures a port of the pod, behind which a shell of the container sends everything back.
func (u *urls) forwarded(b *testing.B, count int, megabytes int64) {
	const port = 7007
	go stream(b, executors[0].executor(b, &restclient.Config{}, u.url("o", "/bin/busybox", "nc", "-ll", "-p", fmt.Sprint(port), "-e", "/bin/busybox", "cat")),
		remotecommand.StreamOptions{Stdout: io.Discard})
	time.Sleep(500 * time.Millisecond)
	for _, d := range dialers {
		values, rate, err := u.throughPort(b, d, port, count, megabytes)
		if err != nil {
			fmt.Printf("stream %s port, round trip of a byte\tms\tfailed\t%s\n", d.name, strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		tell(d.name+" port, round trip of a byte", "ms", values)
		tell(d.name+" port, there and back", "MB/s", []float64{rate})
	}
}

func (u *urls) throughPort(b *testing.B, d dialerMaker, port, count int, megabytes int64) ([]float64, float64, error) {
	stopped, ready, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f, err := portforward.NewOnAddresses(d.dialer(b, u.url("forward", fmt.Sprint(port))), []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)},
		stopped, ready, io.Discard, io.Discard)
	if err != nil {
		return nil, 0, err
	}
	go func() { done <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		return nil, 0, err
	case <-time.After(time.Minute):
		return nil, 0, fmt.Errorf("not ready after a minute")
	}
	defer func() { close(stopped); <-done }()
	ports, err := f.GetPorts()
	if err != nil {
		return nil, 0, err
	}
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	var values []float64
	piece := []byte{'x'}
	for i := 0; i < count+1; i++ {
		begin := time.Now()
		if _, err := conn.Write(piece); err != nil {
			return nil, 0, err
		}
		if _, err := io.ReadFull(conn, piece); err != nil {
			return nil, 0, err
		}
		if i > 0 {
			values = append(values, time.Since(begin).Seconds()*1e3)
		}
	}
	begin := time.Now()
	go io.Copy(conn, io.LimitReader(zeros{}, megabytes<<20))
	if _, err := io.CopyN(io.Discard, conn, megabytes<<20); err != nil {
		return nil, 0, err
	}
	return values, float64(megabytes) / time.Since(begin).Seconds(), nil
}
