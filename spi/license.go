package spi

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// licenseType keeps licence keys apart from everything else the marketplace
// signs with the same algorithm: a receipt is never accepted as a licence.
const licenseType = "yunshi-licence"

// License is what a licence key claims about one entitlement.
type License struct {
	Entitlement string `json:"entitlement"`
	// Account is the customer's pseudonym at the vendor, the OpenID of deliveries.
	Account  string `json:"account"`
	Product  string `json:"product"`
	Plan     string `json:"plan"`
	Quantity int64  `json:"quantity"`
	// Issued and NotAfter are Unix seconds. The licence holds up to and excluding
	// NotAfter; zero means without end.
	Issued   int64 `json:"issued"`
	NotAfter int64 `json:"not_after,omitempty"`
	// Seq grows by each key issued for the entitlement; a higher one replaces the
	// lower ones.
	Seq int64 `json:"seq"`
}

// The reasons why a licence key is not accepted.
var (
	ErrLicenseForged  = errors.New("spi: the licence key is not signed by a known key")
	ErrLicenseProduct = errors.New("spi: the licence is for another product")
	ErrLicenseExpired = errors.New("spi: the licence has ended")
	ErrLicenseEarly   = errors.New("spi: the licence was issued in the future; check the clock")
	ErrLicenseOld     = errors.New("spi: a newer licence for this entitlement was seen")
	ErrClockSetBack   = errors.New("spi: the clock stands before a time already seen")
	ErrKeySet         = errors.New("spi: the key set holds no usable public key")
)

// JWKS is a set of public Ed25519 keys, by key id.
type JWKS struct {
	keys map[string]ed25519.PublicKey
}

// NewJWKS makes a set of public keys; each key's id is its RFC 7638 thumbprint.
func NewJWKS(keys ...ed25519.PublicKey) (JWKS, error) {
	set := JWKS{keys: make(map[string]ed25519.PublicKey, len(keys))}
	for _, key := range keys {
		id, err := LicenseKeyID(key)
		if err != nil {
			return JWKS{}, err
		}
		set.keys[id] = key
	}
	if len(set.keys) == 0 {
		return JWKS{}, ErrKeySet
	}
	return set, nil
}

// ParseJWKS reads a JSON Web Key Set. Keys of other kinds are passed over; a
// private key in the set is refused, because it must never have been published.
// It fails with ErrKeySet.
func ParseJWKS(data []byte) (JWKS, error) {
	var read jose.JSONWebKeySet
	if err := json.Unmarshal(data, &read); err != nil {
		return JWKS{}, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	set := JWKS{keys: make(map[string]ed25519.PublicKey, len(read.Keys))}
	for _, key := range read.Keys {
		if !key.IsPublic() {
			return JWKS{}, fmt.Errorf("%w: it contains a private or symmetric key", ErrKeySet)
		}
		public, ok := key.Key.(ed25519.PublicKey)
		if !ok || key.KeyID == "" || (key.Use != "" && key.Use != "sig") {
			continue
		}
		set.keys[key.KeyID] = public
	}
	if len(set.keys) == 0 {
		return JWKS{}, ErrKeySet
	}
	return set, nil
}

// MarshalJSON writes the set as a JSON Web Key Set.
func (s JWKS) MarshalJSON() ([]byte, error) {
	out := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for id, key := range s.keys {
		out.Keys = append(out.Keys, jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	return json.Marshal(out)
}

// LicenseKeyID is the id of a signing key: the RFC 7638 thumbprint of its
// public half.
func LicenseKeyID(key ed25519.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("spi: key id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// IssueLicense signs a licence and returns its key, a compact JWS. An
// incomplete licence is refused with ErrMalformed.
func IssueLicense(key ed25519.PrivateKey, license License) (string, error) {
	if license.Entitlement == "" || license.Account == "" || license.Product == "" || license.Quantity < 1 ||
		license.Issued <= 0 || (license.NotAfter != 0 && license.NotAfter <= license.Issued) {
		return "", fmt.Errorf("%w: incomplete licence", ErrMalformed)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("%w: not an Ed25519 key", ErrKeySet)
	}
	id, err := LicenseKeyID(public)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		(&jose.SignerOptions{}).WithType(licenseType))
	if err != nil {
		return "", fmt.Errorf("spi: licence signer: %w", err)
	}
	claims, err := json.Marshal(license)
	if err != nil {
		return "", fmt.Errorf("spi: licence claims: %w", err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("spi: sign licence: %w", err)
	}
	written, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("spi: write licence: %w", err)
	}
	return written, nil
}

// clockSkew is how far a product's clock may run behind the marketplace's.
const clockSkew = 10 * time.Minute

// VerifyLicense checks a licence key without a network and returns its claims.
// product is the slug the calling program was built for. It fails with
// ErrLicenseForged, ErrLicenseProduct, ErrLicenseExpired or ErrLicenseEarly;
// the claims are returned with ErrLicenseExpired too, so that a program can
// say whose licence ended and when.
func VerifyLicense(key string, publicKeys JWKS, now time.Time, product string) (License, error) {
	parsed, err := jose.ParseSignedCompact(key, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return License{}, fmt.Errorf("%w: %w", ErrLicenseForged, err)
	}
	header := parsed.Signatures[0].Protected
	public, known := publicKeys.keys[header.KeyID]
	if !known || header.ExtraHeaders[jose.HeaderType] != licenseType {
		return License{}, ErrLicenseForged
	}
	claims, err := parsed.Verify(public)
	if err != nil {
		return License{}, fmt.Errorf("%w: %w", ErrLicenseForged, err)
	}
	var license License
	if err := json.Unmarshal(claims, &license); err != nil {
		return License{}, fmt.Errorf("%w: %w", ErrLicenseForged, err)
	}
	if license.Product != product {
		return License{}, ErrLicenseProduct
	}
	if time.Unix(license.Issued, 0).After(now.Add(clockSkew)) {
		return License{}, ErrLicenseEarly
	}
	if license.NotAfter != 0 && !now.Before(time.Unix(license.NotAfter, 0)) {
		return license, ErrLicenseExpired
	}
	return license, nil
}

// LicenseMemory is what a product keeps on disk between starts, so that neither
// an old key nor a clock set back extends a licence. Its JSON form is stable.
// The zero value is ready; it is safe for concurrent use.
type LicenseMemory struct {
	mu sync.Mutex
	// highest Seq per entitlement, and the latest instant ever seen (Unix seconds)
	seq    map[string]int64
	latest int64
}

// Accept checks a verified licence against everything seen before and remembers
// it. It fails with ErrLicenseOld or ErrClockSetBack and then remembers nothing.
func (m *LicenseMemory) Accept(license License, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if license.Seq < m.seq[license.Entitlement] {
		return ErrLicenseOld
	}
	if now.Add(clockSkew).Before(time.Unix(m.latest, 0)) {
		return ErrClockSetBack
	}
	if m.seq == nil {
		m.seq = make(map[string]int64)
	}
	m.seq[license.Entitlement] = license.Seq
	m.latest = max(m.latest, now.Unix(), license.Issued)
	return nil
}

type licenseMemoryJSON struct {
	Seq    map[string]int64 `json:"seq"`
	Latest int64            `json:"latest"`
}

// MarshalJSON writes the memory for the next start.
func (m *LicenseMemory) MarshalJSON() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return json.Marshal(licenseMemoryJSON{Seq: m.seq, Latest: m.latest})
}

// UnmarshalJSON reads the memory of an earlier start.
func (m *LicenseMemory) UnmarshalJSON(data []byte) error {
	var read licenseMemoryJSON
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq, m.latest = read.Seq, read.Latest
	return nil
}
