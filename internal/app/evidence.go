package app

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/review"
)

// evidenceParts are the contributors to an order's pack. One of a
// package that evidence does not know is appended here, by a line.
func evidenceParts() []evidence.Part {
	return append(evidence.Parts(),
		evidence.Part{Name: "complaint", Collect: complained}, evidence.Part{Name: "claims", Collect: claimed},
		evidence.Part{Name: "measures", Collect: decidedOn}, evidence.Part{Name: "reviews", Collect: reviewed})
}

type object = map[string]any

// historyOf is what was complained and claimed about the order, as the addressee
// may see it: a vendor what it was given, without the account; the buyer without
// which person of another side acted.
func historyOf(ctx context.Context, r db.Reader, c evidence.Case) (h complaint.History, err error) {
	all, err := complaint.HistoryOf(ctx, r, c.Order.ID)
	if err != nil || c.For == evidence.Operator {
		return all, err
	}
	if c.For == evidence.Buyer {
		for _, one := range all.Complaints {
			hide(one.Steps, complaint.User)
		}
		for _, one := range all.Claims {
			hide(one.Steps, complaint.User)
		}
		return all, nil
	}
	for _, one := range all.Complaints {
		got, err := complaint.RecordOf(ctx, r, c.By, one.Complaint.ID)
		if errors.Is(err, account.ErrForeign) {
			continue // it was never given to this vendor
		}
		if err != nil {
			return h, err
		}
		h.Complaints = append(h.Complaints, got)
	}
	for _, one := range all.Claims {
		got, err := complaint.ClaimOf(ctx, r, c.By, one.Claim.ID)
		if err != nil {
			return h, err
		}
		h.Claims = append(h.Claims, got)
	}
	return h, nil
}

func hide(steps []complaint.Step, own complaint.Side) {
	for i := range steps {
		if steps[i].Side != own {
			steps[i].Actor = ""
		}
	}
}

func complained(ctx context.Context, r db.Reader, c evidence.Case) (out evidence.Content, err error) {
	h, err := historyOf(ctx, r, c)
	if err != nil {
		return out, err
	}
	var rows []object
	for _, one := range h.Complaints {
		v := one.Complaint
		row, err := trail(ctx, c, &out, "complaint", one.Steps, one.Contacts, one.Evidence)
		if err != nil {
			return out, err
		}
		var packets []object
		for _, p := range one.Packets {
			packets = append(packets, object{"id": p.ID, "fields": p.Fields, "content": p.Content, "sha256": p.SHA256, "at": p.At})
			out.Subjects = append(out.Subjects, p.ID)
		}
		row["id"], row["topic"], row["matter"], row["text"], row["demand"], row["state"] = v.ID, v.Topic, v.Matter, v.Text, v.Demand, v.State
		row["finding"], row["outcome"], row["submitted_at"], row["packets"] = v.Finding, v.Outcome, v.SubmittedAt, packets
		rows = append(rows, row)
		out.Subjects = append(out.Subjects, string(v.ID))
		out.Facts = append(out.Facts, evidence.Says("complaint", string(v.ID)+" · "+string(v.State)+" · "+moment(v.SubmittedAt)))
	}
	if rows != nil {
		out.Data = rows
	}
	return out, nil
}

func claimed(ctx context.Context, r db.Reader, c evidence.Case) (out evidence.Content, err error) {
	h, err := historyOf(ctx, r, c)
	if err != nil {
		return out, err
	}
	var rows []object
	for _, one := range h.Claims {
		v := one.Claim
		row, err := trail(ctx, c, &out, "claims", one.Steps, one.Contacts, one.Evidence)
		if err != nil {
			return out, err
		}
		var offers []object
		for _, o := range one.Offers {
			offers = append(offers, object{"id": o.ID, "side": o.Side, "state": o.State, "refund": o.Refund, "damages": o.Damages, "basis": o.Basis, "at": o.At})
		}
		row["id"], row["ground"], row["loss"], row["state"], row["promise"], row["offers"] = v.ID, v.Ground, v.Loss, v.State, one.Promise, offers
		row["asked_refund"], row["asked_damages"], row["settled_refund"], row["settled_damages"] = v.AskedRefund, v.AskedDamages, v.SettledRefund, v.SettledDamages
		row["court"], row["court_case"], row["opened_at"] = v.Court, v.CourtCase, v.OpenedAt
		rows = append(rows, row)
		out.Subjects = append(out.Subjects, string(v.ID))
		out.Facts = append(out.Facts, evidence.Says("claim", string(v.ID)+" · "+string(v.State)+" · "+moment(v.OpenedAt)))
	}
	if rows != nil {
		out.Data = rows
	}
	return out, nil
}

// trail is what complaints and claims have in common.
func trail(ctx context.Context, c evidence.Case, out *evidence.Content, part string, steps []complaint.Step, contacts []complaint.Contact, files []complaint.Evidence) (object, error) {
	var moves, talks, proofs []object
	for _, s := range steps {
		moves = append(moves, object{"from": s.From, "event": s.Event, "to": s.To, "side": s.Side, "actor": s.Actor, "clause": s.Clause, "note": s.Note, "at": s.At})
	}
	for _, s := range contacts {
		talks = append(talks, object{"side": s.Side, "channel": s.Channel, "held_on": s.HeldOn, "text": s.Text, "at": s.At})
	}
	for _, f := range files {
		name := part + "/" + f.ID + map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "application/pdf": ".pdf"}[f.MediaType]
		content, err := c.Open(ctx, f.Blob)
		if err != nil {
			return nil, err
		}
		out.Files = append(out.Files, proof.File{Name: name, Content: content})
		proofs = append(proofs, object{"id": f.ID, "side": f.Side, "name": f.Name, "file": name, "sha256": f.SHA256, "at": f.At})
	}
	return object{"steps": moves, "contacts": talks, "files": proofs}, nil
}

// most bounds the cases about a party that are looked through.
const most = 1000

// decidedOn are the cases that touch the order: a party's own as it was served,
// for the operator those about both.
func decidedOn(ctx context.Context, r db.Reader, c evidence.Case) (out evidence.Content, err error) {
	h, err := complaint.HistoryOf(ctx, r, c.Order.ID)
	if err != nil {
		return out, err
	}
	rights, err := entitlement.OfOrder(ctx, r, string(c.Order.ID))
	if err != nil {
		return out, err
	}
	ids := []string{string(c.Order.ID), string(c.Order.Line)}
	for _, e := range rights {
		ids = append(ids, string(e.ID))
	}
	for _, one := range h.Complaints {
		ids = append(ids, string(one.Complaint.ID))
	}
	for _, one := range h.Claims {
		ids = append(ids, string(one.Claim.ID))
	}
	parties := map[evidence.Addressee][]account.ID{
		evidence.Buyer: {c.Order.Account}, evidence.Seller: {c.Vendor.Account}, evidence.Operator: {c.Order.Account, c.Vendor.Account},
	}[c.For]
	var rows []object
	for _, party := range parties {
		all, err := enforcement.Against(ctx, r, party, most)
		if err != nil {
			return out, err
		}
		for _, one := range all {
			f, err := enforcement.Get(ctx, r, audit.Actor{Kind: audit.JobKind, User: "evidence", Roles: []string{account.Compliance}}, one.ID)
			if err != nil {
				return out, err
			}
			if !touches(f, string(c.Order.Product), ids) {
				continue
			}
			if c.For != evidence.Operator {
				if !f.State.Known() {
					continue // it was not served
				}
				if f, err = enforcement.Mine(ctx, r, c.By, one.ID); err != nil {
					return out, err
				}
			}
			rows = append(rows, dossier(f))
			out.Subjects = append(out.Subjects, string(f.ID))
			for _, m := range f.Measures {
				out.Subjects = append(out.Subjects, string(m.ID))
				out.Facts = append(out.Facts, evidence.Says("measure", string(m.Kind)+" · "+string(m.State)+" · "+m.Clause+" · "+moment(m.EffectiveAt)))
			}
		}
	}
	if rows != nil {
		out.Data = rows
	}
	return out, nil
}

func dossier(f enforcement.Dossier) object {
	var measures, exhibits, appeals, steps []object
	for _, m := range f.Measures {
		measures = append(measures, object{
			"id": m.ID, "clause": m.Clause, "kind": m.Kind, "functions": m.Functions, "content": m.Content, "demand": m.Demand, "state": m.State,
			"effective_at": m.EffectiveAt, "until_at": m.UntilAt, "ended_at": m.EndedAt, "copy_sha256": m.CopySHA256,
		})
	}
	for _, e := range f.Exhibits {
		exhibits = append(exhibits, object{"id": e.ID, "kind": e.Kind, "sha256": e.SHA256, "at": e.At})
	}
	for _, a := range f.Appeals {
		appeals = append(appeals, object{"kind": a.Kind, "text": a.Text, "at": a.At, "outcome": a.Outcome, "reasons": a.Reasons, "decided_at": a.DecidedAt})
	}
	for _, s := range f.Steps {
		steps = append(steps, object{"from": s.From, "event": s.Event, "to": s.To, "side": s.Side, "clause": s.Clause, "note": s.Note, "at": s.At})
	}
	return object{
		"id": f.ID, "violation": f.Violation, "clauses": f.Clauses, "facts": f.Facts, "basis": f.Basis, "state": f.State, "reasons": f.Reasons, "rulebook": f.Rulebook,
		"opened_at": f.OpenedAt, "decided_at": f.DecidedAt, "served_at": f.ServedAt, "appeal_until": f.AppealUntil,
		"measures": measures, "evidence": exhibits, "appeals": appeals, "steps": steps,
	}
}

// reviewed is the buyer's review of this purchase. The vendor is not told which
// customer wrote a review, so its pack has none.
func reviewed(ctx context.Context, r db.Reader, c evidence.Case) (out evidence.Content, err error) {
	if c.For == evidence.Seller {
		return out, nil
	}
	v, err := review.Of(ctx, r, c.Order.Product, c.Order.Account)
	if errors.Is(err, review.ErrNotFound) || err == nil && v.Order != c.Order.ID {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	row := object{
		"id": v.ID, "stars": v.Stars, "words": v.Words, "sha256": v.SHA256, "state": v.State, "clause": v.Clause, "reason": v.Reason, "version": v.Version,
		"written_at": v.WrittenAt, "changed_at": v.ChangedAt,
	}
	if p := v.Reply; p != nil {
		row["reply"] = object{"id": p.ID, "words": p.Words, "sha256": p.SHA256, "state": p.State, "written_at": p.WrittenAt}
	}
	out.Data, out.Subjects = row, []string{string(v.ID)}
	out.Facts = []evidence.Fact{evidence.Says("review", string(v.ID)+" · "+string(v.State)+" · "+moment(v.WrittenAt))}
	return out, nil
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// EvidenceWork makes packs, placing waiting records in the log on the way.
func EvidenceWork(d *db.DB, files blob.Store, signing string) evidence.Work {
	return evidence.Work{Parts: evidenceParts(), Blob: files, Integrate: func(ctx context.Context) (int, error) {
		return audit.Integrate(ctx, d, LogOrigin, signing)
	}}
}
