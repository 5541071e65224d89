package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	stdmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/mail"
)

var hello = mail.Message{
	To:      "张三 <zhang@example.com>",
	Subject: "订单已付款",
	Text:    "您的订单已付款。\n.\n请查收。",
	HTML:    "<p>您的订单已付款。</p>",
}

func sender(t *testing.T, s *server, security mail.Security, user, password string) mail.Sender {
	t.Helper()
	m, err := mail.SMTP(mail.SMTPConfig{
		Host: "127.0.0.1", Port: s.port, Username: user, Password: password,
		From: "云市 <no-reply@example.com>", Security: security, Timeout: 5 * time.Second, Roots: s.roots,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAMessageArrivesAsWritten(t *testing.T) {
	for _, tt := range []struct {
		security mail.Security
		server   *server
		overTLS  bool
	}{
		{mail.STARTTLS, serve(t, false, &server{offerTLS: true, login: "u\x00p"}), true},
		{mail.TLS, serve(t, true, &server{login: "u\x00p"}), true},
		{mail.Plain, serve(t, false, &server{}), false},
	} {
		t.Run("security "+string(tt.security), func(t *testing.T) {
			user, password := "", ""
			if tt.server.login != "" {
				user, password = "u", "p"
			}
			id, err := sender(t, tt.server, tt.security, user, password).Send(context.Background(), hello)
			if err != nil {
				t.Fatal(err)
			}
			inbox := tt.server.inbox()
			if len(inbox) != 1 {
				t.Fatalf("%d messages", len(inbox))
			}
			got := inbox[0]
			if got.overTLS != tt.overTLS || got.loggedIn != (user != "") ||
				!strings.Contains(got.from, "<no-reply@example.com>") || !strings.Contains(got.to, "<zhang@example.com>") {
				t.Errorf("envelope: TLS %v, login %v, %s, %s", got.overTLS, got.loggedIn, got.from, got.to)
			}
			msg, err := stdmail.ReadMessage(strings.NewReader(got.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
			if err != nil || subject != hello.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			if to, err := msg.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Name != "张三" {
				t.Errorf("To: %v, %v", to, err)
			}
			if id == "" || msg.Header.Get("Message-ID") != "<"+id+">" {
				t.Errorf("id %q, header %q", id, msg.Header.Get("Message-ID"))
			}
			if _, err := msg.Header.Date(); err != nil {
				t.Errorf("date: %v", err)
			}
			want := []string{"text/plain: " + hello.Text, "text/html: " + hello.HTML}
			if parts := bodies(t, msg); !slices.Equal(parts, want) {
				t.Errorf("parts %q, want %q", parts, want)
			}
		})
	}
}

func bodies(t *testing.T, msg *stdmail.Message) (parts []string) {
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, kind+": "+strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
}

func TestFailuresTellWhetherToTryAgainAndNotWhoTheRecipientIs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rcpt    string
		refused bool
	}{
		{"no such mailbox", "550 5.1.1 <zhang@example.com> unknown", true},
		{"busy", "451 4.3.0 zhang@example.com: try again later", false},
	} {
		_, err := sender(t, serve(t, false, &server{rcpt: tt.rcpt}), mail.Plain, "", "").Send(context.Background(), hello)
		if err == nil || errors.Is(err, mail.ErrRefused) != tt.refused || !strings.Contains(err.Error(), tt.rcpt[:3]) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if strings.Contains(fmt.Sprint(err), "zhang") {
			t.Errorf("%s: the error names the recipient: %v", tt.name, err)
		}
	}
}

func TestTheConnectionIsAsSafeAsAskedOrNotUsed(t *testing.T) {
	for name, send := range map[string]mail.Sender{
		"no STARTTLS offered":   sender(t, serve(t, false, &server{}), mail.STARTTLS, "", ""),
		"password in the clear": sender(t, serve(t, false, &server{login: "u\x00p"}), mail.Plain, "u", "p"),
		"wrong password":        sender(t, serve(t, false, &server{offerTLS: true, login: "u\x00p"}), mail.STARTTLS, "u", "wrong"),
		"unknown authority": sender(t, &server{port: serve(t, true, &server{}).port,
			roots: serve(t, true, &server{}).roots}, mail.TLS, "", ""),
		"nobody listens": sender(t, &server{port: 1}, mail.Plain, "", ""),
	} {
		if id, err := send.Send(context.Background(), hello); err == nil || id != "" || errors.Is(err, mail.ErrRefused) {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

func TestATakenMessageIsNotSentAgainWhenTheGoodbyeFails(t *testing.T) {
	s := serve(t, false, &server{quit: "drop"})
	if _, err := sender(t, s, mail.Plain, "", "").Send(context.Background(), hello); err != nil {
		t.Errorf("reported as failed: %v", err)
	}
	if n := len(s.inbox()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestAServerThatHangsDoesNotHoldTheSender(t *testing.T) {
	s := serve(t, false, &server{hang: true})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := sender(t, s, mail.Plain, "", "").Send(ctx, hello); err == nil {
		t.Error("sent")
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("held for %v", d)
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	s := serve(t, false, &server{})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, send := range map[string]mail.Sender{"smtp": sender(t, s, mail.Plain, "", ""), "recorder": &mail.Recorder{}} {
		if _, err := send.Send(ended, hello); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.inbox()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestUnsendableMessagesAreRefusedByEverySender(t *testing.T) {
	s := serve(t, false, &server{})
	for name, change := range map[string]func(*mail.Message){
		"no recipient":          func(m *mail.Message) { m.To = "" },
		"two recipients":        func(m *mail.Message) { m.To = "a@example.com, b@example.com" },
		"header in the address": func(m *mail.Message) { m.To = "a@example.com\r\nBcc: b@example.com" },
		"header in the subject": func(m *mail.Message) { m.Subject = "x\r\nBcc: b@example.com" },
		"no subject":            func(m *mail.Message) { m.Subject = "" },
		"no text":               func(m *mail.Message) { m.Text = "" },
	} {
		m := hello
		change(&m)
		for _, send := range []mail.Sender{sender(t, s, mail.Plain, "", ""), &mail.Recorder{}} {
			if _, err := send.Send(context.Background(), m); !errors.Is(err, mail.ErrMessage) {
				t.Errorf("%s by %T: %v", name, send, err)
			}
		}
	}
	if n := len(s.inbox()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestABrokenConfigurationIsRefused(t *testing.T) {
	for name, cfg := range map[string]mail.SMTPConfig{
		"no sender":        {Host: "h"},
		"unknown security": {Host: "h", From: "a@example.com", Security: "ssl3"},
		"no host":          {From: "a@example.com"},
		"port":             {Host: "h", From: "a@example.com", Port: 70000},
	} {
		if _, err := mail.SMTP(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheRecorderKeepsTheLatestMessages(t *testing.T) {
	var r mail.Recorder
	ids := make([]string, 1005)
	var wg sync.WaitGroup
	for part := range 5 {
		wg.Go(func() {
			for i := part * 201; i < (part+1)*201; i++ {
				id, err := r.Send(context.Background(), mail.Message{To: fmt.Sprintf("p%d@example.com", part), Subject: "s", Text: "t"})
				if err != nil {
					t.Error(err)
				}
				ids[i] = id
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 1005 {
		t.Errorf("%d different ids", n)
	}
	if n := len(r.Messages()); n != 1000 {
		t.Errorf("%d messages kept", n)
	}
	if _, err := r.Send(context.Background(), hello); err != nil {
		t.Fatal(err)
	}
	if got := r.To(hello.To); len(got) != 1 || got[0] != hello {
		t.Errorf("To = %+v", got)
	}
	if all := r.Messages(); all[len(all)-1] != hello {
		t.Error("the latest message is not the last")
	}
}
