package vendorapp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/spi"
)

const (
	secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	token  = "demo-token"
)

// bench is a vendor, and a marketplace that calls it.
type bench struct {
	cfg    Config
	server *httptest.Server
	mu     sync.Mutex
	at     time.Time
	calls  int64
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func start(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{at: time.Unix(1795334400, 0)}
	b.cfg = Config{DataFile: filepath.Join(t.TempDir(), "vendor.json"), PublicURL: "http://vendor.example",
		Secrets: []string{secret}, TencentTokens: []string{token}, Controls: true, Now: b.now}
	for _, f := range change {
		f(&b.cfg)
	}
	b.boot(t)
	return b
}

func (b *bench) boot(t *testing.T) {
	t.Helper()
	app, err := New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(app)
	t.Cleanup(b.server.Close)
}

func (b *bench) post(t *testing.T, path string, header http.Header, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, b.server.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := b.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func order(action spi.Action, orderID, instance string) spi.Request {
	return spi.Request{ID: "dlv_" + string(action) + orderID, Action: action, OrderID: orderID, EntitlementID: "ent_1", InstanceID: instance,
		OpenID: "o_1", ProductSlug: "notepad", PlanCode: "team", Quantity: 3, Term: spi.Term{Unit: spi.UnitYear, Count: 1}}
}

// deliver sends a native delivery a second after the one before.
func (b *bench) deliver(t *testing.T, request spi.Request) (int, spi.Response) {
	t.Helper()
	b.advance(time.Second)
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if err := spi.SignRequest(h, request.ID, b.now(), body, secret); err != nil {
		t.Fatal(err)
	}
	status, raw := b.post(t, "/yunshi/webhook", h, body)
	var answer spi.Response
	if status == http.StatusOK {
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
		if err := answer.Check(request); err != nil {
			t.Errorf("answer breaks the contract: %v", err)
		}
	}
	return status, answer
}

// call sends a delivery in the Tencent dialect.
func call[T any](t *testing.T, b *bench, body any) (int, T) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	b.calls++
	status, read := b.post(t, "/tencent/spi?"+spi.TencentQuery(token, b.now(), b.calls).Encode(), nil, raw)
	var answer T
	if status == http.StatusOK {
		if err := json.Unmarshal(read, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return status, answer
}

func TestNative_OneOrderMakesOneInstance(t *testing.T) {
	b := start(t)
	status, first := b.deliver(t, order(spi.ActionCreate, "ord_1", ""))
	if status != http.StatusOK || first.Status != spi.StatusActive || first.App == nil || !first.App.Credentials[0].Secret {
		t.Fatalf("create: %d %+v", status, first)
	}
	if _, again := b.deliver(t, order(spi.ActionCreate, "ord_1", "")); again.InstanceID != first.InstanceID {
		t.Errorf("repetition made %s beside %s", again.InstanceID, first.InstanceID)
	}
	if _, other := b.deliver(t, order(spi.ActionCreate, "ord_2", "")); other.InstanceID == first.InstanceID {
		t.Error("two orders share one instance")
	}
	b.server.Close()
	b.boot(t)
	if _, again := b.deliver(t, order(spi.ActionCreate, "ord_1", "")); again.InstanceID != first.InstanceID {
		t.Errorf("after a restart the order has %s, had %s", again.InstanceID, first.InstanceID)
	}
}

func TestNative_VerifyEchoesAndMakesNothing(t *testing.T) {
	b := start(t)
	status, answer := b.deliver(t, spi.Request{ID: "dlv_v", Action: spi.ActionVerify, Test: true})
	if status != http.StatusOK || answer.Echo != "dlv_v" {
		t.Errorf("verify: %d %+v", status, answer)
	}
	if _, err := os.Stat(b.cfg.DataFile); err == nil {
		t.Error("verify wrote the data file")
	}
}

func TestNative_LifeOfAnInstance(t *testing.T) {
	b := start(t)
	_, made := b.deliver(t, order(spi.ActionCreate, "ord_1", ""))
	id := made.InstanceID
	steps := []struct {
		action spi.Action
		want   int
		page   int
	}{
		{spi.ActionRenew, http.StatusOK, http.StatusOK},
		{spi.ActionExpire, http.StatusOK, http.StatusOK},
		{spi.ActionRenew, http.StatusOK, http.StatusOK},
		{spi.ActionDestroy, http.StatusOK, http.StatusGone},
		{spi.ActionDestroy, http.StatusOK, http.StatusGone},
		{spi.ActionRenew, http.StatusConflict, http.StatusGone},
		{spi.ActionCreate, http.StatusConflict, http.StatusGone},
	}
	for i, s := range steps {
		request := order(s.action, "ord_1", id)
		request.ID += strconv.Itoa(i)
		if status, _ := b.deliver(t, request); status != s.want {
			t.Errorf("step %d: %s answered %d, want %d", i, s.action, status, s.want)
		}
		response, err := http.Get(b.server.URL + "/app/" + id)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != s.page {
			t.Errorf("step %d: after %s the page answered %d, want %d", i, s.action, response.StatusCode, s.page)
		}
	}
	if status, _ := b.deliver(t, order(spi.ActionRenew, "ord_9", "n-invented")); status != http.StatusConflict {
		t.Errorf("an unknown instance answered %d", status)
	}
}

func TestDeliveries_RefuseForgeries(t *testing.T) {
	b := start(t)
	body, err := json.Marshal(order(spi.ActionCreate, "ord_1", ""))
	if err != nil {
		t.Fatal(err)
	}
	forged := http.Header{}
	if err := spi.SignRequest(forged, "dlv_createord_1", b.now(), body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"); err != nil {
		t.Fatal(err)
	}
	if status, _ := b.post(t, "/yunshi/webhook", forged, body); status != http.StatusUnauthorized {
		t.Errorf("another secret answered %d", status)
	}
	if status, _ := b.post(t, "/yunshi/webhook", nil, body); status != http.StatusUnauthorized {
		t.Errorf("no signature answered %d", status)
	}
	query := spi.TencentQuery("guess", b.now(), 1).Encode()
	if status, _ := b.post(t, "/tencent/spi?"+query, nil, []byte(`{"action":"createInstance","orderId":"1"}`)); status != http.StatusUnauthorized {
		t.Errorf("another token answered %d", status)
	}
	if _, err := os.Stat(b.cfg.DataFile); err == nil {
		t.Error("a forged call made an instance")
	}
}

func tencentCall(action string) spi.TencentCall {
	return spi.TencentCall{Action: action, OrderID: "20261122001", AccountID: "100001", ProductID: 7, ResourceID: "market-1", RequestID: "r-1"}
}

func TestTencent_LifeOfAnInstance(t *testing.T) {
	b := start(t)
	_, echoed := call[spi.TencentVerifyAnswer](t, b, spi.TencentVerify{Action: spi.TencentActionVerify, Echoback: "云"})
	if echoed.Echoback != "云" {
		t.Errorf("echo %q", echoed.Echoback)
	}
	create := spi.TencentCreate{TencentCall: tencentCall(spi.TencentActionCreate),
		ProductInfo: spi.TencentProductInfo{ProductName: "记事本", Spec: "team", TimeSpan: 1, TimeUnit: "y"}}
	_, made := call[spi.TencentCreateAnswer](t, b, create)
	if made.SignID == "" || len(made.SignID) > spi.TencentMaxSignID || made.AppInfo.Website != "http://vendor.example/app/"+made.SignID {
		t.Fatalf("create: %+v", made)
	}
	if _, again := call[spi.TencentCreateAnswer](t, b, create); again.SignID != made.SignID {
		t.Errorf("repetition made %s beside %s", again.SignID, made.SignID)
	}
	end := func(action, sign string) any {
		return spi.TencentEnd{TencentCall: tencentCall(action), SignID: sign}
	}
	steps := []struct {
		body any
		want string
	}{
		{spi.TencentRenew{TencentCall: tencentCall(spi.TencentActionRenew), SignID: made.SignID, InstanceExpireTime: "2028-11-22 00:00:00"}, "true"},
		{spi.TencentModify{TencentCall: tencentCall(spi.TencentActionModify), SignID: made.SignID, Spec: "large"}, "true"},
		{end(spi.TencentActionExpire, made.SignID), "true"},
		{end(spi.TencentActionDestroy, made.SignID), "true"},
		{end(spi.TencentActionExpire, made.SignID), "false"},
		{end(spi.TencentActionDestroy, "ninvented"), "false"},
	}
	for i, s := range steps {
		if status, answer := call[spi.TencentAnswer](t, b, s.body); status != http.StatusOK || answer.Success != s.want {
			t.Errorf("step %d: %d %q, want success %q", i, status, answer.Success, s.want)
		}
	}
}

func TestAsync_AnswersPendingUntilReady(t *testing.T) {
	b := start(t, func(c *Config) { c.ReadyAfter = time.Minute })
	create := order(spi.ActionCreate, "ord_1", "")
	if _, got := b.deliver(t, create); got.Status != spi.StatusPending || got.App != nil {
		t.Errorf("native before it is ready: %+v", got)
	}
	tencent := spi.TencentCreate{TencentCall: tencentCall(spi.TencentActionCreate), ProductInfo: spi.TencentProductInfo{TimeSpan: 1, TimeUnit: "m"}}
	if _, got := call[spi.TencentCreateAnswer](t, b, tencent); got.SignID != spi.TencentPending {
		t.Errorf("Tencent before it is ready: %+v", got)
	}
	b.advance(time.Minute)
	if _, got := b.deliver(t, create); got.Status != spi.StatusActive {
		t.Errorf("native when ready: %+v", got)
	}
	if _, got := call[spi.TencentCreateAnswer](t, b, tencent); got.SignID == spi.TencentPending {
		t.Errorf("Tencent when ready: %+v", got)
	}
}

func TestFail_NextDeliveriesFailAndLaterOnesWork(t *testing.T) {
	b := start(t)
	if status, _ := b.post(t, "/test/fail", nil, []byte(`{"n":2}`)); status != http.StatusOK {
		t.Fatalf("asking for failures answered %d", status)
	}
	for i, want := range []int{500, 500, 200} {
		if status, _ := b.deliver(t, order(spi.ActionCreate, "ord_1", "")); status != want {
			t.Errorf("delivery %d answered %d, want %d", i, status, want)
		}
	}
	quiet := start(t, func(c *Config) { c.Controls = false })
	if status, _ := quiet.post(t, "/test/fail", nil, []byte(`{"n":2}`)); status != http.StatusNotFound {
		t.Errorf("without controls it answered %d", status)
	}
}

// customer is a browser at the delivered product.
type customer struct {
	http.Client
	page string
}

func newCustomer(t *testing.T, b *bench, instance string) *customer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &customer{Client: http.Client{Jar: jar}, page: b.server.URL + "/app/" + instance}
}

func read(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (c *customer) submit(t *testing.T, path string, fields url.Values) (int, string) {
	t.Helper()
	response, err := c.PostForm(c.page+path, fields)
	return read(t, response, err)
}

func TestProduct_ATeamSharesANote(t *testing.T) {
	b := start(t)
	_, made := b.deliver(t, order(spi.ActionCreate, "ord_1", ""))
	key := made.App.Credentials[0].Value
	ann, ben := newCustomer(t, b, made.InstanceID), newCustomer(t, b, made.InstanceID)

	if status, page := ann.submit(t, "/enter?lang=en", url.Values{"key": {"guess"}}); status != http.StatusForbidden || !strings.Contains(page, "not right") {
		t.Errorf("a wrong key answered %d", status)
	}
	if status, _ := ann.submit(t, "", url.Values{"seq": {"0"}, "note": {"x"}}); status != http.StatusForbidden {
		t.Errorf("writing without the key answered %d", status)
	}
	if status, page := ann.submit(t, "/enter", url.Values{"key": {key}}); status != http.StatusOK || !strings.Contains(page, "共享内容") {
		t.Fatalf("the right key answered %d", status)
	}
	if status, page := ann.submit(t, "", url.Values{"seq": {"0"}, "note": {"<b>安</b>"}}); status != http.StatusOK || !strings.Contains(page, "&lt;b&gt;安&lt;/b&gt;") {
		t.Errorf("saving answered %d", status)
	}
	ben.submit(t, "/enter", url.Values{"key": {key}})
	if status, page := ben.submit(t, "?lang=en", url.Values{"seq": {"0"}, "note": {"Ben"}}); status != http.StatusConflict || !strings.Contains(page, "Ben") || !strings.Contains(page, "安") {
		t.Errorf("overwriting a newer note answered %d", status)
	}
	if status, _ := ben.submit(t, "", url.Values{"seq": {"1"}, "note": {"both"}}); status != http.StatusOK {
		t.Errorf("saving the merged note answered %d", status)
	}
	if status, _ := ben.submit(t, "", url.Values{"seq": {"2"}, "note": {strings.Repeat("长", maxNote+1)}}); status != http.StatusUnprocessableEntity {
		t.Errorf("a note too long answered %d", status)
	}

	b.deliver(t, order(spi.ActionExpire, "ord_1", made.InstanceID))
	if status, _ := ben.submit(t, "", url.Values{"seq": {"2"}, "note": {"late"}}); status != http.StatusForbidden {
		t.Errorf("writing after the end answered %d", status)
	}
	response, err := ben.Get(ben.page + "?lang=en")
	if status, page := read(t, response, err); status != http.StatusOK || !strings.Contains(page, "both") || !strings.Contains(page, "renew") {
		t.Errorf("reading after the end answered %d", status)
	}
}

func TestProduct_AKeyOpensOnlyItsOwnInstance(t *testing.T) {
	b := start(t)
	_, first := b.deliver(t, order(spi.ActionCreate, "ord_1", ""))
	_, second := b.deliver(t, order(spi.ActionCreate, "ord_2", ""))
	stranger := newCustomer(t, b, second.InstanceID)
	if status, _ := stranger.submit(t, "/enter", url.Values{"key": {first.App.Credentials[0].Value}}); status != http.StatusForbidden {
		t.Errorf("the key of another instance answered %d", status)
	}
}

func TestPages_BothLanguagesHaveTheSameWords(t *testing.T) {
	for key, text := range words["zh"] {
		if words["en"][key] == "" || text == "" {
			t.Errorf("word %q is missing", key)
		}
	}
	if len(words["zh"]) != len(words["en"]) {
		t.Errorf("%d Chinese words, %d English ones", len(words["zh"]), len(words["en"]))
	}
}

func TestNew_RefusesWhatCannotServe(t *testing.T) {
	good := Config{DataFile: filepath.Join(t.TempDir(), "v.json"), PublicURL: "http://v.example", TencentTokens: []string{"t"}}
	noFile, noSecret, noAddress, torn := good, good, good, good
	noFile.DataFile, noSecret.TencentTokens, noAddress.PublicURL = "", nil, "v"
	torn.DataFile = filepath.Join(t.TempDir(), "torn.json")
	if err := os.WriteFile(torn.DataFile, []byte(`{"instances":`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{"no file": noFile, "no secret": noSecret, "no address": noAddress, "torn file": torn} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: started", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Errorf("a complete configuration: %v", err)
	}
}
