package api_test

import (
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/testkit/world"
)

// TestARefundFromTheAssessmentToTheMoney is the whole way by program: asked,
// answered, brought to the operator, signed twice, paid.
func TestARefundFromTheAssessmentToTheMoney(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		const price = 1_200_000 // above what one person may sign
		buyer := b.Customer(account.Individual)
		o := b.Bought(buyer, b.Listed(world.Content(delivery.LicenceKey, price)))
		c, seller := b.as(buyer), b.as(b.Seller)

		full := must(c.AssessRefund(ctx, string(o.ID), ""))(t)
		if full.Kind != "full" || full.Amount.Minor != price || full.Section != "RB refund-2" || full.Until == nil {
			t.Errorf("in the window: %+v", full)
		}
		b.Clock.Advance(9 * 24 * time.Hour)
		part := must(c.AssessRefund(ctx, string(o.ID), ""))(t)
		if part.Kind != "pro_rata" || part.UsedDays != 10 {
			t.Errorf("after the window: %+v", part)
		}
		most := must(c.AssessRefund(ctx, string(o.ID), "not_as_described"))(t)
		ask := client.RefundAsk{Reason: "not_as_described", Text: "no export", Amount: most.Amount}
		q, replayed, err := c.AskRefund(ctx, "refund-1", string(o.ID), ask)
		if err != nil || replayed || q.State != "vendor_review" || len(q.Steps) != 2 {
			t.Fatal(q, replayed, err)
		}
		if again, replayed, err := c.AskRefund(ctx, "refund-1", string(o.ID), ask); err != nil || !replayed || again.ID != q.ID {
			t.Error(again.ID, replayed, err)
		}
		_, _, err = c.AskRefund(ctx, "refund-2", string(o.ID), ask)
		code(t, err, "REFUND_OPEN")

		sold := must(seller.VendorRefunds(ctx, client.List{}))(t)
		if len(sold.Items) != 1 || sold.Items[0].Account != "" || sold.Items[0].Text != "no export" {
			t.Errorf("the vendor sees %+v", sold.Items)
		}
		q = must(seller.AnswerRefund(ctx, q.ID, client.RefundAnswer{Version: q.Version, Answer: "counter", Amount: client.Amount{Minor: 100, Currency: "CNY"}, Keep: true, Note: "a rebate"}))(t)
		_, err = c.EscalateRefund(ctx, q.ID, client.SeenNote{Version: q.Version - 1, Note: "no"})
		code(t, err, "STALE")
		q = must(c.EscalateRefund(ctx, q.ID, client.SeenNote{Version: q.Version, Note: "no"}))(t)

		desk := must(b.as(b.Support).RefundDesk(ctx))(t)
		if len(desk.Items) != 1 || desk.Items[0].ID != q.ID {
			t.Errorf("desk: %+v", desk.Items)
		}
		decision := client.RefundDecision{Version: q.Version, Approve: true, Amount: most.Amount, Note: "the page promised it", Basis: "RB refund-5"}
		_, err = seller.DecideRefund(ctx, q.ID, decision)
		code(t, err, "FORBIDDEN")
		q = must(b.as(b.Support).DecideRefund(ctx, q.ID, decision))(t)
		_, err = b.as(b.Support).ConfirmRefund(ctx, q.ID, client.RefundConfirmation{Version: q.Version, Confirm: true})
		code(t, err, "SECOND_APPROVER_REQUIRED")
		q = must(b.as(b.Finance).ConfirmRefund(ctx, q.ID, client.RefundConfirmation{Version: q.Version, Confirm: true}))(t)
		b.Drain()
		q = must(c.Refund(ctx, q.ID))(t)
		if q.State != "refunded" || q.Steps[len(q.Steps)-1].Event != "paid" {
			t.Errorf("at the end: %+v", q)
		}
		none := must(c.AssessRefund(ctx, string(o.ID), ""))(t)
		if none.Kind != "none" || none.Refusal == nil || none.Refusal.Code != "REFUND_NOTHING_LEFT" {
			t.Errorf("after it: %+v", none)
		}
	})
}
