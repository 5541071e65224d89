package spi_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"yunshi/spi"
)

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// The example published with the Standard Webhooks specification.
func TestSign_MatchesThePublicVector(t *testing.T) {
	got, err := spi.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secretA)
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

func TestStandardWebhooks_LibraryAcceptsWhatWeSign(t *testing.T) {
	theirs, err := standardwebhooks.NewWebhook(secretB)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"id":"dlv_1","action":"verify","test":true}`)
	h := http.Header{}
	// Two secrets, as during a rotation: the library must find the second one.
	if err := spi.SignRequest(h, "dlv_1", time.Now(), body, secretA, secretB); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Verify(body, h); err != nil {
		t.Errorf("library refuses our signature: %v", err)
	}
	if err := theirs.Verify(append(body, ' '), h); err == nil {
		t.Error("library accepts our signature over another body")
	}
}

func TestStandardWebhooks_WeAcceptWhatTheLibrarySigns(t *testing.T) {
	theirs, err := standardwebhooks.NewWebhook(secretA)
	if err != nil {
		t.Fatal(err)
	}
	now, body := time.Unix(1795334400, 0), []byte(`{"名":"云市"}`)
	signed, err := theirs.Sign("msg_2", now, body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_2")
	h.Set("webhook-timestamp", "1795334400")
	h.Set("webhook-signature", "v1a,bm90IG91cnM= "+signed)
	if id, err := spi.Verify(h, body, now, secretB, secretA); err != nil || id != "msg_2" {
		t.Errorf("Verify = %q, %v", id, err)
	}
}

func TestVerify_RefusesWhatIsNotGenuineAndFresh(t *testing.T) {
	at, body := time.Unix(1795334400, 0), []byte(`{"a":1}`)
	good := http.Header{}
	if err := spi.SignRequest(good, "msg_3", at, body, secretA); err != nil {
		t.Fatal(err)
	}
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	signature := good.Get(spi.HeaderSignature)
	cases := map[string]struct {
		header http.Header
		body   string
		now    time.Time
		secret string
		want   error
	}{
		"accepted":                   {good, `{"a":1}`, at, secretA, nil},
		"accepted_at_the_tolerance":  {good, `{"a":1}`, at.Add(spi.Tolerance), secretA, nil},
		"refused_forged_body":        {good, `{"a":2}`, at, secretA, spi.ErrSignature},
		"refused_other_secret":       {good, `{"a":1}`, at, secretB, spi.ErrSignature},
		"refused_other_id":           {with(spi.HeaderID, "msg_4"), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_newer_timestamp":    {with(spi.HeaderTimestamp, "1795334460"), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_stale":              {good, `{"a":1}`, at.Add(spi.Tolerance + time.Second), secretA, spi.ErrStale},
		"refused_from_the_future":    {good, `{"a":1}`, at.Add(-spi.Tolerance - time.Second), secretA, spi.ErrStale},
		"refused_truncated":          {with(spi.HeaderSignature, signature[:len(signature)-5]), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_empty_signature":    {with(spi.HeaderSignature, "v1,"), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_without_version":    {with(spi.HeaderSignature, strings.TrimPrefix(signature, "v1,")), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_other_version":      {with(spi.HeaderSignature, "v2"+strings.TrimPrefix(signature, "v1")), `{"a":1}`, at, secretA, spi.ErrSignature},
		"refused_no_headers":         {http.Header{}, `{"a":1}`, at, secretA, spi.ErrUnsigned},
		"refused_unreadable_time":    {with(spi.HeaderTimestamp, "yesterday"), `{"a":1}`, at, secretA, spi.ErrUnsigned},
		"refused_secret_not_written": {good, `{"a":1}`, at, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", spi.ErrSecret},
		"refused_short_secret":       {good, `{"a":1}`, at, "whsec_AAAA", spi.ErrSecret},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := spi.Verify(c.header, []byte(c.body), c.now, c.secret); !errors.Is(err, c.want) {
				t.Errorf("Verify error = %v, want %v", err, c.want)
			}
		})
	}
	if _, err := spi.Verify(good, body, at); !errors.Is(err, spi.ErrSecret) {
		t.Errorf("Verify without secrets = %v, want ErrSecret", err)
	}
}

func TestNewSecret_IsUsable(t *testing.T) {
	secret, err := spi.NewSecret(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spi.Sign("msg_5", time.Unix(1, 0), nil, secret); err != nil {
		t.Errorf("a new secret does not sign: %v", err)
	}
}

const createBody = `{"id":"dlv_9","action":"create","order_id":"ord_1","entitlement_id":"ent_1","open_id":"o_1",` +
	`"product_slug":"notepad","plan_code":"basic","quantity":2,"term":{"unit":"month","count":1},` +
	`"expires_at":"2026-12-22T00:00:00Z","test":false,"fields":{"domain":"example.cn"}}`

func delivery(t *testing.T, id string, at time.Time, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
	if err := spi.SignRequest(r.Header, id, at, []byte(body), secretA); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReceiver_ReadsAGenuineDeliveryOnce(t *testing.T) {
	now := time.Unix(1795334400, 0)
	receiver := &spi.Receiver{Secrets: []string{secretA}, Now: func() time.Time { return now }, Replay: spi.NewReplay(2 * spi.Tolerance)}
	got, err := receiver.Read(delivery(t, "dlv_9", now, createBody))
	if err != nil {
		t.Fatal(err)
	}
	want := spi.Request{
		ID: "dlv_9", Action: spi.ActionCreate, OrderID: "ord_1", EntitlementID: "ent_1", OpenID: "o_1",
		ProductSlug: "notepad", PlanCode: "basic", Quantity: 2, Term: spi.Term{Unit: spi.UnitMonth, Count: 1},
		ExpiresAt: time.Date(2026, 12, 22, 0, 0, 0, 0, time.UTC), Fields: map[string]string{"domain": "example.cn"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if _, err := receiver.Read(delivery(t, "dlv_9", now, createBody)); !errors.Is(err, spi.ErrReplayed) {
		t.Errorf("the same message again = %v, want ErrReplayed", err)
	}
	// The marketplace's own repetition is signed anew and must come through.
	if _, err := receiver.Read(delivery(t, "dlv_9", now.Add(time.Second), createBody)); err != nil {
		t.Errorf("a genuine repetition = %v", err)
	}
}

func TestReceiver_RefusesIncompleteDeliveries(t *testing.T) {
	now := time.Unix(1795334400, 0)
	receiver := &spi.Receiver{Secrets: []string{secretA}, Now: func() time.Time { return now }}
	cases := map[string]string{
		"refused_not_json":          `{"id":"dlv_9"`,
		"refused_other_id_in_body":  `{"id":"dlv_8","action":"verify"}`,
		"refused_unknown_action":    `{"id":"dlv_9","action":"sell"}`,
		"refused_no_order":          strings.Replace(createBody, `"order_id":"ord_1",`, "", 1),
		"refused_zero_quantity":     strings.Replace(createBody, `"quantity":2`, `"quantity":0`, 1),
		"refused_renew_no_instance": strings.Replace(createBody, `"create"`, `"renew"`, 1),
		"refused_too_large":         `{"id":"dlv_9","action":"verify","plan_code":"` + strings.Repeat("x", spi.MaxBody) + `"}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := receiver.Read(delivery(t, "dlv_9", now, body)); !errors.Is(err, spi.ErrMalformed) {
				t.Errorf("Read = %v, want ErrMalformed", err)
			}
		})
	}
}

func TestResponse_CheckRefusesAnswersThatDoNotFit(t *testing.T) {
	create := spi.Request{ID: "dlv_1", Action: spi.ActionCreate}
	renew := spi.Request{ID: "dlv_1", Action: spi.ActionRenew, InstanceID: "i-1"}
	verify := spi.Request{ID: "dlv_1", Action: spi.ActionVerify}
	cases := map[string]struct {
		to   spi.Request
		got  spi.Response
		want error
	}{
		"accepted_active":             {create, spi.Response{InstanceID: "i-1", Status: spi.StatusActive}, nil},
		"accepted_pending":            {create, spi.Response{Status: spi.StatusPending}, nil},
		"accepted_verify":             {verify, spi.Response{Status: spi.StatusActive, Echo: "dlv_1"}, nil},
		"refused_no_status":           {create, spi.Response{InstanceID: "i-1"}, spi.ErrMalformed},
		"refused_active_no_instance":  {create, spi.Response{Status: spi.StatusActive}, spi.ErrMalformed},
		"refused_other_instance":      {renew, spi.Response{InstanceID: "i-2", Status: spi.StatusActive}, spi.ErrMalformed},
		"refused_verify_without_echo": {verify, spi.Response{Status: spi.StatusActive}, spi.ErrMalformed},
		"refused_long_instance":       {create, spi.Response{InstanceID: strings.Repeat("i", 65), Status: spi.StatusActive}, spi.ErrMalformed},
		"refused_many_credentials": {create, spi.Response{InstanceID: "i-1", Status: spi.StatusActive,
			App: &spi.App{Credentials: make([]spi.Credential, 21)}}, spi.ErrMalformed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := c.got.Check(c.to); !errors.Is(err, c.want) {
				t.Errorf("Check = %v, want %v", err, c.want)
			}
		})
	}
}

func TestReplay_ForgetsAfterTheWindow(t *testing.T) {
	replay, start := spi.NewReplay(time.Minute), time.Unix(1000, 0)
	steps := []struct {
		key  string
		at   time.Duration
		want bool
	}{
		{"a", 0, true}, {"a", 59 * time.Second, false}, {"b", 59 * time.Second, true},
		{"a", 60 * time.Second, true}, {"b", 90 * time.Second, false}, {"a", 119 * time.Second, false},
	}
	for i, s := range steps {
		if got := replay.Admit(s.key, start.Add(s.at)); got != s.want {
			t.Errorf("step %d: Admit(%s, +%s) = %t, want %t", i, s.key, s.at, got, s.want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1795334400", "v1,AAAA", []byte("{}"))
	f.Add("", "x", "v1", []byte(nil))
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		h := http.Header{}
		h.Set(spi.HeaderID, id)
		h.Set(spi.HeaderTimestamp, stamp)
		h.Set(spi.HeaderSignature, signature)
		if _, err := spi.Verify(h, body, time.Unix(1795334400, 0), secretB); err == nil {
			t.Errorf("accepted a message nobody signed: %q %q %q", id, stamp, signature)
		}
	})
}
