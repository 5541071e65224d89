package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// weather is what a proxy does to the bytes that pass. The zero value is calm.
type weather struct {
	down      bool          // every new connection is reset, like an address where nobody listens
	hole      bool          // bytes go nowhere in both directions, and nobody is told
	latency   time.Duration // before each piece
	jitter    time.Duration // more or less of it
	bandwidth int           // bytes a second and direction
	slice     int           // bytes in a piece
	cutAnswer float64       // chance that a piece of an answer is swallowed and the connection reset
	cutAfter  string        // a request with these bytes is passed on, and the connection reset before its answer
	cuts      int64         // so many times; 0 is always
}

// proxy passes TCP connections on to the first target that takes them, and does
// to them what its weather says.
type proxy struct {
	listener net.Listener
	targets  func() []string
	now      atomic.Pointer[weather]
	cuts     atomic.Int64 // connections reset by cutAnswer and cutAfter under this weather

	mu    sync.Mutex
	links map[*link]struct{}
	done  sync.WaitGroup
}

// link is one connection and its continuation.
type link struct {
	caller, target net.Conn
	lost           atomic.Bool // bytes were swallowed: nothing that follows makes sense
	mute           atomic.Bool // answers no longer pass
}

func newProxy(targets func() []string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, targets: targets, links: map[*link]struct{}{}}
	p.now.Store(&weather{})
	p.done.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes the weather for what passes from now on.
func (p *proxy) set(w weather) {
	p.cuts.Store(0)
	p.now.Store(&w)
}

// calm ends all bad weather. Connections that lost bytes are reset; without reset
// they stay half open, as after a cable was pulled and put back.
func (p *proxy) calm(reset bool) {
	p.set(weather{})
	if reset {
		p.reset(func(l *link) bool { return l.lost.Load() })
	}
}

// reset breaks connections and returns how many.
func (p *proxy) reset(which func(*link) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for l := range p.links {
		if which(l) {
			l.abort()
			n++
		}
	}
	return n
}

func every(*link) bool { return true }

func (p *proxy) close() {
	p.listener.Close()
	p.reset(every)
	p.done.Wait()
}

func (p *proxy) accept() {
	for {
		caller, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.done.Go(func() { p.serve(caller) })
		}
	}
}

func (p *proxy) serve(caller net.Conn) {
	if p.now.Load().down {
		abort(caller)
		return
	}
	target, err := p.dial()
	if err != nil {
		abort(caller)
		return
	}
	l := &link{caller: caller, target: target}
	p.mu.Lock()
	p.links[l] = struct{}{}
	p.mu.Unlock()
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pump(l, caller, target, true) })
	pumps.Go(func() { p.pump(l, target, caller, false) })
	pumps.Wait()
	l.abort()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

func (p *proxy) dial() (net.Conn, error) {
	err := errors.New("torture: the proxy has no target")
	for _, address := range p.targets() {
		var conn net.Conn
		dialer := net.Dialer{Timeout: time.Second}
		if conn, err = dialer.DialContext(context.Background(), "tcp", address); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// pump carries one direction until an end closes.
func (p *proxy) pump(l *link, from, to net.Conn, request bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.pass(l, to, buffer[:n], request) {
			l.abort()
			return
		}
		if err != nil {
			// A farewell is passed on; the other direction may have more to say.
			if tcp, ok := to.(*net.TCPConn); ok && !l.lost.Load() {
				tcp.CloseWrite() //nolint:errcheck // it may be gone
			}
			return
		}
	}
}

// pass carries some bytes on and reports whether the connection lives.
func (p *proxy) pass(l *link, to net.Conn, some []byte, request bool) bool {
	w := p.now.Load()
	if w.hole || l.lost.Load() {
		l.lost.Store(true)
		return true
	}
	if !request && l.mute.Load() {
		return true
	}
	if !request && w.cutAnswer > 0 && rand.Float64() < w.cutAnswer { //nolint:gosec // chance, not a secret
		p.cuts.Add(1)
		return false
	}
	cut := request && w.cutAfter != "" && bytes.Contains(some, []byte(w.cutAfter)) && p.mayCut(w)
	if cut {
		l.mute.Store(true)
	}
	for len(some) > 0 {
		piece := some
		if w.slice > 0 {
			piece = some[:min(w.slice, len(some))]
		} else if w.bandwidth > 0 {
			piece = some[:min(max(w.bandwidth/20, 1), len(some))]
		}
		if wait := w.wait(len(piece)); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(piece); err != nil {
			return false
		}
		some = some[len(piece):]
	}
	if cut {
		time.Sleep(20 * time.Millisecond) // what was asked for happens
		return false
	}
	return true
}

func (p *proxy) mayCut(w *weather) bool { return p.cuts.Add(1) <= w.cuts || w.cuts == 0 }

func (w *weather) wait(bytes int) time.Duration {
	wait := w.latency
	if w.jitter > 0 {
		wait += time.Duration(rand.Int64N(int64(2*w.jitter))) - w.jitter //nolint:gosec // chance, not a secret
	}
	if w.bandwidth > 0 {
		wait += time.Duration(bytes) * time.Second / time.Duration(w.bandwidth)
	}
	return wait
}

func (l *link) abort() {
	abort(l.caller)
	abort(l.target)
}

// abort closes with a reset instead of a farewell.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it may be gone
	}
	c.Close()
}

// always is a list of targets that does not change.
func always(address string) func() []string { return func() []string { return []string{address} } }

func (w weather) String() string {
	switch {
	case w.down:
		return "down"
	case w.hole:
		return "black hole"
	case w.cutAfter != "":
		return fmt.Sprintf("cut after %q", w.cutAfter)
	case w.cutAnswer > 0:
		return fmt.Sprintf("%.0f %% of answers cut", w.cutAnswer*100)
	case w.latency > 0 || w.bandwidth > 0 || w.slice > 0:
		return fmt.Sprintf("%s ± %s, %d B/s, pieces of %d", w.latency, w.jitter, w.bandwidth, w.slice)
	}
	return "calm"
}
