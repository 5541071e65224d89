package clamav_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"yunshi/internal/market/content"
	"yunshi/internal/plug/clamav"
)

var _ content.Scanner = (*clamav.Scanner)(nil)

// eicar is the test file in two parts, so that scanners leave this source alone.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// daemon behaves as clamd's manual says: it reads "zINSTREAM\0", chunks with their
// length in four bytes, network order, and an empty chunk; it answers with a NUL at
// the end; above its limit it answers at once and closes.
type daemon struct {
	limit  int
	answer func(content []byte) string // nil: looks for the test file
	mute   bool                        // takes everything and says nothing

	mu     sync.Mutex
	chunks []int
	got    []byte
}

func (d *daemon) start(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(conn)
		}
	}()
	return network + "://" + l.Addr().String()
}

func (d *daemon) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if command, err := in.ReadString(0); err != nil || command != "zINSTREAM\x00" {
		io.WriteString(conn, "UNKNOWN COMMAND\x00")
		return
	}
	var got []byte
	var chunks []int
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return
		}
		if length == 0 {
			break
		}
		if len(got)+int(length) > d.limit {
			io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
			return
		}
		piece := make([]byte, length)
		if _, err := io.ReadFull(in, piece); err != nil {
			return
		}
		got, chunks = append(got, piece...), append(chunks, int(length))
	}
	d.mu.Lock()
	d.got, d.chunks = got, chunks
	d.mu.Unlock()
	if d.mute {
		io.Copy(io.Discard, in)
		return
	}
	answer := "stream: OK"
	if bytes.Contains(got, []byte(eicar)) {
		answer = "stream: Win.Test.EICAR_HDB-1 FOUND"
	}
	if d.answer != nil {
		answer = d.answer(got)
	}
	io.WriteString(conn, answer+"\x00")
}

func scan(t *testing.T, address string, file io.Reader) (string, error) {
	t.Helper()
	s, err := clamav.New(address)
	if err != nil {
		t.Fatal(err)
	}
	s.Patience = 5 * time.Second
	return s.Scan(t.Context(), file)
}

func TestClause_4_7_6_ClamAVScansWhatIsUploaded(t *testing.T) {
	t.Run("allowed a clean file, over TCP", func(t *testing.T) {
		d := &daemon{limit: 1 << 20}
		if found, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), strings.NewReader("a clean file")); err != nil || found != "" {
			t.Fatalf("%q, %v", found, err)
		}
		if string(d.got) != "a clean file" {
			t.Errorf("the daemon got %q", d.got)
		}
	})
	t.Run("refused the test file, over a unix socket", func(t *testing.T) {
		d := &daemon{limit: 1 << 20}
		if found, err := scan(t, d.start(t, "unix", filepath.Join(t.TempDir(), "c")), strings.NewReader(eicar)); err != nil || found != "Win.Test.EICAR_HDB-1" {
			t.Fatalf("%q, %v", found, err)
		}
	})
	t.Run("refused the test file across two chunks, sent a byte at a time", func(t *testing.T) {
		d := &daemon{limit: 1 << 20}
		file := strings.Repeat("x", 64<<10-20) + eicar + strings.Repeat("y", 70_000)
		found, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), iotest.OneByteReader(strings.NewReader(file)))
		if err != nil || found == "" {
			t.Fatalf("%q, %v", found, err)
		}
		if string(d.got) != file || len(d.chunks) != 3 {
			t.Errorf("%d bytes in the chunks %v", len(d.got), d.chunks)
		}
	})
	t.Run("allowed an empty file", func(t *testing.T) {
		d := &daemon{limit: 1 << 20}
		if found, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), strings.NewReader("")); err != nil || found != "" || len(d.chunks) != 0 {
			t.Fatalf("%q, %v, chunks %v", found, err, d.chunks)
		}
	})
	t.Run("refused a file above the daemon's limit", func(t *testing.T) {
		d := &daemon{limit: 100 << 10}
		_, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), bytes.NewReader(make([]byte, 16<<20)))
		// The daemon closes while we send: its answer arrives, or is lost with the connection; the file is not passed.
		if !errors.Is(err, content.ErrScanSize) && !errors.Is(err, content.ErrNoScanner) {
			t.Fatalf("%v", err)
		}
		if _, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), bytes.NewReader(make([]byte, 110<<10))); !errors.Is(err, content.ErrScanSize) {
			t.Fatalf("just above the limit: %v", err)
		}
	})
	for name, answer := range map[string]string{"nothing": "", "an error": "stream: Can't allocate memory ERROR", "half a word": "stream:", "no name": "stream:  FOUND"} {
		t.Run("refused when the daemon answers "+name, func(t *testing.T) {
			d := &daemon{limit: 1 << 20, answer: func([]byte) string { return answer }}
			if found, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), strings.NewReader("a")); !errors.Is(err, content.ErrNoScanner) {
				t.Fatalf("%q, %v", found, err)
			}
		})
	}
	t.Run("refused when nobody is there", func(t *testing.T) {
		if _, err := scan(t, "unix://"+filepath.Join(t.TempDir(), "none"), strings.NewReader("a")); !errors.Is(err, content.ErrNoScanner) {
			t.Fatal(err)
		}
	})
	t.Run("refused when the daemon is mute, or the caller gives up", func(t *testing.T) {
		d := &daemon{limit: 1 << 20, mute: true}
		s, err := clamav.New(d.start(t, "tcp", "127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		s.Patience = 50 * time.Millisecond
		if _, err := s.Scan(t.Context(), strings.NewReader("a")); !errors.Is(err, content.ErrNoScanner) {
			t.Fatal(err)
		}
		s.Patience = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := s.Scan(ctx, strings.NewReader("a")); !errors.Is(err, content.ErrNoScanner) {
			t.Fatal(err)
		}
	})
	t.Run("refused when the file cannot be read", func(t *testing.T) {
		d := &daemon{limit: 1 << 20}
		broken := errors.New("broken disk")
		if _, err := scan(t, d.start(t, "tcp", "127.0.0.1:0"), iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, content.ErrNoScanner) {
			t.Fatal(err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:3310", "tcp://", "tcp://host", "unix://", "http://a:1"} {
		if _, err := clamav.New(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
