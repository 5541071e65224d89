package alipay

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

const billQuery = "alipay.data.dataservice.bill.downloadurl.query"

// The bills of a day: the trades of all sub-merchants, and what moved the
// operator's own account.
const (
	tradeBill   = "trade_zft_merchant"
	accountBill = "signcustomer"
)

// Bounds of a bill, as sent and as unpacked.
const (
	maxBill     = 64 << 20
	maxUnpacked = 512 << 20
)

// errBill reports a bill that is not as it should be: nothing of it is believed.
var errBill = errors.New("alipay: the bill cannot be read")

// Report reads the bills of a day that is over. Alipay makes them until nine in
// the morning; before that the call fails.
func (g *Gateway) Report(ctx context.Context, day calendar.Date) ([]payment.ReportLine, error) {
	if !day.Before(calendar.On(g.now())) {
		return nil, fmt.Errorf("alipay: %s is not over", day)
	}
	var lines []payment.ReportLine
	for _, kind := range []string{tradeBill, accountBill} {
		packed, err := g.bill(ctx, kind, day)
		if err != nil {
			return nil, err
		}
		if packed == nil {
			continue
		}
		read, err := readBill(packed, kind)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", kind, day, err)
		}
		lines = append(lines, read...)
	}
	return lines, nil
}

// bill downloads one bill, packed; nil when nothing happened on the day.
func (g *Gateway) bill(ctx context.Context, kind string, day calendar.Date) ([]byte, error) {
	answer, err := call[struct {
		URL string `json:"bill_download_url"`
	}](ctx, g, billQuery, struct {
		Type string `json:"bill_type"`
		Date string `json:"bill_date"`
	}{kind, day.String()}, nil)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == codeFailed && e.is("NO_BILL_DATA") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	address, err := g.billAddress(answer.URL)
	if err != nil {
		return nil, err
	}
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: bill: %w", ErrNoAnswer, bare(err))
	}
	packed, err := g.fetch(get, maxBill)
	if err != nil {
		return nil, fmt.Errorf("%w: bill: %w", ErrNoAnswer, err)
	}
	return packed, nil
}

// billAddress is where a bill is read: at Alipay's, or at the host that stands
// in for it. The file itself is not signed, so the way there is encrypted even
// where Alipay writes it otherwise.
func (g *Gateway) billAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		return "", fmt.Errorf("%w: the address of a bill", ErrNoAnswer)
	}
	base, err := url.Parse(g.cfg.BaseURL)
	if err == nil && u.Scheme == base.Scheme && u.Host == base.Host {
		return u.String(), nil
	}
	host := u.Hostname()
	alipay := strings.HasSuffix(host, ".alipay.com") || strings.HasSuffix(host, ".alipaydev.com")
	if !alipay || u.Scheme != "http" && u.Scheme != "https" || u.Port() != "" {
		return "", fmt.Errorf("%w: a bill is not at Alipay", ErrNoAnswer)
	}
	u.Scheme = "https"
	return u.String(), nil
}

// table is how to read one kind of bill: the columns it must have, and what a
// row means.
type table struct {
	columns []string
	read    func(row map[string]string) ([]payment.ReportLine, error)
}

var tables = map[string]table{
	tradeBill:   {[]string{"支付宝交易号", "商户订单号", "业务类型", "完成时间", "商家实收(元)", "退款批次号/请求号", "服务费(元)"}, tradeRow},
	accountBill: {[]string{"账务流水号", "商户订单号", "业务类型", "发生时间", "收入金额(+元)", "支出金额(-元)"}, accountRow},
}

// endOfRows is in the line after the last row. A bill without it was cut off.
const endOfRows = "明细列表结束"

// readBill unpacks a bill and reads its rows. Beside the rows there are files of
// sums; they do not have the columns.
func readBill(packed []byte, kind string) ([]payment.ReportLine, error) {
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBill, err)
	}
	var lines []payment.ReportLine
	found, left := false, int64(maxUnpacked)
	for _, file := range archive.File {
		raw, err := unpack(file, &left)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBill, err)
		}
		read, ok, err := readRows(raw, tables[kind])
		if err != nil {
			return nil, err
		}
		found = found || ok
		lines = append(lines, read...)
	}
	if !found {
		return nil, fmt.Errorf("%w: no rows and no header", errBill)
	}
	seen := map[payment.ReportLine]bool{}
	for _, l := range lines {
		id := payment.ReportLine{Kind: l.Kind, ProviderID: l.ProviderID}
		if seen[id] {
			return nil, fmt.Errorf("%w: %s %s is there twice", errBill, l.Kind, l.ProviderID)
		}
		seen[id] = true
	}
	return lines, nil
}

func unpack(file *zip.File, left *int64) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, *left+1))
	if *left -= int64(len(raw)); *left < 0 {
		return nil, errors.New("too large")
	}
	return raw, err
}

// readRows reads the rows of one file in Alipay's GBK; ok is false for a file
// that has no such rows.
func readRows(raw []byte, t table) (lines []payment.ReportLine, ok bool, err error) {
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errBill, err)
	}
	var header []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#"):
			if header != nil && strings.Contains(line, endOfRows) {
				return lines, true, nil
			}
			continue
		case strings.TrimSpace(line) == "":
			continue
		}
		cells, err := cellsOf(line)
		if err != nil {
			return nil, false, err
		}
		if header == nil {
			if header = cells; !hasAll(header, t.columns) {
				return nil, false, nil
			}
			continue
		}
		row, err := rowOf(header, cells)
		if err != nil {
			return nil, false, err
		}
		read, err := t.read(row)
		if err != nil {
			return nil, false, err
		}
		lines = append(lines, read...)
	}
	if header != nil {
		return nil, false, fmt.Errorf("%w: it has no end", errBill)
	}
	return nil, false, nil
}

// narrow makes one spelling of the header's brackets.
var narrow = strings.NewReplacer("（", "(", "）", ")", "＋", "+", "－", "-")

func cellsOf(line string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.LazyQuotes = true
	cells, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: a row: %w", errBill, err)
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i]) // a tab keeps spreadsheets from rounding long numbers
	}
	return cells, nil
}

func hasAll(header, columns []string) bool {
	for i := range header {
		header[i] = narrow.Replace(header[i])
	}
	return !slices.ContainsFunc(columns, func(c string) bool { return !slices.Contains(header, c) })
}

// rowOf names the cells. Only remarks, in the last column, may hold commas.
func rowOf(header, cells []string) (map[string]string, error) {
	if extra := len(cells) - len(header); extra > 0 && header[len(header)-1] == "备注" {
		cells = cells[:len(header)]
	}
	if len(cells) != len(header) {
		return nil, fmt.Errorf("%w: a row of %d cells below %d columns", errBill, len(cells), len(header))
	}
	row := make(map[string]string, len(header))
	for i, name := range header {
		row[name] = cells[i]
	}
	return row, nil
}

// tradeRow is a payment or a refund of a sub-merchant, and Alipay's fee for it.
func tradeRow(row map[string]string) ([]payment.ReportLine, error) {
	at, amount, fee, err := numbers(row, "完成时间", "商家实收(元)", "服务费(元)")
	if err != nil {
		return nil, err
	}
	l := payment.ReportLine{Reference: row["商户订单号"], At: at}
	switch row["业务类型"] {
	case "交易":
		l.Kind, l.ProviderID, l.Amount = payment.ReportCapture, row["支付宝交易号"], amount
	case "退款":
		l.Kind, l.Reference = payment.ReportRefund, row["退款批次号/请求号"]
		l.ProviderID, l.Amount = refundID(row["商户订单号"], l.Reference), negative(amount)
	default:
		l.Kind, l.ProviderID, l.Amount = payment.ReportAdjustment, row["支付宝交易号"], amount
	}
	if l.ProviderID == "" || l.Kind == payment.ReportRefund && l.Reference == "" {
		return nil, fmt.Errorf("%w: a row without a number", errBill)
	}
	var lines []payment.ReportLine
	if !l.Amount.IsZero() { // a return of a share refunds nothing
		lines = append(lines, l)
	}
	if !fee.IsZero() {
		f := l
		f.Kind, f.ProviderID, f.Amount = payment.ReportFee, l.ProviderID+"/fee", negative(fee)
		if l.Kind == payment.ReportRefund { // a fee that comes back
			f.Amount.Minor = -f.Amount.Minor
		}
		lines = append(lines, f)
	}
	return lines, nil
}

// accountRow is a movement of the operator's own account. What is not known to
// be something else is an adjustment, which somebody looks at.
func accountRow(row map[string]string) ([]payment.ReportLine, error) {
	at, in, out, err := numbers(row, "发生时间", "收入金额(+元)", "支出金额(-元)")
	if err != nil {
		return nil, err
	}
	l := payment.ReportLine{Kind: payment.ReportAdjustment, ProviderID: row["账务流水号"], Reference: row["商户订单号"], At: at}
	if l.ProviderID == "" {
		return nil, fmt.Errorf("%w: a row without a number", errBill)
	}
	if l.Amount, err = in.Add(negative(out)); err != nil {
		return nil, fmt.Errorf("%w: %w", errBill, err)
	}
	switch kind := row["业务类型"]; {
	case l.Amount.IsZero():
		return nil, nil
	case strings.Contains(kind, "分账") && l.Amount.IsNegative():
		l.Kind = payment.ReportReturn
	case strings.Contains(kind, "分账"):
		l.Kind = payment.ReportSplit
	case kind == "收费" || kind == "退费" || kind == "服务费":
		l.Kind = payment.ReportFee
	case kind == "提现":
		l.Kind = payment.ReportPayout
	}
	return []payment.ReportLine{l}, nil
}

// numbers reads a moment and two amounts of a row.
func numbers(row map[string]string, when, first, second string) (at time.Time, a, b money.Amount, err error) {
	if at, err = moment(row[when]); err == nil && at.IsZero() {
		err = errors.New("no time")
	}
	if err == nil {
		a, err = signed(row[first])
	}
	if err == nil {
		b, err = signed(row[second])
	}
	if err != nil {
		return at, a, b, fmt.Errorf("%w: a row: %w", errBill, err)
	}
	return at, a, b, nil
}

// signed reads an amount of a bill, which may be empty or negative.
func signed(text string) (money.Amount, error) {
	size, minus := strings.CutPrefix(text, "-")
	if size == "" && !minus {
		return money.Zero("CNY"), nil
	}
	amount, err := money.Parse(size, "CNY")
	if minus {
		amount.Minor = -amount.Minor
	}
	return amount, err
}

// negative is what went out, however the bill writes it.
func negative(a money.Amount) money.Amount {
	if a.Minor > 0 {
		a.Minor = -a.Minor
	}
	return a
}
