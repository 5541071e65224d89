package agreement

import (
	"context"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// PaperState is where a signed paper stands.
type PaperState string

// The states of a paper.
const (
	Uploaded  PaperState = "uploaded"
	Confirmed PaperState = "confirmed"
	Rejected  PaperState = "rejected"
)

// Paper is the scan of an agreement that an account's owner signed.
type Paper struct {
	ID         string
	Account    account.ID
	User       account.UserID
	Bundle     string
	State      PaperState
	SignedOn   string // the day on the paper, "2026-03-02"
	Name       string // of the file
	MediaType  string
	Size       int64
	SHA256     string
	Blob       string
	UploadedBy account.UserID
	UploadedAt time.Time
	DecidedBy  account.UserID
	DecidedAt  time.Time
	Note       string
}

// Scan is a paper as it is uploaded: the file is in the store already.
type Scan struct {
	Account   account.ID
	SignedOn  string
	Name      string
	MediaType string
	File      blob.Ref
}

// Upload keeps the scan of a signed paper, which counts as an acceptance of the
// bundle in force once a second person has looked at it. It refuses anybody but
// compliance, anything but a PDF or a picture, and a day that has not come.
func Upload(ctx context.Context, tx *db.Tx, by audit.Actor, in Scan) (Paper, error) {
	if err := mayDraft(by); err != nil {
		return Paper{}, err
	}
	day, err := calendar.ParseDate(in.SignedOn)
	if err != nil || day.After(calendar.On(tx.Now())) {
		return Paper{}, ErrInvalid.In("signed_on")
	}
	switch {
	case in.File.Size == 0 || in.File.SHA256 == "":
		return Paper{}, ErrRequired.In("scan")
	case in.MediaType != "application/pdf" && in.MediaType != "image/png" && in.MediaType != "image/jpeg":
		return Paper{}, ErrInvalid.In("scan")
	}
	owner, err := ownerOf(ctx, tx, in.Account)
	if errors.Is(err, account.ErrNotFound) || errors.Is(err, ErrNotFound) {
		return Paper{}, ErrInvalid.In("account")
	}
	if err != nil {
		return Paper{}, err
	}
	b, err := Current(ctx, tx)
	if err != nil {
		return Paper{}, err
	}
	if err := keep(ctx, tx, b); err != nil {
		return Paper{}, err
	}
	p := Paper{
		ID: tx.ID("ppr"), Account: in.Account, User: owner.User, Bundle: b.Hash, State: Uploaded, SignedOn: day.String(), Name: in.Name,
		MediaType: in.MediaType, Size: in.File.Size, SHA256: in.File.SHA256, Blob: in.File.Key, UploadedBy: account.UserID(by.User), UploadedAt: tx.Now(),
	}
	sealed, err := tx.Keys().Seal(p.Name, paperNameAt(p.ID))
	if err != nil {
		return Paper{}, err
	}
	if _, err := tx.Exec(ctx, sqlInsertPaper, p.ID, string(p.Account), string(p.User), p.Bundle, string(p.State), p.SignedOn, sealed, p.MediaType,
		p.Size, p.SHA256, p.Blob, string(p.UploadedBy), db.Micros(p.UploadedAt)); err != nil {
		return Paper{}, err
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.paper_uploaded", Subjects: []string{string(p.Account), p.ID}, Clauses: []string{"UA 9.1"},
		Data: map[string]any{"bundle": p.Bundle, "sha256": p.SHA256, "signed_on": p.SignedOn},
	})
}

// DecidePaper takes a paper for the owner's acceptance, as of the moment at which
// it arrived, or rejects it with a note. It refuses SECOND_APPROVER_REQUIRED to
// whoever uploaded it.
func DecidePaper(ctx context.Context, tx *db.Tx, by audit.Actor, id string, accepted bool, note string) (Record, error) {
	if err := mayDraft(by); err != nil {
		return Record{}, err
	}
	p, err := ReadPaper(ctx, tx, id)
	if err != nil {
		return Record{}, err
	}
	if err := onPaper(p.UploadedBy, by); err != nil {
		return Record{}, err
	}
	if note = strings.TrimSpace(note); note == "" && !accepted {
		return Record{}, ErrRequired.In("note")
	}
	p.State = Rejected
	if accepted {
		p.State = Confirmed
	}
	n, err := tx.Exec(ctx, sqlDecidePaper, string(p.State), by.User, db.Micros(tx.Now()), note, id)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return Record{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.paper_" + string(p.State), Subjects: []string{string(p.Account), id}, Clauses: []string{"UA 9.1"},
		Data: map[string]any{"uploaded_by": string(p.UploadedBy), "note": note},
	}); err != nil || !accepted {
		return Record{}, err
	}
	documents, err := db.All(ctx, tx, scanSource, sqlBundleSources, p.Bundle)
	if err != nil {
		return Record{}, err
	}
	if _, err := tx.Exec(ctx, sqlEndRefusals, db.Micros(tx.Now()), string(p.Account)); err != nil {
		return Record{}, err
	}
	owner := audit.Actor{Kind: audit.Person, User: string(p.User), Account: string(p.Account), Session: id, Method: "paper", Roles: []string{account.Owner}}
	_, record, err := insert(ctx, tx, owner, Bundle{Hash: p.Bundle, Agreement: documents[0], Rulebooks: documents[1:]},
		Acceptance{Method: Written, Proof: id}, p.UploadedAt)
	return record, err
}

// ReadPaper returns a paper, or NOT_FOUND.
func ReadPaper(ctx context.Context, r db.Reader, id string) (Paper, error) {
	p, err := db.One(ctx, r, scanPaper(r), sqlGetPaper, id)
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return p, err
}

// Papers lists papers, newest first.
func Papers(ctx context.Context, r db.Reader, limit int) ([]Paper, error) {
	return db.All(ctx, r, scanPaper(r), sqlPapers, limit)
}

// OpenPaper lets compliance look at a scan, which is personal data, for a reason
// that stays on record.
func OpenPaper(ctx context.Context, tx *db.Tx, by audit.Actor, id, reason string) (Paper, error) {
	if err := mayDraft(by); err != nil {
		return Paper{}, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return Paper{}, ErrRequired.In("reason")
	}
	p, err := ReadPaper(ctx, tx, id)
	if err != nil {
		return Paper{}, err
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.paper_opened", Subjects: []string{string(p.Account), id}, Clauses: []string{"UA 9.1"}, Data: map[string]any{"reason": reason},
	})
}
