package content

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// Told is the report to the authority of one removed original.
type Told struct {
	ID        string
	Item      ID
	Authority string
	Reference string // under which the authority has it
	On        calendar.Date
	SHA256    string // of what was sent, as [Sending] gives it
	By        string
	At        time.Time
}

// AuditSubject names the report in records.
func (t Told) AuditSubject() string { return t.ID }

// sending is what goes to the authority, with the hash of the original in it.
type sending struct {
	Item    ID        `json:"item"`
	Kind    Kind      `json:"kind"`
	Ref     string    `json:"ref"`
	Field   string    `json:"field,omitempty"`
	Account string    `json:"account"`
	Clause  string    `json:"clause"`
	Reason  string    `json:"reason"`
	Written time.Time `json:"written_at"`
	Removed time.Time `json:"removed_at"`
	SHA256  string    `json:"original_sha256"`
	Text    string    `json:"text,omitempty"`
	Base64  string    `json:"picture_base64,omitempty"`
}

// Sending is what is sent to the authority about a removed original, with its
// hash: the same bytes as long as the original is kept. The look is recorded.
func Sending(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (sent []byte, sha256 string, err error) {
	defer fault.Wrap(&err, "content.Sending(%s)", id)
	if reason, err = grounded(by, reason); err != nil {
		return nil, "", err
	}
	i, err := owedOf(ctx, tx, id)
	if err != nil {
		return nil, "", err
	}
	if sent, err = encoded(tx, i); err != nil {
		return nil, "", err
	}
	sha256 = hashOf(string(sent))
	return sent, sha256, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.sending", Subjects: []string{string(id), i.Ref}, Clauses: []string{"UA 4.7.1", "CSL 47"}, Data: map[string]any{"reason": reason, "sha256": sha256},
	})
}

// encoded puts an original and its removal into the bytes that are sent.
func encoded(r db.Reader, i Item) ([]byte, error) {
	s := sending{
		Item: i.ID, Kind: i.Kind, Ref: i.Ref, Field: i.Field, Account: string(i.Account), Clause: i.Clause, Reason: i.Reason,
		Written: i.CreatedAt, Removed: i.DecidedAt, SHA256: i.SHA256,
	}
	words, err := open(r, i)
	if err != nil {
		return nil, err
	}
	if utf8.ValidString(words) {
		s.Text = words
	} else {
		s.Base64 = base64.StdEncoding.EncodeToString([]byte(words))
	}
	return json.MarshalIndent(s, "", " ")
}

// TellAuthority records that a removed original was reported, once: to whom, under
// which reference, on which day, and what was sent.
func TellAuthority(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, in Told) (_ Told, err error) {
	defer fault.Wrap(&err, "content.TellAuthority(%s)", id)
	if !officer(by) {
		return Told{}, ErrForbidden
	}
	i, err := owedOf(ctx, tx, id)
	if err != nil {
		return Told{}, err
	}
	in.Authority, in.Reference = strings.TrimSpace(in.Authority), strings.TrimSpace(in.Reference)
	if err := told(in, calendar.On(i.DecidedAt), calendar.On(tx.Now())); err != nil {
		return Told{}, err
	}
	sent, err := encoded(tx, i)
	if err != nil {
		return Told{}, err
	}
	in.ID, in.Item, in.SHA256, in.By, in.At = tx.ID("cau"), id, hashOf(string(sent)), by.User, tx.Now()
	sealed, err := tx.Keys().Seal(string(sent), sentAt(in.ID))
	if err != nil {
		return Told{}, err
	}
	n, err := tx.Exec(ctx, insertTold, in.ID, string(id), in.Authority, in.Reference, in.On.String(), sealed, in.SHA256, in.By, db.Micros(in.At))
	if err != nil {
		return Told{}, err
	}
	if n == 0 {
		return Told{}, ErrState
	}
	return in, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.told", Subjects: []string{in.ID, string(id), i.Ref}, Clauses: []string{"UA 4.7.1", "CSL 47"},
		Data: map[string]any{"authority": in.Authority, "reference": in.Reference, "on": in.On.String(), "sent_sha256": in.SHA256, "original_sha256": i.SHA256},
	})
}

// owedOf is an original that was removed as illegal and is not reported yet.
func owedOf(ctx context.Context, r db.Reader, id ID) (Item, error) {
	i, err := read(ctx, r, id)
	if err != nil {
		return Item{}, err
	}
	if err := reportable(i); err != nil {
		return Item{}, err
	}
	_, known, err := ToldOf(ctx, r, id)
	if err == nil && known {
		err = ErrState
	}
	return i, err
}

// ToldOf is the report of an original, if there is one.
func ToldOf(ctx context.Context, r db.Reader, id ID) (t Told, known bool, err error) {
	t, err = db.One(ctx, r, scanTold, selectTold, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Told{}, false, nil
	}
	return t, err == nil, err
}

// Owed is what of the removed was not reported yet: how many, since when the
// oldest waits, by when it is due, and when the last report was recorded.
func Owed(ctx context.Context, r db.Reader) (n int64, due, last time.Time, err error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil || !law.IllegalReported {
		return 0, time.Time{}, time.Time{}, err
	}
	within, err := agreement.Setting[struct{ Hours int }](ctx, r, "content_report_within")
	if err != nil {
		return 0, time.Time{}, time.Time{}, err
	}
	var oldest, latest int64
	if _, err := db.One(ctx, r, func(s db.Scanner) (bool, error) { return true, s.Scan(&n, &oldest, &latest) }, selectOwed, illegal...); err != nil {
		return 0, time.Time{}, time.Time{}, err
	}
	if n > 0 {
		due = dueAt(db.Time(oldest), within.Hours)
	}
	return n, due, db.Time(latest), nil
}

// DueAt is by when a removed original has to be reported; zero: it has not.
func DueAt(ctx context.Context, r db.Reader, i Item) (time.Time, error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil || !law.IllegalReported || reportable(i) != nil {
		return time.Time{}, err
	}
	within, err := agreement.Setting[struct{ Hours int }](ctx, r, "content_report_within")
	return dueAt(i.DecidedAt, within.Hours), err
}
