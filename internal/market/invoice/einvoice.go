package invoice

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/money"
)

// Document is what the file of a fully digitalised e-invoice says.
type Document struct {
	Number   string       `json:"number"`
	Colour   Colour       `json:"colour"`
	Kind     Kind         `json:"kind"`
	Seller   Party        `json:"seller"`
	Buyer    Party        `json:"buyer"`
	Items    []Item       `json:"items"`
	Net      money.Amount `json:"net"`
	Tax      money.Amount `json:"tax"`
	Total    money.Amount `json:"total"`
	Drawer   string       `json:"drawer"` // who issued it
	Remark   string       `json:"remark"`
	IssuedAt time.Time    `json:"issued_at"`
}

// Party is one side of an invoice.
type Party struct {
	Name  string `json:"name"`
	TaxID string `json:"tax_id"`
}

// Item is one line of an invoice.
type Item struct {
	Name     string       `json:"name"` // "*category*name"
	Spec     string       `json:"spec,omitempty"`
	Unit     string       `json:"unit,omitempty"`
	Quantity string       `json:"quantity,omitempty"` // as written; a service may have none
	Net      money.Amount `json:"net"`
	Rate     int64        `json:"rate_bp"` // basis points; 0 also when the line is exempt
	Tax      money.Amount `json:"tax"`
}

// The bounds of a file. A real one has a few kilobytes; the most lines an e-invoice
// may have are 2,000.
const (
	MaxXML      = 2 << 20 // bytes
	MaxView     = 8 << 20 // bytes of an OFD or PDF
	maxDepth    = 24
	maxElements = 60_000
	maxItems    = 2_000
)

const dataPath = "EInvoice/EInvoiceData/"

// wanted are the elements that stand once in a file and are read.
var wanted = map[string]bool{
	"EInvoice/Header/EIid":                                        true,
	"EInvoice/Header/InherentLabel/InIssuType/LabelCode":          true,
	"EInvoice/Header/InherentLabel/GeneralOrSpecialVAT/LabelCode": true,
	"EInvoice/TaxSupervisionInfo/InvoiceNumber":                   true,
	"EInvoice/TaxSupervisionInfo/IssueTime":                       true,
	dataPath + "SellerInformation/SellerName":                     true,
	dataPath + "SellerInformation/SellerIdNum":                    true,
	dataPath + "BuyerInformation/BuyerName":                       true,
	dataPath + "BuyerInformation/BuyerIdNum":                      true,
	dataPath + "BasicInformation/TotalAmWithoutTax":               true,
	dataPath + "BasicInformation/TotalTaxAm":                      true,
	dataPath + "BasicInformation/TotalTax-includedAmount":         true,
	dataPath + "BasicInformation/Drawer":                          true,
	dataPath + "AdditionalInformation/Remark":                     true,
}

const itemPath = dataPath + "IssuItemInformation"

// leaves is a file taken apart: the text of each wanted element, and of each line.
type leaves struct {
	once  map[string]string
	items []map[string]string
}

// Parse reads the XML of an e-invoice. It refuses (INVOICE_FILE_UNREADABLE, with
// a reason) what is too large or too deep, a document type declaration and with
// it every entity of its own, an encoding other than UTF-8, an element twice that
// stands once, and a file that lacks what every e-invoice has. It reads nothing
// from outside the bytes. What it returns is what the file says, not yet that
// this is the invoice asked for.
func Parse(file []byte, now time.Time) (Document, error) {
	l, err := takeApart(file)
	if err != nil {
		return Document{}, err
	}
	var d Document
	for _, step := range []func() (reason string){
		func() string { return d.readHead(l, now) },
		func() string { return d.readAmounts(l) },
		func() string { return d.readItems(l) },
	} {
		if reason := step(); reason != "" {
			return Document{}, unreadable(reason)
		}
	}
	return d, nil
}

func unreadable(reason string) error { return ErrUnreadable.With("Reason", reason).In("file") }

func takeApart(file []byte) (leaves, error) {
	if len(file) == 0 || len(file) > MaxXML {
		return leaves{}, unreadable("size")
	}
	if !utf8.Valid(file) {
		return leaves{}, unreadable("encoding")
	}
	in := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))
	l := leaves{once: map[string]string{}}
	var path []string
	var text strings.Builder
	elements, rooted := 0, false
	for {
		token, err := in.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return leaves{}, unreadable("xml")
		}
		switch token := token.(type) {
		case xml.Directive:
			return leaves{}, unreadable("doctype")
		case xml.StartElement:
			elements++
			if len(path) == maxDepth || elements > maxElements || len(path) == 0 && rooted {
				return leaves{}, unreadable("shape")
			}
			rooted = true
			path = append(path, token.Name.Local)
			text.Reset()
			if strings.Join(path, "/") == itemPath {
				if len(l.items) == maxItems {
					return leaves{}, unreadable("shape")
				}
				l.items = append(l.items, map[string]string{})
			}
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != token.Name.Local {
				return leaves{}, unreadable("xml")
			}
			if !l.keep(strings.Join(path, "/"), strings.TrimSpace(text.String())) {
				return leaves{}, unreadable("twice")
			}
			path = path[:len(path)-1]
			text.Reset()
		}
	}
	if len(path) > 0 || !rooted {
		return leaves{}, unreadable("xml")
	}
	return l, nil
}

// keep notes the text of an element that has ended; false when it was there.
func (l leaves) keep(path, text string) bool {
	if name, inItem := strings.CutPrefix(path, itemPath+"/"); inItem && !strings.Contains(name, "/") {
		item := l.items[len(l.items)-1]
		_, twice := item[name]
		item[name] = text
		return !twice
	}
	if !wanted[path] {
		return true
	}
	_, twice := l.once[path]
	l.once[path] = text
	return !twice
}

func (d *Document) readHead(l leaves, now time.Time) (reason string) {
	number := l.once["EInvoice/TaxSupervisionInfo/InvoiceNumber"]
	if id := l.once["EInvoice/Header/EIid"]; number == "" {
		number = id
	} else if id != "" && id != number {
		return "number"
	}
	// An invoice of the first hours of a year may be read by a clock that is behind.
	parsed, err := cn.ParseEInvoiceNo(number, calendar.On(now.Add(24*time.Hour)))
	if err != nil {
		return "number"
	}
	d.Number = parsed.Canonical()
	switch l.once["EInvoice/Header/InherentLabel/InIssuType/LabelCode"] {
	case "Y":
		d.Colour = Blue
	case "N":
		d.Colour = Red
	default:
		return "colour"
	}
	switch l.once["EInvoice/Header/InherentLabel/GeneralOrSpecialVAT/LabelCode"] {
	case "01":
		d.Kind = Special
	case "02":
		d.Kind = Ordinary
	default:
		return "kind"
	}
	d.Seller = Party{l.once[dataPath+"SellerInformation/SellerName"], l.once[dataPath+"SellerInformation/SellerIdNum"]}
	d.Buyer = Party{l.once[dataPath+"BuyerInformation/BuyerName"], l.once[dataPath+"BuyerInformation/BuyerIdNum"]}
	d.Drawer = l.once[dataPath+"BasicInformation/Drawer"]
	d.Remark = l.once[dataPath+"AdditionalInformation/Remark"]
	switch {
	case d.Seller.Name == "" || d.Seller.TaxID == "":
		return "seller"
	case d.Buyer.Name == "":
		return "buyer"
	}
	if d.IssuedAt, err = moment(l.once["EInvoice/TaxSupervisionInfo/IssueTime"]); err != nil {
		return "issued_at"
	}
	return ""
}

func (d *Document) readAmounts(l leaves) (reason string) {
	for name, into := range map[string]*money.Amount{
		"TotalAmWithoutTax": &d.Net, "TotalTaxAm": &d.Tax, "TotalTax-includedAmount": &d.Total,
	} {
		var err error
		if *into, err = signed(l.once[dataPath+"BasicInformation/"+name]); err != nil {
			return "amount"
		}
	}
	return ""
}

func (d *Document) readItems(l leaves) (reason string) {
	if len(l.items) == 0 {
		return "items"
	}
	for _, in := range l.items {
		item := Item{Name: in["ItemName"], Spec: in["SpecMod"], Unit: in["MeaUnits"], Quantity: in["Quantity"]}
		var err error
		if item.Net, err = signed(in["Amount"]); err != nil || item.Name == "" {
			return "items"
		}
		if item.Tax, err = signed(orZero(in["ComTaxAm"])); err != nil {
			return "items"
		}
		if item.Rate, err = rate(in["TaxRate"]); err != nil {
			return "items"
		}
		d.Items = append(d.Items, item)
	}
	return ""
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// signed reads an amount in yuan with an optional minus; zeros after the second
// decimal say nothing and are dropped.
func signed(s string) (money.Amount, error) {
	plain, negative := strings.CutPrefix(s, "-")
	if whole, fraction, ok := strings.Cut(plain, "."); ok && len(fraction) > 2 {
		plain = whole + "." + fraction[:2] + strings.TrimRight(fraction[2:], "0")
	}
	a, err := money.Parse(plain, money.CNY)
	if err != nil || !negative {
		return a, err
	}
	return a.Neg()
}

// exempt are the words that stand for a rate where no tax is due.
var exempt = []string{"", "免税", "不征税", "***", "*"}

var errRate = errors.New("invoice: not a tax rate")

// rate reads "0.06", "0.060000" or "6%" as basis points.
func rate(s string) (int64, error) {
	for _, word := range exempt {
		if s == word {
			return 0, nil
		}
	}
	scale := 4
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		s, scale = percent, 2
	}
	whole, fraction, _ := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > scale {
		return 0, errRate
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10, 32)
	if err != nil || n > 10_000 {
		return 0, errRate
	}
	return int64(n), nil
}

// moment reads the time of issue, which is written in Beijing time.
func moment(s string) (t time.Time, err error) {
	for _, layout := range []string{time.DateTime, time.DateOnly, "20060102150405", "2006年01月02日"} {
		if t, err = time.ParseInLocation(layout, s, calendar.Shanghai); err == nil {
			return t, nil
		}
	}
	return t, err
}

// sameName compares names as people read them: full-width forms and spaces make
// no difference.
func sameName(a, b string) bool { return plainName(a) == plainName(b) }

func plainName(s string) string {
	return strings.Join(strings.Fields(norm.NFKC.String(s)), "")
}
