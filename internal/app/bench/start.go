package main

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"yunshi/internal/app/rig"
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
	address, err := rig.FreeAddress()
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
	if err := rig.Ready(ctx, "http://"+address+"/readyz"); err != nil {
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
	memory, err = rig.Resident(c.Process.Pid)
	return took, memory, err
}

// ended asks the program to stop and waits until it has.
func ended(c *exec.Cmd) error {
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return c.Wait()
}
