package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestClause_4_7_4_OnlyAddressesOfTheOpenInternetAreReached(t *testing.T) {
	for _, ip := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.100.100.200", "100.64.0.1", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.9", "198.51.100.7",
		"192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "2002:7f00:1::",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "3fff::1", "4000::1",
	} {
		if err := public(netip.MustParseAddr(ip)); !errors.Is(err, ErrAddress) {
			t.Errorf("refused_%s: %v, want HOOK_ADDRESS_REFUSED", ip, err)
		}
	}
	for _, ip := range []string{"1.1.1.1", "8.8.8.8", "119.29.29.29", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2400:3200::1", "2606:4700::1111"} {
		if err := public(netip.MustParseAddr(ip)); err != nil {
			t.Errorf("allowed_%s: %v", ip, err)
		}
	}
}

func TestClause_4_7_4_TheFormOfAnAddressHidesNothing(t *testing.T) {
	strict, local := New(Config{}), New(Config{AllowLocal: true})
	cases := map[string]struct {
		address         string
		strictly, demos bool // accepted in production, in a demonstration
	}{
		"allowed_https":            {"https://vendor.example.com/hook", true, true},
		"allowed_port":             {"https://vendor.example.com:8443/hook", true, true},
		"refused_http":             {"http://vendor.example.com/hook", false, true},
		"refused_private_literal":  {"https://10.0.0.1/hook", false, true},
		"refused_loopback_literal": {"https://[::1]/hook", false, true},
		"refused_mapped_literal":   {"https://[::ffff:127.0.0.1]/hook", false, true},
		"refused_user":             {"https://admin:pw@vendor.example.com/hook", false, false},
		"refused_query":            {"https://vendor.example.com/hook?signature=x", false, false},
		"refused_empty_query":      {"https://vendor.example.com/hook?", false, false},
		"refused_fragment":         {"https://vendor.example.com/hook#x", false, false},
		"refused_file":             {"file:///etc/passwd", false, false},
		"refused_gopher":           {"gopher://vendor.example.com/x", false, false},
		"refused_no_host":          {"https:///hook", false, false},
		"refused_opaque":           {"https:vendor.example.com", false, false},
		"refused_nothing":          {"", false, false},
		"refused_control":          {"https://vendor.example.com/\r\nHost: x", false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := strict.parse(c.address); (err == nil) != c.strictly {
				t.Errorf("in production: %v", err)
			}
			if _, err := local.parse(c.address); (err == nil) != c.demos {
				t.Errorf("in a demonstration: %v", err)
			}
		})
	}
}

// names is a resolver whose answers the test chooses, over an in-memory wire.
func names(answer func(query int64) netip.Addr) *net.Resolver {
	var queries atomic.Int64
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			size := make([]byte, 2)
			for {
				if _, err := io.ReadFull(theirs, size); err != nil {
					return
				}
				packet := make([]byte, int(size[0])<<8|int(size[1]))
				if _, err := io.ReadFull(theirs, packet); err != nil {
					return
				}
				var question dnsmessage.Message
				if err := question.Unpack(packet); err != nil {
					return
				}
				reply := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true}, Questions: question.Questions}
				if q := question.Questions[0]; q.Type == dnsmessage.TypeA {
					reply.Answers = []dnsmessage.Resource{{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
						Body:   &dnsmessage.AResource{A: answer(queries.Add(1)).As4()},
					}}
				}
				out, err := reply.Pack()
				if err != nil {
					return
				}
				if _, err := theirs.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}}
}

func TestClause_4_7_4_AVendorAddressThatResolvesToAPrivateOneIsRefused(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := "https://example.com:" + port + "/hook"
	loopback, open := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("8.8.8.8")

	t.Run("refused_private", func(t *testing.T) {
		c := New(Config{Resolver: names(func(int64) netip.Addr { return loopback }), TLS: &tls.Config{RootCAs: roots}})
		if _, err := c.Do(t.Context(), Post{Address: address, Timeout: 5 * time.Second}); !errors.Is(err, ErrAddress) {
			t.Errorf("Do = %v, want HOOK_ADDRESS_REFUSED", err)
		}
		if err := c.Check(t.Context(), address); !errors.Is(err, ErrAddress) {
			t.Errorf("Check = %v, want HOOK_ADDRESS_REFUSED", err)
		}
	})
	t.Run("refused_name_that_changes_its_meaning", func(t *testing.T) {
		c := New(Config{TLS: &tls.Config{RootCAs: roots}, Resolver: names(func(query int64) netip.Addr {
			if query == 1 {
				return open // what a check beforehand sees
			}
			return loopback
		})})
		if err := c.Check(t.Context(), address); err != nil {
			t.Fatalf("Check = %v", err)
		}
		if _, err := c.Do(t.Context(), Post{Address: address, Timeout: 5 * time.Second}); !errors.Is(err, ErrAddress) {
			t.Errorf("Do = %v, want HOOK_ADDRESS_REFUSED", err)
		}
	})
	if reached.Load() != 0 {
		t.Errorf("the private server was reached %d times", reached.Load())
	}
	t.Run("allowed_in_a_demonstration", func(t *testing.T) {
		c := New(Config{AllowLocal: true, Resolver: names(func(int64) netip.Addr { return loopback }), TLS: &tls.Config{RootCAs: roots}})
		if a, err := c.Do(t.Context(), Post{Address: address, Timeout: 5 * time.Second}); err != nil || a.Status != http.StatusOK {
			t.Errorf("Do = %+v, %v", a, err)
		}
	})
}

func TestDo_FollowsNobodyAndReadsNotForEver(t *testing.T) {
	var elsewhere atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/secret", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/secret", func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		io.Copy(w, io.LimitReader(strings.NewReader(strings.Repeat("x", maxAnswer+1)), maxAnswer+1))
	})
	mux.HandleFunc("/fits", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", maxAnswer)) })
	over := make(chan struct{})
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { <-over })
	server := httptest.NewServer(mux)
	defer server.Close()
	c := New(Config{AllowLocal: true})
	do := func(path string, timeout time.Duration) (Answer, error) {
		return c.Do(t.Context(), Post{Address: server.URL + path, Query: url.Values{"signature": {"s3cret"}}, Body: []byte(`{}`), Timeout: timeout})
	}
	if a, err := do("/moved", 5*time.Second); err != nil || a.Status != http.StatusTemporaryRedirect || elsewhere.Load() != 0 {
		t.Errorf("redirect: %+v, %v, followed %d times", a, err, elsewhere.Load())
	}
	if _, err := do("/long", 5*time.Second); !errors.Is(err, ErrAnswer) {
		t.Errorf("a long answer: %v", err)
	}
	if a, err := do("/fits", 5*time.Second); err != nil || len(a.Body) != maxAnswer {
		t.Errorf("an answer of the limit: %d bytes, %v", len(a.Body), err)
	}
	a, err := do("/slow", 50*time.Millisecond)
	if err == nil || strings.Contains(err.Error(), "s3cret") || a.Duration < 50*time.Millisecond {
		t.Errorf("a slow answer: %v after %s", err, a.Duration)
	}
	close(over)
	server.Close()
	if _, err := do("/fits", time.Second); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a dead server: %v", err)
	}
}
