package api_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/base/calendar"
	"yunshi/internal/edge/api"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/payment"
	"yunshi/internal/plug/alipay"
)

// TestNoticeAsForm: Alipay posts forms and waits for a word. The proof is over
// the form as it came, and nothing on the way may have read it.
func TestNoticeAsForm(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		key := func(name string) string {
			return string(must(os.ReadFile(filepath.Join("..", "..", "plug", "alipay", "testdata", name)))(t))
		}
		g := must(alipay.New(alipay.Config{
			AppID: "2021000000000001", PrivateKey: key("app.pem"), PublicKeys: []string{key("alipay.pub.pem")}, UserID: "2088000000000001",
			NotifyURL: "https://market.example/gateway/alipay", BaseURL: "https://openapi-sandbox.dl.alipaydev.com/gateway.do", Test: true,
		}))(t)
		m := &serve.Market{
			DB: b.DB, Blob: b.files, Log: slog.New(slog.NewTextHandler(b.log, nil)), Gateways: map[string]payment.Gateway{alipay.Name: g},
			Info: serve.Info{Market: "Test", Operator: "Test", BaseURL: "http://market.example", LogKey: "key of the log"},
		}
		handler := must(serve.New(m, serve.Surface{Routes: must(api.Routes(m))(t), API: true, Prefix: api.Prefix}))(t)
		b.server.Close()
		b.server = httptest.NewServer(handler)
		t.Cleanup(b.server.Close)

		form := url.Values{
			"app_id": {"2021000000000001"}, "notify_type": {"trade_status_sync"}, "notify_id": {"2026112500222100001"}, "out_trade_no": {"pay_1"},
			"notify_time": {b.Clock.Now().In(calendar.Shanghai).Format("2006-01-02 15:04:05")}, "subject": {"记事本 1+1"}, "sign_type": {"RSA2"},
		}
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range form {
				if name != "sign_type" && !yield(name) {
					return
				}
			}
		})
		for i, name := range names {
			names[i] = name + "=" + form.Get(name)
		}
		block, _ := pem.Decode([]byte(key("alipay.pem")))
		signer := must(x509.ParsePKCS8PrivateKey(block.Bytes))(t).(*rsa.PrivateKey)
		sum := sha256.Sum256([]byte(strings.Join(names, "&")))
		form.Set("sign", base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(nil, signer, crypto.SHA256, sum[:]))(t)))

		post := func(body string) answer {
			return b.send(http.MethodPost, "/gateway/alipay", "", body, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		}
		for range 2 {
			if got := post(form.Encode()); got.status != http.StatusOK || got.body != "success" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
				t.Errorf("notice: %d %q %v", got.status, got.body, got.header)
			}
		}
		if got := post(strings.Replace(form.Encode(), "pay_1", "pay_2", 1)); got.status != http.StatusBadRequest || strings.Contains(got.body, "success") {
			t.Errorf("a forged notice: %d %q", got.status, got.body)
		}
	})
}
