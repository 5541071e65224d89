package sandboxpay

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func journalFile(b *bench) string { return filepath.Join(b.cfg.Dir, "journal.jsonl") }

func TestJournal_ARestartRemembersEverything(t *testing.T) {
	b := start(t)
	b.shop.answer(500)
	payment := b.captured(t, "pay_1")
	if _, err := b.CreateRefund(t.Context(), RefundRequest{Reference: "rfd_1", Payment: payment.ID, Amount: 5}); err != nil {
		t.Fatal(err)
	}
	b.create(t, "pay_2")
	b.work(t)
	before := b.snapshot(t)
	b.stop()
	b.boot(t)
	if diff := cmp.Diff(before, b.snapshot(t)); diff != "" {
		t.Errorf("after the restart (-before +after):\n%s", diff)
	}
	// Keys are remembered, and what nobody took is sent again.
	if again := b.create(t, "pay_2"); again.Reference != "pay_2" {
		t.Errorf("repetition after the restart: %+v", again)
	}
	b.shop.answer(0)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 2 {
		t.Errorf("heard %v after the restart, want both", got)
	}
	b.stop()
	b.boot(t)
	b.work(t)
	if got := b.shop.heard(t); len(got) != 0 {
		t.Errorf("heard %v again although it was taken before the restart", got)
	}
}

func TestJournal_ACrashBetweenTheStepsOfAPaymentIsFinished(t *testing.T) {
	b := start(t)
	payment := b.create(t, "pay_1")
	b.choose(t, payment, "pay")
	b.stop()
	cutLines(t, b, 1) // the capture never reached the disk
	b.boot(t)
	b.status(t, payment.ID, PaymentProcessing)
	b.work(t)
	b.status(t, payment.ID, PaymentCaptured)
}

// cutLines removes the last n lines, as if they had never been written.
func cutLines(t *testing.T, b *bench, n int) {
	t.Helper()
	raw, err := os.ReadFile(journalFile(b))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	kept := bytes.Join(lines[:len(lines)-1-n], nil)
	if err := os.WriteFile(journalFile(b), kept, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every possible torn tail: the file is cut at each byte of its last line, and
// the provider must come up with everything before that line, and go on.
func TestJournal_AnyTornTailIsTolerated(t *testing.T) {
	b := start(t)
	b.create(t, "pay_1")
	whole := b.snapshot(t)
	first, err := os.ReadFile(journalFile(b))
	if err != nil {
		t.Fatal(err)
	}
	b.create(t, "pay_2")
	full, err := os.ReadFile(journalFile(b))
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	for cut := len(first); cut < len(full); cut += 37 {
		if err := os.WriteFile(journalFile(b), full[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b.boot(t)
		if diff := cmp.Diff(whole, b.snapshot(t)); diff != "" {
			t.Fatalf("cut at byte %d (-want +got):\n%s", cut, diff)
		}
		b.create(t, "pay_2")
		b.stop()
	}
}

func TestJournal_DamageInTheMiddleIsRefused(t *testing.T) {
	b := start(t)
	b.create(t, "pay_1")
	b.create(t, "pay_2")
	b.stop()
	raw, err := os.ReadFile(journalFile(b))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	flipped := bytes.Replace(raw, []byte("198000"), []byte("198001"), 1)
	missing := append(append([]byte{}, lines[0]...), bytes.Join(lines[2:], nil)...)
	for name, damaged := range map[string][]byte{"flipped digit": flipped, "missing line": missing} {
		if err := os.WriteFile(journalFile(b), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := NewProvider(b.cfg); !errors.Is(err, ErrJournal) {
			t.Errorf("%s: started (%v, %v)", name, p, err)
		}
	}
}

func TestJournal_NothingChangesWhenItCannotBeWritten(t *testing.T) {
	b := start(t)
	ask := b.ask(t, "pay_1")
	b.provider.journal.close()
	if _, err := b.CreatePayment(t.Context(), ask); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("create = %v, want ErrNoAnswer", err)
	}
	if _, found, err := b.FindPayment(t.Context(), "pay_1"); found || err != nil {
		t.Errorf("a payment that is not in the journal is visible (%t, %v)", found, err)
	}
}

func FuzzDecodeLine(f *testing.F) {
	line, err := encodeLine(entry{Seq: 1, At: time.Unix(1, 0).UTC(), Kind: "payment.created", Payment: &Payment{ID: "pmt_1"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(line[:20])
	f.Fuzz(func(t *testing.T, line []byte) {
		read, err := decodeLine(line)
		if err != nil {
			return
		}
		written, err := encodeLine(read)
		if err != nil {
			return // a time outside the years that JSON can write
		}
		if again, err := decodeLine(written); err != nil || !cmp.Equal(read, again, cmp.AllowUnexported(notice{})) {
			t.Errorf("read %+v, wrote and read %+v (%v)", read, again, err)
		}
	})
}

// A witness is asked while the provider works, and a torn tail is not its business.
func TestWitness_ReadsTheJournalWithoutTouchingIt(t *testing.T) {
	b := start(t)
	payment := b.captured(t, "pay_1")
	refund, err := b.CreateRefund(t.Context(), RefundRequest{Reference: "rfd_1", Payment: payment.ID, Amount: 5})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(journalFile(b), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("00000000 {torn"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	before, err := os.ReadFile(journalFile(b))
	if err != nil {
		t.Fatal(err)
	}
	payments, refunds, err := Witness(b.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if p := payments[payment.ID]; p.Status != PaymentCaptured || p.Captured != payment.Amount || p.Refunded != 5 {
		t.Errorf("payment %+v", p)
	}
	if f := refunds[refund.ID]; f.Reference != "rfd_1" || f.Amount != 5 {
		t.Errorf("refund %+v", f)
	}
	after, err := os.ReadFile(journalFile(b))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the journal was touched: %v", err)
	}
	if _, _, err := Witness(t.TempDir()); !errors.Is(err, ErrJournal) {
		t.Errorf("no journal: %v", err)
	}
}
