package world

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/vendor"
)

// EInvoice writes an invoice as the tax administration's file does.
func EInvoice(d invoice.Document) []byte {
	var out bytes.Buffer
	text := func(s string) string {
		var escaped bytes.Buffer
		if err := xml.EscapeText(&escaped, []byte(s)); err != nil {
			panic(err) // a buffer takes everything
		}
		return escaped.String()
	}
	colour := map[invoice.Colour]string{invoice.Blue: "Y", invoice.Red: "N"}[d.Colour]
	kind := map[invoice.Kind]string{invoice.Special: "01", invoice.Ordinary: "02"}[d.Kind]
	fmt.Fprintf(&out, `<?xml version="1.0" encoding="UTF-8"?>
<EInvoice><Header><EIid>%s</EIid><EInvoiceTag>SWEI3200</EInvoiceTag><Version>0.2</Version><InherentLabel><InIssuType><LabelCode>%s</LabelCode></InIssuType>`+
		`<GeneralOrSpecialVAT><LabelCode>%s</LabelCode></GeneralOrSpecialVAT></InherentLabel></Header><EInvoiceData>`, text(d.Number), colour, kind)
	fmt.Fprintf(&out, `<SellerInformation><SellerIdNum>%s</SellerIdNum><SellerName>%s</SellerName></SellerInformation>`, text(d.Seller.TaxID), text(d.Seller.Name))
	fmt.Fprintf(&out, `<BuyerInformation><BuyerIdNum>%s</BuyerIdNum><BuyerName>%s</BuyerName></BuyerInformation>`, text(d.Buyer.TaxID), text(d.Buyer.Name))
	fmt.Fprintf(&out, `<BasicInformation><TotalAmWithoutTax>%s</TotalAmWithoutTax><TotalTaxAm>%s</TotalTaxAm><TotalTax-includedAmount>%s</TotalTax-includedAmount>`+
		`<Drawer>%s</Drawer><RequestTime>%s</RequestTime></BasicInformation>`, d.Net.Plain(), d.Tax.Plain(), d.Total.Plain(), text(d.Drawer), local(d.IssuedAt))
	for _, i := range d.Items {
		fmt.Fprintf(&out, `<IssuItemInformation><ItemName>%s</ItemName><SpecMod>%s</SpecMod><MeaUnits>%s</MeaUnits><Quantity>%s</Quantity><Amount>%s</Amount>`+
			`<TaxRate>%d.%04d</TaxRate><ComTaxAm>%s</ComTaxAm></IssuItemInformation>`, text(i.Name), text(i.Spec), text(i.Unit), text(i.Quantity), i.Net.Plain(),
			i.Rate/10_000, i.Rate%10_000, i.Tax.Plain())
	}
	fmt.Fprintf(&out, `<AdditionalInformation><Remark>%s</Remark></AdditionalInformation></EInvoiceData><TaxSupervisionInfo><InvoiceNumber>%s</InvoiceNumber>`+
		`<IssueTime>%s</IssueTime></TaxSupervisionInfo></EInvoice>`, text(d.Remark), text(d.Number), local(d.IssuedAt))
	return out.Bytes()
}

func local(t time.Time) string { return t.In(calendar.Shanghai).Format(time.DateTime) }

// Answer is the invoice that does what a request asks for, at six per cent.
func Answer(q invoice.Request, seller vendor.SellerCard, number string, at time.Time) invoice.Document {
	return document(q, seller, number, invoice.Blue, q.Amount, at)
}

// TakeBack is the red invoice of a red letter.
func TakeBack(q invoice.Request, l invoice.RedLetter, blue invoice.Invoice, seller vendor.SellerCard, number string, at time.Time) invoice.Document {
	d := document(q, seller, number, invoice.Red, money.Amount{Minor: -l.Amount.Minor, Currency: l.Amount.Currency}, at)
	d.Remark = "被红冲蓝字数电发票号码：" + blue.Number + " 红字发票信息确认单编号：" + l.Confirmation
	return d
}

func document(q invoice.Request, seller vendor.SellerCard, number string, colour invoice.Colour, total money.Amount, at time.Time) invoice.Document {
	minus := int64(1)
	if total.Minor < 0 {
		minus = -1
	}
	tax, err := money.Alloc(minus*total.Minor, 600, 10_600)
	if err != nil {
		panic(err)
	}
	part := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: total.Currency} }
	return invoice.Document{
		Number: number, Colour: colour, Kind: q.Kind, Seller: invoice.Party{Name: seller.RegisteredName, TaxID: seller.USCC},
		Buyer: invoice.Party{Name: q.Buyer.Name, TaxID: q.Buyer.TaxID}, Net: part(total.Minor - minus*tax), Tax: part(minus * tax), Total: total,
		Items:  []invoice.Item{{Name: "*信息技术服务*软件服务费", Unit: "月", Quantity: "1", Net: part(total.Minor - minus*tax), Rate: 600, Tax: part(minus * tax)}},
		Drawer: "开票员", IssuedAt: at,
	}
}
