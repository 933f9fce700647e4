// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Older WebSocket clients, of which client-go has none: channels by number, in bytes or in Base64.
type channels struct {
	t    *testing.T
	conn *websocket.Conn
	text bool
}

func dial(t *testing.T, address, subprotocol string) *channels {
	t.Helper()
	header := http.Header{}
	dialer := websocket.Dialer{}
	if subprotocol != "" {
		dialer.Subprotocols = []string{subprotocol}
	}
	conn, _, err := dialer.Dial("ws"+strings.TrimPrefix(address, "http"), header)
	must(t, err)
	if conn.Subprotocol() != subprotocol {
		t.Errorf("asked for %q, got %q", subprotocol, conn.Subprotocol())
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { conn.Close() })
	return &channels{t, conn, strings.Contains(subprotocol, "base64")}
}

func (c *channels) send(channel byte, data string) {
	c.t.Helper()
	if c.text {
		must(c.t, c.conn.WriteMessage(websocket.TextMessage, []byte(string('0'+rune(channel))+base64.StdEncoding.EncodeToString([]byte(data)))))
	} else {
		must(c.t, c.conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, data...)))
	}
}

// receive gives the next message that is not empty; false: closed in order.
func (c *channels) receive() (byte, string, bool) {
	c.t.Helper()
	for {
		kind, message, err := c.conn.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			return 0, "", false
		}
		must(c.t, err)
		if want := map[bool]int{true: websocket.TextMessage, false: websocket.BinaryMessage}[c.text]; kind != want || len(message) == 0 {
			c.t.Fatalf("message of kind %d, %q", kind, message)
		}
		channel, data := message[0], message[1:]
		if c.text {
			channel -= '0'
			data, err = base64.StdEncoding.DecodeString(string(data))
			must(c.t, err)
		}
		if len(data) > 0 {
			return channel, string(data), true
		}
	}
}

func (c *channels) all() map[byte]string {
	got := map[byte]string{}
	for {
		channel, data, more := c.receive()
		if !more {
			return got
		}
		got[channel] += data
	}
}

func TestExecOverEveryWebSocketSubprotocol(t *testing.T) {
	s := start(t)
	for _, subprotocol := range []string{"", "channel.k8s.io", "base64.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "v5.channel.k8s.io"} {
		t.Run("subprotocol="+subprotocol, func(t *testing.T) {
			c := dial(t, s.url("exec", "ioe", "/bin/sh", "-c", "read line; echo $line; echo bad >&2; exit 6"), subprotocol)
			c.send(0, "hel")
			c.send(9, "nobody's channel")
			c.send(0, "lo\n")
			got := c.all()
			if got[1] != "hello\n" || got[2] != "bad\n" || !strings.Contains(got[3], "6") {
				t.Errorf("%q", got)
			}
			if json := strings.HasPrefix(got[3], "{"); json != strings.HasPrefix(subprotocol, "v") {
				t.Errorf("its end is told as %q", got[3])
			}
		})
	}
}

func TestPortForwardOverWebSocketChannels(t *testing.T) {
	s := start(t)
	one, two := echo(t), echo(t)
	for _, subprotocol := range []string{"", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"} {
		t.Run("subprotocol="+subprotocol, func(t *testing.T) {
			c := dial(t, s.url("forward", fmt.Sprint(one), fmt.Sprint(two)), subprotocol)
			got := map[byte]string{}
			receive := func() {
				channel, data, more := c.receive()
				if !more {
					t.Fatal("closed")
				}
				got[channel] += data
			}
			for len(got) < 4 {
				receive()
			}
			for channel, port := range map[byte]int{0: one, 1: one, 2: two, 3: two} {
				if got[channel] != string([]byte{byte(port), byte(port >> 8)}) {
					t.Errorf("channel %d begins with %q", channel, got[channel])
				}
			}
			c.send(2, "to two")
			c.send(0, "to one")
			for len(got[0]) < 8 || len(got[2]) < 8 {
				receive()
			}
			if got[0][2:] != "to one" || got[2][2:] != "to two" || len(got[1])+len(got[3]) != 4 {
				t.Errorf("%q", got)
			}
			c.conn.Close()
			s.await("the session is gone", func() bool { return s.state("sessions") == 0 })
		})
	}
	c := dial(t, s.url("forward", "1"), "v4.channel.k8s.io")
	if got := c.all(); !strings.Contains(got[1], "error forwarding port 1: connect") {
		t.Errorf("a port that nobody listens on: %q", got)
	}
	if status, body := get(t, s.url("forward"), "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol", "v4.channel.k8s.io"); status != 400 || !strings.Contains(body, "port") {
		t.Errorf("no port is named: %d %q", status, body)
	}
}

func TestAWebSocketThatBreaksItsProtocolIsToldSo(t *testing.T) {
	s := start(t)
	c := dial(t, s.url("exec", "io", "/bin/cat"), "v4.base64.channel.k8s.io")
	must(t, c.conn.WriteMessage(websocket.TextMessage, []byte("0!!!not base64")))
	for {
		_, _, err := c.conn.ReadMessage()
		if err == nil {
			continue
		}
		if !websocket.IsCloseError(err, websocket.CloseInvalidFramePayloadData) {
			t.Error(err)
		}
		break
	}
	s.await("the session is gone", func() bool { return s.state("backend") == 0 && s.state("sessions") == 0 })
}

func TestAHeadWithoutEndIsRefused(t *testing.T) {
	s := start(t)
	address := s.url("exec", "o", "/bin/echo")
	request, err := http.NewRequest("GET", address, nil)
	must(t, err)
	request.Header.Set("X", string(bytes.Repeat([]byte("x"), 40<<10)))
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 431 {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}
