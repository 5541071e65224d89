package api

import (
	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

func askShape(q refund.Request) client.Refund {
	return client.Refund{
		ID: string(q.ID), Order: string(q.Order), Account: string(q.Account), Vendor: string(q.Vendor), Kind: string(q.Kind), Reason: string(q.Reason),
		Text: q.Text, Asked: amountShape(q.Asked), Amount: amountShape(q.Amount), Keep: !q.Ends || q.OfferKeep, State: string(q.State), Code: q.Code,
		Case: q.Case, Basis: q.Clause, Rulebook: q.Rulebook, Version: q.Version, AnswerDue: optional(q.AnswerDue), AnswerClock: string(q.AnswerClock),
		EscalateBy: optional(q.EscalateBy), AlertedAt: optional(q.AlertedAt), BreachedAt: optional(q.BreachedAt), RequestedAt: q.RequestedAt, EndedAt: optional(q.EndedAt),
	}
}

// withSteps is a request with its timeline as the caller may see it.
func withSteps(c *serve.Call, r db.Reader, id refund.ID) (client.Refund, error) {
	q, err := refund.Get(c.R.Context(), r, c.Actor, id)
	if err != nil {
		return client.Refund{}, err
	}
	steps, err := refund.Steps(c.R.Context(), r, c.Actor, id)
	shape := askShape(q)
	shape.Steps = each(steps, func(s refund.Step) client.RefundStep {
		return client.RefundStep{
			Seq: s.Seq, From: string(s.From), Event: string(s.Event), To: string(s.To), Side: string(s.Side), Amount: amountShape(s.Amount),
			Basis: s.Clause, Note: s.Note, At: s.At,
		}
	})
	return shape, err
}

type assessing struct {
	ID     string `path:"id" maxLength:"64"`
	Reason string `query:"reason" enum:"no_reason,not_as_described,late,quality,cannot_perform,vendor_gone,other" default:"no_reason"`
}

func assessRefund(c *serve.Call, in *assessing) (client.Assessment, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Assessment, error) {
		o, err := order.Get(ctx, r, c.Actor, order.ID(in.ID))
		if err != nil {
			return client.Assessment{}, err
		}
		a, err := refund.Assess(ctx, r, o, refund.Reason(in.Reason))
		if err != nil {
			return client.Assessment{}, err
		}
		out := client.Assessment{
			Kind: string(a.Kind), Amount: amountShape(a.Amount), Paid: amountShape(a.Paid), Left: amountShape(a.Left), Until: optional(a.Until),
			UsedDays: a.UsedDays, TermDays: a.TermDays, Because: a.Because, Clause: a.Clause, Section: a.Section, Rulebook: a.Rulebook,
			EndsAccess: a.Ends, ByTransfer: a.Transfer,
		}
		if a.Refusal != nil {
			out.Refusal = problemShape(serve.ProblemOf(text.With(ctx, c.Lang), c.Market.Info.BaseURL, a.Refusal, ""))
		}
		return out, nil
	})
}

// asked runs one act on a request and answers with what it has become.
func asked(c *serve.Call, in serve.Intent, do func(tx *db.Tx) (refund.Request, error)) (client.Refund, error) {
	in.Clauses = []string{"UA 4.5"}
	return act(c, in, func(tx *db.Tx) (string, client.Refund, error) {
		q, err := do(tx)
		if err != nil {
			return "", client.Refund{}, err
		}
		shape, err := withSteps(c, tx, q.ID)
		return string(q.ID), shape, err
	})
}

func askRefund(c *serve.Call, in *onID[client.RefundAsk]) (client.Refund, error) {
	b := in.Body
	return asked(c, serve.Intent{Name: "refund.submit", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Submit(c.R.Context(), tx, c.Actor, refund.Ask{
			Order: order.ID(in.ID), Reason: refund.Reason(b.Reason), Text: b.Text, Amount: amountOf(b.Amount), Keep: b.Keep,
		})
	})
}

func listRefunds(c *serve.Call, in *paged) (client.Page[client.Refund], error) {
	return read(c, func(r db.Reader) (client.Page[client.Refund], error) {
		found, err := refund.Mine(c.R.Context(), r, c.Actor, refund.ID(in.Before), in.Limit+1)
		return page(each(found, askShape), in.Limit, refundID), err
	})
}

func refundID(q client.Refund) string { return q.ID }

func readRefund(c *serve.Call, in *byID) (client.Refund, error) {
	return read(c, func(r db.Reader) (client.Refund, error) { return withSteps(c, r, refund.ID(in.ID)) })
}

func withdrawRefund(c *serve.Call, in *onID[client.Seen]) (client.Refund, error) {
	return asked(c, serve.Intent{Name: "refund.withdraw", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Withdraw(c.R.Context(), tx, c.Actor, refund.ID(in.ID), in.Body.Version)
	})
}

func acceptRefund(c *serve.Call, in *onID[client.Seen]) (client.Refund, error) {
	return asked(c, serve.Intent{Name: "refund.accept", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Accept(c.R.Context(), tx, c.Actor, refund.ID(in.ID), in.Body.Version)
	})
}

func escalateRefund(c *serve.Call, in *onID[client.SeenNote]) (client.Refund, error) {
	return asked(c, serve.Intent{Name: "refund.escalate", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Escalate(c.R.Context(), tx, c.Actor, refund.ID(in.ID), in.Body.Version, in.Body.Note)
	})
}

func vendorRefunds(c *serve.Call, in *paged) (client.Page[client.Refund], error) {
	return read(c, func(r db.Reader) (client.Page[client.Refund], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Refund]{}, err
		}
		found, err := refund.OfVendor(c.R.Context(), r, seller.ID, refund.ID(in.Before), in.Limit+1)
		return page(each(found, askShape), in.Limit, refundID), err
	})
}

func answerRefund(c *serve.Call, in *onID[client.RefundAnswer]) (client.Refund, error) {
	ctx, b, id := c.R.Context(), in.Body, refund.ID(in.ID)
	return asked(c, serve.Intent{Name: "refund.answer", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		switch b.Answer {
		case "agree":
			return c.Market.Refund.Agree(ctx, tx, c.Actor, id, b.Version)
		case "counter":
			return c.Market.Refund.Counter(ctx, tx, c.Actor, id, b.Version, refund.Offer{Amount: amountOf(b.Amount), Keep: b.Keep, Note: b.Note})
		}
		return c.Market.Refund.Refuse(ctx, tx, c.Actor, id, b.Version, b.Note)
	})
}

func allRefunds(c *serve.Call, in *paged) (client.Page[client.Refund], error) {
	return read(c, func(r db.Reader) (client.Page[client.Refund], error) {
		found, err := refund.All(c.R.Context(), r, refund.ID(in.Before), in.Limit+1)
		return page(each(found, askShape), in.Limit, refundID), err
	})
}

func refundDesk(c *serve.Call, _ *none) (client.Page[client.Refund], error) {
	return read(c, func(r db.Reader) (client.Page[client.Refund], error) {
		found, err := refund.Desk(c.R.Context(), r, 500)
		return whole(found, askShape), err
	})
}

func decideRefund(c *serve.Call, in *onID[client.RefundDecision]) (client.Refund, error) {
	b := in.Body
	return asked(c, serve.Intent{Name: "refund.decide", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Decide(c.R.Context(), tx, c.Actor, refund.ID(in.ID), b.Version, refund.Decision{
			Approve: b.Approve, Amount: amountOf(b.Amount), Keep: b.Keep, Note: b.Note, Clause: b.Basis,
		})
	})
}

func confirmRefund(c *serve.Call, in *onID[client.RefundConfirmation]) (client.Refund, error) {
	b := in.Body
	return asked(c, serve.Intent{Name: "refund.confirm", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.Confirm(c.R.Context(), tx, c.Actor, refund.ID(in.ID), b.Version, b.Confirm, b.Note)
	})
}

func transferRefund(c *serve.Call, in *onID[client.RefundTransfer]) (client.Refund, error) {
	return asked(c, serve.Intent{Name: "refund.transfer", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Request, error) {
		return c.Market.Refund.PaidByTransfer(c.R.Context(), tx, c.Actor, refund.ID(in.ID), in.Body.Version, in.Body.Line)
	})
}

func matterShape(all refund.Record) client.RefundMatter {
	m := all.Matter
	return client.RefundMatter{
		ID: string(m.ID), Order: string(m.Order), Vendor: string(m.Vendor), State: string(m.State), Version: m.Version, OpenedAt: m.OpenedAt, ClosedAt: optional(m.ClosedAt),
		Statements: each(all.Statements, func(s refund.Statement) client.RefundStatement {
			return client.RefundStatement{Side: string(s.Side), Outcome: string(s.Outcome), Amount: amountShape(s.Amount), Text: s.Text, SHA256: s.SHA256, At: s.At}
		}),
		Proofs: each(all.Proofs, func(p refund.Proof) client.RefundProof {
			return client.RefundProof{ID: p.ID, Side: string(p.Side), Name: p.Name, MediaType: p.MediaType, Size: p.Size, SHA256: p.SHA256, At: p.At}
		}),
	}
}

func matter(c *serve.Call, in serve.Intent, do func(tx *db.Tx) (refund.Matter, error)) (client.RefundMatter, error) {
	in.Clauses = []string{"UA 4.5"}
	return act(c, in, func(tx *db.Tx) (string, client.RefundMatter, error) {
		m, err := do(tx)
		if err != nil {
			return "", client.RefundMatter{}, err
		}
		all, err := refund.RecordOf(c.R.Context(), tx, c.Actor, m.ID)
		if err != nil {
			return "", client.RefundMatter{}, err
		}
		shape := matterShape(all)
		card, err := vendor.Card(c.R.Context(), tx, m.Vendor)
		shape.Seller = sellerShape(card)
		return string(m.ID), shape, err
	})
}

func openMatter(c *serve.Call, in *onID[client.Note]) (client.RefundMatter, error) {
	return matter(c, serve.Intent{Name: "refund.matter.open", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Matter, error) {
		return refund.OpenMatter(c.R.Context(), tx, c.Actor, order.ID(in.ID), in.Body.Note)
	})
}

func readMatter(c *serve.Call, in *byID) (client.RefundMatter, error) {
	return read(c, func(r db.Reader) (client.RefundMatter, error) {
		all, err := refund.RecordOf(c.R.Context(), r, c.Actor, refund.MatterID(in.ID))
		if err != nil {
			return client.RefundMatter{}, err
		}
		shape := matterShape(all)
		card, err := vendor.Card(c.R.Context(), r, all.Matter.Vendor)
		shape.Seller = sellerShape(card)
		return shape, err
	})
}

func sayInMatter(c *serve.Call, in *onID[client.RefundSay]) (client.RefundMatter, error) {
	b := in.Body
	return matter(c, serve.Intent{Name: "refund.matter.say", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (refund.Matter, error) {
		return refund.Say(c.R.Context(), tx, c.Actor, refund.MatterID(in.ID), b.Version, refund.Statement{Outcome: refund.Outcome(b.Outcome), Amount: amountOf(b.Amount), Text: b.Text})
	})
}
