package alipay

import (
	"crypto"
	"crypto/md5" //nolint:gosec // Alipay names certificates by an MD5; nothing is protected by it
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// content is what a signature of parameters covers: all that have a name and a
// value, without the ones given, sorted by name, as they are before any encoding.
func content(params map[string]string, without ...string) string {
	names := make([]string, 0, len(params))
	for name, value := range params {
		if name != "" && value != "" && !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(params[name])
	}
	return b.String()
}

// sign makes an RSA2 signature: RSASSA-PKCS1-v1_5 with SHA-256, in base64. It is
// the same each time.
func sign(key *rsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("alipay: sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// proves reports whether one of the keys made the signature over exactly these
// bytes.
func proves(keys []*rsa.PublicKey, text []byte, signature string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) == 0 || strings.ContainsAny(signature, "\r\n") { // one signature has one spelling
		return false
	}
	sum := sha256.Sum256(text)
	return slices.ContainsFunc(keys, func(key *rsa.PublicKey) bool {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
	})
}

// der is the content of a PEM block, or of the bare base64 that Alipay's tool
// writes. The text itself never gets into an error.
func der(text string) (raw []byte, kind string, ok bool) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, block.Type, true
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	return raw, "", err == nil && len(raw) > 0
}

// leastKey is what Alipay asks of an RSA2 key.
const leastKey = 2048

func privateKey(text string) (*rsa.PrivateKey, error) {
	raw, _, ok := der(text)
	if !ok {
		return nil, errors.New("alipay: the private key is neither PEM nor base64")
	}
	key, err := x509.ParsePKCS1PrivateKey(raw)
	if err != nil {
		wrapped, err := x509.ParsePKCS8PrivateKey(raw)
		if err != nil {
			return nil, errors.New("alipay: the private key cannot be read")
		}
		if key, ok = wrapped.(*rsa.PrivateKey); !ok {
			return nil, errors.New("alipay: the private key is not an RSA key")
		}
	}
	if key.N.BitLen() < leastKey {
		return nil, errors.New("alipay: the private key is too short for RSA2")
	}
	return key, nil
}

func publicKey(text string) (*rsa.PublicKey, error) {
	raw, kind, ok := der(text)
	if !ok {
		return nil, errors.New("alipay: a public key of Alipay is neither PEM nor base64")
	}
	var read any
	if kind == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("alipay: certificate of Alipay: %w", err)
		}
		read = cert.PublicKey
	} else {
		var err error
		if read, err = x509.ParsePKIXPublicKey(raw); err != nil {
			return nil, fmt.Errorf("alipay: public key of Alipay: %w", err)
		}
	}
	key, ok := read.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < leastKey {
		return nil, errors.New("alipay: a public key of Alipay is no RSA key, or too short for RSA2")
	}
	return key, nil
}

// serials are the names of the certificates in requests: of the application's
// first one, and of all root certificates that are signed with RSA.
func serials(app, root string) (appSN, rootSN string, err error) {
	block, _ := pem.Decode([]byte(app))
	if block == nil {
		return "", "", errors.New("alipay: the application's certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", "", fmt.Errorf("alipay: the application's certificate: %w", err)
	}
	var roots []string
	for rest := []byte(root); ; {
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		// Among the roots are ones with curves that this library does not know; they
		// are not signed with RSA and do not count.
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && c.SignatureAlgorithm <= x509.SHA512WithRSA {
			roots = append(roots, serial(c))
		}
	}
	if len(roots) == 0 {
		return "", "", errors.New("alipay: no root certificate is signed with RSA")
	}
	return serial(cert), strings.Join(roots, "_"), nil
}

func serial(c *x509.Certificate) string {
	sum := md5.Sum([]byte(c.Issuer.String() + c.SerialNumber.String())) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}
