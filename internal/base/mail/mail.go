// Package mail hands e-mails to a mail server, or to a recorder where none is
// wanted.
//
// Owns: making and submitting one message. Does not own: texts, whom to write
// to, and repeating: that is the caller's job queue.
//
// Always true: a nil error means a server took responsibility for the message;
// errors never contain the recipient; a refusal that repeating cannot cure is
// ErrRefused.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	stdmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
)

var (
	// ErrMessage is returned for a message that no server could take: a broken
	// address, a line break in the subject, or no text.
	ErrMessage = errors.New("mail: not a sendable message")
	// ErrRefused is returned when the server refused the message for good.
	ErrRefused = errors.New("mail: refused by the server")
)

// Message is one e-mail to one recipient.
type Message struct {
	To      string // an address, "a@example.com" or "Name <a@example.com>"
	Subject string
	Text    string // required: the plain text
	HTML    string // optional: the same in HTML
}

// Sender sends messages. It returns the id under which the server's logs show
// the message.
type Sender interface {
	Send(ctx context.Context, m Message) (providerID string, err error)
}

func (m Message) check() error {
	if _, err := stdmail.ParseAddress(m.To); err != nil {
		return fmt.Errorf("%w: recipient", ErrMessage) // the cause quotes the address
	}
	if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") {
		return fmt.Errorf("%w: subject", ErrMessage)
	}
	if m.Text == "" {
		return fmt.Errorf("%w: no text", ErrMessage)
	}
	return nil
}

// Security says how the connection to the server is protected.
type Security string

// The securities. The zero value is STARTTLS.
const (
	STARTTLS Security = ""      // must be offered by the server, port 587
	TLS      Security = "tls"   // from the first byte, port 465
	Plain    Security = "plain" // for a server on the same machine only
)

// SMTPConfig is a mail server to submit to.
type SMTPConfig struct {
	Host     string
	Port     int // 0: the port of the security, 25 for Plain
	Username string
	Password string
	From     string // "云市 <no-reply@example.com>"
	Security Security
	Timeout  time.Duration  // for one message; 0: 15 s
	Roots    *x509.CertPool // nil: those of the system
}

type smtp struct {
	cfg     SMTPConfig
	tls     *tls.Config
	options []mail.Option
}

// SMTP returns a sender for a mail server. It does not connect yet.
func SMTP(cfg SMTPConfig) (Sender, error) {
	if _, err := stdmail.ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("mail: sender address: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	tlsConfig := &tls.Config{ServerName: cfg.Host, RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}
	s := &smtp{cfg, tlsConfig, []mail.Option{mail.WithTimeout(cfg.Timeout), mail.WithTLSConfig(tlsConfig)}}
	var port int
	switch cfg.Security {
	case STARTTLS:
		port = 587
		s.options = append(s.options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLS:
		port = 465
		s.options = append(s.options, mail.WithSSL())
	case Plain:
		port = 25
		s.options = append(s.options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("mail: unknown security %q", cfg.Security)
	}
	if cfg.Port != 0 {
		port = cfg.Port
	}
	s.options = append(s.options, mail.WithPort(port))
	if cfg.Username != "" {
		auth := mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin)
		if cfg.Security == Plain {
			auth = mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover) // only methods that keep the password to themselves
		}
		s.options = append(s.options, auth, mail.WithUsername(cfg.Username), mail.WithPassword(cfg.Password))
	}
	if _, err := mail.NewClient(cfg.Host, s.options...); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return s, nil
}

// Send submits the message over a connection of its own.
func (s *smtp) Send(ctx context.Context, m Message) (string, error) {
	if err := m.check(); err != nil {
		return "", err
	}
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(s.cfg.From), msg.To(m.To)); err != nil {
		return "", fmt.Errorf("%w: recipient", ErrMessage)
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageID()
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	if err := s.submit(ctx, msg); err != nil {
		return "", err
	}
	return strings.Trim(msg.GetMessageID(), "<>"), nil
}

func (s *smtp) submit(ctx context.Context, msg *mail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	// The library leaves the connection open when the greeting or the login fails
	// and stops listening to ctx once connected; so its end is tied to ctx here.
	dial := func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, addr)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	client, err := mail.NewClient(s.cfg.Host, append(slices.Clip(s.options), mail.WithDialContextFunc(dial))...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: connect: %w", err)
	}
	if err := client.SendWithSMTPClient(conn, msg); err != nil {
		return submitError(err)
	}
	// The server has the message: a broken goodbye must not send it again.
	_ = client.CloseWithSMTPClient(conn)
	return nil
}

func (s *smtp) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if s.cfg.Security == TLS {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, addr)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// submitError keeps the step and code of a failure and drops its text, because
// servers quote the recipient in it.
func submitError(err error) error {
	var failed *mail.SendError
	if !errors.As(err, &failed) {
		return errors.New("mail: submit failed")
	}
	what := fmt.Sprintf("%s, code %d %s", failed.Reason, failed.ErrorCode(), failed.EnhancedStatusCode())
	if failed.ErrorCode() >= 500 && !failed.IsTemp() {
		return fmt.Errorf("%w: %s", ErrRefused, what)
	}
	return fmt.Errorf("mail: submit: %s", what)
}

// Recorder is a Sender that keeps messages instead of sending them, for
// demonstrations and tests. The zero value is ready; it is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	sent []Message
	n    int
}

// recorderLimit bounds the memory of a demonstration that runs for long.
const recorderLimit = 1000

// Send records the message; it refuses what a mail server would not take.
func (r *Recorder) Send(ctx context.Context, m Message) (string, error) {
	if err := errors.Join(ctx.Err(), m.check()); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.sent = append(r.sent, m)
	if len(r.sent) > recorderLimit {
		r.sent = append([]Message(nil), r.sent[len(r.sent)-recorderLimit:]...)
	}
	return fmt.Sprintf("recorded-%d", r.n), nil
}

// Messages returns the last 1,000 messages, oldest first.
func (r *Recorder) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Message(nil), r.sent...)
}

// To returns the recorded messages to one recipient, oldest first.
func (r *Recorder) To(recipient string) []Message {
	var found []Message
	for _, m := range r.Messages() {
		if m.To == recipient {
			found = append(found, m)
		}
	}
	return found
}
