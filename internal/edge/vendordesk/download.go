package vendordesk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"yunshi/internal/base/pdf"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/settlement"
)

// downloadStatement answers a statement as a file: csv, json or pdf.
func (d desk) downloadStatement(c *serve.Call) error {
	form := c.R.PathValue("form")
	write, known := map[string]func(context.Context, statementView) ([]byte, error){"csv": statementCSV, "json": statementJSON, "pdf": statementPDF}[form]
	if !known {
		return serve.ErrNotFound
	}
	view, err := d.readStatement(c)
	if err != nil {
		return err
	}
	file, err := write(c.R.Context(), view)
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json", "pdf": "application/pdf"}[form])
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="statement-%s.%s"`, view.Month, form))
	h.Set("Cache-Control", "private, no-store")
	_, err = c.W.Write(file)
	return err
}

// statementState says in words where a statement stands.
func statementState(ctx context.Context, s settlement.Statement) string {
	return text.T(ctx, "vendordesk.statement.state."+stateOf(s.Stated, s.Agreed, s.AgreedBy, s.Objected))
}

func stateOf(stated, agreed time.Time, by, objection string) string {
	switch {
	case stated.IsZero():
		return "running"
	case by == "time":
		return "agreed_by_time"
	case !agreed.IsZero():
		return "agreed"
	case objection != "":
		return "objected"
	}
	return "open"
}

// statementCSV has one line an order between the opening and the closing balance.
func statementCSV(ctx context.Context, v statementView) ([]byte, error) {
	head := []page.Cell{}
	for _, key := range []string{"base.date", "desk.order", "vendordesk.statement.what", "vendordesk.statement.released", "vendordesk.statement.commission", "vendordesk.statement.back", "vendordesk.statement.other", "vendordesk.statement.paid", "vendordesk.statement.sum", "vendordesk.statement.balance", "vendordesk.statement.currency"} {
		head = append(head, page.TextCell(text.T(ctx, key)))
	}
	none := page.TextCell("")
	unit := page.TextCell(string(v.Currency))
	balance := func(at time.Time, key string, plain string) []page.Cell {
		return []page.Cell{page.TextCell(text.Date(ctx, at)), none, page.TextCell(text.T(ctx, key)), none, none, none, none, none, none, page.NumberCell(plain), unit}
	}
	rows := [][]page.Cell{head, balance(v.from, "vendordesk.statement.opening", v.Opening.Plain())}
	for _, r := range v.Orders() {
		rows = append(rows, []page.Cell{
			page.TextCell(text.Date(ctx, r.At)), page.TextCell(r.Order), page.TextCell(booked(ctx, r.Kind)), page.NumberCell(r.Released.Plain()), page.NumberCell(r.Commission.Plain()),
			page.NumberCell(r.GivenBack().Plain()), page.NumberCell(r.Other.Plain()), page.NumberCell(r.Paid.Plain()), page.NumberCell(r.Vendor.Plain()), none, unit,
		})
	}
	return page.CSV(append(rows, balance(v.to, "vendordesk.statement.closing", v.Closing.Plain())))
}

// statementJSON has every posting, with who the parties are.
func statementJSON(_ context.Context, v statementView) ([]byte, error) {
	file, err := json.MarshalIndent(struct {
		Name      string `json:"vendor_name"`
		Collector string `json:"collector"`
		settlement.Statement
	}{v.seller, v.operator, v.Statement}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("vendordesk: statement: %w", err)
	}
	return append(file, '\n'), nil
}

// statementPDF is the statement to keep on paper.
func statementPDF(ctx context.Context, v statementView) ([]byte, error) {
	say := func(key string, kv ...any) string { return text.T(ctx, "vendordesk.statement."+key, kv...) }
	at := v.Stated
	if at.IsZero() {
		at = v.now
	}
	lang := "en"
	if text.From(ctx) == text.ZH {
		lang = "zh-CN"
	}
	d := pdf.New(pdf.Sheet{Title: say("title", "Month", v.Month), Author: v.operator, Lang: lang, Wide: true, At: at})
	d.Text(say("lead", "Operator", v.operator, "Vendor", v.seller))
	d.Terms([]pdf.Term{
		{Label: say("vendor"), Value: v.seller + " · " + string(v.Vendor)},
		{Label: say("collector"), Value: v.operator},
		{Label: say("period"), Value: text.Date(ctx, v.from) + " – " + text.Date(ctx, v.to)},
		{Label: text.T(ctx, "base.state"), Value: statementState(ctx, v.Statement)},
		{Label: say("opening"), Value: page.MoneyText(ctx, v.Opening)},
		{Label: say("closing"), Value: page.MoneyText(ctx, v.Closing)},
		{Label: say("digest"), Value: v.Digest},
	})
	columns := []pdf.Column{
		{Label: text.T(ctx, "base.date"), Share: 1.5}, {Label: say("what"), Share: 4.6}, {Label: say("released"), Share: 1.7, Num: true}, {Label: say("commission"), Share: 1.7, Num: true},
		{Label: say("back"), Share: 1.7, Num: true}, {Label: say("other"), Share: 1.7, Num: true}, {Label: say("paid"), Share: 1.7, Num: true}, {Label: say("sum"), Share: 1.8, Num: true},
	}
	var rows [][]string
	for _, r := range v.Orders() {
		what := booked(ctx, r.Kind)
		if r.Order != "" {
			what += "\n" + r.Order
		}
		rows = append(rows, append([]string{text.Date(ctx, r.At), what}, sums(ctx, r)...))
	}
	d.Heading(say("lines"))
	if len(rows) == 0 {
		d.Text(say("empty"))
	} else {
		d.Table(columns, rows, append([]string{"", say("total")}, sums(ctx, v.Total())...))
	}
	if v.Objected != "" {
		d.Text(say("objection") + ": " + v.Objected)
	}
	d.Text(say("how"))
	var out bytes.Buffer
	err := d.Write(&out)
	return out.Bytes(), err
}

func sums(ctx context.Context, r settlement.Row) []string {
	return []string{
		page.MoneyText(ctx, r.Released), page.MoneyText(ctx, r.Commission), page.MoneyText(ctx, r.GivenBack()), page.MoneyText(ctx, r.Other), page.MoneyText(ctx, r.Paid), page.MoneyText(ctx, r.Vendor),
	}
}
