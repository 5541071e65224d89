// Package outbound calls addresses that a vendor chose, without letting them turn
// the market against anybody: its own network, its cloud's metadata, or a third
// party reached through a redirect.
//
// Owns: which addresses may be reached, and the limits of such a call. Does not
// own: what is said in it (the dialects), when it is repeated (package delivery).
//
// Always true: what is checked is the address that the connection really goes to,
// after the name was resolved, for every connection anew; there is no proxy and
// no redirect; an answer is read up to 256 KiB and not awaited beyond the time
// limit of the call. With AllowLocal, for demonstrations on one machine, plain
// HTTP and local addresses are reached as well, and nothing else changes.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"yunshi/internal/base/fault"
)

// ErrAddress refuses an address that the market does not call.
var ErrAddress = fault.New(fault.Invalid, "HOOK_ADDRESS_REFUSED", "UA 4.7.4")

// ErrAnswer means that the answer is longer than the market reads.
var ErrAnswer = errors.New("outbound: the answer is too long")

const maxAnswer = 256 << 10

// Client makes the calls. It is safe for concurrent use.
type Client struct {
	allowLocal bool
	resolver   *net.Resolver
	http       *http.Client
}

// Config of a Client; the zero value is right for production.
type Config struct {
	AllowLocal bool          // also plain HTTP and local addresses
	Resolver   *net.Resolver // default: that of the system
	TLS        *tls.Config   // further trusted roots; default: those of the system
}

// New makes a client.
func New(o Config) *Client {
	c := &Client{allowLocal: o.AllowLocal, resolver: o.Resolver}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Resolver: c.resolver, Control: c.control}
	config := &tls.Config{}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	config.MinVersion = tls.VersionTLS12
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true,
			MaxIdleConns: 64, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 32 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// Post is one call. Query is what a dialect appends to the vendor's address,
// which itself may not have one.
type Post struct {
	Address string
	Query   url.Values
	Header  http.Header
	Body    []byte // JSON
	Timeout time.Duration
}

// Answer is what came back.
type Answer struct {
	Status   int
	Body     []byte
	Duration time.Duration
}

// Do makes one call. Errors: [ErrAddress], [ErrAnswer], or that of the network,
// without the address in its text. The answer says how long the call took also
// when it failed.
func (c *Client) Do(ctx context.Context, p Post) (a Answer, err error) {
	start := time.Now()
	defer func() { a.Duration = time.Since(start) }()
	u, err := c.parse(p.Address)
	if err != nil {
		return a, err
	}
	u.RawQuery = p.Query.Encode()
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(p.Body))
	if err != nil {
		return a, ErrAddress
	}
	if p.Header != nil {
		request.Header = p.Header.Clone()
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Yunshi")
	response, err := c.http.Do(request)
	if err != nil {
		return a, quiet(err)
	}
	defer response.Body.Close()
	a.Status = response.StatusCode
	a.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return a, quiet(err)
	}
	if len(a.Body) > maxAnswer {
		a.Body = a.Body[:maxAnswer]
		return a, ErrAnswer
	}
	return a, nil
}

// Check says whether an address could be called now: its form, and every address
// its name stands for. It calls nobody.
func (c *Client) Check(ctx context.Context, address string) error {
	u, err := c.parse(address)
	if err != nil {
		return err
	}
	ips, err := c.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil || len(ips) == 0 {
		return ErrAddress
	}
	for _, ip := range ips {
		if err := c.reach(ip); err != nil {
			return err
		}
	}
	return nil
}

// parse accepts the form of an address: https, a host, nothing that hides another
// destination or carries a secret.
func (c *Client) parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, ErrAddress
	}
	if u.Scheme != "https" && !(c.allowLocal && u.Scheme == "http") {
		return nil, ErrAddress
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return u, c.reach(ip)
	}
	return u, nil
}

// control runs for every connection, after the name was resolved and before the
// first packet, so a name that changes its meaning in between gains nothing.
func (c *Client) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return ErrAddress
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddress
	}
	return c.reach(to.Addr())
}

func (c *Client) reach(ip netip.Addr) error {
	if c.allowLocal {
		return nil
	}
	return public(ip)
}

// public refuses every address that is not one of the open internet.
//
// Clause: UA 4.7.4 (nobody may use the market to enter the networks or systems of others).
func public(ip netip.Addr) error {
	if ip.Zone() != "" {
		return ErrAddress
	}
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !unicast6.Contains(ip) {
		return ErrAddress
	}
	for _, special := range reserved {
		if special.Contains(ip) {
			return ErrAddress
		}
	}
	return nil
}

// unicast6 is all of IPv6 that is given out to the internet.
var unicast6 = netip.MustParsePrefix("2000::/3")

// reserved lists ranges that look public and are not: shared carrier networks (in
// which clouds keep their metadata), examples, benchmarks, protocol assignments,
// and IPv6 ranges that wrap an IPv4 address.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
}

// quiet drops the address from an error of the network: with a dialect's query it
// would carry a signature into the log.
func quiet(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return errors.New("outbound: no answer in time")
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("outbound: %s: %w", op.Op, op.Err)
	}
	return fmt.Errorf("outbound: %w", err)
}
