package wechatpay

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// renewEvery is how often the platform certificates are downloaded; WeChat Pay
// asks for less than twelve hours, and announces a new one ten days ahead.
const renewEvery = 10 * time.Hour

// publicKeyPrefix begins the id of a public key that is no certificate.
const publicKeyPrefix = "PUB_KEY_ID_"

// platformKeys are the public keys of WeChat Pay: those that were given, and the
// certificates of the last download.
type platformKeys struct {
	given map[string]*rsa.PublicKey

	mu    sync.RWMutex
	certs map[string]platformCertificate
	at    time.Time // of the last download that succeeded

	downloading sync.Mutex
}

type platformCertificate struct {
	key         *rsa.PublicKey
	from, until time.Time
}

// of returns the key with a serial that is valid now, or nil.
func (k *platformKeys) of(serial string, now time.Time) *rsa.PublicKey {
	if key := k.given[serial]; key != nil {
		return key
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return validKey(k.certs, serial, now)
}

func validKey(certs map[string]platformCertificate, serial string, now time.Time) *rsa.PublicKey {
	c, ok := certs[serial]
	if !ok || now.Before(c.from) || now.After(c.until) {
		return nil
	}
	return c.key
}

// id is the public key that answers shall be signed with, when one was given.
func (k *platformKeys) id() string {
	first := ""
	for id := range k.given {
		if strings.HasPrefix(id, publicKeyPrefix) && (first == "" || id < first) {
			first = id
		}
	}
	return first
}

func (k *platformKeys) age(now time.Time) time.Duration {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.at.IsZero() {
		return renewEvery
	}
	return now.Sub(k.at)
}

// certificateList answers GET /v3/certificates.
type certificateList struct {
	Data []struct {
		Serial      string `json:"serial_no"`
		Certificate sealed `json:"encrypt_certificate"`
	} `json:"data"`
}

// renew downloads the platform certificates unless somebody has just done so.
// The answer is signed with one of the certificates that it carries; that they
// are WeChat Pay's is proved by their encryption with the APIv3 key.
func (g *Gateway) renew(ctx context.Context, olderThan time.Duration) error {
	g.keys.downloading.Lock()
	defer g.keys.downloading.Unlock()
	now := g.cfg.Now()
	if g.keys.age(now) < olderThan {
		return nil
	}
	got, err := g.send(ctx, "certificates", http.MethodGet, "/v3/certificates", nil)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return got.failure()
	}
	var list certificateList
	if err := json.Unmarshal(got.body, &list); err != nil {
		return fmt.Errorf("%w: certificates: %w", ErrNoAnswer, err)
	}
	certs := make(map[string]platformCertificate, len(list.Data))
	for _, item := range list.Data {
		text, err := item.Certificate.open(g.cfg.SecretKey)
		if err != nil {
			return fmt.Errorf("%w: certificates: %w", ErrNoAnswer, err)
		}
		c, err := parseCertificate(item.Serial, text)
		if err != nil {
			return err
		}
		certs[item.Serial] = c
	}
	keyOf := func(serial string) *rsa.PublicKey {
		if key := g.keys.given[serial]; key != nil {
			return key
		}
		return validKey(certs, serial, now)
	}
	if err := verify(got.header, got.body, now, keyOf); err != nil {
		return fmt.Errorf("%w: certificates: %w", ErrNoAnswer, err)
	}
	g.keys.mu.Lock()
	g.keys.certs, g.keys.at = certs, now
	g.keys.mu.Unlock()
	return nil
}

func parseCertificate(serial string, text []byte) (platformCertificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return platformCertificate{}, fmt.Errorf("%w: certificates: not PEM", ErrNoAnswer)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return platformCertificate{}, fmt.Errorf("%w: certificates: %w", ErrNoAnswer, err)
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || !strings.EqualFold(strings.TrimLeft(serial, "0"), c.SerialNumber.Text(16)) {
		return platformCertificate{}, fmt.Errorf("%w: certificates: another key or serial than announced", ErrNoAnswer)
	}
	return platformCertificate{key: key, from: c.NotBefore, until: c.NotAfter}, nil
}
