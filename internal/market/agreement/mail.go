package agreement

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Challenge is a mail that asks the owner of an account to accept: by the signed
// link in it, or by a reply that carries its code.
type Challenge struct {
	ID          string
	Account     account.ID
	User        account.UserID
	Bundle      string
	Code        string // "YS-4K7QD2M9"
	AskedBy     account.UserID
	MadeAt      time.Time
	SentAt      time.Time
	ExpiresAt   time.Time
	Receipt     string // of the mail server
	UsedAt      time.Time
	Way         string // "link", "reply"
	ReplySHA256 string
}

// MailJob is the kind of job that sends a challenge.
const MailJob = "agreement.mail"

// AskByMail has a mail sent to the first owner of an account, who may accept the
// bundle in force by its link or by a reply. Compliance asks, or the owner himself.
func AskByMail(ctx context.Context, tx *db.Tx, by audit.Actor, id account.ID) (Challenge, error) {
	if mayDraft(by) != nil && (mayAccept(by) != nil || by.Account != string(id)) {
		return Challenge{}, ErrForbidden
	}
	owner, err := ownerOf(ctx, tx, id)
	if err != nil {
		return Challenge{}, err
	}
	b, err := Current(ctx, tx)
	if err != nil {
		return Challenge{}, err
	}
	if err := keep(ctx, tx, b); err != nil {
		return Challenge{}, err
	}
	valid, err := Setting[struct{ Days int }](ctx, tx, "acceptance_by_mail")
	if err != nil {
		return Challenge{}, err
	}
	code, err := challengeCode(tx.Rand())
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{
		ID: tx.ID("chl"), Account: id, User: owner.User, Bundle: b.Hash, Code: code, AskedBy: account.UserID(by.User),
		MadeAt: tx.Now(), ExpiresAt: tx.Now().AddDate(0, 0, valid.Days),
	}
	if _, err := tx.Exec(ctx, sqlInsertChallenge, c.ID, string(c.Account), string(c.User), c.Bundle, c.Code, string(c.AskedBy), db.Micros(c.MadeAt),
		db.Micros(c.ExpiresAt), []byte{}); err != nil {
		return Challenge{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.asked_by_mail", Subjects: []string{string(id), c.ID}, Clauses: []string{"UA 9.1"}, Data: map[string]any{"bundle": b.Hash, "code": code},
	}); err != nil {
		return Challenge{}, err
	}
	return c, job.Enqueue(ctx, tx, job.Spec{Kind: MailJob, Object: c.ID})
}

// letters of a code: none that looks like another.
const letters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

func challengeCode(random io.Reader) (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("agreement: %w", err)
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return "YS-" + string(b), nil
}

func ownerOf(ctx context.Context, r db.Reader, id account.ID) (account.Contact, error) {
	own, err := account.Get(ctx, r, id)
	if err != nil {
		return account.Contact{}, err
	}
	owners, err := account.Contacts(ctx, r, id)
	if err == nil && (len(owners) == 0 || own.Kind == account.Operator) {
		err = ErrNotFound
	}
	if err != nil {
		return account.Contact{}, err
	}
	return owners[0], nil
}

// token is what the link in the mail ends in: the id and a signature over it.
func token(r db.Reader, c Challenge) string {
	return c.ID + "." + r.Keys().Index("agreement.challenge", c.ID+"/"+string(c.User)+"/"+c.Bundle)
}

// ByToken returns the challenge behind a link. It refuses NOT_FOUND for a link
// that was not signed here.
func ByToken(ctx context.Context, r db.Reader, link string) (Challenge, error) {
	id, _, _ := strings.Cut(link, ".")
	c, err := db.One(ctx, r, scanChallenge, sqlGetChallenge, id)
	if errors.Is(err, db.ErrNoRow) || err == nil && subtle.ConstantTimeCompare([]byte(token(r, c)), []byte(link)) != 1 {
		err = ErrNotFound
	}
	return c, err
}

// Open refuses a challenge that can not be answered any more: used, too old, or
// for a bundle that others replaced.
func (c Challenge) Open(ctx context.Context, r db.Reader) error {
	if err := open(c, r.Now()); err != nil {
		return err
	}
	b, err := Current(ctx, r)
	if err == nil && b.Hash != c.Bundle {
		err = ErrStale
	}
	return err
}

// AcceptByLink takes the link in a mail for the owner's acceptance. The page behind
// the link showed the whole text, which is recorded with it.
func AcceptByLink(ctx context.Context, tx *db.Tx, link string, in Acceptance) (Record, error) {
	c, err := ByToken(ctx, tx, link)
	if err != nil {
		return Record{}, err
	}
	return c.accept(ctx, tx, "link", nil, in)
}

// largestReply bounds a mail that is looked at.
const largestReply = 256 << 10

// AcceptByReply takes a mail that came back, as the mail program saved it, for the
// owner's acceptance: from the owner's address, with the code of a challenge.
func AcceptByReply(ctx context.Context, tx *db.Tx, by audit.Actor, raw []byte) (Record, error) {
	if err := mayDraft(by); err != nil {
		return Record{}, err
	}
	if len(raw) == 0 || len(raw) > largestReply {
		return Record{}, ErrInvalid.In("reply")
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return Record{}, ErrInvalid.In("reply")
	}
	from, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil {
		return Record{}, ErrChallenge.With("Why", "sender").In("reply")
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		subject = m.Header.Get("Subject")
	}
	words := subject + "\n" + string(raw)
	code := codeIn(words)
	c, err := db.One(ctx, tx, scanChallenge, sqlByCode, code)
	if errors.Is(err, db.ErrNoRow) {
		return Record{}, ErrChallenge.With("Why", "code").In("reply")
	}
	if err != nil {
		return Record{}, err
	}
	owner, err := c.owner(ctx, tx)
	if err != nil {
		return Record{}, err
	}
	if err := answers(c, owner.Email, from.Address, words, tx.Now()); err != nil {
		return Record{}, err
	}
	record, err := c.accept(ctx, tx, "reply", raw, Acceptance{Locale: owner.Locale})
	if err != nil {
		return Record{}, err
	}
	return record, audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.reply_matched", Subjects: []string{string(c.Account), c.ID, record.ID}, Clauses: []string{"UA 9.1"}, Data: map[string]any{"sha256": hexSum(raw)},
	})
}

// codeIn finds the code of a challenge in a text; "" when there is none.
func codeIn(words string) string {
	words = strings.ToUpper(words)
	for {
		i := strings.Index(words, "YS-")
		if i < 0 || len(words) < i+11 {
			return ""
		}
		code := words[i : i+11]
		if !strings.ContainsFunc(code[3:], func(r rune) bool { return !strings.ContainsRune(letters, r) }) {
			return code
		}
		words = words[i+3:]
	}
}

func (c Challenge) owner(ctx context.Context, r db.Reader) (account.Contact, error) {
	owners, err := account.Contacts(ctx, r, c.Account)
	if err != nil {
		return account.Contact{}, err
	}
	i := slices.IndexFunc(owners, func(o account.Contact) bool { return o.User == c.User })
	if i < 0 {
		return account.Contact{}, ErrNotAuthorised // not the owner any more
	}
	return owners[i], nil
}

// accept uses a challenge up and records what it stands for.
func (c Challenge) accept(ctx context.Context, tx *db.Tx, way string, reply []byte, in Acceptance) (Record, error) {
	if err := c.Open(ctx, tx); err != nil {
		return Record{}, err
	}
	if _, err := c.owner(ctx, tx); err != nil {
		return Record{}, err
	}
	sealed, sum := []byte{}, ""
	if reply != nil {
		var err error
		if sealed, err = tx.Keys().Seal(string(reply), "agreement_challenge.reply/"+c.ID); err != nil {
			return Record{}, err
		}
		sum = hexSum(reply)
	}
	n, err := tx.Exec(ctx, sqlUseChallenge, db.Micros(tx.Now()), way, sealed, sum, c.ID)
	if err == nil && n == 0 {
		err = ErrChallenge.With("Why", "used")
	}
	if err != nil {
		return Record{}, err
	}
	b, err := Current(ctx, tx)
	if err != nil {
		return Record{}, err
	}
	by := audit.Actor{Kind: audit.Person, User: string(c.User), Account: string(c.Account), Session: c.ID, Method: "mail", Roles: []string{account.Owner}}
	if way == "link" {
		if err := displayed(ctx, tx, by, b, in.Locale, ByMail); err != nil {
			return Record{}, err
		}
	}
	if _, err := tx.Exec(ctx, sqlEndRefusals, db.Micros(tx.Now()), by.Account); err != nil {
		return Record{}, err
	}
	in.Method, in.Document, in.Proof = Email, "", c.ID
	_, record, err := insert(ctx, tx, by, b, in, tx.Now())
	return record, err
}

// Challenges lists challenges, newest first.
func Challenges(ctx context.Context, r db.Reader, limit int) ([]Challenge, error) {
	return db.All(ctx, r, scanChallenge, sqlChallenges, limit)
}
