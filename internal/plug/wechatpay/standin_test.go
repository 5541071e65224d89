package wechatpay

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the digest of bills
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// standIn behaves as WeChat Pay's documents describe: it checks our signatures,
// signs its answers, keeps what was done, does nothing twice under one number, and
// refuses with the documented codes. It shares no code with the package but the
// names of the headers.
type standIn struct {
	t      testing.TB
	server *httptest.Server

	mu        sync.Mutex
	now       time.Time
	seq       int
	calls     []string // "POST /v3/…", in order
	orders    map[string]*standInOrder
	refunds   map[string]map[string]any
	splits    map[string]map[string]any
	returns   map[string]map[string]any
	payouts   map[string]map[string]any
	free      map[string]int64 // of each vendor
	receivers map[string]bool
	bills     map[string][]byte // by path of the request
	parts     [][]byte          // of the bill of funds
	tokens    map[string][]byte
	swapped   []byte // what the next download gives instead

	signer       *rsa.PrivateKey
	serial       string
	certificates []standInCertificate
	secret       []byte

	fault func(method, path string) *standInFault // asked for each call
	tilt  func(h http.Header, body []byte) []byte // changes an answer after it was signed
}

// standInFault is what happens instead of the usual answer. With after, the call
// has its effect first.
type standInFault struct {
	status int
	code   string
	cut    bool // the connection breaks
	after  bool
	signed bool
}

type standInOrder struct {
	ask                      map[string]any
	vendor, state, id        string
	total, frozen, refunding int64
	paidAt                   time.Time
	splits                   int
	lie                      map[string]any // said instead
}

type standInCertificate struct {
	serial string
	text   []byte
}

const (
	testMch    = "1900007291"
	testApp    = "wx8888888888888888"
	testVendor = "1900000109"
	testSerial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	testKeyID  = "PUB_KEY_ID_0114232134912410000000000000"
	testSecret = "0123456789abcdef0123456789ABCDEF"
	testNotify = "https://market.example/gateway/wechatpay"
)

var testKeys sync.Map // by name

func testKey(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	if key, ok := testKeys.Load(name); ok {
		return key.(*rsa.PrivateKey)
	}
	text, err := os.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	testKeys.Store(name, key)
	return key
}

func startStandIn(t testing.TB) *standIn {
	s := &standIn{
		t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, calendar.Shanghai),
		orders: map[string]*standInOrder{}, refunds: map[string]map[string]any{}, splits: map[string]map[string]any{},
		returns: map[string]map[string]any{}, payouts: map[string]map[string]any{}, free: map[string]int64{},
		receivers: map[string]bool{}, bills: map[string][]byte{}, tokens: map[string][]byte{},
		signer: testKey(t, "platform_key"), serial: testKeyID, secret: []byte(testSecret),
	}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
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

func (s *standIn) config() Config {
	return Config{
		MchID: testMch, AppID: testApp, Serial: testSerial, Key: testKey(s.t, "merchant_key"), SecretKey: []byte(testSecret),
		PublicKeys: map[string]*rsa.PublicKey{testKeyID: &testKey(s.t, "platform_key").PublicKey},
		NotifyURL:  testNotify, Company: "云市运营", URL: s.server.URL, Now: s.clock,
	}
}

func (s *standIn) gateway() *Gateway {
	g, err := New(s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

// failNext makes the next call whose path has the part end in a fault.
func (s *standIn) failNext(method, part string, f standInFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := false
	s.fault = func(m, path string) *standInFault {
		if done || m != method || !strings.Contains(path, part) {
			return nil
		}
		done = true
		return &f
	}
}

// sent counts the calls so far.
func (s *standIn) sent(method, part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if strings.HasPrefix(c, method+" ") && strings.Contains(c, part) {
			n++
		}
	}
	return n
}

var authorizationForm = regexp.MustCompile(
	`^WECHATPAY2-SHA256-RSA2048 mchid="(\w+)",nonce_str="(\w{32})",signature="([^"]+)",timestamp="(\d+)",serial_no="(\w+)"$`)

// genuine checks a call's signature with the merchant's public key.
func (s *standIn) genuine(r *http.Request, body []byte) bool {
	part := authorizationForm.FindStringSubmatch(r.Header.Get("Authorization"))
	if part == nil || part[1] != testMch || part[5] != testSerial || r.Header.Get("Accept") != "application/json" {
		return false
	}
	seconds, _ := strconv.ParseInt(part[4], 10, 64)
	if age := s.now.Sub(time.Unix(seconds, 0)); age < -5*time.Minute || age > 5*time.Minute {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(part[3])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Method, r.RequestURI, part[4], part[2], string(body), ""}, "\n")))
	return rsa.VerifyPKCS1v15(&testKey(s.t, "merchant_key").PublicKey, crypto.SHA256, sum[:], signature) == nil
}

type standInError struct {
	status int
	code   string
}

func (e standInError) Error() string { return e.code }

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.calls = append(s.calls, r.Method+" "+r.RequestURI)
	if !s.genuine(r, body) {
		s.answer(w, 401, map[string]any{"code": "SIGN_ERROR", "message": "签名错误"}, false)
		return
	}
	var f *standInFault
	if s.fault != nil {
		f = s.fault(r.Method, r.URL.Path)
	}
	if f != nil && !f.after {
		s.breakDown(w, *f)
		return
	}
	if token := r.URL.Query().Get("token"); r.URL.Path == "/v3/billdownload/file" {
		if s.swapped != nil {
			w.Write(s.swapped)
			s.swapped = nil
			return
		}
		w.Write(s.tokens[token]) // not signed
		return
	}
	var ask map[string]any
	if len(body) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&ask); err != nil {
			s.answer(w, 400, map[string]any{"code": "PARAM_ERROR", "message": string(body)}, true)
			return
		}
	}
	said, err := s.act(r, ask)
	if f != nil {
		s.breakDown(w, *f)
		return
	}
	var refusal standInError
	switch {
	case errors.As(err, &refusal):
		s.answer(w, refusal.status, map[string]any{"code": refusal.code, "message": "错误: " + string(body)}, true)
	case said == nil:
		s.answer(w, 204, nil, true)
	default:
		s.answer(w, 200, said, true)
	}
}

func (s *standIn) breakDown(w http.ResponseWriter, f standInFault) {
	if !f.cut {
		s.answer(w, f.status, map[string]any{"code": f.code, "message": "秘密"}, f.signed)
		return
	}
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		s.t.Error(err)
		return
	}
	connection.Close()
}

func (s *standIn) answer(w http.ResponseWriter, status int, said map[string]any, signed bool) {
	var body []byte
	if said != nil {
		body, _ = json.Marshal(said)
	}
	w.Header().Set("Request-Id", "08F-1")
	if signed {
		s.signed(w.Header(), body)
	}
	if s.tilt != nil {
		body = s.tilt(w.Header(), body)
	}
	w.WriteHeader(status)
	w.Write(body)
}

// signed sets the headers of an answer or a notice.
func (s *standIn) signed(h http.Header, body []byte) {
	s.seq++
	stamp, nonce := strconv.FormatInt(s.now.Unix(), 10), fmt.Sprintf("%032x", s.seq)
	sum := sha256.Sum256([]byte(stamp + "\n" + nonce + "\n" + string(body) + "\n"))
	raw, err := rsa.SignPKCS1v15(nil, s.signer, crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	h.Set("Wechatpay-Timestamp", stamp)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(raw))
	h.Set("Wechatpay-Serial", s.serial)
	h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
}

func (s *standIn) seal(plain []byte, nonce, associated string) map[string]any {
	block, err := aes.NewCipher(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		s.t.Fatal(err)
	}
	return map[string]any{
		"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
		"ciphertext": base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), plain, []byte(associated))),
	}
}

// notice is a signed notice about a resource.
func (s *standIn) notice(id, kind string, resource map[string]any) (http.Header, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	plain, err := json.Marshal(resource)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"id": id, "create_time": s.now.Format(time.RFC3339), "event_type": kind, "resource_type": "encrypt-resource",
		"summary": "通知", "resource": s.seal(plain, "fdasflkja484", "transaction"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	h := http.Header{}
	s.signed(h, body)
	return h, body
}

// certify makes a platform certificate for a key.
func (s *standIn) certify(key *rsa.PrivateKey, serial int64, from, until time.Time) standInCertificate {
	number := new(big.Int).Lsh(big.NewInt(serial), 128)
	template := &x509.Certificate{SerialNumber: number, Subject: pkix.Name{CommonName: "Tenpay.com"}, NotBefore: from, NotAfter: until}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return standInCertificate{
		serial: strings.ToUpper(number.Text(16)), text: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
	}
}

func str(m map[string]any, name string) string { v, _ := m[name].(string); return v }

func num(m map[string]any, name string) int64 {
	n, _ := m[name].(json.Number)
	v, _ := n.Int64()
	return v
}

func (s *standIn) id(prefix string) string { s.seq++; return fmt.Sprintf("%s%024d", prefix, s.seq) }

func (s *standIn) act(r *http.Request, ask map[string]any) (map[string]any, error) {
	path, query := r.URL.Path, r.URL.Query()
	last := path[strings.LastIndex(path, "/")+1:]
	switch {
	case path == "/v3/certificates":
		return s.listCertificates()
	case r.Method == "POST" && path == "/v3/pay/partner/transactions/native":
		return s.native(ask)
	case r.Method == "POST" && strings.HasSuffix(path, "/close"):
		return nil, s.close(strings.Split(path, "/")[6], str(ask, "sub_mchid"))
	case strings.HasPrefix(path, "/v3/pay/partner/transactions/"):
		for number, o := range s.orders {
			if (number == last || o.id == last && o.id != "") && o.vendor == query.Get("sub_mchid") && query.Get("sp_mchid") == testMch {
				return o.shown(number), nil
			}
		}
		return nil, standInError{404, "ORDER_NOT_EXIST"}
	case path == "/v3/ecommerce/refunds/apply":
		return s.refund(ask)
	case strings.HasPrefix(path, "/v3/ecommerce/refunds/"):
		for number, refund := range s.refunds {
			if number == last || refund["refund_id"] == last {
				return refund, nil
			}
		}
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	case path == "/v3/ecommerce/profitsharing/receivers/add":
		if str(ask, "type") != "MERCHANT_ID" || str(ask, "relation_type") != "PLATFORM" {
			return nil, standInError{400, "PARAM_ERROR"}
		}
		s.receivers[str(ask, "account")] = true
		return map[string]any{"type": "MERCHANT_ID", "account": ask["account"]}, nil
	case strings.HasSuffix(path, "/amounts"):
		for _, o := range s.orders {
			if strings.Contains(path, "/"+o.id+"/") && o.id != "" {
				return map[string]any{"transaction_id": o.id, "unsplit_amount": o.frozen}, nil
			}
		}
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	case r.Method == "POST" && (path == "/v3/ecommerce/profitsharing/orders" || path == "/v3/ecommerce/profitsharing/finish-order"):
		return s.split(ask)
	case path == "/v3/ecommerce/profitsharing/orders":
		if found := s.splits[query.Get("out_order_no")]; found != nil && found["transaction_id"] == query.Get("transaction_id") {
			return found, nil
		}
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	case r.Method == "POST" && path == "/v3/ecommerce/profitsharing/returnorders":
		return s.takeBack(ask)
	case path == "/v3/ecommerce/profitsharing/returnorders":
		if found := s.returns[query.Get("out_return_no")]; found != nil {
			return found, nil
		}
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	case r.Method == "POST" && path == "/v3/ecommerce/fund/withdraw":
		return s.withdraw(ask)
	case strings.HasPrefix(path, "/v3/ecommerce/fund/withdraw/out-request-no/"):
		if found := s.payouts[last]; found != nil {
			return found, nil
		}
		return nil, standInError{404, "ORDER_NOT_EXIST"}
	case path == "/v3/ecommerce/bill/fundflowbill":
		return s.fundBill()
	case strings.Contains(path, "bill"):
		return s.bill(path, query.Get("tar_type"))
	}
	s.t.Errorf("the stand-in does not know %s %s", r.Method, path)
	return nil, standInError{404, "NOT_FOUND"}
}

func (s *standIn) listCertificates() (map[string]any, error) {
	var data []any
	for _, c := range s.certificates {
		data = append(data, map[string]any{"serial_no": c.serial, "encrypt_certificate": s.seal(c.text, "4de73afd28b6", "certificate")})
	}
	return map[string]any{"data": data}, nil
}

func (s *standIn) native(ask map[string]any) (map[string]any, error) {
	amount, _ := ask["amount"].(map[string]any)
	settle, _ := ask["settle_info"].(map[string]any)
	number := str(ask, "out_trade_no")
	switch {
	case str(ask, "sp_mchid") != testMch || str(ask, "sp_appid") != testApp || num(amount, "total") <= 0 || str(ask, "notify_url") != testNotify ||
		settle["profit_sharing"] != true || str(amount, "currency") != "CNY" || str(ask, "description") == "" || len(number) > 32:
		return nil, standInError{400, "PARAM_ERROR"}
	case str(ask, "sub_mchid") != testVendor:
		return nil, standInError{400, "MCH_NOT_EXISTS"}
	}
	if _, err := time.Parse(time.RFC3339, str(ask, "time_expire")); err != nil {
		return nil, standInError{400, "PARAM_ERROR"}
	}
	o := s.orders[number]
	switch {
	case o == nil:
		o = &standInOrder{ask: ask, vendor: str(ask, "sub_mchid"), state: "NOTPAY", total: num(amount, "total")}
		s.orders[number] = o
	case o.total != num(amount, "total") || o.ask["time_expire"] != ask["time_expire"]:
		return nil, standInError{403, "OUT_TRADE_NO_USED"}
	case o.state == "CLOSED":
		return nil, standInError{400, "ORDER_CLOSED"}
	case o.state != "NOTPAY":
		return nil, standInError{400, "ORDERPAID"}
	}
	return map[string]any{"code_url": "weixin://wxpay/bizpayurl?pr=" + s.id("p")}, nil
}

func (o *standInOrder) shown(number string) map[string]any {
	said := map[string]any{
		"sp_appid": testApp, "sp_mchid": testMch, "sub_mchid": o.vendor, "out_trade_no": number, "trade_state": o.state, "trade_state_desc": "说明",
	}
	if o.id != "" {
		said["transaction_id"], said["success_time"] = o.id, o.paidAt.Format(time.RFC3339)
		said["payer"] = map[string]any{"sp_openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
		said["amount"] = map[string]any{"total": o.total, "payer_total": o.total, "currency": "CNY", "payer_currency": "CNY"}
	}
	for k, v := range o.lie {
		said[k] = v
	}
	return said
}

func (s *standIn) close(number, vendor string) error {
	o := s.orders[number]
	switch {
	case o == nil || o.vendor != vendor:
		return standInError{404, "ORDER_NOT_EXIST"}
	case o.state == "CLOSED":
		return standInError{400, "ORDER_CLOSED"}
	case o.state != "NOTPAY":
		return standInError{400, "INVALID_REQUEST"}
	}
	o.state = "CLOSED"
	return nil
}

// pay is the customer who scans and pays.
func (s *standIn) pay(number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[number]
	o.state, o.id, o.paidAt, o.frozen = "SUCCESS", s.id("4200"), s.now, o.total
}

func (s *standIn) refund(ask map[string]any) (map[string]any, error) {
	amount, _ := ask["amount"].(map[string]any)
	part := num(amount, "refund")
	o := s.orders[str(ask, "out_trade_no")]
	if o == nil || o.vendor != str(ask, "sub_mchid") {
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	}
	if made := s.refunds[str(ask, "out_refund_no")]; made != nil {
		return withoutStatus(made), nil
	}
	switch {
	case str(ask, "sp_appid") != testApp || num(amount, "total") != o.total || str(amount, "currency") != "CNY" || str(ask, "notify_url") != testNotify:
		return nil, standInError{400, "PARAM_ERROR"}
	case o.id == "" || o.refunding+part > o.total:
		return nil, standInError{400, "INVALID_REQUEST"}
	case o.frozen+s.free[o.vendor] < part:
		return nil, standInError{403, "NOT_ENOUGH"}
	}
	frozen := min(o.frozen, part)
	o.frozen -= frozen
	s.free[o.vendor] -= part - frozen
	o.refunding += part
	o.state = "REFUND"
	made := map[string]any{
		"refund_id": s.id("5030"), "out_refund_no": ask["out_refund_no"], "create_time": s.now.Format(time.RFC3339), "status": "PROCESSING",
		"amount": map[string]any{"refund": part, "payer_refund": part, "currency": "CNY"},
	}
	s.refunds[str(ask, "out_refund_no")] = made
	return withoutStatus(made), nil
}

func withoutStatus(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if k != "status" {
			out[k] = v
		}
	}
	return out
}

// set changes what is known of an object.
func (s *standIn) set(objects map[string]map[string]any, number string, change map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range change {
		objects[number][k] = v
	}
}

func (s *standIn) split(ask map[string]any) (map[string]any, error) {
	number := str(ask, "out_order_no")
	var o *standInOrder
	for _, candidate := range s.orders {
		if candidate.id != "" && candidate.id == str(ask, "transaction_id") && candidate.vendor == str(ask, "sub_mchid") {
			o = candidate
		}
	}
	if o == nil {
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	}
	if made := s.splits[number]; made != nil {
		return only(made, "sub_mchid", "transaction_id", "out_order_no", "order_id"), nil
	}
	made := map[string]any{
		"sub_mchid": o.vendor, "transaction_id": o.id, "out_order_no": number, "order_id": s.id("3000"), "status": "PROCESSING",
	}
	receivers, _ := ask["receivers"].([]any)
	sum := int64(0)
	var shown []any
	for _, x := range receivers {
		share, _ := x.(map[string]any)
		if !s.receivers[str(share, "receiver_account")] || str(share, "type") != "MERCHANT_ID" || str(share, "description") == "" {
			return nil, standInError{400, "PARAM_ERROR"}
		}
		sum += num(share, "amount")
		shown = append(shown, map[string]any{
			"type": "MERCHANT_ID", "receiver_account": share["receiver_account"], "receiver_mchid": share["receiver_account"],
			"amount": num(share, "amount"), "description": share["description"], "result": "PENDING", "detail_id": s.id("3600"),
		})
	}
	switch {
	case o.frozen == 0 || sum > o.frozen:
		return nil, standInError{403, "NOT_ENOUGH"}
	case sum*10000 > o.total*3000 || o.splits >= 50:
		return nil, standInError{403, "RULE_LIMIT"}
	case len(receivers) == 0:
		made["finish_amount"], made["finish_description"] = o.frozen, ask["description"]
	}
	o.splits++
	made["receivers"] = shown
	made["sum"], made["ends"] = sum, ask["finish"] == true || len(receivers) == 0
	s.splits[number] = made
	return only(made, "sub_mchid", "transaction_id", "out_order_no", "order_id"), nil
}

func only(m map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, n := range names {
		out[n] = m[n]
	}
	return out
}

// settle ends a split: the operator's part with a result, then the rest.
func (s *standIn) settle(number, result, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := s.splits[number]
	for _, o := range s.orders {
		if o.id != made["transaction_id"] {
			continue
		}
		if result == "SUCCESS" {
			o.frozen -= made["sum"].(int64)
		}
		if made["ends"] == true {
			s.free[o.vendor] += o.frozen
			o.frozen = 0
		}
	}
	made["status"] = "FINISHED"
	for _, x := range made["receivers"].([]any) {
		r := x.(map[string]any)
		r["result"], r["finish_time"] = result, s.now.Format(time.RFC3339)
		if reason != "" {
			r["fail_reason"] = reason
		}
	}
}

func (s *standIn) takeBack(ask map[string]any) (map[string]any, error) {
	if made := s.returns[str(ask, "out_return_no")]; made != nil {
		return made, nil
	}
	split := s.splits[str(ask, "out_order_no")]
	switch {
	case split == nil:
		return nil, standInError{404, "RESOURCE_NOT_EXISTS"}
	case split["status"] != "FINISHED" || str(ask, "return_mchid") != testMch || str(ask, "description") == "":
		return nil, standInError{400, "INVALID_REQUEST"}
	case num(ask, "amount") > split["sum"].(int64):
		return nil, standInError{403, "NOT_ENOUGH"}
	}
	split["sum"] = split["sum"].(int64) - num(ask, "amount")
	s.free[str(ask, "sub_mchid")] += num(ask, "amount")
	made := map[string]any{
		"sub_mchid": ask["sub_mchid"], "order_id": split["order_id"], "out_order_no": ask["out_order_no"], "out_return_no": ask["out_return_no"],
		"return_mchid": testMch, "amount": num(ask, "amount"), "return_no": s.id("3008"), "result": "SUCCESS", "finish_time": s.now.Format(time.RFC3339),
	}
	s.returns[str(ask, "out_return_no")] = made
	return made, nil
}

var lettersAndDigits = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)

func (s *standIn) withdraw(ask map[string]any) (map[string]any, error) {
	number, vendor := str(ask, "out_request_no"), str(ask, "sub_mchid")
	if !lettersAndDigits.MatchString(number) || num(ask, "amount") <= 0 || vendor == "" {
		return nil, standInError{400, "PARAM_ERROR"}
	}
	if made := s.payouts[number]; made != nil {
		created, _ := time.Parse(time.RFC3339, str(made, "create_time"))
		if s.now.Sub(created) < 6*24*time.Hour {
			if made["status"] == "INIT" {
				made["status"] = "CREATE_SUCCESS"
			}
			return only(made, "sub_mchid", "withdraw_id", "out_request_no"), nil
		}
		s.t.Errorf("withdrawal %s is paid a second time", number)
	}
	if s.free[vendor] < num(ask, "amount") {
		return nil, standInError{403, "NOT_ENOUGH"}
	}
	s.free[vendor] -= num(ask, "amount")
	s.payouts[number] = map[string]any{
		"sp_mchid": testMch, "sub_mchid": vendor, "withdraw_id": s.id("1234"), "out_request_no": number, "status": "CREATE_SUCCESS",
		"amount": num(ask, "amount"), "create_time": s.now.Format(time.RFC3339), "update_time": s.now.Format(time.RFC3339),
		"account_number": "6789", "account_bank": "工商银行", "reason": "账户 6222020000000006789 异常",
	}
	return only(s.payouts[number], "sub_mchid", "withdraw_id", "out_request_no"), nil
}

func digest(raw []byte) string { sum := sha1.Sum(raw); return hex.EncodeToString(sum[:]) }

func (s *standIn) bill(path, packing string) (map[string]any, error) {
	text, ok := s.bills[path]
	if !ok {
		return nil, standInError{400, "NO_STATEMENT_EXIST"}
	}
	file := text
	if packing == "GZIP" {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(text)
		z.Close()
		file = packed.Bytes()
	}
	return map[string]any{"hash_type": "SHA1", "hash_value": digest(text), "download_url": s.offer(file)}, nil
}

// offer gives a file an address at the real host; only its path may be used.
func (s *standIn) offer(file []byte) string {
	token := s.id("t")
	s.tokens[token] = file
	return "https://api.mch.weixin.qq.com/v3/billdownload/file?token=" + token
}

func (s *standIn) fundBill() (map[string]any, error) {
	if s.parts == nil {
		return nil, standInError{400, "NO_STATEMENT_EXIST"}
	}
	var list []any
	for i, text := range s.parts {
		key, nonce := bytes.Repeat([]byte{byte('a' + i)}, 32), "a8607ef79034c49c"
		wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &testKey(s.t, "merchant_key").PublicKey, key, nil) //nolint:gosec // WeChat Pay's
		if err != nil {
			s.t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			s.t.Fatal(err)
		}
		aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, map[string]any{
			"bill_sequence": i + 1, "hash_type": "SHA1", "hash_value": digest(text), "nonce": nonce,
			"encrypt_key":  base64.StdEncoding.EncodeToString(wrapped),
			"download_url": s.offer(aead.Seal(nil, []byte(nonce), text, nil)),
		})
	}
	slices.Reverse(list) // the order of the list says nothing
	return map[string]any{"download_bill_count": len(list), "download_bill_list": list}, nil
}

// What the tests send.

func yuan(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

const (
	payRef    = payment.AttemptID("pay_01jd8x3m5vq8k2n7r4t6w9y0ab")
	refundRef = payment.RefundID("rfd_01jd8x3m5vq8k2n7r4t6w9y0ac")
	splitRef  = payment.SplitID("spl_01jd8x3m5vq8k2n7r4t6w9y0ad")
	returnRef = payment.ReturnID("ret_01jd8x3m5vq8k2n7r4t6w9y0ae")
	payoutRef = payment.PayoutID("pyo_01jd8x3m5vq8k2n7r4t6w9y0af")
)

func (s *standIn) intent() payment.Intent {
	return payment.Intent{
		Reference: payRef, Amount: yuan(100_00), Description: "云帆记事本 专业版", PayeeAccount: testVendor, PayeeName: "云帆软件", Collector: "云市",
		ReturnURL: "https://market.example/orders/1", ExpiresAt: time.Date(2026, 11, 25, 12, 15, 0, 0, calendar.Shanghai), Locale: "zh",
	}
}

var payRefs = payment.Ref{Reference: payRef, ProviderID: string(payRef), Payee: testVendor}

func splitIntent() payment.SplitIntent {
	return payment.SplitIntent{Reference: splitRef, Payment: payRefs, Captured: yuan(100_00), Share: yuan(15_00), Finish: true, Description: "平台服务费"}
}

func returnIntent() payment.ReturnIntent {
	return payment.ReturnIntent{Reference: returnRef, Split: splitRef, Payment: payRefs, Amount: yuan(6_00), Description: "退款"}
}

func refundIntent() payment.RefundIntent {
	return payment.RefundIntent{Reference: refundRef, Payment: payRefs, Captured: yuan(100_00), Amount: yuan(40_00), Reason: "order"}
}

func payoutIntent() payment.PayoutIntent {
	return payment.PayoutIntent{Reference: payoutRef, Payee: testVendor, PayeeName: "云帆软件", Amount: yuan(20_00), Description: "货款"}
}

// openAndPay brings the payment to its capture.
func (s *standIn) openAndPay(ctx context.Context, g *Gateway) {
	s.t.Helper()
	if _, err := g.Open(ctx, s.intent()); err != nil {
		s.t.Fatal(err)
	}
	s.pay(string(payRef))
}

// splitDone brings it to a finished split.
func (s *standIn) splitDone(ctx context.Context, g *Gateway) {
	s.t.Helper()
	s.openAndPay(ctx, g)
	if _, err := g.Split(ctx, splitIntent()); err != nil {
		s.t.Fatal(err)
	}
	s.settle(string(splitRef), "SUCCESS", "")
}
