package spi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TencentMaxAge is the oldest timestamp a vendor accepts on a delivery call.
const TencentMaxAge = 30 * time.Second

// The actions of the Tencent Cloud marketplace's delivery interface that a
// term product needs.
const (
	TencentActionVerify  = "verifyInterface"
	TencentActionCreate  = "createInstance"
	TencentActionRenew   = "renewInstance"
	TencentActionModify  = "modifyInstance"
	TencentActionExpire  = "expireInstance"
	TencentActionDestroy = "destroyInstance"
)

// TencentSignature is the value of the signature parameter: lower-case hex
// SHA-256 of token, timestamp and event id, sorted as strings and joined. The
// body is not covered; a receiver has to guard against replays itself.
func TencentSignature(token, timestamp, eventID string) string {
	parts := []string{token, timestamp, eventID}
	slices.Sort(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// TencentQuery returns the parameters the marketplace appends to a vendor's
// address. at is written in Unix seconds.
func TencentQuery(token string, at time.Time, eventID int64) url.Values {
	timestamp, event := strconv.FormatInt(at.Unix(), 10), strconv.FormatInt(eventID, 10)
	return url.Values{
		"signature": {TencentSignature(token, timestamp, event)},
		"timestamp": {timestamp},
		"eventId":   {event},
	}
}

// VerifyTencent checks the parameters of a delivery call. The timestamp may
// lie at most maxAge before or after now. It fails with ErrUnsigned, ErrStale,
// ErrSignature or, without a token, ErrSecret.
func VerifyTencent(query url.Values, token string, now time.Time, maxAge time.Duration) error {
	if token == "" {
		return ErrSecret
	}
	given, timestamp, event := query.Get("signature"), query.Get("timestamp"), query.Get("eventId")
	if given == "" || timestamp == "" || event == "" {
		return ErrUnsigned
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrUnsigned
	}
	if !within(now, time.Unix(seconds, 0), maxAge) {
		return ErrStale
	}
	want := TencentSignature(token, timestamp, event)
	if subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
		return ErrSignature
	}
	return nil
}

// TencentReceiver accepts delivery calls in the Tencent dialect.
type TencentReceiver struct {
	Tokens []string // one, or two while one replaces the other
	Now    func() time.Time
	Replay *Replay
}

// Read verifies a call and returns its action and raw body, to be decoded into
// the type of that action. Errors are those of VerifyTencent, ErrReplayed and
// ErrMalformed.
func (r *TencentReceiver) Read(from *http.Request) (action string, body []byte, err error) {
	body, err = readBody(from)
	if err != nil {
		return "", nil, err
	}
	query, now := from.URL.Query(), r.Now()
	if err := r.verify(query, now); err != nil {
		return "", nil, err
	}
	var head struct {
		Action string `json:"action"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch head.Action {
	case TencentActionVerify, TencentActionCreate, TencentActionRenew,
		TencentActionModify, TencentActionExpire, TencentActionDestroy:
	default:
		return "", nil, fmt.Errorf("%w: unknown action %q", ErrMalformed, head.Action)
	}
	if r.Replay != nil && !r.Replay.Admit(query.Get("timestamp")+"."+query.Get("eventId"), now) {
		return "", nil, ErrReplayed
	}
	return head.Action, body, nil
}

// TencentVerify asks the vendor to repeat a value.
type TencentVerify struct {
	Action    string `json:"action"`
	RequestID string `json:"requestId"`
	Echoback  string `json:"echoback"`
}

// TencentVerifyAnswer repeats the value.
type TencentVerifyAnswer struct {
	Echoback string `json:"echoback"`
}

// TencentCall is what every call about an instance carries. OpenID is empty
// when the vendor has no single sign-on, and is sent nevertheless.
type TencentCall struct {
	Action     string `json:"action"`
	OrderID    string `json:"orderId"`
	AccountID  string `json:"accountId"`
	OpenID     string `json:"openId"`
	ProductID  int64  `json:"productId"`
	ResourceID string `json:"resourceId"`
	RequestID  string `json:"requestId"`
}

// TencentProductInfo says what was bought. TimeUnit is y, m, d, h or t (times).
type TencentProductInfo struct {
	ProductName string `json:"productName"`
	IsTrial     bool   `json:"isTrial"`
	Spec        string `json:"spec"`
	TimeSpan    int64  `json:"timeSpan"`
	TimeUnit    string `json:"timeUnit"`
	FlowSpan    string `json:"flowSpan,omitempty"`
	FlowUnit    string `json:"flowUnit,omitempty"`
	CycleNum    int64  `json:"cycleNum,omitempty"`
}

// TencentExtendInfo carries the customer's remark.
type TencentExtendInfo struct {
	Comment string `json:"comment,omitempty"`
}

// TencentCreate asks for an instance. The answer must be the same each time
// for one order.
type TencentCreate struct {
	TencentCall
	ProductInfo        TencentProductInfo `json:"productInfo"`
	ExtendInfo         *TencentExtendInfo `json:"extendInfo,omitempty"`
	UserCollectionInfo map[string]string  `json:"userCollectionInfo,omitempty"`
}

// TencentPending as SignID means that the vendor is still working: the
// marketplace repeats the call until it gets another value.
const TencentPending = "0"

// TencentMaxSignID is the longest vendor instance id of this dialect.
const TencentMaxSignID = 11

// TencentCreateAnswer names the instance.
type TencentCreateAnswer struct {
	SignID         string         `json:"signId"`
	AppInfo        TencentAppInfo `json:"appInfo"`
	AdditionalInfo []TencentInfo  `json:"additionalInfo,omitempty"`
}

// TencentAppInfo tells where the instance is used.
type TencentAppInfo struct {
	Website string `json:"website,omitempty"`
	AuthURL string `json:"authUrl,omitempty"`
}

// TencentInfo is one pair shown to the customer.
type TencentInfo struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TencentRenew moves the end of an instance. InstanceExpireTime is written by
// FormatTencentTime.
type TencentRenew struct {
	TencentCall
	SignID             string             `json:"signId"`
	InstanceExpireTime string             `json:"instanceExpireTime"`
	ProductInfo        TencentProductInfo `json:"productInfo"`
	ExtendInfo         *TencentExtendInfo `json:"extendInfo,omitempty"`
	UserCollectionInfo map[string]string  `json:"userCollectionInfo,omitempty"`
}

// TencentModify changes a trial into a formal instance, or the specification.
// InstanceExpireTime is given only for the first.
type TencentModify struct {
	TencentCall
	SignID             string              `json:"signId"`
	Spec               string              `json:"spec"`
	TimeSpan           int64               `json:"timeSpan,omitempty"`
	TimeUnit           string              `json:"timeUnit,omitempty"`
	InstanceExpireTime string              `json:"instanceExpireTime,omitempty"`
	ProductInfo        *TencentProductInfo `json:"productInfo,omitempty"`
	ExtendInfo         *TencentExtendInfo  `json:"extendInfo,omitempty"`
}

// TencentEnd isolates (expireInstance) or removes (destroyInstance) an instance.
type TencentEnd struct {
	TencentCall
	SignID string `json:"signId"`
}

// TencentAnswer answers renew, modify, expire and destroy. Success is the
// string "true" or "false", as the dialect has it, not a JSON boolean.
type TencentAnswer struct {
	Success string          `json:"success"`
	AppInfo *TencentAppInfo `json:"appInfo,omitempty"`
}

var chinaTime = time.FixedZone("UTC+8", 8*60*60)

const tencentTimeLayout = "2006-01-02 15:04:05"

// FormatTencentTime writes an instant as this dialect does: China time, whole seconds.
func FormatTencentTime(at time.Time) string { return at.In(chinaTime).Format(tencentTimeLayout) }

// ParseTencentTime reads what FormatTencentTime wrote. The error wraps ErrMalformed.
func ParseTencentTime(s string) (time.Time, error) {
	at, err := time.ParseInLocation(tencentTimeLayout, s, chinaTime)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return at, nil
}

// verify accepts a call signed with any of the tokens.
func (r *TencentReceiver) verify(query url.Values, now time.Time) error {
	err := ErrSignature
	for _, token := range r.Tokens {
		if err = VerifyTencent(query, token, now, TencentMaxAge); err == nil {
			return nil
		}
	}
	return err
}
