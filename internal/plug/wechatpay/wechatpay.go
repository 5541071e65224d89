// Package wechatpay takes payments through WeChat Pay, as a platform whose
// vendors are sub-merchants (电商收付通, API v3).
//
// A customer scans a Native code and pays into the vendor's own account, where
// the money is frozen. A split gives the operator its share and, when it
// finishes, frees the rest to the vendor; a return takes a part of the share back
// before a refund; a payout sends the vendor's free money to the vendor's bank.
// Every question names the vendor: WeChat Pay finds nothing without it.
//
// Ids: our reference is the payment's provider id, because a payment has no other
// before it is paid; WeChat Pay's transaction id is the id of the capture. A
// withdrawal's number may have letters and digits only, so "pyo_…" goes without
// its "_".
//
// Signatures: each call is signed with the merchant's key, and each answer and
// notice is verified with a public key of WeChat Pay, either the one the operator
// was given (PUB_KEY_ID_…) or a platform certificate, which the package downloads
// and renews by itself; two may be active at once.
//
// Owns: the calls, their signatures, the reading of answers, notices and bills.
// Does not own: what is sent when (package payment and its callers decide).
//
// Always true: amounts are whole fen of CNY; a successful answer without a valid
// signature counts as no answer; what is not named a refusal in WeChat Pay's
// documents is none, and the object is asked for before anything is sent again;
// no key, no body and no token of a download is in an error.
package wechatpay

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"yunshi/internal/market/payment"
)

// Name is the gateway's name in ledger accounts and records.
const Name = "wechatpay"

// Host is where WeChat Pay answers.
const Host = "https://api.mch.weixin.qq.com"

// Config says who the operator is at WeChat Pay. The fields down to NotifyURL are
// required, PublicKeys excepted.
type Config struct {
	MchID  string          // sp_mchid, the platform's merchant number
	AppID  string          // sp_appid
	Serial string          // of the merchant's API certificate
	Key    *rsa.PrivateKey // of the merchant's API certificate
	// SecretKey is the APIv3 key of 32 bytes, with which notices and platform
	// certificates are encrypted.
	SecretKey []byte
	// PublicKeys are WeChat Pay's public keys by their id. Without one the
	// platform certificates are used.
	PublicKeys map[string]*rsa.PublicKey
	NotifyURL  string // https, without a query: where notices come to

	Company string           // the operator's registered name, as WeChat Pay has it; sent when it is made a receiver
	URL     string           // default Host
	HTTP    *http.Client     // default one with a 15 s timeout; redirects are never followed
	Now     func() time.Time // default time.Now
	Rand    io.Reader        // of nonces; default crypto/rand
}

// Gateway is WeChat Pay as a payment.Gateway. It is safe for concurrent use.
type Gateway struct {
	cfg  Config
	base *url.URL
	keys platformKeys

	drawing sync.Mutex // Config.Rand need not be safe for concurrent use

	adding   sync.Mutex
	receiver bool // the operator is known to be a receiver of splits
}

var (
	_ payment.Gateway  = (*Gateway)(nil)
	_ payment.Splitter = (*Gateway)(nil)
	_ payment.Payer    = (*Gateway)(nil)
	_ payment.Reporter = (*Gateway)(nil)
)

// New returns the adapter. It refuses a configuration that cannot work.
func New(cfg Config) (*Gateway, error) {
	var errs []error
	for _, f := range []struct{ name, value string }{
		{"merchant number", cfg.MchID}, {"app id", cfg.AppID}, {"certificate serial", cfg.Serial}, {"notify address", cfg.NotifyURL},
	} {
		if f.value == "" || strings.ContainsAny(f.value, "\"\r\n") {
			errs = append(errs, fmt.Errorf("wechatpay: the %s is missing or malformed", f.name))
		}
	}
	if cfg.Key == nil {
		errs = append(errs, errors.New("wechatpay: the private key is missing"))
	}
	if len(cfg.SecretKey) != secretKeyLen {
		errs = append(errs, fmt.Errorf("wechatpay: the APIv3 key must have %d bytes", secretKeyLen))
	}
	base, err := url.Parse(strings.TrimRight(cmp.Or(cfg.URL, Host), "/"))
	if err != nil || base.Host == "" {
		errs = append(errs, errors.New("wechatpay: the address is malformed"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 15 * time.Second}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.HTTP = &client
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	g := &Gateway{cfg: cfg, base: base}
	g.keys.given = cfg.PublicKeys
	return g, nil
}

// Name implements payment.Gateway.
func (*Gateway) Name() string { return Name }

// Capability says what WeChat Pay can do for a platform. Its memory of a
// reference is for ever, except that a withdrawal's number is recognised for six
// days; a payout is therefore always looked for before it is sent.
func (*Gateway) Capability() payment.Capability {
	return payment.Capability{
		PartialRefund: true, Refunds: 50, RefundWithin: 365 * 24 * time.Hour, KeyWindow: keyWindow,
		SplitCap: splitCap, FreezeDays: 180, Receivers: 50,
	}
}

const (
	keyWindow = 6 * 24 * time.Hour
	splitCap  = 3000 // basis points
)
