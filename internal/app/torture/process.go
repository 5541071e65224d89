package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"yunshi/internal/app/rig"
)

// process is a program that is started, killed and started again. What it says is
// appended to one file.
type process struct {
	name    string
	path    string
	args    []string
	env     []string
	dir     string // of the log and of the note with the process's number
	owner   *syscall.Credential
	address string // ready when it answers here; "" is at once

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
}

func (p *process) log() string { return filepath.Join(p.dir, p.name+".log") }

// note keeps the number of the process on disk, for whoever must clean up after us.
func (p *process) note() string { return filepath.Join(p.dir, p.name+".pid") }

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, err := os.OpenFile(p.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	c := exec.Command(p.path, p.args...) //nolint:noctx // it outlives every context and is ended by stop
	c.Env, c.Stdout, c.Stderr, c.Dir = append(os.Environ(), p.env...), out, out, "/"
	// A group of its own, so that an interrupt of the terminal reaches only us.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.owner}
	if err := c.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := os.WriteFile(p.note(), []byte(strconv.Itoa(c.Process.Pid)), 0o600); err != nil {
		return errors.Join(err, c.Process.Kill())
	}
	gone := make(chan struct{})
	p.cmd, p.gone = c, gone
	go func() {
		c.Wait()            //nolint:errcheck // how it ended is in its log
		os.Remove(p.note()) //nolint:errcheck // only a number
		close(gone)
	}()
	return nil
}

// end sends a signal that is meant to end the process and waits until it has. What
// does not end in time is killed, and an error.
func (p *process) end(signal syscall.Signal, patience time.Duration) error {
	p.mu.Lock()
	if p.cmd == nil {
		p.mu.Unlock()
		return nil
	}
	c, gone := p.cmd, p.gone
	p.mu.Unlock()
	c.Process.Signal(signal) //nolint:errcheck // it may have ended
	select {
	case <-gone:
		return nil
	case <-time.After(patience):
	}
	c.Process.Kill() //nolint:errcheck // it may have ended
	<-gone
	return fmt.Errorf("%s did not end within %s after %s", p.name, patience, signal)
}

func (p *process) kill() { p.end(syscall.SIGKILL, time.Minute) } //nolint:errcheck // nothing survives SIGKILL

// send signals the process without ending it.
func (p *process) send(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Signal(signal)
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

func (p *process) running() bool {
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	if gone == nil {
		return false
	}
	select {
	case <-gone:
		return false
	default:
		return true
	}
}

// ready waits until the process serves, or has ended.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.mu.Lock()
	gone := p.gone
	p.mu.Unlock()
	go func() {
		select {
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := rig.Ready(ctx, p.address); err != nil {
		return fmt.Errorf("%s is not ready: %w: %s", p.name, err, p.tail())
	}
	return nil
}

// answers reports whether the process serves now.
func (p *process) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// tail is the end of the log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-600):])
}

// cluster is a PostgreSQL server of our own, with safe settings.
type cluster struct {
	process
	bin, home, data, port, password string
	disk, logDisk                   *volume // when its data, its log live on volumes that can be filled
}

// findPostgres is the folder with the server's programs.
func findPostgres() (string, error) {
	for _, bin := range []string{"/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/opt/homebrew/opt/postgresql@15/bin"} {
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err == nil {
			return bin, nil
		}
	}
	found, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("PostgreSQL 15 is not installed; scripts/setup-tests.sh installs it")
	}
	return filepath.Dir(found), nil
}

// newCluster makes and starts a server. volumes says whether to put it on file
// systems of bounded size, where that is allowed.
func newCluster(ctx context.Context, home, notes, password string, volumes bool) (_ *cluster, err error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	c := &cluster{bin: bin, home: home, data: filepath.Join(home, "data", "db"), port: address[strings.LastIndex(address, ":")+1:], password: password}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.destroy())
		}
	}()
	for _, dir := range []string{home, filepath.Join(home, "data"), filepath.Join(home, "wal")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if volumes {
		if c.disk, err = mount(ctx, filepath.Join(home, "data"), 2<<30); err != nil {
			return nil, err
		}
		if c.logDisk, err = mount(ctx, filepath.Join(home, "wal"), 3<<29); err != nil {
			return nil, err
		}
	}
	c.process = process{name: "postgres", path: filepath.Join(bin, "postgres"), dir: notes, args: []string{"-D", c.data, "-p", c.port}}
	secret := filepath.Join(home, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if c.owner, err = unprivileged(); err != nil {
			return nil, err
		}
		for _, path := range []string{home, filepath.Join(home, "data"), filepath.Join(home, "wal"), secret} {
			if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
				return nil, err
			}
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", c.data, "-X", filepath.Join(home, "wal", "log"), "-U", "yunshi",
		"--pwfile="+secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: c.owner}, "/"
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	conf, err := os.OpenFile(filepath.Join(c.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conf, "listen_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nmax_connections = 100\nshared_buffers = 128MB\nmax_wal_size = 512MB\n", home)
	if err := errors.Join(err, conf.Close()); err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, c.accepts(ctx, time.Minute)
}

func (c *cluster) url(address string) string {
	return "postgres://yunshi:" + c.password + "@" + address + "/postgres?sslmode=disable"
}

// asked reports whether the server takes connections now.
func (c *cluster) asked(ctx context.Context) bool {
	return exec.CommandContext(ctx, filepath.Join(c.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", c.port).Run() == nil
}

// accepts waits until the server takes connections.
func (c *cluster) accepts(ctx context.Context, patience time.Duration) error {
	began := time.Now()
	for time.Since(began) < patience {
		if c.asked(ctx) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return fmt.Errorf("PostgreSQL does not accept connections within %s: %s", patience, c.tail())
}

// restart starts a server that has ended. After SIGKILL its children need a moment
// to notice, and until then a new one refuses to start.
func (c *cluster) restart(ctx context.Context) error {
	for range 100 {
		if err := c.start(); err != nil {
			return err
		}
		for range 200 {
			if c.asked(ctx) {
				return nil
			}
			if !c.running() || ctx.Err() != nil {
				break
			}
			sleep(ctx, 20*time.Millisecond)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return fmt.Errorf("PostgreSQL does not start again: %s", c.tail())
}

// backends are the processes that serve sessions of the market.
func (c *cluster) backends() (found []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	postmaster := strconv.Itoa(c.pid())
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
		if err != nil || !bytes.Contains(stat, []byte("PPid:\t"+postmaster+"\n")) {
			continue
		}
		if title, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); err == nil && bytes.HasPrefix(title, []byte("postgres: yunshi")) {
			found = append(found, pid)
		}
	}
	return found
}

func (c *cluster) destroy() error {
	err := c.end(syscall.SIGQUIT, 20*time.Second)
	for _, v := range []*volume{c.disk, c.logDisk} {
		if v != nil {
			err = errors.Join(err, v.unmount())
		}
	}
	return err
}

// unprivileged is the user that root lends PostgreSQL: postgres, or nobody.
func unprivileged() (*syscall.Credential, error) {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var nobody *syscall.Credential
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), ":")
		if len(fields) < 4 || fields[0] != "postgres" && fields[0] != "nobody" {
			continue
		}
		uid, errU := strconv.ParseUint(fields[2], 10, 32)
		gid, errG := strconv.ParseUint(fields[3], 10, 32)
		if err := errors.Join(errU, errG); err != nil {
			return nil, err
		}
		found := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if fields[0] == "postgres" {
			return found, nil
		}
		nobody = found
	}
	if nobody == nil {
		return nil, errors.New("there is neither a user postgres nor a user nobody")
	}
	return nobody, nil
}

// volume is a file system in memory of bounded size.
type volume struct{ path string }

// mount makes one. It needs root, and a container that lets root mount.
func mount(ctx context.Context, path string, size int) (*volume, error) {
	out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=700", size), "tmpfs", path).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("mount: %w: %s", err, out)
	}
	return &volume{path}, nil
}

func (v *volume) unmount() error {
	out, err := exec.CommandContext(context.Background(), "umount", v.path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("umount: %w: %s", err, out)
	}
	return nil
}

// fill takes all the space there is until free is called.
func (v *volume) fill() (free func() error, err error) {
	filler := filepath.Join(v.path, "filler")
	f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return nil, errors.Join(err, os.Remove(filler))
	}
	return func() error { return os.Remove(filler) }, nil
}
