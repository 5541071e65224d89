package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startsCount = 5               // cold starts, of which the median counts
	idleAfter   = 5 * time.Second // when memory is read
)

// starts measures how long `yunshi serve` takes from its start until it is ready,
// and how much memory it holds when nobody asks for anything.
func (m *measured) starts(ctx context.Context) error {
	m.say("%d cold starts", startsCount)
	var took []time.Duration
	for i := range startsCount {
		one, memory, err := m.startOnce(ctx, i == startsCount-1)
		if err != nil {
			return err
		}
		took = append(took, one)
		if memory > 0 {
			defer m.set("memory when idle, resident", "MB", memory/(1<<20))
		}
	}
	slices.Sort(took)
	m.set("cold start until ready, median of 5", "ms", took[len(took)/2].Seconds()*1000)
	return nil
}

func (m *measured) startOnce(ctx context.Context, stay bool) (took time.Duration, memory float64, err error) {
	address, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	c := m.command(ctx, "serve", "--listen", address)
	c.Stderr = nil
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, ended(c)) }()
	if err := ready(ctx, "http://"+address+"/readyz"); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	if !stay {
		return took, 0, nil
	}
	select {
	case <-time.After(idleAfter):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	memory, err = resident(c.Process.Pid)
	return took, memory, err
}

// ended asks the program to stop and waits until it has.
func ended(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return c.Wait()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready asks every two milliseconds until the market answers.
func ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", address, ctx.Err())
		}
	}
}

// resident is the memory of a process in bytes, as the kernel counts it.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb * 1024, err
		}
	}
	return 0, errors.New("the kernel does not say how much memory the process has")
}
