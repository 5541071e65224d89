package spi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The header names of the Standard Webhooks specification.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a message's timestamp may lie from the receiver's clock,
// in either direction.
const Tolerance = 5 * time.Minute

const secretPrefix = "whsec_"

// The reasons why a signed message is not accepted.
var (
	ErrSecret    = errors.New("spi: secret is not whsec_ followed by 24 to 64 bytes in base64")
	ErrUnsigned  = errors.New("spi: a signature header is missing or unreadable")
	ErrSignature = errors.New("spi: no signature matches")
	ErrStale     = errors.New("spi: the timestamp is outside the tolerance")
	ErrReplayed  = errors.New("spi: this very message was received before")
)

// NewSecret draws a signing secret of 32 bytes from random, in its written form.
func NewSecret(random io.Reader) (string, error) {
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return "", fmt.Errorf("spi: draw a secret: %w", err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(key), nil
}

// parseSecret returns the key inside the written form of a secret.
func parseSecret(written string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(written, secretPrefix)
	if !ok {
		return nil, ErrSecret
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, ErrSecret
	}
	return key, nil
}

// Sign returns the value of the signature header for a message: one "v1"
// signature per secret, separated by spaces, so that a receiver accepts it on
// either side of a key rotation.
func Sign(id string, at time.Time, body []byte, secrets ...string) (string, error) {
	if len(secrets) == 0 {
		return "", ErrSecret
	}
	if id == "" || strings.Contains(id, ".") {
		return "", fmt.Errorf("%w: message id %q", ErrMalformed, id)
	}
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return "", err
		}
		mac := signature(key, id, strconv.FormatInt(at.Unix(), 10), body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac))
	}
	return strings.Join(signatures, " "), nil
}

// SignRequest sets the three headers of a message on an outgoing request.
func SignRequest(h http.Header, id string, at time.Time, body []byte, secrets ...string) error {
	signed, err := Sign(id, at, body, secrets...)
	if err != nil {
		return err
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, signed)
	return nil
}

// Verify checks the headers of a received message against its raw body and
// returns the message id. Any of the secrets may match. It fails with
// ErrUnsigned, ErrSignature, ErrStale or ErrSecret.
func Verify(h http.Header, body []byte, now time.Time, secrets ...string) (string, error) {
	id, stamp, header := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if id == "" || stamp == "" || header == "" {
		return "", ErrUnsigned
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return "", ErrUnsigned
	}
	if !within(now, time.Unix(seconds, 0), Tolerance) {
		return "", ErrStale
	}
	if len(secrets) == 0 {
		return "", ErrSecret
	}
	matched := false
	for _, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return "", err
		}
		if anyMatches(header, signature(key, id, stamp, body)) {
			matched = true
		}
	}
	if !matched {
		return "", ErrSignature
	}
	return id, nil
}

// signature authenticates the message id, the timestamp and the raw body.
func signature(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, id+"."+stamp+".")
	mac.Write(body)
	return mac.Sum(nil)
}

// anyMatches compares every v1 signature of a header with the wanted one.
// Signatures of other versions are passed over, as the specification asks.
func anyMatches(header string, want []byte) bool {
	matched := false
	for part := range strings.FieldsSeq(header) {
		encoded, ok := strings.CutPrefix(part, "v1,")
		if !ok {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && hmac.Equal(got, want) {
			matched = true
		}
	}
	return matched
}

// within reports whether at lies no further than limit from now on either side.
func within(now, at time.Time, limit time.Duration) bool {
	return !at.Before(now.Add(-limit)) && !at.After(now.Add(limit))
}

// Receiver accepts native deliveries for a vendor. Secrets and Now are required;
// a nil Replay lets the same signed message in twice.
type Receiver struct {
	// Secrets are the active signing secrets; two during a rotation.
	Secrets []string
	Now     func() time.Time
	Replay  *Replay
}

// Read takes a delivery from an HTTP request. The result is authentic, fresh,
// complete for its action and not a replay. Errors are those of Verify,
// ErrReplayed and ErrMalformed; answer them with 401 or 400 and no detail.
func (r *Receiver) Read(from *http.Request) (Request, error) {
	body, err := readBody(from)
	if err != nil {
		return Request{}, err
	}
	now := r.Now()
	id, err := Verify(from.Header, body, now, r.Secrets...)
	if err != nil {
		return Request{}, err
	}
	var request Request
	if err := json.Unmarshal(body, &request); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if request.ID != id {
		return Request{}, fmt.Errorf("%w: id in the body differs from the header", ErrMalformed)
	}
	if err := request.Check(); err != nil {
		return Request{}, err
	}
	// A genuine repetition has a new timestamp; the same one is a recording.
	if r.Replay != nil && !r.Replay.Admit(id+"."+from.Header.Get(HeaderTimestamp), now) {
		return Request{}, ErrReplayed
	}
	return request, nil
}

// readBody reads the raw bytes of a message, at most MaxBody of them.
func readBody(from *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from.Body, MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: body above %d bytes", ErrMalformed, MaxBody)
	}
	return body, nil
}
