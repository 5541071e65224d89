// Package clamav has files scanned by ClamAV's daemon: one connection a file, over
// TCP or a unix socket, with the command INSTREAM of clamd's protocol.
//
// Owns: how a file is sent and an answer is read. Does not own: what becomes of a
// file (package content).
//
// Always true: an answer that is not understood is no pass; a daemon that does not
// answer is SCANNER_UNAVAILABLE and not a clean file.
package clamav

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"yunshi/internal/market/content"
)

// Scanner is a clamd.
type Scanner struct {
	network, address string

	// Patience is how long one step of a scan may take: connecting, sending a
	// chunk, waiting for the answer. Zero is two minutes.
	Patience time.Duration
}

// New names a daemon: "tcp://127.0.0.1:3310", "unix:///run/clamav/clamd.ctl".
func New(address string) (*Scanner, error) {
	network, at, ok := strings.Cut(address, "://")
	if !ok || at == "" || network != "tcp" && network != "unix" {
		return nil, fmt.Errorf("clamav: %q is neither tcp://host:port nor unix:///path", address)
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(at); err != nil {
			return nil, fmt.Errorf("clamav: %w", err)
		}
	}
	return &Scanner{network: network, address: at}, nil
}

// Name tells this scanner from others in reports.
func (*Scanner) Name() string { return "clamav" }

// chunk is how much of a file travels at once. clamd takes any size below its
// StreamMaxLength.
const chunk = 64 << 10

// longestAnswer bounds what is read of an answer; a signature has some tens of
// letters.
const longestAnswer = 4 << 10

// Scan sends the file and returns the signature that was found, "" for none.
func (s *Scanner) Scan(ctx context.Context, file io.Reader) (signature string, err error) {
	patience := s.Patience
	if patience == 0 {
		patience = 2 * time.Minute
	}
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, s.network, s.address)
	if err != nil {
		return "", unavailable(err)
	}
	defer func() {
		if closed := conn.Close(); err == nil && closed != nil && !errors.Is(closed, net.ErrClosed) {
			err = unavailable(closed)
		}
	}()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // a closed connection has none
	defer stop()
	// A daemon that has had enough says so while we still send, and closes: its answer counts, not the broken pipe.
	answered := make(chan reply, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(conn, longestAnswer)).ReadString(0)
		answered <- reply{text, err}
	}()
	sent, unread := send(conn, file, patience)
	if unread != nil {
		return "", unread // of ours, not of the daemon
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", unavailable(err)
	}
	answer := <-answered
	if answer.err != nil && answer.text == "" {
		return "", unavailable(errors.Join(sent, answer.err))
	}
	return read(strings.TrimRight(answer.text, "\x00\r\n "))
}

type reply struct {
	text string
	err  error
}

// send streams the file in chunks with their length, and an empty one to end. The
// first error is of the daemon's side, the second of the file's.
func send(conn net.Conn, file io.Reader, patience time.Duration) (sent, unread error) {
	if err := write(conn, []byte("zINSTREAM\x00"), patience); err != nil {
		return err, nil
	}
	buffer := make([]byte, 4+chunk)
	for {
		n, err := io.ReadFull(file, buffer[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buffer, uint32(n))
			if err := write(conn, buffer[:4+n], patience); err != nil {
				return err, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return write(conn, []byte{0, 0, 0, 0}, patience), nil
		case err != nil:
			return nil, err
		}
	}
}

func write(conn net.Conn, b []byte, patience time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := conn.Write(b)
	return err
}

// read understands "stream: OK", "stream: Name FOUND" and the refusal of a stream
// above the daemon's limit.
func read(answer string) (string, error) {
	said, streamed := strings.CutPrefix(answer, "stream: ")
	name, found := strings.CutSuffix(said, " FOUND")
	switch {
	case strings.Contains(answer, "size limit exceeded"):
		return "", content.ErrScanSize
	case streamed && said == "OK":
		return "", nil
	case streamed && found && name != "":
		return name, nil
	}
	return "", unavailable(fmt.Errorf("clamav: answered %.200q", answer))
}

func unavailable(err error) error { return fmt.Errorf("clamav: %w: %w", content.ErrNoScanner, err) }
