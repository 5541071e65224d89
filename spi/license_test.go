package spi_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"yunshi/spi"
)

func signingKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func published(t *testing.T, keys ...ed25519.PrivateKey) spi.JWKS {
	t.Helper()
	publics := make([]ed25519.PublicKey, len(keys))
	for i, key := range keys {
		publics[i] = key.Public().(ed25519.PublicKey)
	}
	set, err := spi.NewJWKS(publics...)
	if err != nil {
		t.Fatal(err)
	}
	// Through JSON, as a product would have it.
	written, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	read, err := spi.ParseJWKS(written)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

var sample = spi.License{
	Entitlement: "ent_1", Account: "o_1", Product: "notepad", Plan: "basic", Quantity: 5,
	Issued: 1795334400, NotAfter: 1795334400 + 30*86400, Seq: 3,
}

func issue(t *testing.T, key ed25519.PrivateKey, license spi.License) string {
	t.Helper()
	written, err := spi.IssueLicense(key, license)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func TestVerifyLicense_AcceptsAGenuineKeyOffline(t *testing.T) {
	got, err := spi.VerifyLicense(issue(t, signingKey(1), sample), published(t, signingKey(2), signingKey(1)), time.Unix(sample.Issued, 0), "notepad")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestVerifyLicense_RefusesWhatIsNotGenuineAndValid(t *testing.T) {
	genuine := issue(t, signingKey(1), sample)
	parts := strings.Split(genuine, ".")
	issued := time.Unix(sample.Issued, 0)
	end := time.Unix(sample.NotAfter, 0)

	richer := sample
	richer.Quantity = 500
	claims, err := json.Marshal(richer)
	if err != nil {
		t.Fatal(err)
	}
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + parts[2]
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"yunshi-licence"}`)) + "." + parts[1] + "."

	cases := map[string]struct {
		key     string
		now     time.Time
		product string
		want    error
	}{
		"accepted":                     {genuine, issued, "notepad", nil},
		"accepted_last_second":         {genuine, end.Add(-time.Second), "notepad", nil},
		"refused_forged_claims":        {forged, issued, "notepad", spi.ErrLicenseForged},
		"refused_no_algorithm":         {unsigned, issued, "notepad", spi.ErrLicenseForged},
		"refused_other_signing_key":    {issue(t, signingKey(9), sample), issued, "notepad", spi.ErrLicenseForged},
		"refused_other_kind_of_object": {signedAs(t, signingKey(1), "receipt", sample), issued, "notepad", spi.ErrLicenseForged},
		"refused_truncated":            {genuine[:len(genuine)-4], issued, "notepad", spi.ErrLicenseForged},
		"refused_empty":                {"", issued, "notepad", spi.ErrLicenseForged},
		"refused_other_product":        {genuine, issued, "spreadsheet", spi.ErrLicenseProduct},
		"refused_at_its_end":           {genuine, end, "notepad", spi.ErrLicenseExpired},
		"refused_from_the_future":      {genuine, issued.Add(-time.Hour), "notepad", spi.ErrLicenseEarly},
	}
	keys := published(t, signingKey(1))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := spi.VerifyLicense(c.key, keys, c.now, c.product); !errors.Is(err, c.want) {
				t.Errorf("VerifyLicense = %v, want %v", err, c.want)
			}
		})
	}
}

// signedAs signs the claims with the right key but as another kind of object.
func signedAs(t *testing.T, key ed25519.PrivateKey, kind jose.ContentType, license spi.License) string {
	t.Helper()
	id, err := spi.LicenseKeyID(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		(&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(license)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	written, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func TestVerifyLicense_WithoutEndNeverExpires(t *testing.T) {
	forever := sample
	forever.NotAfter = 0
	key := issue(t, signingKey(1), forever)
	if _, err := spi.VerifyLicense(key, published(t, signingKey(1)), time.Unix(sample.Issued, 0).AddDate(50, 0, 0), "notepad"); err != nil {
		t.Errorf("after 50 years: %v", err)
	}
}

func TestIssueLicense_RefusesIncompleteClaims(t *testing.T) {
	spoil := map[string]func(*spi.License){
		"no_entitlement":       func(l *spi.License) { l.Entitlement = "" },
		"no_account":           func(l *spi.License) { l.Account = "" },
		"no_product":           func(l *spi.License) { l.Product = "" },
		"no_quantity":          func(l *spi.License) { l.Quantity = 0 },
		"no_issue_time":        func(l *spi.License) { l.Issued = 0 },
		"ends_before_it_began": func(l *spi.License) { l.NotAfter = l.Issued },
	}
	for name, change := range spoil {
		t.Run(name, func(t *testing.T) {
			license := sample
			change(&license)
			if _, err := spi.IssueLicense(signingKey(1), license); !errors.Is(err, spi.ErrMalformed) {
				t.Errorf("IssueLicense = %v, want ErrMalformed", err)
			}
		})
	}
}

func TestLicenseMemory_RefusesOldKeysAndAClockSetBack(t *testing.T) {
	now := time.Unix(sample.Issued, 0)
	older, newer, other := sample, sample, sample
	older.Seq, newer.Seq, newer.Issued = 2, 4, sample.Issued+3600
	other.Entitlement, other.Seq = "ent_2", 1

	memory := &spi.LicenseMemory{}
	accept := func(step string, license spi.License, at time.Time, want error) {
		t.Helper()
		// Each step starts the program anew from what was kept on disk.
		kept, err := json.Marshal(memory)
		if err != nil {
			t.Fatal(err)
		}
		memory = &spi.LicenseMemory{}
		if err := json.Unmarshal(kept, memory); err != nil {
			t.Fatal(err)
		}
		if err := memory.Accept(license, at); !errors.Is(err, want) {
			t.Errorf("%s: Accept = %v, want %v", step, err, want)
		}
	}
	accept("first", sample, now, nil)
	accept("the same again", sample, now.Add(time.Minute), nil)
	accept("replayed older key", older, now.Add(time.Minute), spi.ErrLicenseOld)
	accept("renewed", newer, now.Add(time.Hour), nil)
	accept("key before the renewal", sample, now.Add(time.Hour), spi.ErrLicenseOld)
	accept("another entitlement", other, now.Add(time.Hour), nil)
	accept("clock set back a day", newer, now.AddDate(0, 0, -1), spi.ErrClockSetBack)
	accept("clock right again", newer, now.Add(2*time.Hour), nil)
}

func TestParseJWKS_RefusesSetsThatProveNothing(t *testing.T) {
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signingKey(1), KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"not_json":    `{`,
		"empty":       `{"keys":[]}`,
		"private_key": string(private),
		"symmetric":   `{"keys":[{"kty":"oct","kid":"k","k":"AAAA"}]}`,
		"without_id":  `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"}]}`,
	}
	for name, set := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := spi.ParseJWKS([]byte(set)); !errors.Is(err, spi.ErrKeySet) {
				t.Errorf("ParseJWKS = %v, want ErrKeySet", err)
			}
		})
	}
}

func FuzzVerifyLicense(f *testing.F) {
	key, err := spi.IssueLicense(signingKey(1), sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add(key[:40])
	set, err := spi.NewJWKS(signingKey(2).Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if _, err := spi.VerifyLicense(key, set, time.Unix(sample.Issued, 0), "notepad"); err == nil {
			t.Errorf("accepted a key nobody signed: %q", key)
		}
	})
}
