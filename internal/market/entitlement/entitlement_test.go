package entitlement_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

// shop is a market with one vendor, one product and two buyers.
type shop struct {
	*seed.Market
	t       *testing.T
	vendor  vendor.Vendor
	seller  audit.Actor
	product catalog.Product
	offer   catalog.Offer
	a, b    audit.Actor
}

func open(t *testing.T, d *db.DB) *shop {
	t.Helper()
	s := &shop{Market: seed.Open(t, d), t: t}
	s.vendor, s.seller = s.Vendor(t, "深圳甲有限公司")
	s.product = s.Product(t, s.seller, s.vendor.ID, "office", seed.Content("甲办公", "A Office"))
	seed.Read(t, d, func(r db.Reader) error {
		offers, err := catalog.Offers(t.Context(), r, s.product.ID)
		if err == nil {
			s.offer = offers[0]
		}
		return err
	})
	s.a = s.Person(t, account.LegalPerson, "广州买方有限公司")
	s.b = s.Person(t, account.LegalPerson, "珠海买方有限公司")
	return s
}

// right is what an order line would grant.
func (s *shop) right(line string, buyer audit.Actor) entitlement.New {
	return entitlement.New{
		Order: "ord_" + line, Line: line, Account: account.ID(buyer.Account), Product: s.product.ID, Version: string(s.offer.Version.ID),
		Plan: string(s.offer.PlanID), Vendor: s.vendor.ID, Quantity: 1, Term: s.offer.Plan.Term, Name: "甲办公",
	}
}

func (s *shop) grant(in entitlement.New) (e entitlement.Entitlement) {
	s.t.Helper()
	seed.Write(s.t, s.DB, func(tx *db.Tx) (err error) {
		e, err = entitlement.Grant(s.t.Context(), tx, audit.Job("test"), in)
		return err
	})
	return e
}

func (s *shop) active(line string, buyer audit.Actor) (e entitlement.Entitlement) {
	s.t.Helper()
	e = s.grant(s.right(line, buyer))
	seed.Write(s.t, s.DB, func(tx *db.Tx) (err error) {
		e, err = entitlement.Activate(s.t.Context(), tx, audit.Job("test"), e.ID, tx.Now())
		return err
	})
	return e
}

func (s *shop) mayUse(by audit.Actor, id entitlement.ID) (err error) {
	s.t.Helper()
	seed.Read(s.t, s.DB, func(r db.Reader) error {
		_, err = entitlement.MayUse(s.t.Context(), r, by, id)
		return nil
	})
	return err
}

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func TestClause_4_3_EntitlementIsBoundToTheAccount(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		e := s.active("line_1", s.a)
		t.Run("refused_move_by_anybody", func(t *testing.T) {
			for name, by := range map[string]audit.Actor{"buyer": s.a, "vendor": s.seller, "operator": s.Superadmin, "shell": audit.CLI("fix")} {
				_, err := command.Run(t.Context(), d, command.Intent{By: by, Name: "entitlement.move", Subjects: []string{string(e.ID)}},
					func(tx *db.Tx) (string, error) {
						return "", entitlement.Move(t.Context(), tx, by, e.ID, account.ID(s.b.Account))
					})
				if f, ok := fault.Of(err); !ok || f.Code != "ENTITLEMENT_ACCOUNT_BOUND" || f.Clause != "UA 4.3" {
					t.Errorf("%s: %v, want ENTITLEMENT_ACCOUNT_BOUND (UA 4.3)", name, err)
				}
			}
			seed.Read(t, d, func(r db.Reader) error {
				acts, err := audit.Of(t.Context(), r, string(e.ID))
				attempts := 0
				for _, a := range acts {
					if a.Refusal == "ENTITLEMENT_ACCOUNT_BOUND" {
						attempts++
					}
				}
				if attempts != 4 {
					t.Errorf("%d refused attempts recorded, want 4", attempts)
				}
				return err
			})
		})
		t.Run("refused_by_the_database", func(t *testing.T) {
			for name, statement := range map[string]string{
				"grant":   `UPDATE entitlement_grant SET account = $1 WHERE line = $2`,
				"binding": `UPDATE entitlement_binding SET account = $1 WHERE line = $2`,
			} {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := tx.Exec(t.Context(), statement, s.b.Account, "line_1")
					return err
				})
				if !db.Foreign(err) && !db.Refused(err) {
					t.Errorf("%s moved to another account: %v", name, err)
				}
			}
			for name, statement := range map[string]string{
				"second_binding": `INSERT INTO entitlement_binding (line, account, bound_at) VALUES ('line_1', $1, 1)`,
				"no_binding":     `DELETE FROM entitlement_binding WHERE account <> $1`,
			} {
				if err := d.Write(t.Context(), func(tx *db.Tx) error {
					_, err := tx.Exec(t.Context(), statement, s.b.Account)
					return err
				}); err == nil {
					t.Errorf("%s was accepted", name)
				}
			}
			seed.Read(t, d, func(r db.Reader) error {
				now, err := entitlement.Read(t.Context(), r, e.ID)
				if string(now.Account) != s.a.Account {
					t.Errorf("the account is %s, want %s", now.Account, s.a.Account)
				}
				return err
			})
		})
		t.Run("refused_use_by_another_account", func(t *testing.T) {
			refused(t, s.mayUse(s.b, e.ID), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
			refused(t, s.mayUse(s.seller, e.ID), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
			refused(t, s.mayUse(s.Superadmin, e.ID), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
		})
		t.Run("allowed_use_by_the_account_and_its_users", func(t *testing.T) {
			if err := s.mayUse(s.a, e.ID); err != nil {
				t.Error(err)
			}
			colleague := s.a
			colleague.User, colleague.Session, colleague.Roles = "usr_colleague", "ses_other", []string{account.Buyer}
			if err := s.mayUse(colleague, e.ID); err != nil {
				t.Errorf("another user of the account: %v", err)
			}
		})
		t.Run("allowed_buying_again_for_the_other_account", func(t *testing.T) {
			second := s.active("line_2", s.b)
			if second.ID == e.ID || string(second.Account) != s.b.Account {
				t.Errorf("got %+v, want a second right of the other account", second)
			}
			if err := s.mayUse(s.b, second.ID); err != nil {
				t.Error(err)
			}
			refused(t, s.mayUse(s.a, second.ID), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
		})
	})
}

func TestGrant_IsOncePerLine(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		const racers = 16
		ids, errs := make([]entitlement.ID, racers), make([]error, racers)
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range racers {
			done.Go(func() {
				start.Wait()
				errs[i] = d.Write(t.Context(), func(tx *db.Tx) error {
					e, err := entitlement.Grant(t.Context(), tx, audit.Job("capture"), s.right("line_race", s.a))
					ids[i] = e.ID
					return err
				})
			})
		}
		start.Done()
		done.Wait()
		for i := range racers {
			if errs[i] != nil || ids[i] != ids[0] || ids[i] == "" {
				t.Errorf("racer %d got %q, %v; racer 0 got %q", i, ids[i], errs[i], ids[0])
			}
		}
		seed.Read(t, d, func(r db.Reader) error {
			mine, err := entitlement.Mine(t.Context(), r, account.ID(s.a.Account))
			if len(mine) != 1 {
				t.Errorf("%d rights of one line, want 1", len(mine))
			}
			acts, err2 := audit.Of(t.Context(), r, "line_race")
			if len(acts) != 1 || acts[0].Act != "entitlement.bound" {
				t.Errorf("%d records of the binding, want 1", len(acts))
			}
			return errors.Join(err, err2)
		})
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := entitlement.Grant(t.Context(), tx, audit.Job("capture"), s.right("line_race", s.b))
			return err
		}), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	})
}

func TestGrant_RefusesWhatIsNoRight(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		for name, spoil := range map[string]func(*entitlement.New){
			"no_account":  func(n *entitlement.New) { n.Account = "" },
			"no_line":     func(n *entitlement.New) { n.Line = "" },
			"no_quantity": func(n *entitlement.New) { n.Quantity = 0 },
			"no_term":     func(n *entitlement.New) { n.Term = catalog.Term{} },
			"odd_term":    func(n *entitlement.New) { n.Term.Unit = "fortnight" },
		} {
			in := s.right("line_"+name, s.a)
			spoil(&in)
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := entitlement.Grant(t.Context(), tx, audit.Job("capture"), in)
				return err
			})
			if f, ok := fault.Of(err); !ok || f.Kind != fault.Invalid {
				t.Errorf("%s: %v, want a refusal", name, err)
			}
		}
		in := s.right("line_nobody", s.a)
		in.Account = "acc_nobody"
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := entitlement.Grant(t.Context(), tx, audit.Job("capture"), in)
			return err
		}); !db.Foreign(err) {
			t.Errorf("a right of nobody: %v", err)
		}
	})
}

func TestClause_4_7_3_AForeignRightDoesNotExistAndTheAttemptCounts(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		e := s.active("line_1", s.a)
		get := func(by audit.Actor) (got entitlement.Entitlement, err error) {
			seed.Read(t, d, func(r db.Reader) error {
				got, err = entitlement.Get(t.Context(), r, by, e.ID)
				return nil
			})
			return got, err
		}
		for name, by := range map[string]audit.Actor{"buyer": s.a, "operator": s.Superadmin} {
			if got, err := get(by); err != nil || string(got.Account) != s.a.Account {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := get(s.seller); err != nil || got.Account != "" {
			t.Errorf("the vendor: account %q, %v; want the right without its account", got.Account, err)
		}
		_, err := get(s.b)
		refused(t, err, "NOT_FOUND", "UA 4.7.3")
		_, err = get(audit.Actor{Kind: audit.Person})
		refused(t, err, "NOT_FOUND", "UA 4.7.3")
		seed.Write(t, d, func(tx *db.Tx) error { return account.Denied(t.Context(), tx, s.b, string(e.ID)) })
		seed.Read(t, d, func(r db.Reader) error {
			risk, err := account.RiskOf(t.Context(), r, account.ID(s.b.Account))
			if risk.Denials != 1 {
				t.Errorf("%d refused accesses counted, want 1", risk.Denials)
			}
			return err
		})
	})
}

func TestClause_4_8_ARunningRightStaysUsableUnlessUseIsProhibited(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		e := s.active("line_1", s.a)
		s.active("line_2", s.b)
		refunded := s.grant(s.right("line_3", s.Person(t, account.Individual, "王五")))
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := entitlement.End(t.Context(), tx, audit.Job("refund"), refunded.ID, entitlement.Refunded)
			return err
		})
		delist := func(scope catalog.Scope) {
			t.Helper()
			seed.Write(t, d, func(tx *db.Tx) error {
				return catalog.Delist(t.Context(), tx, s.Compliance, catalog.Delisting{
					Product: s.product.ID, Cause: catalog.Safety, Scope: scope, Reason: "unsafe",
				}, entitlement.HoldersOf)
			})
		}
		delist(catalog.NoRenewal)
		if err := s.mayUse(s.a, e.ID); err != nil {
			t.Errorf("after a delisting that leaves the use: %v", err)
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := entitlement.Prohibit(t.Context(), tx, s.Compliance, s.product.ID)
			return err
		}); !errors.Is(err, entitlement.ErrState) {
			t.Errorf("barring rights of a product that is not barred: %v", err)
		}
		seed.Read(t, d, func(r db.Reader) error {
			holders, err := entitlement.HoldersOf(t.Context(), r, s.product.ID)
			if len(holders) != 2 {
				t.Errorf("%d holders, want the 2 whose rights still run", len(holders))
			}
			return err
		})
		delist(catalog.UseProhibited)
		refused(t, s.mayUse(s.a, e.ID), "PRODUCT_USE_PROHIBITED", "UA 4.8")
		seed.Write(t, d, func(tx *db.Tx) error {
			n, err := entitlement.Prohibit(t.Context(), tx, s.Compliance, s.product.ID)
			if n != 2 {
				t.Errorf("%d rights barred, want 2", n)
			}
			return err
		})
		refused(t, s.mayUse(s.a, e.ID), "PRODUCT_USE_PROHIBITED", "UA 4.8")
	})
}

func TestARightExpiresAtItsEndWithoutTheJob(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d)
		e := s.active("line_1", s.a)
		clock.Set(e.EndsAt.Add(-time.Microsecond))
		if err := s.mayUse(s.a, e.ID); err != nil {
			t.Errorf("the last moment: %v", err)
		}
		clock.Set(e.EndsAt)
		refused(t, s.mayUse(s.a, e.ID), "ENTITLEMENT_NOT_ACTIVE", "UA 4.3")
		told := []entitlement.ID{}
		seed.Drain(t, d, entitlement.Work{Expired: func(_ context.Context, _ *db.Tx, e entitlement.Entitlement) error {
			told = append(told, e.ID)
			return nil
		}}.Handlers())
		seed.Read(t, d, func(r db.Reader) error {
			now, err := entitlement.Read(t.Context(), r, e.ID)
			if now.State != entitlement.Expired || !now.EndedAt.Equal(clock.Now()) {
				t.Errorf("after the job: %s, ended %s", now.State, now.EndedAt)
			}
			return err
		})
		if fmt.Sprint(told) != fmt.Sprint([]entitlement.ID{e.ID}) {
			t.Errorf("told of %v, want it once", told)
		}
	})
}

func TestEnd_FollowsTheStates(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		s := open(t, d)
		e := s.grant(s.right("line_1", s.a))
		end := func(to entitlement.State) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := entitlement.End(t.Context(), tx, audit.Job("test"), e.ID, to)
				return err
			})
		}
		for _, step := range []struct {
			to   entitlement.State
			want error
		}{
			{entitlement.Active, entitlement.ErrState}, // not delivered
			{entitlement.Suspended, entitlement.ErrState},
			{entitlement.Expired, entitlement.ErrState},
			{entitlement.Refunded, nil},
			{entitlement.Refunded, nil}, // again is no error
			{entitlement.Active, entitlement.ErrState},
		} {
			if err := end(step.to); !errors.Is(err, step.want) {
				t.Errorf("to %s: %v, want %v", step.to, err, step.want)
			}
		}
		e = s.active("line_2", s.a)
		for _, to := range []entitlement.State{entitlement.Suspended, entitlement.Active, entitlement.Suspended, entitlement.Prohibited} {
			if err := end(to); err != nil {
				t.Errorf("to %s: %v", to, err)
			}
		}
	})
}
