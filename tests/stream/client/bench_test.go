// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"testing"

	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

// Figures of streaming alone, without containers; run by hand: go test -run none -bench . with KEELSON_BIN_DIR set.
func eachTransport(b *testing.B, run func(b *testing.B, s *server, m executorMaker)) {
	for _, m := range executors {
		if m.name == "SPDYv4" || m.name == "WebSocketv5" {
			b.Run(m.name, func(b *testing.B) { run(b, start(b), m) })
		}
	}
}

func BenchmarkExecOfTrue(b *testing.B) {
	eachTransport(b, func(b *testing.B, s *server, m executorMaker) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				e := m.executor(b, &restclient.Config{}, s.url("exec", "o", "/bin/true"))
				if err := stream(b, e, remotecommand.StreamOptions{Stdout: io.Discard}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRoundTripOfOneByte(b *testing.B) {
	eachTransport(b, func(b *testing.B, s *server, m executorMaker) {
		in, send := io.Pipe()
		receive, out := io.Pipe()
		done := make(chan error)
		e := m.executor(b, &restclient.Config{}, s.url("exec", "io", "/bin/cat"))
		go func() { done <- stream(b, e, remotecommand.StreamOptions{Stdin: in, Stdout: out}) }()
		piece := []byte{'x'}
		trip := func() {
			if _, err := send.Write(piece); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(receive, piece); err != nil {
				b.Fatal(err)
			}
		}
		trip()
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			trip()
		}
		b.StopTimer()
		send.Close()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}
