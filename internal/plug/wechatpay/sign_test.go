package wechatpay

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The messages are the examples of WeChat Pay's documents; the signatures over them
// were made with openssl and the keys in testdata.
func TestARequestIsSignedByteByByte(t *testing.T) {
	const nonce = "593BEC0C930BF1AFEB40B4A08C8FB242"
	const order = `{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔","out_trade_no":"1217752501201407033233368018",` +
		`"notify_url":"https://www.weixin.qq.com/wxpay/pay.php","amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`
	cases := map[string]struct{ method, target, body, message, signature string }{
		"GET": {
			"GET", "/v3/certificates", "", "GET\n/v3/certificates\n1554208460\n" + nonce + "\n\n",
			"TRprboRefdhPcC+6cAsPBgRtFGzWZfGsnnhrkbUw6X0MgW4BsW002N4dZJIa1mHAZpYxOIJ9LrcVrJzMehsV3qJIghK6rudogETg4YVibfF6JkKo4+AigdnntCGK9rQc40IB" +
				"cHtkiKw63AABJdPiZ6DUVtPo7kF3itDqMDEJr5Jn6yPsYB6XDFQf0Prox3eWC5dAcyM/iNyYCWp5hnuKrD4rcUnJQZJyLiovEHvVbFHzh4aBrwFr1FHY6656ZjBhmMqj" +
				"QTx0Kb9RExTxsrNz8eou3hHnNTS5d2LwxK8dKf87PGdMLk9wd5u1Dfposmg5HHBpOTGH0eIOFSLdSPEgtQ==",
		},
		"POST": {
			"POST", "/v3/pay/transactions/jsapi", order, "POST\n/v3/pay/transactions/jsapi\n1554208460\n" + nonce + "\n" + order + "\n",
			"oMSu3sKNAep8h9xaymTKU3PilMZiuu4KLim8jPBrMFPsV8kPh6ctrGV7Uh87dUr/UbNxbu2UTztHH9sYvzfY88czAP4OPkaXPH9fo2NaNsOJ5TX/xGgR1Fv54NnSdxEO" +
				"SRiSxt9of/ibu1oaN6/NtSaM0UjR0/c09/v44Ve3p9lnlJZ3ecRvS+qgSWNhL+ttaxr0Iz2jRbS38DhHLvoa9ne48huZApOFRJGQNApOfyVfi8cs1b2I1pIEN0GVvFS8" +
				"PHiztfEOGQqbq4Mx8VG+IWuyH/PNuDjoIACOk1cpX1SXY0e0VZY3pBdvCKrkwVlDKKSWjJvFvEU01E+i7umNwg==",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := string(requestMessage(c.method, c.target, "1554208460", nonce, []byte(c.body))); got != c.message {
				t.Errorf("message %q, want %q", got, c.message)
			}
			// The same clock and the same randomness give the same header.
			raw := []byte{0x59, 0x3B, 0xEC, 0x0C, 0x93, 0x0B, 0xF1, 0xAF, 0xEB, 0x40, 0xB4, 0xA0, 0x8C, 0x8F, 0xB2, 0x42}
			g, err := New(Config{
				MchID: testMch, AppID: testApp, Serial: testSerial, Key: testKey(t, "merchant_key"), SecretKey: []byte(testSecret), NotifyURL: testNotify,
				Now: func() time.Time { return time.Unix(1554208460, 0) }, Rand: bytes.NewReader(raw),
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.authorization(c.method, c.target, []byte(c.body))
			want := `WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="` + nonce + `",signature="` + c.signature +
				`",timestamp="1554208460",serial_no="5157F09EFDC096DE15EBE81A47057A7232F1B8E1"`
			if err != nil || got != want {
				t.Errorf("header %s, %v\nwant   %s", got, err, want)
			}
			if _, err := g.authorization(c.method, c.target, nil); err == nil {
				t.Error("a call was signed without randomness")
			}
		})
	}
}

func TestAnAnswerIsVerifiedByteByByte(t *testing.T) {
	const body = `{"data":[{"serial_no":"5157F09EFDC096DE15EBE81A47057A7232F1B8E1","effective_time":"2018-03-26T11:39:50+08:00",` +
		`"expire_time":"2023-03-25T11:39:50+08:00","encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":"4de73afd28b6",` +
		`"associated_data":"certificate","ciphertext":"..."}}]}`
	const signature = "V5thh7dr39+nswOVmiGhSTctPvrultDR96cC/7Noe+hZomuTpAvnLSljE8/Un9uYzZLSq/GtdNF5QE0wm3r8egG21wAyoIHmx4WwiRd3ar65ZQoacozRtTxD/OT7Egxy" +
		"Dt9SKyT0rpU0cXrw0/POQHOFH+5OJxBBv9fFpEVgOLdeXfG6BoJsEjLu5LejVq/s4Fx6hCiDxrcfZoBgt9e6RujH7ZfQKWpoVYWUb8OnTjaiVvYvZYhOjyjpUCS7HiaO" +
		"KzNkxQM+Y7Tmujruo25IIvtUx+lxMk8O5HaISsoxq1dMA8BBln/L6gIougnw8lZ21N0a+3osIZLmCPXv4HHpgw=="
	at := time.Unix(1554209980, 0)
	key := &testKey(t, "platform_key").PublicKey
	keyOf := func(serial string) *rsa.PublicKey {
		if serial == testKeyID {
			return key
		}
		return nil
	}
	cases := map[string]struct {
		change func(h http.Header, body *string, now *time.Time)
		want   error
	}{
		"as_sent":         {func(http.Header, *string, *time.Time) {}, nil},
		"5_minutes_old":   {func(_ http.Header, _ *string, now *time.Time) { *now = at.Add(5 * time.Minute) }, nil},
		"5_minutes_ahead": {func(_ http.Header, _ *string, now *time.Time) { *now = at.Add(-5 * time.Minute) }, nil},
		"older":           {func(_ http.Header, _ *string, now *time.Time) { *now = at.Add(5*time.Minute + time.Second) }, errStale},
		"further_ahead":   {func(_ http.Header, _ *string, now *time.Time) { *now = at.Add(-5*time.Minute - time.Second) }, errStale},
		"one_byte_more":   {func(_ http.Header, b *string, _ *time.Time) { *b += "\n" }, errSignature},
		"other_whitespace": {func(_ http.Header, b *string, _ *time.Time) {
			*b = strings.Replace(*b, `":"`, `": "`, 1)
		}, errSignature},
		"other_time":   {func(h http.Header, _ *string, _ *time.Time) { h.Set(headerTimestamp, "1554209981") }, errSignature},
		"other_nonce":  {func(h http.Header, _ *string, _ *time.Time) { h.Set(headerNonce, "x") }, errSignature},
		"other_serial": {func(h http.Header, _ *string, _ *time.Time) { h.Set(headerSerial, testSerial) }, errSerial},
		"no_time":      {func(h http.Header, _ *string, _ *time.Time) { h.Del(headerTimestamp) }, errUnsigned},
		"no_number":    {func(h http.Header, _ *string, _ *time.Time) { h.Set(headerTimestamp, "today") }, errUnsigned},
		"no_nonce":     {func(h http.Header, _ *string, _ *time.Time) { h.Del(headerNonce) }, errUnsigned},
		"no_serial":    {func(h http.Header, _ *string, _ *time.Time) { h.Set(headerSerial, "") }, errUnsigned},
		"no_signature": {func(h http.Header, _ *string, _ *time.Time) { h.Del(headerSignature) }, errUnsigned},
		"two_serials":  {func(h http.Header, _ *string, _ *time.Time) { h.Add(headerSerial, testKeyID) }, errUnsigned},
		// WeChat Pay sends such a signature now and then, to see whether anybody looks.
		"a_probe": {func(h http.Header, _ *string, _ *time.Time) {
			h.Set(headerSignature, "WECHATPAY/SIGNTEST/"+signature)
		}, errUnsigned},
	}
	for name, c := range cases {
		h := http.Header{headerTimestamp: {"1554209980"}, headerNonce: {"c5ac7061fccab6bf3e254dcf98995b8c"}, headerSignature: {signature}, headerSerial: {testKeyID}}
		b, now := body, at
		c.change(h, &b, &now)
		if err := verify(h, []byte(b), now, keyOf); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The ciphertexts were made with Node.js and the key of the tests.
func TestDecryptionVectors(t *testing.T) {
	cases := map[string]struct{ nonce, associated, ciphertext, plain string }{
		"a_notice": {
			"fdasflkja484", "transaction", "bz16RUBcl2s2xred/1dXuBxCb677zGhBDk47ZReWbdYj5y9ukmfms+JFn5agO6CTj1kGBny/Xq6JPsoVd6874EplmmdVDUMZZjIvMEHWGcM0nK3YAmEr",
			`{"sp_mchid":"1900007291","out_trade_no":"1217752501201407033233368018"}`,
		},
		"without_associated_data": {"4de73afd28b6", "", "bfjpbIjNfnc7FAraw4RHrEMho32nwQ==", "证书"},
		"a_bill's_nonce_of_16":    {"a8607ef79034c49c", "", "O+WCKptP5iFlGiOpTN7ACm1B0auX", "`1,`2"},
	}
	for name, c := range cases {
		s := sealed{Algorithm: "AEAD_AES_256_GCM", Ciphertext: c.ciphertext, AssociatedData: c.associated, Nonce: c.nonce}
		if plain, err := s.open([]byte(testSecret)); err != nil || string(plain) != c.plain {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
		raw, err := base64.StdEncoding.DecodeString(c.ciphertext)
		if err != nil {
			t.Fatal(err)
		}
		raw[0] ^= 1
		for what, wrong := range map[string]sealed{
			"another associated data": {s.Algorithm, s.Ciphertext, "refund", s.Nonce},
			"another nonce":           {s.Algorithm, s.Ciphertext, s.AssociatedData, "0" + s.Nonce[1:]},
			"no nonce":                {s.Algorithm, s.Ciphertext, s.AssociatedData, ""},
			"another algorithm":       {"SM4_GCM", s.Ciphertext, s.AssociatedData, s.Nonce},
			"no base64":               {s.Algorithm, "*", s.AssociatedData, s.Nonce},
			"a flipped bit":           {s.Algorithm, base64.StdEncoding.EncodeToString(raw), s.AssociatedData, s.Nonce},
		} {
			if plain, err := wrong.open([]byte(testSecret)); !errors.Is(err, errDecrypt) {
				t.Errorf("%s with %s: %q, %v", name, what, plain, err)
			}
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	s := startStandIn(t)
	for name, change := range map[string]func(*Config){
		"no merchant": func(c *Config) { c.MchID = "" }, "no app": func(c *Config) { c.AppID = "" }, "no serial": func(c *Config) { c.Serial = "" },
		"a quote in the serial": func(c *Config) { c.Serial = `1",x="` }, "no key": func(c *Config) { c.Key = nil },
		"a short secret": func(c *Config) { c.SecretKey = c.SecretKey[1:] }, "no notify address": func(c *Config) { c.NotifyURL = "" },
		"a bad address": func(c *Config) { c.URL = "nowhere" },
	} {
		cfg := s.config()
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		} else if strings.Contains(err.Error(), testSecret[1:]) {
			t.Errorf("%s: the secret is in the error", name)
		}
	}
	for name, text := range map[string]string{"empty": "", "no key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParsePrivateKey([]byte(text)); err == nil {
			t.Errorf("%s was read as a private key", name)
		}
		if _, err := ParsePublicKey([]byte(text)); err == nil {
			t.Errorf("%s was read as a public key", name)
		}
	}
}
