package alipay

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
)

const (
	appID    = "2021000000000001"
	operator = "2088000000000001"
	vendor   = "2088000000000777"
)

// standIn behaves as Alipay's documents say. It keeps its own state, proves our
// signatures and signs the bytes it sends, with code of its own.
type standIn struct {
	t      *testing.T
	server *httptest.Server
	ours   *rsa.PublicKey
	key    *rsa.PrivateKey

	mu     sync.Mutex
	now    time.Time
	trades map[string]*standTrade
	serial int
	bills  map[string][]byte
	calls  []string

	lose   string // the next call of this method has its effect and no answer
	sys    string // the next call of this method has its effect and answers SYSTEM_ERROR
	twist  func([]byte) []byte
	slow   bool              // a settlement takes half a minute
	silent bool              // refunds are not seen by queries yet
	odd    map[string]string // the code a method answers with, whatever it does
	mute   bool              // queries of refunds do not tell of one that gives back a share only
	lax    bool              // a number that was used is taken for done, whatever it stands for
}

type standTrade struct {
	out, no, status, smid string
	total, refunded       int64
	paidAt                time.Time
	settledBy             string
	settledAt             time.Time
	frozen                bool
	shares                map[string]standShare
	finished              bool
	refunds               map[string]standRefund
	notify                string
	receipt               string // what Alipay says the vendor received; empty: all
}

type standShare struct {
	no     string
	amount int64
	at     time.Time
}

type standRefund struct{ amount, royalty int64 }

func (s *standTrade) shared() (sum int64) {
	for _, share := range s.shares {
		sum += share.amount
	}
	for _, r := range s.refunds {
		sum -= r.royalty
	}
	return sum
}

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func start(t *testing.T) (*standIn, *Gateway) {
	t.Helper()
	s := &standIn{
		t: t, now: time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC), trades: map[string]*standTrade{}, bills: map[string][]byte{},
	}
	var err error
	if s.key, err = privateKey(read(t, "alipay.pem")); err != nil {
		t.Fatal(err)
	}
	if s.ours, err = publicKey(read(t, "app.pub.pem")); err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.server.Close)
	g, err := New(s.config())
	if err != nil {
		t.Fatal(err)
	}
	return s, g
}

func (s *standIn) config() Config {
	return Config{
		AppID: appID, PrivateKey: read(s.t, "app.pem"), PublicKeys: []string{read(s.t, "alipay.pub.pem")}, UserID: operator,
		NotifyURL: "https://market.example/gateway/alipay", BaseURL: s.server.URL + "/gateway.do", HTTP: s.server.Client(), Now: s.clock, Test: true,
	}
}

func (s *standIn) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *standIn) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// signature signs bytes as Alipay does.
func (s *standIn) signature(text string) string {
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// sorted is the text that a form's signature covers.
func sorted(form url.Values, without ...string) string {
	var pairs []string
	for name := range form {
		if !slices.Contains(without, name) && form.Get(name) != "" {
			pairs = append(pairs, name)
		}
	}
	slices.Sort(pairs)
	for i, name := range pairs {
		pairs[i] = name + "=" + form.Get(name)
	}
	return strings.Join(pairs, "&")
}

func (s *standIn) signed(form url.Values) bool {
	raw, err := base64.StdEncoding.DecodeString(form.Get("sign"))
	sum := sha256.Sum256([]byte(sorted(form, "sign")))
	return err == nil && rsa.VerifyPKCS1v15(s.ours, crypto.SHA256, sum[:], raw) == nil
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/bill" {
		w.Write(s.bills[r.URL.Query().Get("bizType")])
		return
	}
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	form, method := r.Form, r.Form.Get("method")
	s.calls = append(s.calls, method)
	node := map[string]any{}
	problem := ""
	switch {
	case r.URL.Query().Has("biz_content") && method != pagePay:
		problem = "isv.biz-content-in-address"
	case form.Get("app_id") != appID:
		problem = "isv.invalid-app-id"
	case form.Get("sign_type") != "RSA2" || form.Get("charset") != "utf-8" || form.Get("version") != "1.0" || !s.signed(form):
		problem = "isv.invalid-signature"
	case form.Get("timestamp") != s.now.In(calendar.Shanghai).Format("2006-01-02 15:04:05"):
		problem = "isv.invalid-timestamp"
	}
	if problem != "" {
		// As the documents have it: what is wrong with the caller is answered without a signature.
		fmt.Fprintf(w, `{"error_response":{"code":"40002","msg":"Invalid Arguments","sub_code":%q,"sub_msg":"验签出错"}}`, problem)
		return
	}
	sub := s.act(method, form, node)
	if s.odd[method] != "" {
		sub = s.odd[method]
	}
	if method == pagePay {
		if sub != "" {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, "cashier "+sub)
		return
	}
	lost := s.lose == method
	if lost {
		s.lose = ""
	}
	if s.sys == method {
		s.sys, sub = "", "ACQ.SYSTEM_ERROR"
	}
	switch sub {
	case "":
		node["code"], node["msg"] = "10000", "Success"
	case "isp.unknow-error":
		node = map[string]any{"code": "20000", "msg": "Service Currently Unavailable", "sub_code": sub, "sub_msg": "系统繁忙"}
	default:
		node = map[string]any{"code": "40004", "msg": "Business Failed", "sub_code": sub, "sub_msg": "买家 138****0000"}
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	raw, err := json.Marshal(node)
	if err != nil {
		s.t.Error(err)
	}
	// Alipay escapes slashes, and a reader that writes the node anew would lose that.
	text := strings.ReplaceAll(string(raw), "/", `\/`)
	body := fmt.Appendf(nil, `{"%s_response":%s,"sign":"%s"}`, strings.ReplaceAll(method, ".", "_"), text, s.signature(text))
	if s.twist != nil {
		body = s.twist(body)
	}
	w.Write(body)
}

// bizContent is every member the gateway may send; another one is an error.
type bizContent struct {
	OutTradeNo  string `json:"out_trade_no"`
	TradeNo     string `json:"trade_no"`
	TotalAmount string `json:"total_amount"`
	Subject     string `json:"subject"`
	ProductCode string `json:"product_code"`
	TimeExpire  string `json:"time_expire"`
	SubMerchant struct {
		MerchantID string `json:"merchant_id"`
	} `json:"sub_merchant"`
	SettleInfo struct {
		Details []struct {
			TransInType string `json:"trans_in_type"`
			Amount      string `json:"amount"`
		} `json:"settle_detail_infos"`
		Period string `json:"settle_period_time"`
	} `json:"settle_info"`
	OutRequestNo string   `json:"out_request_no"`
	Options      []string `json:"query_options"`
	RefundAmount string   `json:"refund_amount"`
	Reason       string   `json:"refund_reason"`
	Back         []party  `json:"refund_royalty_parameters"`
	Royalties    []party  `json:"royalty_parameters"`
	Mode         string   `json:"royalty_mode"`
	Extend       struct {
		Freeze string `json:"royalty_freeze"`
		Finish string `json:"royalty_finish"`
	} `json:"extend_params"`
	BillType string `json:"bill_type"`
	BillDate string `json:"bill_date"`
}

type party struct {
	Type         string `json:"royalty_type"`
	TransOutType string `json:"trans_out_type"`
	TransOut     string `json:"trans_out"`
	TransInType  string `json:"trans_in_type"`
	TransIn      string `json:"trans_in"`
	Amount       string `json:"amount"`
	Desc         string `json:"desc"`
	Scene        string `json:"royalty_scene"`
}

func (s *standIn) fen(text string) int64 {
	whole, part, ok := strings.Cut(text, ".")
	if !ok || len(part) != 2 {
		s.t.Errorf("amount %q has not two decimals", text)
	}
	var fen int64
	for _, r := range whole + part {
		fen = fen*10 + int64(r-'0')
	}
	return fen
}

func yuanOf(fen int64) string { return money.Amount{Minor: fen, Currency: "CNY"}.Plain() }

func (s *standIn) next(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s%020d", prefix, s.serial)
}

func at(t time.Time) string { return t.In(calendar.Shanghai).Format("2006-01-02 15:04:05") }

func (s *standIn) trade(b bizContent) *standTrade {
	for _, t := range s.trades {
		if b.TradeNo != "" && t.no == b.TradeNo || b.TradeNo == "" && t.out == b.OutTradeNo {
			return t
		}
	}
	return nil
}

// act does what a method does and returns the business code of a failure.
func (s *standIn) act(method string, form url.Values, out map[string]any) string {
	var b bizContent
	d := json.NewDecoder(strings.NewReader(form.Get("biz_content")))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		s.t.Errorf("%s: %v", method, err)
		return "ACQ.INVALID_PARAMETER"
	}
	if method == billQuery {
		if s.bills[b.BillType] == nil {
			return "NO_BILL_DATA"
		}
		out["bill_download_url"] = s.server.URL + "/bill?bizType=" + b.BillType + "&token=not-for-logs"
		return ""
	}
	t := s.trade(b)
	if method == pagePay || method == precreate {
		return s.open(method, form, b, t, out)
	}
	if t == nil {
		return "ACQ.TRADE_NOT_EXIST"
	}
	out["trade_no"], out["out_trade_no"] = t.no, t.out
	switch method {
	case tradeQuery:
		out["trade_status"], out["total_amount"], out["buyer_logon_id"] = t.status, yuanOf(t.total), "138****0000"
		out["receipt_amount"] = "0.00"
		if !t.paidAt.IsZero() {
			out["send_pay_date"], out["receipt_amount"] = at(t.paidAt), cmp.Or(t.receipt, yuanOf(t.total))
		}
		if slices.Contains(b.Options, "trade_settle_info") && !t.paidAt.IsZero() {
			details, rest := []map[string]string{{"operation_type": "on_settle", "amount": yuanOf(t.total)}}, t.total-t.refunded
			if t.settledBy != "" {
				details = []map[string]string{{"operation_type": "settle", "operation_serial_no": t.settledBy, "operation_dt": at(t.settledAt)}}
				rest = 0
			}
			for number, r := range t.refunds {
				if r.royalty > 0 && !s.silent {
					details = append(details, map[string]string{
						"operation_type": "transfer_refund", "operation_serial_no": number, "amount": yuanOf(r.royalty), "operation_dt": at(s.now),
					})
				}
			}
			out["trade_settle_info"] = map[string]any{"trade_settle_detail_list": details, "trade_unsettled_amount": yuanOf(rest)}
		}
	case tradeClose:
		if t.status != "WAIT_BUYER_PAY" {
			return "ACQ.REASON_TRADE_STATUS_INVALID"
		}
		t.status = "TRADE_CLOSED"
	case tradeRefund:
		return s.refund(b, t, out)
	case refundQuery:
		r, ok := t.refunds[b.OutRequestNo]
		if !ok || s.silent || s.mute && r.amount == 0 {
			return ""
		}
		out["out_request_no"], out["refund_status"], out["total_amount"] = b.OutRequestNo, "REFUND_SUCCESS", yuanOf(t.total)
		out["refund_amount"], out["gmt_refund_pay"] = yuanOf(r.amount), at(s.now)
		if r.royalty > 0 {
			out["refund_royaltys"] = []map[string]string{{"refund_amount": yuanOf(r.royalty), "royalty_type": "transfer", "result_code": "SUCCESS", "trans_out": operator}}
		}
	case settleConfirm:
		return s.confirm(b, t, out)
	case orderSettle:
		return s.share(b, t, out)
	case settleQuery:
		share, ok := t.shares[b.OutRequestNo]
		if !ok {
			return "RESOURCE_NOT_EXISTS"
		}
		out["out_request_no"], out["operation_dt"] = b.OutRequestNo, at(share.at)
		details := []map[string]string{}
		if share.amount > 0 {
			details = append(details, map[string]string{
				"operation_type": "transfer", "execute_dt": at(share.at), "amount": yuanOf(share.amount), "state": "SUCCESS", "trans_in": operator,
			})
		}
		out["royalty_detail_list"] = details
	default:
		s.t.Errorf("method %s", method)
	}
	return ""
}

func (s *standIn) open(method string, form url.Values, b bizContent, t *standTrade, out map[string]any) string {
	total := s.fen(b.TotalAmount)
	details := b.SettleInfo.Details
	if form.Get("notify_url") == "" || b.SubMerchant.MerchantID == "" || strings.ContainsAny(b.Subject, "/=&") || len(details) != 1 ||
		details[0].TransInType != "defaultSettle" || details[0].Amount != b.TotalAmount || method == pagePay && b.ProductCode != "FAST_INSTANT_TRADE_PAY" {
		return "ACQ.INVALID_PARAMETER"
	}
	if b.SubMerchant.MerchantID != vendor {
		return "ACQ.SECONDARY_MERCHANT_STATUS_ERROR"
	}
	switch {
	case t == nil:
		t = &standTrade{
			out: b.OutTradeNo, no: s.next("20261125"), status: "WAIT_BUYER_PAY", smid: b.SubMerchant.MerchantID, total: total,
			shares: map[string]standShare{}, refunds: map[string]standRefund{}, notify: form.Get("notify_url"),
		}
		s.trades[t.no] = t
	case t.total != total:
		return "ACQ.CONTEXT_INCONSISTENT"
	case !t.paidAt.IsZero():
		return "ACQ.TRADE_HAS_SUCCESS"
	case t.status == "TRADE_CLOSED":
		return "ACQ.TRADE_HAS_CLOSE"
	}
	out["out_trade_no"], out["qr_code"] = t.out, "https://qr.alipay.com/"+t.no
	return ""
}

func (s *standIn) refund(b bizContent, t *standTrade, out map[string]any) string {
	r := standRefund{amount: s.fen(b.RefundAmount)}
	for _, p := range b.Back {
		if p.Type != "transfer" || p.TransOutType != "userId" || p.TransOut != operator {
			return "ACQ.REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST"
		}
		r.royalty += s.fen(p.Amount)
	}
	if b.OutRequestNo == "" {
		return "ACQ.INVALID_PARAMETER"
	}
	if earlier, ok := t.refunds[b.OutRequestNo]; ok {
		if earlier != r && !s.lax {
			return "ACQ.DISCORDANT_REPEAT_REQUEST"
		}
		out["fund_change"], out["refund_fee"] = "N", yuanOf(t.refunded)
		return ""
	}
	switch {
	case t.status == "TRADE_FINISHED":
		return "ACQ.TRADE_HAS_FINISHED"
	case t.status != "TRADE_SUCCESS":
		return "ACQ.TRADE_STATUS_ERROR"
	case t.refunded+r.amount > t.total:
		return "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
	case r.royalty > t.shared():
		return "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR"
	case t.settledBy != "" && t.total-t.refunded-t.shared() < r.amount:
		return "ACQ.SELLER_BALANCE_NOT_ENOUGH"
	}
	t.refunds[b.OutRequestNo] = r
	t.refunded += r.amount
	if t.refunded == t.total {
		t.status = "TRADE_CLOSED"
	}
	out["fund_change"], out["refund_fee"] = "Y", yuanOf(t.refunded)
	if r.amount == 0 {
		delete(out, "fund_change")
	}
	return ""
}

func (s *standIn) confirm(b bizContent, t *standTrade, out map[string]any) string {
	details := b.SettleInfo.Details
	switch {
	case t.settledBy == b.OutRequestNo && b.OutRequestNo != "":
	case t.settledBy != "":
		return "ACQ.ILLEGAL_SETTLE_STATE"
	case t.status != "TRADE_SUCCESS":
		return "ACQ.TRADE_STATUS_ERROR"
	case b.TradeNo == "" || len(details) != 1 || details[0].TransInType != "defaultSettle" || s.fen(details[0].Amount) != t.total-t.refunded:
		return "ACQ.INVALID_PARAMETER"
	default:
		t.settledBy, t.settledAt, t.frozen = b.OutRequestNo, s.now, b.Extend.Freeze == "true"
	}
	out["out_request_no"], out["settle_amount"] = b.OutRequestNo, details[0].Amount
	return ""
}

func (s *standIn) share(b bizContent, t *standTrade, out map[string]any) string {
	var sum int64
	for _, p := range b.Royalties {
		if p.Type != "transfer" || p.TransInType != "userId" || p.TransIn != operator || p.TransOut != "" {
			return "ACQ.ROYALTY_RECEIVER_INVALID"
		}
		sum += s.fen(p.Amount)
	}
	if earlier, ok := t.shares[b.OutRequestNo]; ok {
		if earlier.amount != sum {
			return "ACQ.DISCORDANT_REPEAT_REQUEST"
		}
		out["settle_no"] = earlier.no
		return ""
	}
	switch {
	case b.TradeNo == "" || b.Mode != "sync" || len(b.Royalties) > 5:
		return "ACQ.INVALID_PARAMETER"
	case t.settledBy == "", s.slow && s.now.Sub(t.settledAt) < 30*time.Second, t.finished:
		return "ACQ.ILLEGAL_SETTLE_STATE"
	case (t.shared()+sum)*10 > t.total*3:
		return "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR"
	}
	share := standShare{s.next("20261125002530"), sum, s.now}
	t.shares[b.OutRequestNo] = share
	if b.Extend.Finish == "true" {
		t.finished, t.frozen = true, false
	}
	out["settle_no"] = share.no
	return ""
}

// of finds a trade by our reference.
func (s *standIn) of(reference string) *standTrade {
	for _, t := range s.trades {
		if t.out == reference {
			return t
		}
	}
	s.t.Fatalf("Alipay has no trade %s", reference)
	return nil
}

// browse opens the address as a customer's browser does.
func (s *standIn) browse(address string) int {
	s.t.Helper()
	response, err := s.server.Client().Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// pay is the customer paying.
func (s *standIn) pay(reference string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.of(reference)
	t.status, t.paidAt = "TRADE_SUCCESS", s.now
}

// notice is what Alipay posts about a trade, or about a refund of it.
func (s *standIn) notice(reference, refund string, change func(url.Values)) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.of(reference)
	form := url.Values{
		"notify_type": {"trade_status_sync"}, "notify_id": {"2026112500222100001"}, "notify_time": {at(s.now)}, "app_id": {appID}, "auth_app_id": {appID},
		"charset": {"utf-8"}, "version": {"1.0"}, "sign_type": {"RSA2"}, "trade_no": {t.no}, "out_trade_no": {t.out}, "seller_id": {operator},
		"trade_status": {t.status}, "total_amount": {yuanOf(t.total)}, "subject": {"记事本 专业版 + 支持"}, "gmt_payment": {at(t.paidAt)},
		"fund_bill_list": {`[{"amount":"1980.00","fundChannel":"ALIPAYACCOUNT"}]`},
	}
	if refund != "" {
		form.Set("out_biz_no", refund)
		form.Set("refund_fee", yuanOf(t.refunded))
		form.Set("gmt_refund", at(s.now)+".123")
	}
	if change != nil {
		change(form)
	}
	form.Set("sign", s.signature(sorted(form, "sign", "sign_type")))
	return []byte(form.Encode())
}

// packed makes the archive of a bill: GBK files with GBK names.
func packed(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, text := range files {
		raw, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("20880000000000010156_20261124_\xd2\xb5\xce\xf1%d.csv", i), NonUTF8: true, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
