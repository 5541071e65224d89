package operation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Publish puts a change into the public log and tells those it concerns (N-03).
// Package catalog calls it when a category changes; officers for everything else.
// A zero moment of effect is now.
func Publish(ctx context.Context, tx *db.Tx, by audit.Actor, c Change, concerns Audience) (_ Change, err error) {
	defer fault.Wrap(&err, "operation.Publish(%s)", c.Kind)
	if !trusted(by) {
		return c, ErrForbidden
	}
	if c.EffectiveAt.IsZero() {
		c.EffectiveAt = tx.Now()
	}
	if err := publishable(c, tx.Now()); err != nil {
		return c, err
	}
	document, sum, err := encode(c)
	if err != nil {
		return c, err
	}
	c.ID, c.SHA256, c.PublishedBy, c.PublishedAt = ID(tx.ID("chg")), sum, by.User, tx.Now()
	tx.Queue(insertChange, string(c.ID), string(c.Kind), c.Subject, document, sum, db.Micros(c.EffectiveAt), by.User, db.Micros(c.PublishedAt))
	if err := begin(ctx, tx, Round{
		Object: c.ID, Name: "published", Code: "N-03", Link: "/changes/" + string(c.ID), Audience: concerns,
		Params: map[string]string{
			"TitleZH": c.Title.ZH, "TitleEN": c.Title.EN, "WhatZH": c.Text.ZH, "WhatEN": c.Text.EN, "MigrationZH": c.Migration.ZH, "MigrationEN": c.Migration.EN,
			"EffectiveAt": c.EffectiveAt.Format(time.RFC3339),
		},
	}); err != nil {
		return c, err
	}
	return c, audit.Record(ctx, tx, by, audit.Entry{
		Act: "operation.change_published", Subjects: []string{string(c.ID), c.Subject}, Clauses: []string{"UA 5.2"},
		Data: map[string]any{"kind": c.Kind, "sha256": sum, "effective_at": db.Micros(c.EffectiveAt)},
	})
}

// encode writes what is hashed, so that a person can read it.
func encode(v any) (document, sum string, err error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(v); err != nil {
		return "", "", err
	}
	document = b.String()
	return document, hashOf(document), nil
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// beforeAll is after every id with a prefix, for lists that begin with the newest.
func beforeAll(before ID, prefix string) string {
	if before == "" {
		return prefix + "_~"
	}
	return string(before)
}

// Changes lists the public log, newest first, older than one; of one kind when a
// kind is given.
func Changes(ctx context.Context, r db.Reader, kind ChangeKind, before ID, n int) ([]Change, error) {
	if kind != "" {
		return db.All(ctx, r, scanChange, selectChangesK, string(kind), beforeAll(before, "chg"), n)
	}
	return db.All(ctx, r, scanChange, selectChanges, beforeAll(before, "chg"), n)
}

// ChangesOf lists the changes of one subject, newest first, at most 50.
func ChangesOf(ctx context.Context, r db.Reader, subject string) ([]Change, error) {
	return db.All(ctx, r, scanChange, selectChangesS, subject)
}

// ChangeOf returns an entry of the public log.
func ChangeOf(ctx context.Context, r db.Reader, id ID) (Change, error) {
	return found(db.One(ctx, r, scanChange, selectChange, string(id)))
}
