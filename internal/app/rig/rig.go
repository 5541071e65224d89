// Package rig is what programs that put a market under load share: verified
// customers with something to buy, the start of a process until it is ready, and
// the words that say on what machine a figure was found.
//
// Owns: made-up customers. Does not own: the load, or what a figure means; the
// programs (bench, torture) do.
//
// Always true: everything goes through the public API, to an address the caller
// gives.
package rig

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FreeAddress is an address on the loopback that nobody listens on now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Ready asks an address every two milliseconds until it answers with 200, for at
// most a minute.
func Ready(ctx context.Context, address string) error {
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

// Resident is the memory of a process in bytes, as the kernel counts it.
func Resident(pid int) (float64, error) {
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

// Percentile is the smallest time that at least so many percent do not exceed, in
// milliseconds; NaN when there is none.
func Percentile(times []time.Duration, percent int) float64 {
	if len(times) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(times))
	at := (len(sorted)*percent + 99) / 100
	return sorted[max(at, 1)-1].Seconds() * 1000
}

// Machine says what a figure was found on.
func Machine() string {
	return fmt.Sprintf("%d cores, %s, %s %s/%s", runtime.NumCPU(), cpuModel(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// LoadAverage is how busy the machine is, by its own count over 1, 5 and 15 minutes.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
