package invoice

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
)

// The shape of bill/invoice of GOBL (https://gobl.org), as far as an e-invoice
// has something to say. GOBL knows no Chinese tax regime, so none is named.
type (
	goblInvoice struct {
		Schema    string            `json:"$schema"`
		Type      string            `json:"type"`
		Code      string            `json:"code"`
		IssueDate string            `json:"issue_date"`
		Currency  money.Currency    `json:"currency"`
		Preceding []goblDocument    `json:"preceding,omitempty"`
		Supplier  goblParty         `json:"supplier"`
		Customer  goblParty         `json:"customer"`
		Lines     []goblLine        `json:"lines"`
		Totals    goblTotals        `json:"totals"`
		Notes     []goblNote        `json:"notes,omitempty"`
		Meta      map[string]string `json:"meta,omitempty"`
	}
	goblDocument struct {
		Type      string `json:"type"`
		IssueDate string `json:"issue_date"`
		Code      string `json:"code"`
	}
	goblParty struct {
		Name  string     `json:"name"`
		TaxID *goblTaxID `json:"tax_id,omitempty"`
	}
	goblTaxID struct {
		Country string `json:"country"`
		Code    string `json:"code"`
	}
	goblLine struct {
		I        int       `json:"i"`
		Quantity string    `json:"quantity"`
		Item     goblItem  `json:"item"`
		Sum      string    `json:"sum"`
		Taxes    []goblTax `json:"taxes"`
		Total    string    `json:"total"`
	}
	goblItem struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
		Price       string `json:"price"`
	}
	goblTax struct {
		Category string `json:"cat"`
		Percent  string `json:"percent"`
	}
	goblTotals struct {
		Sum          string    `json:"sum"`
		Total        string    `json:"total"`
		Taxes        goblTaxes `json:"taxes"`
		Tax          string    `json:"tax"`
		TotalWithTax string    `json:"total_with_tax"`
		Payable      string    `json:"payable"`
	}
	goblTaxes struct {
		Categories []goblCategory `json:"categories"`
		Sum        string         `json:"sum"`
	}
	goblCategory struct {
		Code   string     `json:"code"`
		Rates  []goblRate `json:"rates"`
		Amount string     `json:"amount"`
	}
	goblRate struct {
		Base    string `json:"base"`
		Percent string `json:"percent"`
		Amount  string `json:"amount"`
	}
	goblNote struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
)

// GOBL writes an invoice of a request in the shape of GOBL, for the buyer's
// accounts and the vendor. A red invoice is a credit note with positive amounts
// that names the invoice before it.
func GOBL(ctx context.Context, r db.Reader, by audit.Actor, id ID, doc DocID) ([]byte, error) {
	_, who, err := look(ctx, r, by, id)
	if err != nil {
		return nil, err
	}
	if who == asWatcher {
		return nil, ErrForbidden
	}
	all, err := invoices(ctx, r, id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(i Invoice) bool { return i.ID == doc })
	if i < 0 {
		return nil, ErrNotFound
	}
	var before *Invoice
	if all[i].Colour == Red {
		blue := all[slices.IndexFunc(all, func(i Invoice) bool { return i.Colour == Blue })]
		before = &blue
	}
	return gobl(all[i], before)
}

func gobl(i Invoice, before *Invoice) ([]byte, error) {
	d := i.Document
	sign := int64(1)
	out := goblInvoice{
		Schema: "https://gobl.org/draft-0/bill/invoice", Type: "standard", Code: i.Number, IssueDate: calendar.On(i.IssuedAt).String(),
		Currency: i.Total.Currency, Supplier: goblPartyOf(d.Seller), Customer: goblPartyOf(d.Buyer), Meta: map[string]string{"cn-fapiao-kind": string(i.Kind)},
	}
	if before != nil {
		sign, out.Type = -1, "credit-note"
		out.Preceding = []goblDocument{{Type: "standard", IssueDate: calendar.On(before.IssuedAt).String(), Code: before.Number}}
	}
	plain := func(a money.Amount) string { return money.Amount{Minor: sign * a.Minor, Currency: a.Currency}.Plain() }
	type sums struct{ base, tax int64 }
	rates := map[int64]sums{}
	for n, item := range d.Items {
		out.Lines = append(out.Lines, goblLine{
			// The file gives the amount of a line; a unit price may have more decimals than money has.
			I: n + 1, Quantity: "1", Item: goblItem{Name: item.Name, Description: described(item), Price: plain(item.Net)},
			Sum: plain(item.Net), Total: plain(item.Net), Taxes: []goblTax{{Category: "VAT", Percent: percent(item.Rate)}},
		})
		s := rates[item.Rate]
		rates[item.Rate] = sums{s.base + item.Net.Minor, s.tax + item.Tax.Minor}
	}
	category := goblCategory{Code: "VAT", Amount: plain(i.Tax)}
	for _, bp := range slices.Sorted(maps.Keys(rates)) {
		s := rates[bp]
		category.Rates = append(category.Rates, goblRate{
			Base: plain(money.Amount{Minor: s.base, Currency: i.Total.Currency}), Percent: percent(bp),
			Amount: plain(money.Amount{Minor: s.tax, Currency: i.Total.Currency}),
		})
	}
	out.Totals = goblTotals{
		Sum: plain(i.Net), Total: plain(i.Net), Taxes: goblTaxes{Categories: []goblCategory{category}, Sum: plain(i.Tax)}, Tax: plain(i.Tax),
		TotalWithTax: plain(i.Total), Payable: plain(i.Total),
	}
	if d.Remark != "" {
		out.Notes = []goblNote{{Key: "general", Text: d.Remark}}
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

func goblPartyOf(p Party) goblParty {
	out := goblParty{Name: p.Name}
	if p.TaxID != "" {
		out.TaxID = &goblTaxID{Country: "CN", Code: p.TaxID}
	}
	return out
}

// described keeps what a line says besides its amount.
func described(i Item) string {
	text := i.Spec
	if i.Quantity != "" {
		text = fmt.Sprintf("%s × %s %s", i.Spec, i.Quantity, i.Unit)
	}
	return strings.Join(strings.Fields(text), " ")
}

// percent writes basis points: 600 is "6%", 150 is "1.5%".
func percent(bp int64) string {
	text := strconv.FormatInt(bp/100, 10)
	if part := bp % 100; part > 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%02d", part), "0")
	}
	return text + "%"
}
