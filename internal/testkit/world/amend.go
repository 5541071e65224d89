package world

import (
	"encoding/json"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/testkit"
)

// Amend takes a change of a document through its whole life: drafted, open for
// comments, proposed by one officer and approved by another, and waited for until
// it is in force. Edit changes the document as it stands.
func (w *World) Amend(clock *testkit.Clock, code string, edit func(doc map[string]any)) (v agreement.Version) {
	w.t.Helper()
	ctx, second := w.t.Context(), w.Staff(account.Compliance)
	var doc map[string]any
	w.Read(func(r db.Reader) error {
		now, err := agreement.ReadDocument(ctx, r, code, 0)
		if err != nil {
			return err
		}
		return json.Unmarshal(now.Source, &doc)
	})
	doc["number"] = doc["number"].(float64) + 1
	edit(doc)
	source, err := json.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	var f agreement.Draft
	w.Write(func(tx *db.Tx) (err error) {
		if f, err = agreement.Begin(ctx, tx, w.Compliance, code, source, agreement.Both{ZH: "测试", EN: "A test"}); err != nil {
			return err
		}
		f, err = agreement.Consult(ctx, tx, w.Compliance, f.ID, f.Revision, clock.Now().AddDate(0, 0, 8))
		return err
	})
	clock.Set(f.ClosesAt)
	w.Write(func(tx *db.Tx) (err error) {
		f, err = agreement.Propose(ctx, tx, w.Compliance, f.ID, f.Revision, time.Time{}, agreement.Both{ZH: "无意见", EN: "No comments"})
		return err
	})
	w.Write(func(tx *db.Tx) (err error) {
		v, err = agreement.Approve(ctx, tx, second, f.ID, f.Revision)
		return err
	})
	return v
}
