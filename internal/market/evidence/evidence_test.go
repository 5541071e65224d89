package evidence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const (
	origin = "market.example/log"
	price  = 30000
)

// market is a world whose orders can be proved.
type market struct {
	*world.Trade
	t     testing.TB
	work  evidence.Work
	files blob.Store
	buyer audit.Actor
	order order.Order

	signing, key string
}

func markets(t *testing.T, fn func(t *testing.T, m *market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) { fn(t, open(t, d, clock)) })
}

func open(t testing.TB, d *db.DB, clock *testkit.Clock) *market {
	t.Helper()
	m := &market{Trade: world.NewTrade(t, d, clock), t: t}
	var err error
	if m.signing, m.key, err = tlog.GenerateKey(testkit.Rand("log"), origin); err != nil {
		t.Fatal(err)
	}
	if m.files, err = blob.Disk(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	m.work = evidence.Work{Parts: evidence.Parts(), Blob: m.files, Integrate: func(ctx context.Context) (int, error) { return audit.Integrate(ctx, d, origin, m.signing) }}
	m.With(m.work.Handlers())
	m.buyer = m.Customer(account.Individual)
	m.order = m.bought()
	return m
}

// settle places every waiting record in the log.
func (m *market) settle() error {
	for {
		if placed, err := m.work.Integrate(m.t.Context()); err != nil || placed == 0 {
			return err
		}
	}
}

// bought is an order with a refund, placed as the pages place it: by a command.
func (m *market) bought() order.Order {
	m.t.Helper()
	offer := m.Listed(world.Content(delivery.HookNative, price))
	answer, err := command.Run(m.t.Context(), m.DB, command.Intent{By: m.buyer, Name: "order.place"}, func(tx *db.Tx) (order.Order, error) {
		return order.Place(m.t.Context(), tx, m.buyer, m.Purchase(m.buyer, offer))
	})
	if err != nil {
		m.t.Fatal(err)
	}
	o := answer.Value
	m.Drain()
	m.Pay(o.Attempt, o.Fee.Paid)
	m.Drain()
	m.Clock.Advance(time.Hour)
	_, err = command.Run(m.t.Context(), m.DB, command.Intent{By: m.buyer, Name: "refund.ask", Subjects: []string{string(o.ID)}}, func(tx *db.Tx) (refund.Request, error) {
		return m.Refund.Submit(m.t.Context(), tx, m.buyer, refund.Ask{
			Order: o.ID, Reason: refund.NoReason, Text: "a private word", Amount: money.Amount{Minor: price, Currency: money.CNY},
		})
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.Drain()
	m.Clock.Advance(time.Minute)
	return m.Order(o.ID)
}

func (m *market) ask(by audit.Actor, as evidence.Addressee, why evidence.Reason) (p evidence.Pack, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		p, err = evidence.Ask(m.t.Context(), tx, by, m.order.ID, as, why)
		return err
	})
	return p, err
}

// made is the pack that an actor asks for, waits for and takes.
func (m *market) made(by audit.Actor, as evidence.Addressee) (evidence.Pack, []byte) {
	m.t.Helper()
	p, err := m.ask(by, as, evidence.Court)
	if err != nil {
		m.t.Fatal(err)
	}
	m.Drain()
	if err := m.DB.Write(m.t.Context(), func(tx *db.Tx) (err error) {
		p, err = evidence.Take(m.t.Context(), tx, by, p.ID)
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	f, _, err := m.files.Open(m.t.Context(), p.Blob)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	stored, err := io.ReadAll(f)
	if err != nil {
		m.t.Fatal(err)
	}
	var whole []byte
	m.Read(func(r db.Reader) (err error) {
		whole, err = evidence.File(r, p, stored)
		return err
	})
	if bytes.Contains(stored, []byte("manifest")) || !bytes.Contains(whole, []byte("manifest")) {
		m.t.Error("the stored pack is not sealed")
	}
	return p, whole
}

func (m *market) opened(whole []byte) (proof.Opened, map[string]string) {
	m.t.Helper()
	o, err := proof.CheckPack(whole, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range o.Files {
		files[f.Name] = string(f.Content)
	}
	return o, files
}

// Must show 5: complete, hash-listed, and proved offline.
func TestAPackHoldsEverythingAboutTheOrder(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		p, whole := m.made(m.Compliance, evidence.Operator)
		o, files := m.opened(whole)
		for _, name := range []string{
			"README.txt", "agreement.json", "agreement/user-agreement-1.json", "agreement/refund-1.json", "seller.json", "order.json", "order/terms-sheet.json", "payment.json",
			"book.json", "delivery.json", "refund.json", "messages.json", "records.json", "summary.zh.pdf", "summary.en.pdf",
		} {
			if files[name] == "" {
				t.Errorf("%s is missing of %v", name, len(files))
			}
		}
		if o.Manifest.Subject != string(m.order.ID) || o.Records.Records < 8 || o.Records.Hidden != 0 || o.Seal.Checkpoint.Size <= o.Records.Checkpoint.Size ||
			len(o.Seal.Earlier) == 0 || p.Size != int64(len(whole)) || p.State != evidence.Ready {
			t.Errorf("%+v %+v", o.Manifest.Subject, o.Records)
		}
		for name, has := range map[string]string{
			"refund.json": "a private word", "agreement.json": `"method": "click"`, "payment.json": `"capture_id"`, "book.json": `"kind": "P1"`, "delivery.json": `"provided"`,
			"order.json": m.order.SHA256, "seller.json": "Example Software", "records.json": "order.paid",
		} {
			if !strings.Contains(files[name], has) {
				t.Errorf("%s lacks %q:\n%s", name, has, files[name])
			}
		}
		for name, text := range files {
			if strings.HasSuffix(name, ".json") && !json.Valid([]byte(text)) {
				t.Errorf("%s is no JSON", name)
			}
		}
		if dir := os.Getenv("YUNSHI_SHOTS"); dir != "" {
			_ = os.WriteFile(filepath.Join(dir, "pack.zip"), whole, 0o600)
			_ = os.WriteFile(filepath.Join(dir, "summary.zh.pdf"), []byte(files["summary.zh.pdf"]), 0o600)
			_ = os.WriteFile(filepath.Join(dir, "summary.en.pdf"), []byte(files["summary.en.pdf"]), 0o600)
		}
		// One flipped byte, in any region of it.
		for i := 0; i < len(whole); i += 1 + len(whole)/400 {
			whole[i] ^= 1
			if _, err := proof.CheckPack(whole, m.key); !errors.Is(err, proof.ErrBroken) {
				t.Errorf("a flip at %d of %d: %v", i, len(whole), err)
			}
			whole[i] ^= 1
		}
	})
}

// Personal data only as far as the addressee may see it.
func TestAPartysPackShowsNothingOfTheOther(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		var seller account.ID
		seller = account.ID(m.Seller.Account)
		for _, c := range []struct {
			by    audit.Actor
			as    evidence.Addressee
			never []string
		}{
			{m.buyer, evidence.Buyer, []string{string(seller), m.Seller.User, m.Compliance.User, "commission_back", `"entries"`}},
			{m.Seller, evidence.Seller, []string{m.buyer.Account, m.buyer.User, m.buyer.Session, m.Compliance.User}},
		} {
			_, whole := m.made(c.by, c.as)
			o, files := m.opened(whole)
			for name, text := range files {
				for _, secret := range c.never {
					if strings.Contains(text, secret) {
						t.Errorf("the pack for %s names %s in %s", c.as, secret, name)
					}
				}
			}
			if o.Records.Hidden == o.Records.Records || o.Records.Records < 8 {
				t.Errorf("%s: %d of %d records hidden", c.as, o.Records.Hidden, o.Records.Records)
			}
			if !strings.Contains(files["order.json"], "ord_") || files["payment.json"] == "" || files["refund.json"] == "" {
				t.Errorf("%s: %v", c.as, o.Manifest.Files)
			}
		}
		// The seller knows the buyer by the name that is its alone.
		_, whole := m.made(m.Seller, evidence.Seller)
		if _, files := m.opened(whole); !strings.Contains(files["order.json"], `"buyer"`) || strings.Contains(files["agreement.json"], "usr_"+strings.TrimPrefix(m.buyer.User, "usr_")) {
			t.Error("the seller's pack does not name its buyer")
		}
	})
}

func TestWhoMayHaveAPackMade(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		sub := m.SubUser(m.buyer, account.Buyer)
		stranger := m.Customer(account.Individual)
		rival, _ := m.NewVendor()
		for name, c := range map[string]struct {
			by   audit.Actor
			as   evidence.Addressee
			why  evidence.Reason
			want error
		}{
			"allowed_buyer":                  {m.buyer, evidence.Buyer, evidence.OwnRecords, nil},
			"allowed_sub_user":               {sub, evidence.Buyer, evidence.Court, nil},
			"allowed_vendor":                 {m.Seller, evidence.Seller, evidence.Mediation, nil},
			"allowed_officer":                {m.Compliance, evidence.Operator, evidence.Authority, nil},
			"allowed_support_for_buyer":      {m.Support, evidence.Buyer, evidence.Negotiation, nil},
			"refused_buyer_for_operator":     {m.buyer, evidence.Operator, evidence.Court, evidence.ErrForbidden},
			"refused_vendor_for_buyer":       {m.Seller, evidence.Buyer, evidence.Court, evidence.ErrForbidden},
			"refused_finance":                {m.Finance, evidence.Operator, evidence.Court, evidence.ErrForbidden},
			"refused_stranger":               {stranger, evidence.Buyer, evidence.Court, account.ErrForeign},
			"refused_rival":                  {rival, evidence.Seller, evidence.Court, account.ErrForeign},
			"refused_reason_of_the_operator": {m.buyer, evidence.Buyer, evidence.Review, evidence.ErrInvalid},
			"refused_no_reason":              {m.Compliance, evidence.Operator, "", evidence.ErrInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				if _, err := m.ask(c.by, c.as, c.why); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		}
		m.Drain()
		// What one party had made is not the other's.
		m.Read(func(r db.Reader) error {
			mine, err := evidence.Of(t.Context(), r, m.buyer, m.order.ID)
			if err != nil || len(mine) != 1 {
				t.Errorf("the buyer has %d packs, %v", len(mine), err)
			}
			theirs, err := evidence.Of(t.Context(), r, m.Seller, m.order.ID)
			if err != nil || len(theirs) != 1 {
				t.Errorf("the vendor has %d packs, %v", len(theirs), err)
			}
			for by, p := range map[*audit.Actor]evidence.ID{&m.Seller: mine[0].ID, &m.buyer: theirs[0].ID, &stranger: mine[0].ID} {
				if _, err := evidence.Get(t.Context(), r, *by, p); !errors.Is(err, account.ErrForeign) {
					t.Errorf("%s gets %s: %v", by.User, p, err)
				}
			}
			return nil
		})
	})
}

// Sixteen who ask at once get one pack, and two nodes that build it make one.
func TestOnePackIsMadeOfOneWish(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		ids := make([]evidence.ID, 16)
		world.Together(16, func(i int) {
			p, err := m.ask(m.buyer, evidence.Buyer, evidence.Court)
			if err != nil {
				t.Error(err)
			}
			ids[i] = p.ID
		})
		if len(slices.Compact(ids)) != 1 {
			t.Fatalf("packs: %v", ids)
		}
		m.Race(4)
		m.Read(func(r db.Reader) error {
			p, err := evidence.Get(t.Context(), r, m.buyer, ids[0])
			if err != nil || p.State != evidence.Ready || p.Done != p.Total {
				t.Errorf("%+v, %v", p, err)
			}
			acts, err := audit.About(t.Context(), r, string(p.ID))
			var names []string
			for _, a := range acts {
				names = append(names, a.Act)
			}
			slices.Sort(names)
			if fmt.Sprint(names) != "[evidence.ask evidence.pack]" {
				t.Errorf("acts: %v, %v", names, err)
			}
			return nil
		})
	})
}

func TestAPackIsRemovedWhenItsTimeIsOver(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		p, _ := m.made(m.buyer, evidence.Buyer)
		m.Clock.Advance(evidence.KeptFor + time.Hour)
		m.Drain()
		if _, _, err := m.files.Open(t.Context(), p.Blob); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("the file is still there: %v", err)
		}
		err := m.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := evidence.Take(t.Context(), tx, m.buyer, p.ID)
			return err
		})
		if !errors.Is(err, evidence.ErrNotReady) {
			t.Errorf("%v", err)
		}
		if again, whole := m.made(m.buyer, evidence.Buyer); again.ID == p.ID || len(whole) == 0 {
			t.Error("it cannot be made again")
		}
	})
}

// Clause 9.3: the export states the place of signing of the version that was
// accepted, not that of the one in force.
func TestClause_9_3_ThePackStatesThePlaceOfItsOwnVersion(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		was := ""
		m.Read(func(r db.Reader) error {
			v, err := agreement.Read(t.Context(), r, 0)
			was = v.PlaceOfSigning.ZH
			return err
		})
		m.With(agreement.Work{}.Handlers())
		const now = "北京市海淀区"
		m.Amend(m.Clock, agreement.UserAgreement, func(doc map[string]any) {
			doc["place_of_signing"] = map[string]string{"zh": now, "en": "Haidian District, Beijing"}
		})
		m.Clock.Advance(60 * 24 * time.Hour)
		m.Read(func(r db.Reader) error {
			v, err := agreement.Read(t.Context(), r, 0)
			if v.PlaceOfSigning.ZH != now {
				t.Errorf("the place in force is %q", v.PlaceOfSigning.ZH)
			}
			return err
		})
		_, whole := m.made(m.buyer, evidence.Buyer)
		_, files := m.opened(whole)
		t.Run("allowed_place_of_that_version", func(t *testing.T) {
			if !strings.Contains(files["agreement.json"], was) || !strings.Contains(files["agreement/user-agreement-1.json"], was) {
				t.Errorf("%q is not stated", was)
			}
		})
		t.Run("refused_place_of_the_one_in_force", func(t *testing.T) {
			if strings.Contains(files["agreement.json"], now) {
				t.Errorf("%q is stated", now)
			}
		})
	})
}

func TestTheCommandLineMakesAPackAtOnce(t *testing.T) {
	markets(t, func(t *testing.T, m *market) {
		var steps []string
		whole, err := m.work.Make(t.Context(), m.DB, audit.CLI("evidence"), m.order.ID, evidence.Seller, evidence.Court, func(step string, done, total int) {
			steps = append(steps, fmt.Sprintf("%s %d/%d", step, done, total))
		})
		if err != nil {
			t.Fatal(err)
		}
		m.opened(whole)
		if len(steps) != len(m.work.Parts)+3 || steps[len(steps)-1] != "seal 12/12" {
			t.Errorf("steps: %v", steps)
		}
	})
}
