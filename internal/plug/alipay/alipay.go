// Package alipay takes payments through Alipay's platform product for
// marketplaces (互联网平台直付通): each payment is a trade of the vendor's own
// sub-merchant, whose money Alipay keeps until the operator confirms the
// settlement.
//
//	pay -> confirm the settlement, frozen -> give the operator its share, finish -> refund
//
// Owns: the signing of requests, the proof of answers and notices, the
// translation between Alipay's words and those of package payment, the reading
// of its daily bills. Does not own: when a split is due and how large it is, and
// what any of it means for an order.
//
// A confirmed settlement goes to the account that the sub-merchant named when it
// was admitted, so there is no further step that pays the vendor, and this
// gateway is no payment.Payer.
//
// Before a share can be returned the operator must once allow it in its own
// account (资金管理, 分账接收, 分账回退授权).
//
// Always true:
//   - An answer is believed only when Alipay's signature over its exact bytes
//     proves it. Without that nobody knows what happened.
//   - A notice proves itself in the same way, and is only a hint.
//   - A payment is known by our reference at Alipay, before and after Alipay
//     gives the trade a number of its own; so are its refunds, splits and returns.
//   - Amounts travel as yuan with two decimals and are whole fen here.
//   - No key, token or personal datum is in an error.
package alipay

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"yunshi/internal/market/payment"
)

// Name is the gateway's name.
const Name = "alipay"

// LiveURL is where real money moves.
const LiveURL = "https://openapi.alipay.com/gateway.do"

// Live reports whether real money moves at an address; "" is the default.
func Live(address string) bool { return address == "" || address == LiveURL }

// PayHosts are the origins that a customer passes on the way to pay.
func PayHosts(address string) []string {
	if Live(address) {
		return []string{"https://*.alipay.com"}
	}
	hosts := []string{"https://*.alipaydev.com"}
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		hosts = append(hosts, u.Scheme+"://"+u.Host)
	}
	return hosts
}

// What the product allows.
const (
	splitCap    = 3000 // basis points of a payment that may go to the operator
	freezeDays  = 30   // then Alipay settles, or unfreezes, by itself
	receivers   = 5    // of one split that is done whole or not at all
	acknowledge = "success"
)

// Config says how to speak to Alipay. AppID, PrivateKey, PublicKeys, UserID and
// NotifyURL are required.
type Config struct {
	AppID      string
	PrivateKey string // of the application: PKCS #1 or PKCS #8, as PEM or as the bare base64 of Alipay's tool
	// PublicKeys are Alipay's own: bare base64, PEM, or certificates in PEM. Two
	// during a change of keys.
	PublicKeys []string
	UserID     string // the operator's account at Alipay (2088…), which receives the shares
	SellerID   string // when set, notices for another seller are refused
	NotifyURL  string // where Alipay sends its notices
	// AppAuthToken is needed when the application acts for a merchant that
	// authorised it.
	AppAuthToken string
	// AppCert and RootCert switch the certificate mode on: the application's and
	// Alipay's root certificates in PEM. Both or none.
	AppCert, RootCert string
	// QR opens payments as codes to be scanned instead of Alipay's page.
	QR   bool
	Test bool // no real money moves at BaseURL; the two must agree

	BaseURL string           // default LiveURL
	HTTP    *http.Client     // default with a 15 s timeout
	Now     func() time.Time // default time.Now
}

// Gateway is Alipay as a payment.Gateway that splits and reports. It is safe for
// concurrent use.
type Gateway struct {
	cfg     Config
	private *rsa.PrivateKey
	public  []*rsa.PublicKey
	appSN   string
	rootSN  string
	http    *http.Client
	now     func() time.Time
}

var (
	_ payment.Gateway  = (*Gateway)(nil)
	_ payment.Splitter = (*Gateway)(nil)
	_ payment.Reporter = (*Gateway)(nil)
)

// New checks the configuration and reads the keys.
func New(cfg Config) (*Gateway, error) {
	for _, required := range []struct{ name, value string }{
		{"application id", cfg.AppID}, {"private key", cfg.PrivateKey}, {"account of the operator", cfg.UserID}, {"notice address", cfg.NotifyURL},
	} {
		if required.value == "" {
			return nil, fmt.Errorf("alipay: the %s is missing", required.name)
		}
	}
	if len(cfg.PublicKeys) == 0 {
		return nil, errors.New("alipay: the public key of Alipay is missing")
	}
	if (cfg.AppCert == "") != (cfg.RootCert == "") {
		return nil, errors.New("alipay: the certificate mode needs the application's and the root certificate")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = LiveURL
	}
	if cfg.Test == Live(cfg.BaseURL) {
		return nil, errors.New("alipay: the mode is not that of the address")
	}
	if u, err := url.Parse(cfg.BaseURL); err != nil || u.Host == "" || u.RawQuery != "" {
		return nil, errors.New("alipay: the address of Alipay is not one")
	}
	g := &Gateway{cfg: cfg, http: cfg.HTTP, now: cfg.Now}
	var err error
	if g.private, err = privateKey(cfg.PrivateKey); err != nil {
		return nil, err
	}
	for _, text := range cfg.PublicKeys {
		key, err := publicKey(text)
		if err != nil {
			return nil, err
		}
		g.public = append(g.public, key)
	}
	if cfg.AppCert != "" {
		if g.appSN, g.rootSN, err = serials(cfg.AppCert, cfg.RootCert); err != nil {
			return nil, err
		}
	}
	if g.http == nil {
		g.http = &http.Client{
			Timeout:       15 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

// Name is "alipay".
func (g *Gateway) Name() string { return Name }

// Capability is what the product allows. How long a payment can be refunded is
// in each operator's contract; a refund that comes too late is refused.
func (g *Gateway) Capability() payment.Capability {
	return payment.Capability{
		Redirect: true, PartialRefund: true, SplitCap: splitCap, FreezeDays: freezeDays, Receivers: receivers, AtomicSplit: true,
		Test: g.cfg.Test, Acknowledge: acknowledge,
	}
}
