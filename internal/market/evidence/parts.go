package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// Parts are the contributors of the packages before this one, in the order of the
// summary.
func Parts() []Part {
	return []Part{
		{"agreement", accepted}, {"seller", seller}, {"order", terms}, {"payment", paid}, {"book", booked}, {"delivery", delivered},
		{"refund", refunded}, {"invoice", invoiced}, {"messages", told},
	}
}

// object is the JSON of one thing.
type object map[string]any

// with adds members that are not empty.
func (o object) with(members object) object {
	for name, v := range members {
		switch v := v.(type) {
		case string:
			if v == "" {
				continue
			}
		case time.Time:
			if v.IsZero() {
				continue
			}
		}
		o[name] = v
	}
	return o
}

func amount(a money.Amount) func(l text.Lang) string {
	return func(l text.Lang) string { return a.Format(string(l)) }
}

// accepted are the texts that bind the parties, and how each accepted them. The
// agreement part of a pack names the place of signing of the version that was
// accepted, whatever the one in force says now.
func accepted(ctx context.Context, r db.Reader, c Case) (Content, error) {
	var out Content
	var rows []object
	whole := map[string]bool{}
	for _, party := range []struct {
		side Addressee
		id   account.ID
		to   time.Time
	}{{Buyer, c.Order.Account, c.Order.PlacedAt}, {Seller, c.Vendor.Account, c.Order.PlacedAt}} {
		proofs, err := agreement.Evidence(ctx, r, party.id)
		if err != nil {
			return out, err
		}
		for _, p := range proofs {
			if err := p.Verify(); err != nil {
				return out, err
			}
			row := object{
				"party": party.side, "bundle_sha256": p.Record.Bundle, "text_sha256": p.Record.TextSHA256, "method": p.Record.Method,
				"accepted_at": p.Record.AcceptedAt, "effective_at": p.Record.EffectiveAt, "locale": p.Record.Locale, "place_of_signing": p.PlaceOfSigning,
			}
			if c.For == Operator || c.For == party.side {
				row = row.with(object{"acceptance": p.Record.ID, "account": p.Record.Account, "user": p.Record.User, "session": p.Record.Session})
				var shown []object
				for _, d := range p.Displays {
					shown = append(shown, object{"at": d.At, "user": d.User, "locale": d.Locale, "emphasised": d.Emphasised})
				}
				row["displays"] = shown
				out.Subjects = append(out.Subjects, p.Record.ID)
			}
			var documents []object
			for _, v := range p.Documents {
				name := fmt.Sprintf("agreement/%s-%d.json", v.Code, v.Number)
				documents = append(documents, object{"file": name, "code": v.Code, "number": v.Number, "sha256": v.SHA256, "effective_at": v.EffectiveAt})
				if !whole[name] {
					whole[name] = true
					out.Files = append(out.Files, proof.File{Name: name, Content: v.Source})
				}
			}
			row["documents"] = documents
			rows = append(rows, row)
			if p.Record.Bundle == c.Order.Snapshot.AgreementBundle {
				out.Facts = append(out.Facts, Fact{"acceptance", func(l text.Lang) string {
					return text.In(l, "evidence.side."+string(party.side)) + " · " + text.In(l, "evidence.method."+string(p.Record.Method)) + " · " +
						moment(p.Record.AcceptedAt)
				}}, Fact{"place", p.PlaceOfSigning.In}, Says("bundle", p.Record.Bundle))
			}
		}
	}
	if rows != nil {
		out.Data = rows
	}
	return out, nil
}

// seller is who sold, as it was shown then and as it stands now.
func seller(ctx context.Context, r db.Reader, c Case) (Content, error) {
	now, err := vendor.Card(ctx, r, c.Order.Vendor)
	if err != nil {
		return Content{}, err
	}
	then := c.Order.Snapshot.Seller
	return Content{
		Data: object{"as_shown": then, "now": now, "collector": c.Order.Snapshot.Collector},
		Facts: []Fact{
			Says("seller", then.RegisteredName), Says("uscc", then.USCC), Says("address", then.Address), Says("contact", then.Contact.Phone+" · "+then.Contact.Email),
			Says("collector", c.Order.Snapshot.Collector),
		},
	}, nil
}

// terms is the order with what was agreed, to the letter.
func terms(ctx context.Context, r db.Reader, c Case) (Content, error) {
	o := c.Order
	s := o.Snapshot
	rule := o.Refund()
	data := object{
		"id": o.ID, "line": o.Line, "vendor": o.Vendor, "product": o.Product, "version": o.Version, "plan": s.PlanCode, "quantity": o.Quantity, "state": o.State,
		"fee": o.Fee, "tax_by": o.TaxBy, "business": o.Business, "terms_sha256": s.SheetSHA256, "snapshot_sha256": o.SHA256, "refund": rule,
		"agreement_bundle_sha256": s.AgreementBundle, "shown_at": s.ShownAt, "placed_at": o.PlacedAt,
	}.with(object{"reason": o.Reason, "refund_until": rule.Until, "paid_at": o.PaidAt, "delivered_at": o.DeliveredAt, "ended_at": o.EndedAt})
	if c.For == Seller {
		data["buyer"] = vendor.OpenID(o.Vendor, o.Account, r.Keys())
	} else {
		data["account"], data["user"] = o.Account, o.Buyer
	}
	rights, err := entitlement.OfOrder(ctx, r, string(o.ID))
	if err != nil {
		return Content{}, err
	}
	subjects := []string{string(o.ID), string(o.Line)}
	var all []object
	for _, e := range rights {
		subjects = append(subjects, string(e.ID))
		all = append(all, object{"id": e.ID, "state": e.State, "granted_at": e.GrantedAt}.with(object{"starts_at": e.StartsAt, "ends_at": e.EndsAt, "ended_at": e.EndedAt}))
	}
	data["entitlements"] = all
	sheet, err := o.Content()
	if err != nil {
		return Content{}, err
	}
	return Content{
		Data: data, Subjects: subjects,
		Files: []proof.File{{Name: "order/terms-sheet.json", Content: slices.Clone([]byte(s.Sheet))}},
		Facts: []Fact{
			Says("order", string(o.ID)), {"product", sheet.Name.In}, {"paid", amount(o.Fee.Paid)}, At("placed", o.PlacedAt), At("paid_at", o.PaidAt),
			At("delivered", o.DeliveredAt), Says("terms", s.SheetSHA256),
		},
	}, nil
}

// paid is what the providers say about the order's money.
func paid(ctx context.Context, r db.Reader, c Case) (Content, error) {
	attempts, err := payment.OfOrder(ctx, r, string(c.Order.ID))
	if err != nil || len(attempts) == 0 {
		return Content{}, err
	}
	var out Content
	var rows []object
	for _, a := range attempts {
		out.Subjects = append(out.Subjects, string(a.ID))
		row := object{"id": a.ID, "gateway": a.Gateway, "amount": a.Amount, "captured": a.Captured, "refunded": a.Refunded, "state": a.State, "created_at": a.CreatedAt}.
			with(object{"provider_id": a.ProviderID, "capture_id": a.CaptureID, "captured_at": a.CapturedAt})
		refunds, err := payment.RefundsOf(ctx, r, a.ID)
		if err != nil {
			return out, err
		}
		var back, disputed []object
		for _, f := range refunds {
			out.Subjects = append(out.Subjects, string(f.ID))
			back = append(back, object{"id": f.ID, "amount": f.Amount, "cause": f.Cause, "state": f.State, "created_at": f.CreatedAt}.
				with(object{"provider_id": f.ProviderID, "reason": f.Reason, "sent_at": f.SentAt, "ended_at": f.EndedAt}))
			out.Facts = append(out.Facts, Fact{"refund", func(l text.Lang) string {
				return f.Amount.Format(string(l)) + " · " + string(f.State) + " · " + moment(f.EndedAt)
			}})
		}
		disputes, err := payment.DisputesOf(ctx, r, a.ID)
		if err != nil {
			return out, err
		}
		for _, d := range disputes {
			out.Subjects = append(out.Subjects, string(d.ID))
			disputed = append(disputed, object{"id": d.ID, "state": d.State, "amount": d.Amount, "reason": d.Reason, "opened_at": d.OpenedAt, "changed_at": d.ChangedAt})
		}
		rows = append(rows, row.with(object{"refunds": back, "disputes": disputed}))
		if a.CaptureID != "" {
			out.Facts = append([]Fact{Says("capture", a.Gateway+" · "+a.CaptureID), At("captured_at", a.CapturedAt)}, out.Facts...)
		}
	}
	out.Data = rows
	return out, nil
}

// booked are the postings that the order's money made. What the operator keeps of
// it is between the vendor and the operator.
func booked(ctx context.Context, r db.Reader, c Case) (Content, error) {
	var rows []object
	add := func(cause string) error {
		all, err := ledger.OfCause(ctx, r, cause)
		if err != nil {
			return err
		}
		for _, j := range all {
			row := object{"id": j.ID, "kind": j.Kind, "cause": j.Cause, "effective_at": j.Effective, "recorded_at": j.Recorded, "digest_sha256": j.Digest}.
				with(object{"reverses": string(j.Reverses)})
			if c.For != Buyer {
				var entries []object
				for _, e := range j.Entries {
					line := object{"account": e.Account, "amount": e.Amount}
					if c.For == Operator || strings.HasPrefix(e.Party, string(c.Vendor.ID)) || e.Party == string(c.Order.Line) {
						line["party"] = e.Party
					}
					entries = append(entries, line)
				}
				row["entries"] = entries
			}
			rows = append(rows, row)
		}
		return nil
	}
	if err := add(string(c.Order.Line)); err != nil {
		return Content{}, err
	}
	attempts, err := payment.OfOrder(ctx, r, string(c.Order.ID))
	if err != nil {
		return Content{}, err
	}
	for _, a := range attempts {
		refunds, err := payment.RefundsOf(ctx, r, a.ID)
		if err != nil {
			return Content{}, err
		}
		for _, f := range refunds {
			if err := add(string(f.ID)); err != nil {
				return Content{}, err
			}
		}
	}
	if rows == nil {
		return Content{}, nil
	}
	return Content{Data: rows, Facts: []Fact{Says("postings", fmt.Sprint(len(rows)))}}, nil
}

// delivered is how the product was handed over. Credentials stay where they are.
func delivered(ctx context.Context, r db.Reader, c Case) (Content, error) {
	all, err := delivery.OfOrder(ctx, r, string(c.Order.ID))
	if err != nil || len(all) == 0 {
		return Content{}, err
	}
	var out Content
	var rows []object
	for _, d := range all {
		out.Subjects = append(out.Subjects, string(d.ID))
		row := object{"id": d.ID, "action": d.Action, "dialect": d.Dialect, "state": d.State, "created_at": d.CreatedAt}.
			with(object{"reason": d.Reason, "started_at": d.StartedAt, "delivered_at": d.DeliveredAt, "received_at": d.ReceivedAt})
		log, err := delivery.Log(ctx, r, c.By, d.ID)
		if err != nil {
			return out, err
		}
		var attempts, receipts []object
		for _, a := range log {
			attempts = append(attempts, object{"number": a.Number, "at": a.At, "outcome": a.Outcome, "status": a.Status, "request_id": a.RequestID}.with(object{"error": a.Error}))
		}
		taken, err := delivery.Receipts(ctx, r, c.By, d.ID)
		if err != nil {
			return out, err
		}
		for _, t := range taken {
			row := object{"event": t.Event, "at": t.At}.with(object{"sha256": t.SHA256})
			if c.For == Operator {
				row["by"] = t.By
			}
			receipts = append(receipts, row)
			out.Facts = append(out.Facts, Fact{"handover", func(l text.Lang) string {
				return text.In(l, "evidence.event."+t.Event) + " · " + moment(t.At)
			}})
		}
		rows = append(rows, row.with(object{"attempts": attempts, "receipts": receipts}))
	}
	out.Data = rows
	return out, nil
}

// refunded is every request for money back with its steps, and what the parties
// stated about it between themselves.
func refunded(ctx context.Context, r db.Reader, c Case) (Content, error) {
	var out Content
	requests, err := refund.OfOrder(ctx, r, c.Order.ID)
	if err != nil {
		return out, err
	}
	var asked, matters []object
	for _, q := range requests {
		out.Subjects = append(out.Subjects, string(q.ID))
		row := object{
			"id": q.ID, "kind": q.Kind, "reason": q.Reason, "text": q.Text, "asked": q.Asked, "amount": q.Amount, "state": q.State, "self_service": q.SelfService,
			"clause": q.Clause, "rulebook": q.Rulebook, "requested_at": q.RequestedAt,
		}.with(object{"code": q.Code, "case": q.Case, "payment": string(q.Payment), "ended_at": q.EndedAt})
		steps, err := refund.Steps(ctx, r, c.By, q.ID)
		if err != nil {
			return out, err
		}
		var moves []object
		for _, s := range steps {
			moves = append(moves, object{"seq": s.Seq, "from": s.From, "event": s.Event, "to": s.To, "side": s.Side, "amount": s.Amount, "clause": s.Clause, "at": s.At}.
				with(object{"actor": s.Actor, "note": s.Note}))
		}
		asked = append(asked, row.with(object{"steps": moves}))
		out.Facts = append(out.Facts, Fact{"refund_request", func(l text.Lang) string {
			return text.In(l, "refund.state."+string(q.State)) + " · " + q.Amount.Format(string(l)) + " · " + moment(q.RequestedAt)
		}})
	}
	all, err := refund.MattersOf(ctx, r, c.Order.ID)
	if err != nil {
		return out, err
	}
	for _, m := range all {
		record, err := refund.RecordOf(ctx, r, c.By, m.ID)
		if err != nil {
			return out, err
		}
		out.Subjects = append(out.Subjects, string(m.ID))
		var said, proofs []object
		for _, s := range record.Statements {
			said = append(said, object{"id": s.ID, "side": s.Side, "text": s.Text, "text_sha256": s.SHA256, "amount": s.Amount, "at": s.At}.with(object{"outcome": string(s.Outcome)}))
		}
		for _, p := range record.Proofs {
			name := "refund/" + p.ID + extension(p.MediaType)
			content, err := c.Open(ctx, p.Blob)
			if err != nil {
				return out, err
			}
			out.Files = append(out.Files, proof.File{Name: name, Content: content})
			proofs = append(proofs, object{"id": p.ID, "side": p.Side, "name": p.Name, "file": name, "sha256": p.SHA256, "at": p.At})
		}
		matters = append(matters, object{"id": m.ID, "state": m.State, "opened_at": m.OpenedAt, "statements": said, "proofs": proofs}.with(object{"closed_at": m.ClosedAt}))
		out.Facts = append(out.Facts, Says("matter", string(m.ID)+" · "+string(m.State)+" · "+moment(m.OpenedAt)))
	}
	if asked != nil || matters != nil {
		out.Data = object{"requests": asked, "matters": matters}
	}
	return out, nil
}

func extension(mediaType string) string {
	return map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "application/pdf": ".pdf"}[mediaType]
}

// invoiced are the vendor's invoices: the parties get the files, the operator's
// people what they may see of them.
func invoiced(ctx context.Context, r db.Reader, c Case) (Content, error) {
	all, err := invoice.OfOrder(ctx, r, string(c.Order.ID))
	if err != nil || len(all) == 0 {
		return Content{}, err
	}
	var out Content
	var rows []object
	for _, q := range all {
		q, err := invoice.Get(ctx, r, c.By, q.ID)
		if err != nil {
			return out, err
		}
		out.Subjects = append(out.Subjects, string(q.ID))
		row := object{"id": q.ID, "kind": q.Kind, "amount": q.Amount, "state": q.State, "requested_at": q.RequestedAt, "due_at": q.DueAt}.
			with(object{"reason": q.Reason, "confirmed_at": q.ConfirmedAt, "issued_at": q.IssuedAt, "delivered_at": q.DeliveredAt, "ended_at": q.EndedAt})
		if c.For != Operator {
			row["title"] = q.Buyer
		}
		issued, err := invoice.Invoices(ctx, r, c.By, q.ID)
		if err != nil {
			return out, err
		}
		var documents, letters, files []object
		for _, i := range issued {
			documents = append(documents, object{"id": i.ID, "colour": i.Colour, "number": i.Number, "net": i.Net, "tax": i.Tax, "total": i.Total, "issued_at": i.IssuedAt})
			out.Facts = append(out.Facts, Fact{"invoice", func(l text.Lang) string {
				return i.Number + " · " + i.Total.Format(string(l)) + " · " + moment(i.IssuedAt)
			}})
		}
		reds, err := invoice.RedLetters(ctx, r, c.By, q.ID)
		if err != nil {
			return out, err
		}
		for _, l := range reds {
			out.Subjects = append(out.Subjects, string(l.ID))
			letters = append(letters, object{"id": l.ID, "reason": l.Reason, "amount": l.Amount, "state": l.State, "asked_at": l.AskedAt}.
				with(object{"confirmation": l.Confirmation, "entered_at": l.EnteredAt, "ended_at": l.EndedAt}))
		}
		stored, err := invoice.Files(ctx, r, c.By, q.ID)
		if err != nil {
			return out, err
		}
		for _, f := range stored {
			entry := object{"colour": f.Colour, "kind": f.Kind, "sha256": f.SHA256, "bytes": f.Size}
			if c.For != Operator {
				sealed, err := c.Open(ctx, f.Blob)
				if err != nil {
					return out, err
				}
				content, err := invoice.OpenFile(r, f, sealed)
				if err != nil {
					return out, err
				}
				name := fmt.Sprintf("invoice/%s-%s-%d.%s", q.ID, f.Colour, f.Number, f.Kind)
				entry["file"] = name
				out.Files = append(out.Files, proof.File{Name: name, Content: content})
			}
			files = append(files, entry)
		}
		rows = append(rows, row.with(object{"invoices": documents, "red_letters": letters, "files": files}))
	}
	out.Data = rows
	return out, nil
}

// told is what the addressee was told about the order; for the operator, what
// both were.
func told(ctx context.Context, r db.Reader, c Case) (Content, error) {
	ids, err := related(ctx, r, c)
	if err != nil {
		return Content{}, err
	}
	var rows []object
	for _, to := range []struct {
		side Addressee
		id   account.ID
	}{{Buyer, c.Order.Account}, {Seller, c.Vendor.Account}} {
		if c.For != Operator && c.For != to.side {
			continue
		}
		all, err := message.Since(ctx, r, to.id, c.Order.PlacedAt)
		if err != nil {
			return Content{}, err
		}
		for _, m := range all {
			about := func(id string) bool {
				return strings.Contains(m.Link, id) || strings.Contains(m.Body(text.ZH), id) || strings.Contains(m.Body(text.EN), id)
			}
			if !slices.ContainsFunc(ids, about) {
				continue
			}
			item, err := json.Marshal(m.Item)
			if err != nil {
				return Content{}, err
			}
			var mails []object
			for _, s := range m.Mails {
				mails = append(mails, object{"state": s.State}.with(object{"sent_at": s.SentAt, "receipt_sha256": s.SHA256}))
			}
			rows = append(rows, object{"to": to.side, "notice": json.RawMessage(item), "mails": mails})
		}
	}
	if rows == nil {
		return Content{}, nil
	}
	return Content{Data: rows, Facts: []Fact{Says("messages", fmt.Sprint(len(rows)))}}, nil
}

// related are the ids by which notices speak of the order.
func related(ctx context.Context, r db.Reader, c Case) ([]string, error) {
	ids := []string{string(c.Order.ID), string(c.Order.Line)}
	for _, p := range []func(context.Context, db.Reader, Case) (Content, error){terms, delivered, refunded, invoiced} {
		content, err := p(ctx, r, c)
		if err != nil {
			return nil, err
		}
		ids = append(ids, content.Subjects...)
	}
	return ids, nil
}

// reader is who reads in the addressee's place.
func reader(ctx context.Context, r db.Reader, p Pack, c Case) (audit.Actor, error) {
	by := audit.Actor{Kind: audit.Person, User: p.AskedBy, Account: string(p.Account), Roles: []string{account.Owner}}
	if p.For != Operator {
		return by, nil
	}
	operator, err := account.OperatorID(ctx, r)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return by, err
	}
	by.Account, by.Roles = string(operator), []string{account.Compliance, account.Superadmin}
	return by, nil
}
