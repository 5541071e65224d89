package shop

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
)

// receiptProof is what the log proves of a receipt. It names the seller, whose
// card is public, and nobody who bought.
type receiptProof struct {
	Act                    audit.Act
	Place                  *audit.Inclusion
	Order, Snapshot        string
	Paid                   money.Amount
	Payee, USCC, Collector string
	Back                   string // act by which money went back later; "" while none did
	Hash                   string // of the leaf
	Key                    string
}

// receiptRecord is the record of a payment, by the id on the receipt. Every other
// record does not exist here.
func receiptRecord(c *serve.Call, r db.Reader) (a audit.Act, paid struct {
	Paid     money.Amount `json:"paid"`
	Snapshot string       `json:"snapshot_sha256"`
}, err error) {
	a, err = audit.Get(c.R.Context(), r, c.R.PathValue("record"))
	if err == nil && a.Act != "order.paid" {
		err = serve.ErrNotFound
	}
	if err != nil {
		return a, paid, err
	}
	return a, paid, json.Unmarshal(a.Data, &paid)
}

func proveReceipt(c *serve.Call) error {
	ctx := c.R.Context()
	v := receiptProof{Key: c.Market.Info.LogKey}
	err := c.Read(func(r db.Reader) error {
		a, paid, err := receiptRecord(c, r)
		if err != nil {
			return err
		}
		v.Act, v.Paid, v.Snapshot = a, paid.Paid, paid.Snapshot
		i := slices.IndexFunc(a.Subjects, func(s string) bool { return strings.HasPrefix(s, "ord_") })
		if i < 0 {
			return serve.ErrNotFound
		}
		v.Order = a.Subjects[i]
		o, err := order.Any(ctx, r, order.ID(v.Order))
		if err != nil {
			return err
		}
		v.Payee, v.USCC, v.Collector = o.Snapshot.Seller.RegisteredName, o.Snapshot.Seller.USCC, o.Snapshot.Collector
		since, err := audit.About(ctx, r, v.Order)
		if err != nil {
			return err
		}
		for _, s := range since {
			if s.Refusal == "" && (s.Act == "order.refunding" || s.Act == "order.refunded" || s.Act == "refund.paid") {
				v.Back = s.Act
			}
		}
		if v.Place, err = place(ctx, r, a.ID); err == nil && v.Place != nil {
			v.Hash = tlog.RecordHash([]byte(v.Place.Leaf)).String()
		}
		return err
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, receiptProofPage(chrome(c, text.T(ctx, "evidence.receipt.title"), page.Link{Label: text.T(ctx, "shop.verify.title"), Href: "/verify"}), v))
}

// receiptBundle is the proof as a file. The record's text names accounts, so its
// hash stands in its place.
func receiptBundle(c *serve.Call) error {
	var content []byte
	err := c.Read(func(r db.Reader) error {
		a, _, err := receiptRecord(c, r)
		if err != nil {
			return err
		}
		b, err := audit.Bundle(c.R.Context(), r, []audit.Act{a}, func(audit.Act) bool { return false })
		if errors.Is(err, audit.ErrNotYet) {
			return serve.ErrNotFound
		}
		if err != nil {
			return err
		}
		content, err = b.Encode()
		return err
	})
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": c.R.PathValue("record") + ".proof.json"}))
	_, err = c.W.Write(content)
	return err
}
