package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// PasswordHash is an argon2id hash with its parameters and salt, in the usual
// "$argon2id$…" form. It is safe to store and useless to show.
type PasswordHash string

const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// hashing bounds how many hashes are computed at once: each takes 19 MiB and a
// processor, and a crowd at the sign-in form must not take the whole machine.
var hashing = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))

// Hash checks a new password and hashes it. Call it before the transaction: it
// takes tens of milliseconds. It refuses PROFILE_INVALID in "password" for one
// that is shorter than 12 characters, longer than 256 bytes, or easy to guess.
func Hash(ctx context.Context, password string) (PasswordHash, error) {
	password = norm.NFKC.String(password)
	if err := passwordAllowed(password); err != nil {
		return "", err
	}
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil { // outside any transaction, so no injected source is at hand
		return "", fmt.Errorf("account: salt: %w", err)
	}
	key, err := derive(ctx, password, salt, argonTime, argonMemory, argonThreads)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return PasswordHash(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))), nil
}

var errHashForm = errors.New("account: stored password hash is damaged")

// Matches reports whether the password is the one that was hashed. For nobody's
// hash (see [Find]) it takes the same time and answers no.
func (h PasswordHash) Matches(ctx context.Context, password string) (bool, error) {
	parts := strings.Split(string(h), "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errHashForm
	}
	var memory, time uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil {
		return false, errHashForm
	}
	b64 := base64.RawStdEncoding
	salt, err := b64.DecodeString(parts[4])
	if err != nil {
		return false, errHashForm
	}
	want, err := b64.DecodeString(parts[5])
	if err != nil {
		return false, errHashForm
	}
	if len(password) > longestPassword {
		return false, nil
	}
	key, err := derive(ctx, norm.NFKC.String(password), salt, time, memory, threads)
	if err != nil {
		return false, err
	}
	return h != nobody && subtle.ConstantTimeCompare(key, want) == 1, nil
}

// nobody is the hash of an account that does not exist. Comparing with it costs
// as much as with a real one, so the time of the answer does not tell which
// e-mail addresses are registered.
const nobody PasswordHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func derive(ctx context.Context, password string, salt []byte, time, memory uint32, threads uint8) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, time, memory, threads, argonKey), nil
}

// commonWords are the words most guessed passwords are built on, one a line.
//
//go:embed common_words.txt
var commonWords string
