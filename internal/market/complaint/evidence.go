package complaint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
)

// evidenceTypes are the kinds of file that may be attached, which no browser runs.
var evidenceTypes = []string{"image/png", "image/jpeg", "application/pdf"}

// mostEvidence bounds the files of one complaint or claim.
const mostEvidence = 40

// Attach adds a file to a complaint or, by its id, to a claim. The caller has put it
// into the file store and taken its hash while doing so.
func Attach(ctx context.Context, tx *db.Tx, by audit.Actor, about string, e Evidence) (_ Evidence, err error) {
	defer fault.Wrap(&err, "complaint.Attach(%s)", about)
	side, closed, err := sideAbout(ctx, tx, by, about)
	if err != nil {
		return Evidence{}, err
	}
	all, err := db.All(ctx, tx, scanEvidence(tx, about), selectEvidence, about)
	if err != nil {
		return Evidence{}, err
	}
	e.Name = path.Base(strings.TrimSpace(e.Name))
	sum, badSum := hex.DecodeString(e.SHA256)
	switch {
	case closed:
		return Evidence{}, ErrState.With("State", "closed")
	case len(all) >= mostEvidence:
		return Evidence{}, ErrInvalid.In("file")
	case e.Name == "." || e.Name == "/" || e.Size <= 0:
		return Evidence{}, ErrRequired.In("file")
	case !slices.Contains(evidenceTypes, e.MediaType) || badSum != nil || len(sum) != sha256.Size || e.Blob == "" || len(e.Name) > 200:
		return Evidence{}, ErrInvalid.In("file")
	}
	if err := screened(ctx, tx, by, side, about, content.Text{Field: "file", Text: e.Name}); err != nil {
		return Evidence{}, err
	}
	e.ID, e.Side, e.By, e.At = tx.ID("cev"), side, by.User, tx.Now()
	sealed, err := tx.Keys().Seal(e.Name, sealedAt("evidence.name", about))
	if err != nil {
		return Evidence{}, err
	}
	if _, err := tx.Exec(ctx, insertEvidence, about, e.ID, string(side), sealed, e.MediaType, e.Size, e.SHA256, e.Blob, e.By, db.Micros(e.At)); err != nil {
		return Evidence{}, err
	}
	return e, audit.Record(ctx, tx, by, audit.Entry{
		Act: "complaint.evidence", Subjects: []string{about, e.ID}, Clauses: []string{"ECL 62"}, Data: map[string]any{"side": side, "sha256": e.SHA256, "size": e.Size},
	})
}

// EvidenceOf is one file of a complaint or claim, to those who may see it.
func EvidenceOf(ctx context.Context, r db.Reader, by audit.Actor, about, id string) (Evidence, error) {
	if _, _, err := sideAbout(ctx, r, by, about); err != nil {
		return Evidence{}, err
	}
	all, err := db.All(ctx, r, scanEvidence(r, about), selectEvidence, about)
	if err != nil {
		return Evidence{}, err
	}
	i := slices.IndexFunc(all, func(e Evidence) bool { return e.ID == id })
	if i < 0 {
		return Evidence{}, ErrNotFound
	}
	return all[i], nil
}

// MustBeUser refuses whoever is not on the user's side of a complaint or claim: its
// vendor and the operator have desks of their own, where their roles bound them, and
// for everybody else it does not exist.
func MustBeUser(ctx context.Context, r db.Reader, by audit.Actor, about string) error {
	side, _, err := sideAbout(ctx, r, by, about)
	if err == nil && side != User {
		err = account.ErrForeign
	}
	return err
}

// sideAbout is on which side an actor stands in a complaint or claim, and whether
// nothing can be added to it any more.
func sideAbout(ctx context.Context, r db.Reader, by audit.Actor, about string) (Side, bool, error) {
	if strings.HasPrefix(about, "clm_") {
		c, err := readClaim(ctx, r, ClaimID(about))
		if err != nil {
			return "", false, err
		}
		side, err := sideOf(ctx, r, by, c.Account, c.Vendor)
		return side, c.State == ClaimClosed, err
	}
	c, err := read(ctx, r, ID(about))
	if err != nil {
		return "", false, err
	}
	side, err := sideIn(ctx, r, by, c)
	return side, !c.Open(), err
}
