package wechatpay

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
)

// A bill is a table: a line of titles, the lines of the day, whose every field is
// preceded by a backtick, then the titles and the values of the totals. Columns
// come and go, so they are found by their titles.

// errBill means that a bill is not what WeChat Pay's documents describe. The error
// names the line and the column and repeats no value.
var errBill = errors.New("wechatpay: the bill cannot be read")

type bill struct {
	columns map[string]int
	rows    [][]string
}

// counted are the totals that say how many lines a bill has.
var counted = []string{"总交易单数", "资金流水总笔数"}

// parseBill reads a whole bill or nothing.
func parseBill(text []byte) (bill, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return bill{}, fmt.Errorf("%w: not UTF-8", errBill)
	}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	titles := strings.Split(lines[0], ",")
	b := bill{columns: make(map[string]int, len(titles))}
	for i, title := range titles {
		title = strings.TrimSpace(title)
		if _, twice := b.columns[title]; twice || title == "" || strings.HasPrefix(title, "`") {
			return bill{}, fmt.Errorf("%w: line 1: title %d", errBill, i+1)
		}
		b.columns[title] = i
	}
	n := 1
	for ; n < len(lines) && strings.HasPrefix(lines[n], "`"); n++ {
		row := fields(lines[n])
		if len(row) != len(titles) {
			return bill{}, fmt.Errorf("%w: line %d has %d fields, not %d", errBill, n+1, len(row), len(titles))
		}
		b.rows = append(b.rows, row)
	}
	if len(lines) != n+2 || !strings.HasPrefix(lines[n+1], "`") {
		return bill{}, fmt.Errorf("%w: line %d: no totals", errBill, n+1)
	}
	totals, values := strings.Split(lines[n], ","), fields(lines[n+1])
	if len(totals) != len(values) {
		return bill{}, fmt.Errorf("%w: line %d: totals", errBill, n+2)
	}
	for _, name := range counted {
		if strings.TrimSpace(totals[0]) != name {
			continue
		}
		count, err := strconv.Atoi(strings.TrimSuffix(values[0], ".0"))
		if err != nil || count != len(b.rows) {
			return bill{}, fmt.Errorf("%w: it has %d lines and does not say so", errBill, len(b.rows))
		}
	}
	return b, nil
}

// fields splits a line whose every field is preceded by a backtick; a text may
// have commas.
func fields(line string) []string {
	return strings.Split(strings.TrimPrefix(line, "`"), ",`")
}

// record is one line of a bill; the first value that cannot be read stays as its
// error.
type record struct {
	bill
	line int
	row  []string
	err  error
}

func (b bill) record(i int) *record { return &record{bill: b, line: i + 2, row: b.rows[i]} }

func (r *record) fail(title string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: line %d: %s", errBill, r.line, title)
	}
}

// text is the value of the first of the columns that the bill has.
func (r *record) text(titles ...string) string {
	for _, title := range titles {
		if i, ok := r.columns[title]; ok {
			return strings.TrimSpace(r.row[i])
		}
	}
	r.fail(titles[0])
	return ""
}

// id is a text that may not be empty; "0" stands for none.
func (r *record) id(titles ...string) string {
	value := r.text(titles...)
	if value == "" || value == "0" {
		r.fail(titles[0])
	}
	return value
}

// amount is a value in yuan as exact fen; an empty one is zero.
func (r *record) amount(titles ...string) int64 {
	value := r.text(titles...)
	if value == "" {
		return 0
	}
	minor, err := parseYuan(value)
	if err != nil {
		r.fail(titles[0])
	}
	return minor
}

func (r *record) at(titles ...string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04:05", r.text(titles...), calendar.Shanghai)
	if err != nil {
		r.fail(titles[0])
	}
	return at
}

// parseYuan reads yuan exactly. Bills write fees with further zeros, "0.04000"; a
// fraction of a fen is refused.
func parseYuan(s string) (int64, error) {
	s, negative := strings.CutPrefix(s, "-")
	if whole, fraction, ok := strings.Cut(s, "."); ok && len(fraction) > 2 {
		if strings.Trim(fraction[2:], "0") != "" {
			return 0, errBill
		}
		s = whole + "." + fraction[:2]
	}
	a, err := money.Parse(s, currency)
	if negative {
		a.Minor = -a.Minor
	}
	return a.Minor, err
}
