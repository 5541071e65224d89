package alipay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"

	"yunshi/internal/base/money"
)

// The example of Alipay's page on signing: these parameters are signed as this
// text. The signature over it was made with OpenSSL.
func TestSignature_IsThatOfAnotherImplementation(t *testing.T) {
	params := map[string]string{
		"app_id": "2014072300007148", "method": "alipay.mobile.public.menu.add", "charset": "GBK", "sign_type": "RSA2", "version": "1.0",
		"timestamp": "2014-07-24 03:07:50", "app_auth_token": "", "sign": "what is signed is not signed again",
		"biz_content": `{"button":[{"actionParam":"ZFB_HFCZ","actionType":"out","name":"话费充值"},{"name":"查询","subButton":[{"actionParam":"ZFB_YECX","actionType":"out","name":"余额查询"},{"actionParam":"ZFB_LLCX","actionType":"out","name":"流量查询"},{"actionParam":"ZFB_HFCX","actionType":"out","name":"话费查询"}]},{"actionParam":"http://m.alipay.com","actionType":"link","name":"最新优惠"}]}`,
	}
	text := read(t, "signed.txt")
	if got := content(params, "sign"); got != text {
		t.Fatalf("content\n got %s\nwant %s", got, text)
	}
	key := must(privateKey(read(t, "app.pem")))(t)
	want := read(t, "signed.txt.sig")
	if got := must(sign(key, text))(t); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	public := must(publicKey(read(t, "app.pub.pem")))(t)
	other := must(publicKey(read(t, "alipay.pub.pem")))(t)
	if !proves(keys(other, public), []byte(text), want) {
		t.Error("the signature is not accepted")
	}
	for name, c := range map[string]struct{ text, signature string }{
		"another_text":   {text + " ", want},
		"no_signature":   {text, ""},
		"no_base64":      {text, "!" + want},
		"a_longer_one":   {text, want + "AAAA"},
		"a_line_in_it":   {text, want[:10] + "\n" + want[10:]},
		"other_padding":  {text, want[:341] + string(want[341]+1) + want[342:]},
		"another_letter": {text, strings.Replace(want, want[:1], string(want[0]^1), 1)},
	} {
		if proves(keys(other, public), []byte(c.text), c.signature) {
			t.Errorf("%s is accepted", name)
		}
	}
	if proves(keys(other), []byte(text), want) {
		t.Error("accepted with another key")
	}
}

func keys[T any](all ...T) []T { return all }

func TestKeys_AreReadInEachForm(t *testing.T) {
	block, _ := pem.Decode([]byte(read(t, "app.pem")))
	key := must(privateKey(base64.StdEncoding.EncodeToString(block.Bytes)))(t)
	if !key.Equal(must(privateKey(read(t, "app.pem")))(t)) {
		t.Error("the bare key is another one")
	}
	public, _ := pem.Decode([]byte(read(t, "alipay.pub.pem")))
	bare := must(publicKey(base64.StdEncoding.EncodeToString(public.Bytes)))(t)
	if !bare.Equal(must(publicKey(read(t, "root.crt")))(t)) {
		t.Error("the certificate's key is another one")
	}
	for _, text := range []string{"", "-", "AAAA", read(t, "app.pub.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := privateKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("private key %q: %v", text, err)
		}
	}
	for _, text := range []string{"", "AAAA", read(t, "app.pem")} {
		if _, err := publicKey(text); err == nil {
			t.Errorf("public key %q is accepted", text)
		}
	}
}

// The names were made with md5sum over the issuer as RFC 2253 writes it and the
// serial number in decimals.
func TestCertificateMode(t *testing.T) {
	s, _ := start(t)
	cfg := s.config()
	cfg.AppCert, cfg.RootCert = read(t, "app.crt"), read(t, "root.crt")
	cfg.PublicKeys = []string{read(t, "root.crt")}
	g := must(New(cfg))(t)
	r := must(g.prepare(tradeQuery, struct{}{}, nil))(t)
	if r.public.Get("app_cert_sn") != "134959eacd36c0c565734bb2d4413eaa" || r.public.Get("alipay_root_cert_sn") != "a7ba0bb3a5d0c7ac9188b752047b2a7f" {
		t.Errorf("names %v", r.public)
	}
	must(g.Find(t.Context(), s.paid(g, "pay_1")))(t)
	cfg.RootCert = ""
	if _, err := New(cfg); err == nil {
		t.Error("half a certificate mode is accepted")
	}
}

func TestAuthorisedMerchant(t *testing.T) {
	s, _ := start(t)
	cfg := s.config()
	cfg.AppAuthToken = "token-of-a-merchant"
	g := must(New(cfg))(t)
	r := must(g.prepare(tradeQuery, struct{}{}, nil))(t)
	if r.public.Has("app_auth_token") || r.private.Get("app_auth_token") != cfg.AppAuthToken {
		t.Errorf("the token is in the address: %v", r.public)
	}
	must(g.Find(t.Context(), s.paid(g, "pay_1")))(t)
}

func TestNew_RefusesHalfAConfiguration(t *testing.T) {
	s, _ := start(t)
	for name, change := range map[string]func(*Config){
		"no_application": func(c *Config) { c.AppID = "" },
		"no_key":         func(c *Config) { c.PrivateKey = "" },
		"no_public_key":  func(c *Config) { c.PublicKeys = nil },
		"no_account":     func(c *Config) { c.UserID = "" },
		"no_notices":     func(c *Config) { c.NotifyURL = "" },
		"another_mode":   func(c *Config) { c.Test = false },
		"the_real_one":   func(c *Config) { c.BaseURL = "" },
		"no_address":     func(c *Config) { c.BaseURL = "gateway.do" },
	} {
		cfg := s.config()
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestAmounts_AreExact(t *testing.T) {
	for text, want := range map[string]int64{"0.01": 1, "88.88": 8888, "100000000.00": 10_000_000_000, "7": 700, "7.5": 750, "0.29": 29, "1.10": 110} {
		if got, err := yuan(text); err != nil || got != (money.Amount{Minor: want, Currency: "CNY"}) {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1.00", "1.005", "1e2", "1,000.00", " 1", ".5", "1.", "NaN", "99999999999999999999"} {
		if got, err := yuan(text); err == nil {
			t.Errorf("%q = %v", text, got)
		}
	}
}

// braces finds the node as Alipay's own library does: by counting braces outside
// of strings.
func braces(raw []byte, name string) []byte {
	from := bytes.Index(raw, []byte(`"`+name+`"`))
	if from < 0 {
		return nil
	}
	from += len(name) + 2
	open := bytes.IndexByte(raw[from:], '{')
	if open < 0 {
		return nil
	}
	from += open
	depth, quoted, escapes := 0, false, 0
	for i, c := range raw[from:] {
		switch {
		case c == '"' && escapes%2 == 0:
			quoted = !quoted
		case c == '{' && !quoted:
			depth++
		case c == '}' && !quoted:
			if depth--; depth == 0 {
				return raw[from : from+i+1]
			}
		}
		if c == '\\' {
			escapes++
		} else {
			escapes = 0
		}
	}
	return nil
}

// FuzzNode: what is taken for the node are bytes of the answer, unchanged, and
// the same ones that Alipay's own library would take.
func FuzzNode(f *testing.F) {
	for _, seed := range []string{
		`{"alipay_trade_query_response":{"code":"10000","msg":"a\/b {\"x\":1} \\"},"sign":"AAAA"}`,
		"{ \"sign\" : \"AAAA\" ,\n \"alipay_trade_query_response\" : { \"code\" : \"1\" } }",
		`{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}`,
		`{"alipay_trade_query_response":{},"alipay_trade_query_response":{}}`,
		`{"alipay_trade_query_response":{"a":{"alipay_trade_query_response":{}}},"sign":""} {}`,
		`{"alipay_trade_query_response":"cipher","sign":"AAAA"}`, `[]`, `{`, ``, `{"sign":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		node, signature, err := split(raw, "alipay_trade_query_response")
		if err != nil {
			return
		}
		if !bytes.Contains(raw, node) || !json.Valid(node) || !json.Valid(raw) {
			t.Fatalf("%q is not of %q", node, raw)
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(raw, &whole); err != nil {
			t.Fatal(err)
		}
		if _, failed := whole["error_response"]; !failed && bytes.Count(raw, []byte(`"alipay_trade_query_response"`)) == 1 {
			if other := braces(raw, "alipay_trade_query_response"); !bytes.Equal(other, node) {
				t.Fatalf("%q, and by braces %q", node, other)
			}
		}
		if signature != "" {
			var s string
			if json.Unmarshal(whole["sign"], &s) != nil || s != signature {
				t.Fatalf("signature %q of %q", signature, raw)
			}
		}
	})
}

// FuzzNotice: nobody but the holder of Alipay's key makes an event.
func FuzzNotice(f *testing.F) {
	key, err := privateKey(read(f, "alipay.pem"))
	if err != nil {
		f.Fatal(err)
	}
	g, err := New(Config{
		AppID: appID, PrivateKey: read(f, "app.pem"), PublicKeys: []string{read(f, "alipay.pub.pem")}, UserID: operator, NotifyURL: "https://market.example/", BaseURL: "https://openapi-sandbox.dl.alipaydev.com/gateway.do", Test: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	now, err := moment("2026-11-25 10:00:00")
	if err != nil {
		f.Fatal(err)
	}
	form := map[string]string{
		"app_id": appID, "notify_type": "trade_status_sync", "notify_id": "1", "notify_time": "2026-11-25 10:00:00", "out_trade_no": "pay_1", "sign_type": "RSA2",
	}
	proof, err := sign(key, content(form, "sign_type"))
	if err != nil {
		f.Fatal(err)
	}
	values := url.Values{"sign": {proof}}
	for name, value := range form {
		values.Set(name, value)
	}
	genuine := values.Encode()
	f.Add([]byte(genuine))
	f.Add([]byte(genuine + "&empty="))
	f.Add([]byte("sign=&sign_type=RSA2"))
	f.Add([]byte("a=1&a=2"))
	f.Add([]byte("%"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := g.Event(nil, body, now)
		if err != nil {
			return
		}
		got, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatal(err)
		}
		for name := range got {
			if v := got.Get(name); v != "" && v != values.Get(name) {
				t.Fatalf("%s=%s was never signed, and makes %+v", name, v, e)
			}
		}
	})
}

// FuzzBill: no file makes the reader fall over, and what it reads has a number,
// a time and an amount.
func FuzzBill(f *testing.F) {
	for _, text := range []string{tradeRows, tradeSums, accountRows, accountSums} {
		f.Add(packed(f, text), true)
		f.Add(packed(f, text), false)
	}
	f.Add(packed(f, tradeRows, tradeRows), true)
	f.Add([]byte("PK"), true)
	f.Fuzz(func(t *testing.T, raw []byte, trades bool) {
		kind := accountBill
		if trades {
			kind = tradeBill
		}
		lines, err := readBill(raw, kind)
		if err != nil {
			return
		}
		for _, l := range lines {
			if l.ProviderID == "" || l.At.IsZero() || l.Amount.IsZero() || l.Amount.Currency != "CNY" || l.Kind == "" {
				t.Fatalf("line %+v", l)
			}
		}
	})
}

// FuzzRows is FuzzBill without the archive around it.
func FuzzRows(f *testing.F) {
	for _, text := range []string{tradeRows, tradeSums, accountRows, accountSums, "#\n,\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, table := range tables {
			lines, ok, err := readRows(raw, table)
			if (err != nil || !ok) && len(lines) > 0 {
				t.Fatalf("%d lines of a file that is not read", len(lines))
			}
		}
	})
}
