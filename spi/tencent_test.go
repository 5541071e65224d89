package spi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/spi"
)

// Vectors computed from the published rule: SHA-256 over the sorted strings.
func TestTencentSignature_Vectors(t *testing.T) {
	cases := []struct{ token, timestamp, event, want string }{
		{"demo-token", "1795334400", "1780012140", "1a976e5c2fc394ef1abb7ccf395c0983398f174da80f257625c47e482f8b7b57"},
		{"mytoken", "1483944926", "1780012140", "9c60972edba1baf0d2ff55d9e0939027db8dcb4b4d166731b046ba16b46a52c8"},
	}
	for _, c := range cases {
		if got := spi.TencentSignature(c.token, c.timestamp, c.event); got != c.want {
			t.Errorf("TencentSignature(%s, %s, %s) = %s, want %s", c.token, c.timestamp, c.event, got, c.want)
		}
	}
}

func TestVerifyTencent_RefusesWhatIsNotGenuineAndFresh(t *testing.T) {
	at := time.Unix(1795334400, 0)
	query := spi.TencentQuery("demo-token", at, 1780012140)
	with := func(name, value string) url.Values {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set(name, value)
		return q
	}
	cases := map[string]struct {
		query url.Values
		token string
		now   time.Time
		want  error
	}{
		"accepted":                {query, "demo-token", at, nil},
		"accepted_30_seconds_old": {query, "demo-token", at.Add(30 * time.Second), nil},
		"refused_31_seconds_old":  {query, "demo-token", at.Add(31 * time.Second), spi.ErrStale},
		"refused_from_the_future": {query, "demo-token", at.Add(-31 * time.Second), spi.ErrStale},
		"refused_other_token":     {query, "demo-token2", at, spi.ErrSignature},
		"refused_other_event":     {with("eventId", "1"), "demo-token", at, spi.ErrSignature},
		"refused_truncated":       {with("signature", query.Get("signature")[:63]), "demo-token", at, spi.ErrSignature},
		"refused_upper_case":      {with("signature", strings.ToUpper(query.Get("signature"))), "demo-token", at, spi.ErrSignature},
		"refused_unsigned":        {with("signature", ""), "demo-token", at, spi.ErrUnsigned},
		"refused_unreadable_time": {with("timestamp", "now"), "demo-token", at, spi.ErrUnsigned},
		"refused_no_token":        {query, "", at, spi.ErrSecret},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := spi.VerifyTencent(c.query, c.token, c.now, spi.TencentMaxAge); !errors.Is(err, c.want) {
				t.Errorf("VerifyTencent = %v, want %v", err, c.want)
			}
		})
	}
}

// The signature does not cover the body, so a recorded query with another body
// must be stopped by the replay guard.
func TestTencentReceiver_RefusesAReplayWithAnotherBody(t *testing.T) {
	now := time.Unix(1795334400, 0)
	receiver := &spi.TencentReceiver{Tokens: []string{"other", "demo-token"}, Now: func() time.Time { return now }, Replay: spi.NewReplay(2 * spi.TencentMaxAge)}
	call := func(event int64, body string) error {
		address := "/spi?" + spi.TencentQuery("demo-token", now, event).Encode()
		_, _, err := receiver.Read(httptest.NewRequest(http.MethodPost, address, strings.NewReader(body)))
		return err
	}
	if err := call(1, `{"action":"createInstance","orderId":"1"}`); err != nil {
		t.Fatalf("genuine call: %v", err)
	}
	if err := call(1, `{"action":"destroyInstance","orderId":"1"}`); !errors.Is(err, spi.ErrReplayed) {
		t.Errorf("recorded query, other body = %v, want ErrReplayed", err)
	}
	if err := call(2, `{"action":"destroyInstance","orderId":"1"}`); err != nil {
		t.Errorf("next genuine call: %v", err)
	}
	if err := call(3, `{"action":"sellInstance"}`); !errors.Is(err, spi.ErrMalformed) {
		t.Errorf("unknown action = %v, want ErrMalformed", err)
	}
}

// Field names and shapes are those the dialect's document gives.
func TestTencentTypes_AreWrittenAsTheDialectHasThem(t *testing.T) {
	cases := map[string]struct {
		value any
		want  string
	}{
		"create": {spi.TencentCreate{
			TencentCall: spi.TencentCall{Action: spi.TencentActionCreate, OrderID: "20261122", AccountID: "100001",
				ProductID: 1024, ResourceID: "market-1", RequestID: "r-1"},
			ProductInfo: spi.TencentProductInfo{ProductName: "记事本", Spec: "basic", TimeSpan: 1, TimeUnit: "y"},
		}, `{"action":"createInstance","orderId":"20261122","accountId":"100001","openId":"","productId":1024,"resourceId":"market-1","requestId":"r-1",` +
			`"productInfo":{"productName":"记事本","isTrial":false,"spec":"basic","timeSpan":1,"timeUnit":"y"}}`},
		"create_answer":   {spi.TencentCreateAnswer{SignID: spi.TencentPending}, `{"signId":"0","appInfo":{}}`},
		"success_is_text": {spi.TencentAnswer{Success: "true"}, `{"success":"true"}`},
		"verify":          {spi.TencentVerify{Action: spi.TencentActionVerify, RequestID: "r", Echoback: "e"}, `{"action":"verifyInterface","requestId":"r","echoback":"e"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(c.value)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestTencentTime_IsChinaTime(t *testing.T) {
	at := time.Date(2026, 12, 31, 16, 0, 1, 0, time.UTC)
	written := spi.FormatTencentTime(at)
	if written != "2027-01-01 00:00:01" {
		t.Errorf("written %s", written)
	}
	read, err := spi.ParseTencentTime(written)
	if err != nil || !read.Equal(at) {
		t.Errorf("read %v, %v", read, err)
	}
	if _, err := spi.ParseTencentTime("2027-13-01"); !errors.Is(err, spi.ErrMalformed) {
		t.Errorf("bad time = %v", err)
	}
}
