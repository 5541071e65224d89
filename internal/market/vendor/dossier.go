package vendor

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// documentKinds are what a dossier may hold.
var documentKinds = []string{"business_licence", "authorisation", "qualification", "other"}

// AddDocument puts a proof into the vendor's dossier. One with an end is watched:
// the vendor is reminded before it, and after it the dossier is not valid until a
// later document of the same kind is there.
func AddDocument(ctx context.Context, tx *db.Tx, by audit.Actor, doc Document) (_ Document, err error) {
	defer fault.Wrap(&err, "vendor.AddDocument(%s)", doc.Vendor)
	v, err := own(ctx, tx, by, doc.Vendor)
	if err != nil {
		return Document{}, err
	}
	var faults fault.List
	if !slices.Contains(documentKinds, doc.Kind) {
		faults = append(faults, ErrInvalid.In("kind"))
	}
	if doc.Name = strings.TrimSpace(doc.Name); doc.Name == "" {
		faults = append(faults, ErrRequired.In("name"))
	}
	if sum, err := hex.DecodeString(doc.SHA256); err != nil || len(sum) != 32 {
		faults = append(faults, ErrInvalid.In("sha256"))
	}
	if !doc.ValidUntil.IsZero() && doc.ValidUntil.Before(calendar.On(tx.Now())) {
		faults = append(faults, ErrInvalid.In("valid_until"))
	}
	if err := faults.Err(); err != nil {
		return Document{}, err
	}
	if err := content.MustPass(ctx, tx, doc.SHA256); err != nil {
		return Document{}, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.FileName, Ref: string(doc.Vendor), Field: "name", Place: screen.Public, Text: doc.Name}); err != nil {
		return Document{}, err
	}
	doc.ID, doc.AddedAt = tx.ID("doc"), tx.Now()
	until := ""
	if !doc.ValidUntil.IsZero() {
		until = doc.ValidUntil.String()
	}
	if _, err := tx.Exec(ctx, insertDocument, doc.ID, string(doc.Vendor), doc.Kind, doc.Name, doc.Blob, doc.SHA256, until, db.Micros(doc.AddedAt)); err != nil {
		return Document{}, err
	}
	if v.State != Applied && v.State != Reviewing && v.State != Rejected {
		if err := refreshDossier(ctx, tx, doc.Vendor); err != nil {
			return Document{}, err
		}
	}
	if until == "" {
		return doc, nil
	}
	reminders, err := agreement.Setting[struct {
		Days []int `json:"days_before"`
	}](ctx, tx, "licence_expiry_reminders")
	if err != nil {
		return Document{}, err
	}
	for _, days := range append(reminders.Days, -1) {
		at := doc.ValidUntil.AddDays(-days).Start()
		if at.Before(tx.Now()) {
			continue
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: "vendor.dossier", Object: doc.ID, Name: fmt.Sprint(days), At: at, Unique: true}); err != nil {
			return Document{}, err
		}
	}
	return doc, nil
}

func refreshDossier(ctx context.Context, tx *db.Tx, id ID) error {
	valid, err := dossierValid(ctx, tx, id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, setDossierOK, valid, string(id))
	if err := guarded(n, err); err != nil {
		return err
	}
	return changed(ctx, tx, id)
}

// watch looks at one document on a reminder day or on the day after its end.
func watch(ctx context.Context, tx *db.Tx, document string) error {
	doc, err := db.One(ctx, tx, scanDocument, selectDocument, document)
	if err != nil {
		return err
	}
	v, err := Get(ctx, tx, doc.Vendor)
	if err != nil || v.State == Exited || v.State == Expelled {
		return err
	}
	if doc.ValidUntil.Before(calendar.On(tx.Now())) {
		if err := refreshDossier(ctx, tx, doc.Vendor); err != nil {
			return err
		}
	}
	return message.Send(ctx, tx, message.Notice{
		Code: "N-21", To: v.Account, Link: "/vendor/profile",
		Params: map[string]string{"Item": doc.Name, "Date": doc.ValidUntil.String()},
	})
}
