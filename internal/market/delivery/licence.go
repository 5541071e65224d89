package delivery

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
	"yunshi/spi"
)

// Keys returns the public half as a JSON Web Key Set, with which a product checks
// licences without a network. Before the first key it is a set of none.
func Keys(ctx context.Context, r db.Reader) ([]byte, error) {
	public, err := db.One(ctx, r, func(s db.Scanner) (ed25519.PublicKey, error) {
		var kid string
		var public, private []byte
		err := s.Scan(&kid, &public, &private)
		return public, err
	}, selectKey)
	if errors.Is(err, db.ErrNoRow) {
		return []byte(`{"keys":[]}`), nil
	}
	if err != nil {
		return nil, err
	}
	set, err := spi.NewJWKS(public)
	if err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

func signingKey(ctx context.Context, tx *db.Tx) (ed25519.PrivateKey, error) {
	key, err := readKey(ctx, tx)
	if err == nil || !errors.Is(err, db.ErrNoRow) {
		return key, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(tx.Rand(), seed); err != nil {
		return nil, fmt.Errorf("delivery: licence key: %w", err)
	}
	key = ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	kid, err := spi.LicenseKeyID(public)
	if err != nil {
		return nil, err
	}
	sealed, err := tx.Keys().Seal(base64.StdEncoding.EncodeToString(seed), keyAt)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, insertKey, kid, []byte(public), sealed, db.Micros(tx.Now())); err != nil {
		return nil, err
	}
	return readKey(ctx, tx)
}

func readKey(ctx context.Context, r db.Reader) (ed25519.PrivateKey, error) {
	return db.One(ctx, r, func(s db.Scanner) (ed25519.PrivateKey, error) {
		var kid string
		var public, sealed []byte
		if err := s.Scan(&kid, &public, &sealed); err != nil {
			return nil, err
		}
		text, err := r.Keys().Open(sealed, keyAt)
		if err != nil {
			return nil, err
		}
		seed, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("delivery: the stored licence key is not a key")
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}, selectKey)
}

// issue signs the next licence of a delivery.
func issue(ctx context.Context, tx *db.Tx, d Delivery, e entitlement.Entitlement) (string, error) {
	key, err := signingKey(ctx, tx)
	if err != nil {
		return "", err
	}
	tx.Queue(nextSeq, string(d.ID))
	seq, err := db.Value[int64](ctx, tx, selectSeq, string(d.ID))
	if err != nil {
		return "", err
	}
	l := spi.License{
		Entitlement: string(e.ID), Account: vendor.OpenID(d.Vendor, d.Account, tx.Keys()), Product: d.Slug, Plan: d.PlanCode,
		Quantity: d.Quantity, Issued: tx.Now().Unix(), Seq: seq,
	}
	if !e.EndsAt.IsZero() {
		l.NotAfter = e.EndsAt.Unix()
	}
	return spi.IssueLicense(key, l)
}

// Reissue signs a fresh licence key that replaces the ones before it, for the
// account that holds the right. The new key is read with [Reveal].
func Reissue(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Delivery, err error) {
	defer fault.Wrap(&err, "delivery.Reissue(%s)", id)
	d, e, err := usable(ctx, tx, by, id)
	if err != nil {
		return Delivery{}, err
	}
	if d.Dialect != LicenceKey {
		return Delivery{}, ErrNotFound
	}
	key, err := issue(ctx, tx, d, e)
	if err != nil {
		return Delivery{}, err
	}
	if err := keep(tx, d.ID, []Credential{{Name: LicenceKey, Value: key, Secret: true}}); err != nil {
		return Delivery{}, err
	}
	return d, audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.licence_reissued", Subjects: []string{string(d.ID), string(e.ID)}, Clauses: []string{"UA 4.9.3"},
		Data: map[string]string{"sha256": digest([]byte(key))},
	})
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
