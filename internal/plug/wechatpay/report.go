package wechatpay

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the digest that WeChat Pay gives of a bill; where it is, is told in a signed answer
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// billsFrom is the hour of the next day, in China, from which a day's bills are
// whole.
const billsFrom = 10

// Report gives the lines of a day as the vendors' accounts at WeChat Pay saw them:
// a split went out of them, a return came in. It is read from three bills: that of
// trades has captures, refunds and fees, that of splits has splits and returns,
// and that of the sub-merchants' funds has payouts and whatever else moved money.
// A bill that cannot be had or read fails the whole report: a part would look like
// the whole.
func (g *Gateway) Report(ctx context.Context, day calendar.Date) ([]payment.ReportLine, error) {
	if ready := day.AddDays(1).Start().Add(billsFrom * time.Hour); g.cfg.Now().Before(ready) {
		return nil, fmt.Errorf("wechatpay: the bills of %s are whole from %s", day, ready.In(calendar.Shanghai).Format("2006-01-02 15:04"))
	}
	query := url.Values{"bill_date": {day.String()}, "tar_type": {"GZIP"}}
	trades, err := g.bill(ctx, "trade bill", "/v3/bill/tradebill?bill_type=ALL&"+query.Encode())
	if err != nil {
		return nil, err
	}
	splits, err := g.bill(ctx, "split bill", "/v3/profitsharing/bills?"+query.Encode())
	if err != nil {
		return nil, err
	}
	funds, err := g.fundBill(ctx, day)
	if err != nil {
		return nil, err
	}
	var lines []payment.ReportLine
	for _, part := range []struct {
		bill bill
		read func(*record) []payment.ReportLine
	}{{trades, tradeLines}, {splits, g.splitLines}, {funds, fundLines}} {
		for i := range part.bill.rows {
			r := part.bill.record(i)
			found := part.read(r)
			if r.err != nil {
				return nil, r.err
			}
			lines = append(lines, found...)
		}
	}
	slices.SortStableFunc(lines, func(a, b payment.ReportLine) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ProviderID, b.ProviderID))
	})
	return lines, nil
}

func reportLine(kind payment.ReportKind, id, reference string, minor int64, at time.Time) payment.ReportLine {
	return payment.ReportLine{Kind: kind, ProviderID: id, Reference: reference, Amount: money.Amount{Minor: minor, Currency: currency}, At: at}
}

// tradeLines are a capture or a refund, and its fee. A refund is listed when it is
// begun; its fee is what comes back.
func tradeLines(r *record) []payment.ReportLine {
	at, paid, reference := r.at("交易时间"), r.id("微信订单号"), r.text("商户订单号")
	fee := -r.amount("手续费")
	if r.text("货币种类") != string(currency) {
		r.fail("货币种类")
	}
	var line payment.ReportLine
	switch r.text("交易状态") {
	case "SUCCESS":
		line = reportLine(payment.ReportCapture, paid, reference, r.amount("订单金额", "应结订单金额", "总金额"), at)
	case "REFUND":
		line = reportLine(payment.ReportRefund, r.id("微信退款单号"), r.text("商户退款单号"), -r.amount("申请退款金额", "退款金额"), at)
	case "REVOKED":
		line = reportLine(payment.ReportAdjustment, paid, reference, -r.amount("申请退款金额", "退款金额"), at)
	default:
		r.fail("交易状态")
	}
	lines := []payment.ReportLine{line}
	if fee != 0 {
		lines = append(lines, reportLine(payment.ReportFee, line.ProviderID, line.Reference, fee, at))
	}
	return lines
}

// splitLines are a split or a return of the operator's; what is freed to the
// vendor stays in the vendor's account.
func (g *Gateway) splitLines(r *record) []payment.ReportLine {
	at, id, reference := r.at("分账时间"), r.id("微信分账/回退单号"), r.text("商户分账/回退单号")
	amount := r.amount("分账金额", "金额")
	switch {
	case strings.HasPrefix(reference, returnPrefix) || strings.Contains(r.text("业务类型"), "回退"):
		return []payment.ReportLine{reportLine(payment.ReportReturn, id, reference, amount, at)}
	case r.text("分账接收方") == g.cfg.MchID:
		return []payment.ReportLine{reportLine(payment.ReportSplit, id, reference, -amount, at)}
	}
	return nil
}

// fundLines are the payouts, and what no other bill has.
func fundLines(r *record) []payment.ReportLine {
	at, name, kind := r.at("记账时间"), r.text("业务名称"), r.text("业务类型")
	amount := r.amount("收支金额(元)", "收支金额（元）")
	switch r.text("收支类型") {
	case "收入":
	case "支出":
		amount = -amount
	default:
		r.fail("收支类型")
	}
	switch {
	case strings.Contains(name, "提现") && strings.Contains(kind, "提现"):
		id := r.id("微信支付业务单号")
		if amount > 0 { // it came back; the number is that of the way out
			id = r.id("资金流水单号")
		}
		return []payment.ReportLine{reportLine(payment.ReportPayout, id, payoutOf(r.text("业务凭证号")), amount, at)}
	case name == "交易", name == "退款", strings.HasPrefix(name, "分账"):
		return nil // in the bills of trades and of splits
	}
	return []payment.ReportLine{reportLine(payment.ReportAdjustment, r.id("资金流水单号"), "", amount, at)}
}

// place is where a bill is to be had, and its digest.
type place struct {
	HashType    string `json:"hash_type"`
	HashValue   string `json:"hash_value"`
	DownloadURL string `json:"download_url"`
}

// bill asks for a bill, downloads and reads it. A day on which nothing happened
// has none.
func (g *Gateway) bill(ctx context.Context, op, target string) (bill, error) {
	var at place
	err := g.do(ctx, op, http.MethodGet, target, nil, &at)
	if said(err, "NO_STATEMENT_EXIST") {
		return bill{}, nil
	}
	if err != nil {
		return bill{}, err
	}
	raw, err := g.download(ctx, op, at)
	if err != nil {
		return bill{}, err
	}
	if raw, err = unzipped(raw); err != nil {
		return bill{}, err
	}
	if err := at.check(raw); err != nil {
		return bill{}, err
	}
	return parseBill(raw)
}

// fundPlaces answers a request for the bill of the sub-merchants' funds, which may
// have several parts, each encrypted with a key of its own.
type fundPlaces struct {
	Parts []fundPart `json:"download_bill_list"`
}

type fundPart struct {
	place
	Sequence   int    `json:"bill_sequence"`
	EncryptKey string `json:"encrypt_key"`
	Nonce      string `json:"nonce"`
}

func (g *Gateway) fundBill(ctx context.Context, day calendar.Date) (bill, error) {
	const op = "fund bill"
	query := url.Values{"bill_date": {day.String()}, "account_type": {"ALL"}, "algorithm": {cipherName}}
	var places fundPlaces
	err := g.do(ctx, op, http.MethodGet, "/v3/ecommerce/bill/fundflowbill?"+query.Encode(), nil, &places)
	if said(err, "NO_STATEMENT_EXIST") || err == nil && len(places.Parts) == 0 {
		return bill{}, nil
	}
	if err != nil {
		return bill{}, err
	}
	slices.SortFunc(places.Parts, func(a, b fundPart) int { return cmp.Compare(a.Sequence, b.Sequence) })
	var whole []byte
	for _, part := range places.Parts {
		raw, err := g.download(ctx, op, part.place)
		if err != nil {
			return bill{}, err
		}
		key, err := g.unwrap(part.EncryptKey)
		if err != nil {
			return bill{}, err
		}
		if raw, err = decrypt(key, []byte(part.Nonce), raw, nil); err != nil {
			return bill{}, fmt.Errorf("%w: %s: %w", ErrNoAnswer, op, err)
		}
		if err := part.check(raw); err != nil {
			return bill{}, err
		}
		if whole = append(whole, raw...); len(whole) > maxBill {
			return bill{}, fmt.Errorf("%w: too long", errBill)
		}
	}
	return parseBill(whole)
}

// unwrap decrypts a key that was encrypted with the merchant's public key, by
// RSA-OAEP with SHA-1 as everything sensitive at WeChat Pay.
func (g *Gateway) unwrap(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errDecrypt
	}
	key, err := rsa.DecryptOAEP(sha1.New(), nil, g.cfg.Key, raw, nil) //nolint:gosec // the algorithm is WeChat Pay's
	if err != nil {
		return nil, errDecrypt
	}
	return key, nil
}

// download fetches a bill. Its answer is not signed; the digest proves it. The
// address is taken as a path at WeChat Pay, so that nobody else is called.
func (g *Gateway) download(ctx context.Context, op string, at place) ([]byte, error) {
	u, err := url.Parse(strings.TrimSpace(at.DownloadURL))
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("%w: %s: malformed address", ErrNoAnswer, op)
	}
	got, err := g.sendUpTo(ctx, op, http.MethodGet, u.RequestURI(), nil, maxBill)
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, got.failure()
	}
	return got.body, nil
}

// check compares the digest of a whole bill as it is read.
func (p place) check(raw []byte) error {
	sum := sha1.Sum(raw) //nolint:gosec // see above
	if p.HashType != "SHA1" || !strings.EqualFold(p.HashValue, hex.EncodeToString(sum[:])) {
		return fmt.Errorf("%w: another digest than announced", errBill)
	}
	return nil
}

// unzipped undoes the compression that was asked for.
func unzipped(raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBill, err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxBill+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBill, err)
	}
	if len(plain) > maxBill {
		return nil, fmt.Errorf("%w: too long", errBill)
	}
	return plain, nil
}
