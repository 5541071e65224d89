package delivery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/vendor"
)

func TestClause_4_9_3_ALinkWorksForItsAccountAndSessionAndForAShortTime(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	key := []byte("0123456789abcdef0123456789abcdef")
	mine := audit.Actor{Account: "acc_a", Session: "ses_1"}
	l := link{delivery: "dlv_1", file: "fil_1", expires: now.Add(15 * time.Minute)}
	token := l.token(key, mine)
	parts := strings.Split(token, ".")
	cases := map[string]struct {
		token string
		by    audit.Actor
		at    time.Time
		key   []byte
		want  error
	}{
		"allowed":                   {token, mine, now, key, nil},
		"allowed_last_moment":       {token, mine, l.expires.Add(-time.Microsecond), key, nil},
		"refused_at_its_end":        {token, mine, l.expires, key, ErrLinkExpired},
		"refused_other_session":     {token, audit.Actor{Account: "acc_a", Session: "ses_2"}, now, key, ErrLinkExpired},
		"refused_other_account":     {token, audit.Actor{Account: "acc_b", Session: "ses_1"}, now, key, ErrLinkExpired},
		"refused_nobody":            {token, audit.Actor{}, now, key, ErrLinkExpired},
		"refused_other_key":         {token, mine, now, []byte("another key of thirty-two bytes."), ErrLinkExpired},
		"refused_longer_life":       {parts[0] + "." + parts[1] + ".9999999999." + parts[3], mine, now, key, ErrLinkExpired},
		"refused_other_file":        {parts[0] + ".fil_2." + parts[2] + "." + parts[3], mine, now, key, ErrLinkExpired},
		"refused_other_delivery":    {"dlv_2." + parts[1] + "." + parts[2] + "." + parts[3], mine, now, key, ErrLinkExpired},
		"refused_unsigned":          {parts[0] + "." + parts[1] + "." + parts[2] + ".", mine, now, key, ErrLinkExpired},
		"refused_truncated":         {token[:len(token)-2], mine, now, key, ErrLinkExpired},
		"refused_empty":             {"", mine, now, key, ErrLinkExpired},
		"refused_unreadable_expiry": {parts[0] + "." + parts[1] + ".soon." + parts[3], mine, now, key, ErrLinkExpired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := openLink(c.key, c.token, c.by, c.at)
			if !errors.Is(err, c.want) || (err == nil) != (got.delivery == "dlv_1" && got.file == "fil_1") {
				t.Errorf("openLink = %+v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func FuzzOpenLink(f *testing.F) {
	key, by := []byte("0123456789abcdef0123456789abcdef"), audit.Actor{Account: "acc_a", Session: "ses_1"}
	genuine := link{delivery: "dlv_1", file: "fil_1", expires: time.Unix(2_000_000_000, 0)}.token(key, by)
	for _, s := range []string{genuine, "", "...", "a.b.1.c", "dlv_1.fil_1.2000000000."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := openLink(key, token, by, time.Unix(1_900_000_000, 0)); err == nil && token != genuine {
			t.Errorf("%q was accepted", token)
		}
	})
}

func TestClause_4_9_2_AFileThatIsNotTheUploadIsNotServed(t *testing.T) {
	f := catalog.File{SHA256: strings.Repeat("a", 64)}
	if err := unaltered(f, blob.Ref{SHA256: strings.Repeat("a", 64)}); err != nil {
		t.Errorf("allowed_the_upload: %v", err)
	}
	if err := unaltered(f, blob.Ref{SHA256: strings.Repeat("b", 64)}); !errors.Is(err, ErrAltered) {
		t.Errorf("refused_other_bytes: %v", err)
	}
}

func TestMasked_ShowsTheShapeAndHidesTheSecrets(t *testing.T) {
	for name, body := range map[string]string{
		"native_answer":    `{"status":"active","instance_id":"i-1","app":{"website":"https://v.example.com","admin_url":"https://v.example.com/?t=SECRET","credentials":[{"name":"password","value":"SECRET","secret":true}]},"notes":"SECRET"}`,
		"native_request":   `{"id":"dlv_1","fields":{"domain":"SECRET"}}`,
		"tencent_answer":   `{"signId":"1","appInfo":{"authUrl":"SECRET"},"additionalInfo":[{"name":"password","value":"SECRET"}]}`,
		"tencent_request":  `{"requestId":"dlv_1","userCollectionInfo":{"name":"SECRET","cellnumber":"SECRET"}}`,
		"deep":             `{"a":[{"db":{"Password":["SECRET",{"x":"SECRET"}]}}]}`,
		"number_as_secret": `{"token":8812345}`,
		"not_json":         `<html>SECRET</html>`,
	} {
		t.Run(name, func(t *testing.T) {
			got := masked(body)
			if strings.Contains(got, "SECRET") || strings.Contains(got, "8812345") || !strings.Contains(got, hidden) {
				t.Errorf("masked: %s", got)
			}
		})
	}
	if got := masked(`{"status":"active","instance_id":"i-1"}`); !strings.Contains(got, "i-1") {
		t.Errorf("what is no secret is gone: %s", got)
	}
}

func TestOnlyTheVendorAndSupportReplay(t *testing.T) {
	seller := vendor.Vendor{Account: "acc_v"}
	hook := Delivery{Dialect: HookNative, Action: Create, State: Running}
	cases := map[string]struct {
		by   audit.Actor
		d    Delivery
		want error
	}{
		"allowed_owner_of_the_vendor":     {audit.Actor{Account: "acc_v", Roles: []string{account.Owner}}, hook, nil},
		"allowed_manager_of_the_vendor":   {audit.Actor{Account: "acc_v", Roles: []string{account.VendorManager}}, hook, nil},
		"allowed_support":                 {audit.Actor{Account: "acc_o", Roles: []string{account.Support}}, hook, nil},
		"refused_buyer_of_the_vendor":     {audit.Actor{Account: "acc_v", Roles: []string{account.Buyer}}, hook, ErrForbidden},
		"refused_customer":                {audit.Actor{Account: "acc_a", Roles: []string{account.Owner}}, hook, ErrForbidden},
		"refused_finance":                 {audit.Actor{Account: "acc_o", Roles: []string{account.Finance}}, hook, ErrForbidden},
		"refused_after_the_refund":        {audit.Actor{Account: "acc_v", Roles: []string{account.Owner}}, Delivery{Dialect: HookNative, Action: Create, State: Failed}, ErrEnded},
		"refused_without_a_vendor_system": {audit.Actor{Account: "acc_v", Roles: []string{account.Owner}}, Delivery{Dialect: Download, Action: Create, State: Delivered}, ErrEnded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := mayReplay(c.by, seller, c.d); !errors.Is(err, c.want) {
				t.Errorf("mayReplay = %v, want %v", err, c.want)
			}
		})
	}
}

func TestOnlyWebAddressesBecomeLinks(t *testing.T) {
	for address, want := range map[string]bool{
		"https://v.example.com/app": true, "http://127.0.0.1:8080/app": true, "javascript:alert(1)": false, "data:text/html,x": false,
		"//v.example.com": false, "https://u:p@v.example.com": false, "": false, "https://v.example.com/" + strings.Repeat("x", 2000): false,
	} {
		if got := linkable(address) != ""; got != want {
			t.Errorf("linkable(%.40q) = %v", address, got)
		}
	}
}

func TestTheLadderReachesThePatience(t *testing.T) {
	sum := time.Duration(0)
	for i, pause := range ladder {
		if i > 0 && pause < ladder[i-1] {
			t.Errorf("step %d is shorter than the one before", i)
		}
		sum += pause
	}
	if sum < patience || sum > patience+5*time.Minute {
		t.Errorf("the ladder lasts %s, want about %s", sum, patience)
	}
}
