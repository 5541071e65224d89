package wechatpay

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	scheme       = "WECHATPAY2-SHA256-RSA2048"
	cipherName   = "AEAD_AES_256_GCM"
	secretKeyLen = 32
	// tolerance is how far a timestamp may lie from our clock.
	tolerance = 5 * time.Minute
)

// The headers of an answer and of a notice.
const (
	headerTimestamp = "Wechatpay-Timestamp"
	headerNonce     = "Wechatpay-Nonce"
	headerSignature = "Wechatpay-Signature"
	headerSerial    = "Wechatpay-Serial"
)

// The reasons why a signature is not accepted.
var (
	errUnsigned  = errors.New("wechatpay: a signature header is missing, doubled or unreadable")
	errStale     = errors.New("wechatpay: the timestamp is outside the tolerance")
	errSerial    = errors.New("wechatpay: no key with this serial")
	errSignature = errors.New("wechatpay: the signature does not match")
	errDecrypt   = errors.New("wechatpay: the content cannot be decrypted")
)

// requestMessage is what the signature of a call covers. target is the path with
// its query, as it is sent.
func requestMessage(method, target, stamp, nonce string, body []byte) []byte {
	return []byte(method + "\n" + target + "\n" + stamp + "\n" + nonce + "\n" + string(body) + "\n")
}

// answerMessage is what the signature of an answer or a notice covers: the body
// as it came, byte by byte.
func answerMessage(stamp, nonce string, body []byte) []byte {
	return []byte(stamp + "\n" + nonce + "\n" + string(body) + "\n")
}

// sign is RSA with SHA-256 (PKCS #1 v1.5) in base64. The same message and key
// give the same signature.
func sign(key *rsa.PrivateKey, message []byte) (string, error) {
	sum := sha256.Sum256(message)
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("wechatpay: sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// authorization is the header that signs a call.
func (g *Gateway) authorization(method, target string, body []byte) (string, error) {
	var raw [16]byte
	g.drawing.Lock()
	_, err := io.ReadFull(g.cfg.Rand, raw[:])
	g.drawing.Unlock()
	if err != nil {
		return "", fmt.Errorf("wechatpay: draw a nonce: %w", err)
	}
	nonce := strings.ToUpper(hex.EncodeToString(raw[:]))
	stamp := strconv.FormatInt(g.cfg.Now().Unix(), 10)
	signature, err := sign(g.cfg.Key, requestMessage(method, target, stamp, nonce, body))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`%s mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		scheme, g.cfg.MchID, nonce, signature, stamp, g.cfg.Serial), nil
}

// verify checks the signature of an answer or a notice over its raw bytes.
func verify(h http.Header, body []byte, now time.Time, keyOf func(serial string) *rsa.PublicKey) error {
	var values [4]string
	for i, name := range []string{headerTimestamp, headerNonce, headerSignature, headerSerial} {
		if len(h[name]) != 1 || h[name][0] == "" {
			return errUnsigned
		}
		values[i] = h[name][0]
	}
	stamp, nonce, serial := values[0], values[1], values[3]
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errUnsigned
	}
	signature, err := base64.StdEncoding.DecodeString(values[2])
	if err != nil {
		return errUnsigned
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
		return errStale
	}
	key := keyOf(serial)
	if key == nil {
		return errSerial
	}
	sum := sha256.Sum256(answerMessage(stamp, nonce, body))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return errSignature
	}
	return nil
}

// sealed is content encrypted with the APIv3 key.
type sealed struct {
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// open decrypts it.
func (s sealed) open(key []byte) ([]byte, error) {
	if s.Algorithm != cipherName {
		return nil, errDecrypt
	}
	raw, err := base64.StdEncoding.DecodeString(s.Ciphertext)
	if err != nil {
		return nil, errDecrypt
	}
	return decrypt(key, []byte(s.Nonce), raw, []byte(s.AssociatedData))
}

// decrypt is AES-256-GCM; the nonce may have another length than 12 bytes, as
// that of a bill has.
func decrypt(key, nonce, ciphertext, associated []byte) ([]byte, error) {
	if len(key) != secretKeyLen || len(nonce) == 0 {
		return nil, errDecrypt
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errDecrypt
	}
	aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return nil, errDecrypt
	}
	plain, err := aead.Open(nil, nonce, ciphertext, associated)
	if err != nil {
		return nil, errDecrypt
	}
	return plain, nil
}

// ParsePrivateKey reads the merchant's private key (apiclient_key.pem).
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("wechatpay: the private key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("wechatpay: the private key is no RSA key")
	}
	return key, nil
}

// ParsePublicKey reads a public key of WeChat Pay (pub_key.pem).
func ParsePublicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("wechatpay: the public key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("wechatpay: the public key is no RSA key")
	}
	return key, nil
}
