package banktransfer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// column is a column of a statement file.
type column string

// The columns. The amount is either one signed column or two unsigned ones.
const (
	colDate         column = "date"                 // 2026-03-02, with a time if there is one; Shanghai time
	colRef          column = "bank_ref"             // the bank's number of the movement, unique
	colAmount       column = "amount"               // 1980.00 came in, -1980.00 went out
	colCredit       column = "credit"               // came in
	colDebit        column = "debit"                // went out
	colCurrency     column = "currency"             // CNY when there is no such column
	colReference    column = "reference"            // what the payer wrote
	colCounterparty column = "counterparty"         // the other side's name
	colAccount      column = "counterparty_account" // the other side's account number
)

// headers are the accepted names of each column, compared without case and
// spaces around them. Other columns of a file are left alone.
var headers = map[string]column{
	"date": colDate, "交易时间": colDate, "交易日期": colDate, "记账日期": colDate,
	"bank_ref": colRef, "流水号": colRef, "交易流水号": colRef, "银行流水号": colRef,
	"amount": colAmount, "金额": colAmount, "交易金额": colAmount,
	"credit": colCredit, "收入": colCredit, "收入金额": colCredit, "贷方金额": colCredit,
	"debit": colDebit, "支出": colDebit, "支出金额": colDebit, "借方金额": colDebit,
	"currency": colCurrency, "币种": colCurrency,
	"reference": colReference, "附言": colReference, "备注": colReference, "用途": colReference,
	"counterparty": colCounterparty, "对方户名": colCounterparty,
	"counterparty_account": colAccount, "对方账号": colAccount,
}

const (
	maxFile   = 8 << 20
	maxLines  = 20000
	maxFaults = 50
)

// errTooLong refuses a statement that is larger than anybody reads.
var errTooLong = fault.New(fault.Invalid, "TOO_LARGE", "")

// ParseStatement reads a statement file, at most 8 MiB and 20,000 lines in UTF-8,
// with or without a byte order mark: an ISO 20022 camt.053 document, or CSV with a
// header line in Chinese or English. A line that stands twice is returned once. Every mistake is a fault
// that names its line in the file, counted from 1, and its column:
// "lines.3.amount". Nothing is returned when there is one.
func ParseStatement(r io.Reader) ([]payment.StatementLine, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("banktransfer: read the statement: %w", err)
	}
	if len(content) > maxFile {
		return nil, errTooLong.With("Max", "8 MiB").In("file")
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) {
		return nil, payment.ErrInvalid.In("file")
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("<")) {
		return parseCAMT(content)
	}
	rows := csv.NewReader(bufio.NewReader(bytes.NewReader(content)))
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if err != nil {
		return nil, broken(err, 1)
	}
	where, err := columns(header)
	if err != nil {
		return nil, err
	}
	var all collected
	for read := 0; ; read++ {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all.end()
		}
		if err != nil {
			all.faults = append(all.faults, broken(err, read+2))
			return nil, all.faults.Err()
		}
		number, _ := rows.FieldPos(0)
		if l, wrong := readLine(where, cells, number); len(wrong) > 0 {
			all.faults = append(all.faults, wrong...)
		} else {
			all.add(l, number)
		}
		if done, err := all.full(); done {
			return nil, err
		}
	}
}

func field(line int, c column) string { return fmt.Sprintf("lines.%d.%s", line, c) }

// broken is a file that is not CSV, with the line the reader stopped at.
func broken(err error, line int) *fault.Fault {
	var at *csv.ParseError
	if errors.As(err, &at) {
		line = at.Line
	}
	return payment.ErrInvalid.In(fmt.Sprintf("lines.%d", line))
}

// columns finds where each column stands.
func columns(header []string) (map[column]int, error) {
	where := map[column]int{}
	for i, name := range header {
		c, ok := headers[strings.ToLower(strings.TrimSpace(name))]
		if !ok {
			continue
		}
		if _, twice := where[c]; twice {
			return nil, payment.ErrInvalid.In(field(1, c))
		}
		where[c] = i
	}
	var missing fault.List
	for _, c := range []column{colDate, colRef, colReference} {
		if _, ok := where[c]; !ok {
			missing = append(missing, payment.ErrRequired.In(field(1, c)))
		}
	}
	_, signed := where[colAmount]
	_, in := where[colCredit]
	_, out := where[colDebit]
	if !signed && (!in || !out) || signed && (in || out) {
		missing = append(missing, payment.ErrRequired.In(field(1, colAmount)))
	}
	return where, missing.Err()
}

// readLine reads one movement, or says what is wrong with it.
func readLine(where map[column]int, cells []string, number int) (l payment.StatementLine, wrong fault.List) {
	cell := func(c column) string {
		if i, ok := where[c]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	blame := func(f *fault.Fault, c column) { wrong = append(wrong, f.In(field(number, c))) }

	l.BankRef, l.Reference, l.Counterparty, l.Account = cell(colRef), cell(colReference), cell(colCounterparty), cell(colAccount)
	if l.BankRef == "" {
		blame(payment.ErrRequired, colRef)
	}
	at, ok := moment(cell(colDate))
	if l.At = at; !ok {
		blame(payment.ErrInvalid, colDate)
	}
	currency := money.CNY
	if code := cell(colCurrency); code != "" {
		c, err := money.ParseCurrency(strings.ToUpper(code))
		if currency = c; err != nil {
			blame(payment.ErrInvalid, colCurrency)
			return l, wrong
		}
	}
	var c column
	if l.Amount, c, ok = amount(cell, currency); !ok {
		blame(payment.ErrInvalid, c)
	}
	return l, wrong
}

// amount reads the signed column, or the one of the two that is filled.
func amount(cell func(column) string, currency money.Currency) (a money.Amount, c column, ok bool) {
	c, text, out := colAmount, cell(colAmount), false
	if text == "" {
		in, debit := filled(cell(colCredit)), filled(cell(colDebit))
		switch {
		case in != "" && debit != "":
			return a, colDebit, false
		case debit != "":
			c, text, out = colDebit, debit, true
		default:
			c, text = colCredit, in
		}
	} else if rest, negative := strings.CutPrefix(text, "-"); negative {
		text, out = rest, true
	}
	a, err := money.Parse(text, currency)
	if err != nil || a.IsZero() {
		return a, c, false
	}
	if out {
		a.Minor = -a.Minor
	}
	return a, c, true
}

// filled drops the zero that banks print in the column that does not apply.
func filled(text string) string {
	if strings.Trim(text, "0.") == "" {
		return ""
	}
	return text
}

// moment reads a Shanghai day with or without a time, or a moment with its zone.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly, "2006/01/02 15:04:05", "2006/01/02", "20060102"} {
		if t, err := time.ParseInLocation(layout, text, calendar.Shanghai); err == nil {
			return t.UTC(), true
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err == nil
}
