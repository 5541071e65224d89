package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a small SMTP server in this process. It takes messages, asks for a
// password when it has one, and answers RCPT with a set refusal.
type server struct {
	port     int
	roots    *x509.CertPool
	tls      *tls.Config
	offerTLS bool
	login    string // "user\x00password"; empty: no AUTH
	rcpt     string // answer to RCPT; empty: accepted
	quit     string // "drop": hang up at QUIT
	hang     bool   // never answer RCPT

	mu       sync.Mutex
	received []received
}

type received struct {
	from, to, data string
	overTLS        bool
	loggedIn       bool
}

func serve(t *testing.T, implicitTLS bool, s *server) *server {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if implicitTLS {
				conn = tls.Server(conn, s.tls)
			}
			sessions.Go(func() { s.session(conn, implicitTLS) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		sessions.Wait()
	})
	return s
}

func (s *server) session(conn net.Conn, overTLS bool) {
	defer func() { conn.Close() }()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	mail := received{overTLS: overTLS}
	say("220 test ready")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-test")
			if s.offerTLS && !mail.overTLS {
				say("250-STARTTLS")
			}
			if s.login != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, s.tls)
			in = bufio.NewReader(conn)
			mail = received{overTLS: true}
		case "AUTH":
			_, encoded, _ := strings.Cut(rest, " ")
			raw, _ := base64.StdEncoding.DecodeString(encoded)
			if string(raw) != "\x00"+s.login {
				say("535 5.7.8 wrong password")
				continue
			}
			mail.loggedIn = true
			say("235 welcome")
		case "MAIL":
			mail.from = rest
			say("250 ok")
		case "RCPT":
			mail.to = rest
			if s.hang {
				continue
			}
			if s.rcpt != "" {
				say(s.rcpt)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				data.WriteString(strings.TrimPrefix(line, "."))
			}
			mail.data = data.String()
			s.mu.Lock()
			s.received = append(s.received, mail)
			s.mu.Unlock()
			say("250 queued")
		case "QUIT":
			if s.quit == "drop" {
				return
			}
			say("221 bye")
			return
		default: // NOOP, RSET
			say("250 ok")
		}
	}
}

func (s *server) inbox() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.received...)
}
