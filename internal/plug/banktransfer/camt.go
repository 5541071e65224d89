package banktransfer

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// What is read of a bank-to-customer statement, ISO 20022 camt.053.001 from its
// version 02 on. Where versions nest a value differently, both places are read.
type (
	camtDocument struct {
		XMLName    xml.Name        `xml:"Document"`
		Statements []camtStatement `xml:"BkToCstmrStmt>Stmt"`
	}
	camtStatement struct {
		Entries []camtEntry `xml:"Ntry"`
	}
	camtEntry struct {
		Reference string       `xml:"NtryRef"`
		Amount    camtAmount   `xml:"Amt"`
		Direction string       `xml:"CdtDbtInd"`
		Status    camtStatus   `xml:"Sts"`
		Booked    camtDate     `xml:"BookgDt"`
		Servicer  string       `xml:"AcctSvcrRef"`
		Details   []camtDetail `xml:"NtryDtls>TxDtls"`
		Words     string       `xml:"AddtlNtryInf"`
	}
	camtAmount struct {
		Currency string `xml:"Ccy,attr"`
		Text     string `xml:",chardata"`
	}
	camtStatus struct {
		Text string `xml:",chardata"` // to version 07
		Code string `xml:"Cd"`        // from version 08
	}
	camtDate struct {
		Day    string `xml:"Dt"`
		Moment string `xml:"DtTm"`
	}
	camtDetail struct {
		Servicer  string      `xml:"Refs>AcctSvcrRef"`
		EndToEnd  string      `xml:"Refs>EndToEndId"`
		Amount    camtAmount  `xml:"Amt"`
		Settled   camtAmount  `xml:"AmtDtls>TxAmt>Amt"` // in version 02
		Direction string      `xml:"CdtDbtInd"`
		Parties   camtParties `xml:"RltdPties"`
		Words     []string    `xml:"RmtInf>Ustrd"`
		Creditor  []string    `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
		More      string      `xml:"AddtlTxInf"`
	}
	camtParties struct {
		Debtor          camtParty   `xml:"Dbtr"`
		DebtorAccount   camtAccount `xml:"DbtrAcct"`
		Creditor        camtParty   `xml:"Cdtr"`
		CreditorAccount camtAccount `xml:"CdtrAcct"`
	}
	camtParty struct {
		Name   string `xml:"Nm"`     // to version 07
		Nested string `xml:"Pty>Nm"` // from version 08
	}
	camtAccount struct {
		IBAN  string `xml:"Id>IBAN"`
		Other string `xml:"Id>Othr>Id"`
	}
)

const (
	camtSpace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
	maxDepth  = 32
	maxParts  = 1000 // of one entry
)

var errForm = errors.New("banktransfer: not a form of XML that a statement has")

// shallow hands tokens on while they nest like a statement. A document type, and
// with it every entity, is refused; nothing is ever fetched.
type shallow struct {
	from  *xml.Decoder
	depth int
}

func (s *shallow) Token() (xml.Token, error) {
	t, err := s.from.Token()
	switch t.(type) {
	case xml.StartElement:
		if s.depth++; s.depth > maxDepth {
			return nil, errForm
		}
	case xml.EndElement:
		s.depth--
	case xml.Directive:
		return nil, errForm
	}
	return t, err
}

// parseCAMT reads an ISO 20022 statement. Entries are counted from 1 over the whole
// file; a mistake names its entry: "lines.3.amount". Entries that are not booked
// yet are left out: they come again.
func parseCAMT(content []byte) ([]payment.StatementLine, error) {
	raw := xml.NewDecoder(bytes.NewReader(content))
	raw.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") {
			return r, nil
		}
		return nil, errForm
	}
	tokens := &shallow{from: raw}
	from := xml.NewTokenDecoder(tokens)
	var doc camtDocument
	if err := from.Decode(&doc); err != nil || !strings.HasPrefix(doc.XMLName.Space, camtSpace) {
		at, _ := raw.InputPos()
		return nil, payment.ErrInvalid.In(fmt.Sprintf("lines.%d", at))
	}
	var all collected
	number := 0
	for _, s := range doc.Statements {
		for _, e := range s.Entries {
			number++
			if status := strings.TrimSpace(e.Status.Text) + strings.TrimSpace(e.Status.Code); status != "BOOK" {
				if status != "PDNG" && status != "INFO" {
					all.blame(payment.ErrInvalid, number, "status")
				}
				continue
			}
			e.read(number, &all)
			if done, err := all.full(); done {
				return nil, err
			}
		}
	}
	return all.end()
}

// collected gathers the lines of a file, each once, and what is wrong with it.
type collected struct {
	lines  []payment.StatementLine
	faults fault.List
	seen   map[string]payment.StatementLine
}

func (c *collected) blame(f *fault.Fault, number int, at column) {
	c.faults = append(c.faults, f.In(field(number, at)))
}

func (c *collected) add(l payment.StatementLine, number int) {
	known, twice := c.seen[l.BankRef]
	switch {
	case twice && known != l:
		c.blame(payment.ErrStatement, number, colRef)
	case !twice:
		if c.seen == nil {
			c.seen = map[string]payment.StatementLine{}
		}
		c.seen[l.BankRef] = l
		c.lines = append(c.lines, l)
	}
}

// full reports that there is more wrong, or more in the file, than anybody reads.
func (c *collected) full() (bool, error) {
	switch {
	case len(c.faults) >= maxFaults:
		return true, c.faults.Err()
	case len(c.lines) > maxLines:
		return true, errTooLong.With("Max", maxLines).In("file")
	}
	return false, nil
}

func (c *collected) end() ([]payment.StatementLine, error) {
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return c.lines, nil
}

// read adds the lines of an entry: itself, or its parts when the bank has booked
// several payments as one and says what each was.
func (e camtEntry) read(number int, all *collected) {
	before := len(all.faults)
	l := payment.StatementLine{BankRef: oneLine(e.Servicer)}
	if l.BankRef == "" {
		l.BankRef = oneLine(e.Reference)
	}
	if l.BankRef == "" {
		all.blame(payment.ErrRequired, number, colRef)
	}
	var ok bool
	if l.At, ok = e.Booked.moment(); !ok {
		all.blame(payment.ErrInvalid, number, colDate)
	}
	if l.Amount, ok = e.Amount.signed(e.Direction); !ok {
		all.blame(payment.ErrInvalid, number, colAmount)
	}
	if len(e.Details) > maxParts {
		all.blame(errTooLong.With("Max", maxParts), number, colReference)
	}
	if len(all.faults) > before {
		return
	}
	if len(e.Details) < 2 {
		words := []string{e.Words}
		for _, d := range e.Details {
			d.describe(&l)
			words = append(d.words(), e.Words)
		}
		l.Reference = joined(words)
		all.add(l, number)
		return
	}
	parts, ok := e.parts(l)
	if !ok {
		all.blame(payment.ErrInvalid, number, colAmount)
		return
	}
	for _, p := range parts {
		all.add(p, number)
	}
}

// parts are the payments of an entry; false when they do not add up to it.
func (e camtEntry) parts(whole payment.StatementLine) ([]payment.StatementLine, bool) {
	var parts []payment.StatementLine
	sum := money.Zero(whole.Amount.Currency)
	for i, d := range e.Details {
		l := payment.StatementLine{BankRef: oneLine(d.Servicer), At: whole.At, Reference: joined(append(d.words(), e.Words))}
		if l.BankRef == "" || l.BankRef == whole.BankRef {
			l.BankRef = fmt.Sprintf("%s/%d", whole.BankRef, i+1)
		}
		amount, direction := d.Amount, d.Direction
		if oneLine(amount.Text) == "" {
			amount = d.Settled
		}
		if oneLine(direction) == "" {
			direction = e.Direction
		}
		var ok bool
		if l.Amount, ok = amount.signed(direction); !ok {
			return nil, false
		}
		var err error
		if sum, err = sum.Add(l.Amount); err != nil {
			return nil, false
		}
		d.describe(&l)
		parts = append(parts, l)
	}
	return parts, sum == whole.Amount
}

// describe names the other side.
func (d camtDetail) describe(l *payment.StatementLine) {
	party, account := d.Parties.Debtor, d.Parties.DebtorAccount
	if l.Amount.Minor < 0 {
		party, account = d.Parties.Creditor, d.Parties.CreditorAccount
	}
	l.Counterparty = oneLine(party.Name) + oneLine(party.Nested)
	if l.Account = oneLine(account.IBAN); l.Account == "" {
		l.Account = oneLine(account.Other)
	}
}

func (d camtDetail) words() []string {
	words := append(append([]string{}, d.Words...), d.Creditor...)
	if end := oneLine(d.EndToEnd); end != "NOTPROVIDED" {
		words = append(words, end)
	}
	return append(words, d.More)
}

func joined(words []string) string {
	var kept []string
	for _, w := range words {
		if w = oneLine(w); w != "" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// oneLine is a value on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// signed is an amount with the sign of its direction: positive came in. Decimals
// beyond those of the currency must be zero.
func (a camtAmount) signed(direction string) (money.Amount, bool) {
	c, err := money.ParseCurrency(oneLine(a.Currency))
	if err != nil {
		return money.Amount{}, false
	}
	digits := oneLine(a.Text)
	if whole, fraction, found := strings.Cut(digits, "."); found {
		if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
			digits = whole
		} else {
			digits = whole + "." + fraction
		}
	}
	x, err := money.Parse(digits, c)
	if err != nil || x.Minor <= 0 {
		return money.Amount{}, false
	}
	switch oneLine(direction) {
	case "CRDT":
		return x, true
	case "DBIT":
		x.Minor = -x.Minor
		return x, true
	}
	return money.Amount{}, false
}

// moment is when an entry was booked: a day, or a time that is Shanghai's when it
// names no zone.
func (d camtDate) moment() (time.Time, bool) {
	if day := oneLine(d.Day); day != "" {
		t, err := time.ParseInLocation(time.DateOnly, day[:min(len(day), 10)], calendar.Shanghai)
		return t.UTC(), err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.ParseInLocation(layout, oneLine(d.Moment), calendar.Shanghai); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
