package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

const (
	// patience is how long a buyer waits for a vendor's system before the money
	// goes back, counted from the first call.
	patience = 3 * time.Hour
	// poll is the pause before a vendor that is still working is asked again.
	poll = 30 * time.Second
	// maxSlip bounds the text of a slip, in bytes.
	maxSlip = 16 << 10
)

// ladder holds the pauses between calls that failed, just above patience in sum.
var ladder = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
	15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour,
}

// outOfPatience reports whether a delivery that is still not there has failed. A
// vendor that replays its calls does not gain time by it.
func outOfPatience(d Delivery, now time.Time) bool {
	return !d.StartedAt.IsZero() && now.Sub(d.StartedAt) >= patience
}

// The codes of a failure.
const (
	ReasonRefused     = "VENDOR_REFUSED"
	ReasonUnreachable = "VENDOR_UNREACHABLE"
	ReasonTooSlow     = "VENDOR_TOO_SLOW"
	ReasonDeclined    = "VENDOR_DECLINED" // by a person of the vendor
	ReasonFile        = "FILE_MISSING"
	ReasonRefunded    = "REFUNDED" // the customer got the money back before it was delivered
)

// ofVendor reports whether the actor works for the vendor and may act for it.
func ofVendor(by audit.Actor, seller vendor.Vendor) bool {
	return by.Account != "" && by.Account == string(seller.Account) && (by.Has(account.Owner) || by.Has(account.VendorManager))
}

// mayReplay refuses everybody but the vendor itself and the operator's support,
// and deliveries for which another call would mean nothing: no vendor system was
// called, or the money has gone back.
func mayReplay(by audit.Actor, seller vendor.Vendor, d Delivery) error {
	support := by.Has(account.Support) || by.Has(account.Superadmin)
	switch {
	case !ofVendor(by, seller) && !support:
		return ErrForbidden
	case slices.Contains([]string{Download, LicenceKey, ManualService}, d.Dialect), d.State == Failed && d.Action == Create:
		return ErrEnded
	}
	return nil
}

// link is what a download link grants: one file of one delivery, until a moment.
type link struct {
	delivery ID
	file     catalog.FileID
	expires  time.Time
}

// token writes a link for one account and one session. Those two are in the
// signature only: they are never read from the link but from who comes with it.
func (l link) token(key []byte, by audit.Actor) string {
	said := string(l.delivery) + "." + string(l.file) + "." + strconv.FormatInt(l.expires.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s\n%s", said, by.Account, by.Session)
	return said + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// openLink reads a link that is genuine, still valid, and was given to this very
// account and session; every other one is LINK_EXPIRED, and which of the three
// is wrong is not said.
//
// Clause: UA 4.9.3 (no spreading of products: a download link works for the account and session it was given to, and for a short time).
func openLink(key []byte, token string, by audit.Actor, now time.Time) (link, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || by.Account == "" || by.Session == "" {
		return link{}, ErrLinkExpired
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return link{}, ErrLinkExpired
	}
	l := link{delivery: ID(parts[0]), file: catalog.FileID(parts[1]), expires: time.Unix(seconds, 0)}
	if !hmac.Equal([]byte(l.token(key, by)), []byte(token)) || !now.Before(l.expires) {
		return link{}, ErrLinkExpired
	}
	return l, nil
}

// unaltered refuses stored bytes that are not the ones the vendor uploaded.
//
// Clause: UA 4.9.2 (notices of rights are not removed: files are handed over byte for byte as uploaded).
func unaltered(f catalog.File, stored blob.Ref) error {
	if stored.SHA256 != f.SHA256 {
		return ErrAltered
	}
	return nil
}

// linkable keeps an address that a page may show as a link, and drops any other,
// such as one that would run as a script.
func linkable(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(address) > 2000 {
		return ""
	}
	return address
}

const hidden = "•••"

// masked returns the body of a call for display: its shape stays, secrets and
// what the buyer filled in are hidden. A body that is not JSON is only counted,
// because nobody knows what it holds.
func masked(body string) string {
	if body == "" {
		return ""
	}
	var parsed any
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		return fmt.Sprintf("%s (%d B)", hidden, len(body))
	}
	text, err := json.MarshalIndent(hide(parsed, false), "", "  ")
	if err != nil {
		return hidden
	}
	return string(text)
}

// secretNames mark members that are hidden whole, values of all depths included.
var secretNames = []string{
	"password", "passwd", "secret", "token", "signature", "key", "credential", "authurl", "admin_url", "adminurl",
	"fields", "usercollectioninfo", "additionalinfo", "notes", "comment",
}

func hide(v any, inside bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		_, pair := v["value"] // of a list of named values the names are shown
		for name, member := range v {
			lower := strings.ToLower(name)
			secret := slices.ContainsFunc(secretNames, func(s string) bool { return strings.Contains(lower, s) })
			out[name] = hide(member, inside && !(pair && lower == "name") || secret)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, member := range v {
			out[i] = hide(member, inside)
		}
		return out
	case nil, bool:
		return v
	}
	if inside {
		return hidden
	}
	return v
}
