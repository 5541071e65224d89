package enforcement_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/identity"
	"yunshi/internal/testkit/world"
)

// banished is a market in which a person's agreement was ended for a breach: the
// one of the returned application.
func banished(m *market) identity.Application {
	m.rules.Terminated, m.rules.Reinstated = enforcement.Banish, enforcement.Pardon
	m.With(enforcement.Work{Rules: m.rules}.Handlers())
	bad := m.newcomer("13800138001")
	m.buyer = bad
	in := application("110101199003070038", "13800138001", "6222020200012345670")
	if err := m.show(bad, in); err != nil {
		m.t.Fatal(err)
	}
	c := m.opened(enforcement.Opening{Violation: "UA 4.11"})
	if m.decided(c, theEnd); m.accountOf(m.subject()).State != account.Terminated {
		m.t.Fatal("the agreement has not ended")
	}
	return in
}

func application(number, mobile, bank string) identity.Application {
	return identity.Application{
		SubjectType: account.Individual, Name: "张三", IDKind: identity.ResidentID, Number: number, Mobile: mobile, Email: "x" + mobile + "@example.com", BankAccount: bank, Consent: true,
	}
}

// newcomer registers with a telephone.
func (m market) newcomer(mobile string) audit.Actor {
	m.t.Helper()
	like := m.Registered(account.Individual) // for a password that is hashed already
	var u account.User
	var err error
	hash := account.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	m.Write(func(tx *db.Tx) error {
		u, err = account.Register(m.t.Context(), tx, audit.Actor{Kind: audit.Person, User: "visitor"}, account.Registration{
			SubjectType: account.Individual, DisplayName: "某用户", UserName: "某人", Email: "n" + like.User + "@example.com", Mobile: mobile, Password: hash, Screen: m.rules.Screen,
		})
		return err
	})
	by := audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_" + string(u.ID), Roles: u.Roles, Locale: "zh"}
	m.Accept(by)
	return by
}

// show hands a real name in.
func (m market) show(by audit.Actor, in identity.Application) error {
	in.Screen = m.rules.Screen
	return m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		_, err := identity.Submit(m.t.Context(), tx, by, in)
		return err
	})
}

// links are those about an account.
func (m market) links(of audit.Actor) (out []enforcement.Link) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		all, err := enforcement.Links(m.t.Context(), r, m.Compliance, 50)
		for _, l := range all {
			if string(l.Account) != of.Account {
				continue
			}
			l, err := enforcement.GetLink(m.t.Context(), r, m.Compliance, l.ID)
			if err != nil {
				return err
			}
			out = append(out, l)
		}
		return err
	})
	return out
}

func (m market) judge(by audit.Actor, l enforcement.Link, same bool) (got enforcement.Link, err error) {
	err = m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
		got, err = m.rules.DecideLink(m.t.Context(), tx, by, l.ID, l.Version, same, "documents compared")
		return err
	})
	return got, err
}

func stateOf(m market, of audit.Actor) account.State {
	return m.accountOf(account.ID(of.Account)).State
}

// TestClause_8_3_ABanFollowsThePerson is the acceptance test of the row: with a new
// telephone and the same identity number, refused at real-name; with a relative's
// name and the same bank account, suspended and queued for a person, not ended.
func TestClause_8_3_ABanFollowsThePerson(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		bad := banished(&m)
		t.Run("allowed_stranger", func(t *testing.T) {
			other := m.newcomer("13900139009")
			if err := m.show(other, application("110101198805150019", "13900139009", "6225881234567898")); err != nil {
				t.Fatal(err)
			}
			if len(m.links(other)) != 0 || stateOf(m, other) != account.Registered {
				t.Error("a stranger is linked")
			}
		})
		t.Run("refused_same_identity_with_a_new_telephone", func(t *testing.T) {
			again := m.newcomer("13900139001")
			err := m.show(again, application(bad.Number, "13900139001", "6225881234567898"))
			f, ok := fault.Of(err)
			if !ok || !errors.Is(err, enforcement.ErrBanned) || f.Code != "REREGISTRATION_BANNED" || f.Clause != "UA 8.3" {
				t.Fatalf("real name: %v", err)
			}
			if len(m.links(again)) != 0 {
				t.Error("a refused act left something")
			}
			m.Write(func(tx *db.Tx) error {
				return m.rules.Caught(t.Context(), tx, account.ID(again.Account), f.Args[1].(string), account.ByIDNumber, account.AtRealName)
			})
			l := m.links(again)
			if len(l) != 1 || l[0].State != enforcement.LinkSuspended || l[0].Evidence[0].Kind != account.ByIDNumber || stateOf(m, again) != account.Suspended {
				t.Errorf("%+v, account %s", l, stateOf(m, again))
			}
		})
		t.Run("refused_relative_with_the_same_bank_account", func(t *testing.T) {
			relative := m.newcomer("13900139002")
			if err := m.show(relative, application("110101199202020025", "13900139002", bad.BankAccount)); err != nil {
				t.Fatal(err)
			}
			l := m.links(relative)
			if len(l) != 1 || l[0].State != enforcement.LinkSuspended || l[0].Strength != enforcement.Strong || !l[0].Decidable() || stateOf(m, relative) != account.Suspended {
				t.Fatalf("%+v, account %s", l, stateOf(m, relative))
			}
			told := m.told(account.ID(relative.Account), "N-54")
			if len(told) != 1 {
				t.Fatalf("told %d times", len(told))
			}
			for _, raw := range []string{bad.Number, bad.BankAccount, bad.Mobile, m.buyer.Account} {
				if strings.Contains(told[0].Body("zh")+told[0].Title("zh")+told[0].Body("en"), raw) {
					t.Errorf("the notice names %s", raw)
				}
			}
			m.Read(func(r db.Reader) error {
				acts, err := audit.Of(t.Context(), r, string(l[0].ID))
				for _, a := range acts {
					if strings.Contains(string(a.Data), bad.BankAccount) || strings.HasPrefix(a.Act, "enforcement.") && !slices.Contains(a.Clauses, "UA 8.3") {
						t.Errorf("record %s: %s %v", a.Act, a.Data, a.Clauses)
					}
				}
				return err
			})
			m.Read(func(r db.Reader) error {
				cases, err := enforcement.Against(t.Context(), r, account.ID(relative.Account), 10)
				if len(cases) != 1 || err != nil {
					t.Fatal(cases, err)
				}
				f, err := enforcement.Get(t.Context(), r, m.Compliance, cases[0].ID)
				if f.Violation != "UA 8.3" || !slices.Equal(f.Clauses, []string{"UA 8.3"}) || !f.HumanOnly {
					t.Errorf("the case cites %+v", f)
				}
				return err
			})
			// It can look at its data, and nothing else.
			if err := m.can(relative, account.LoginReadonly); err != nil {
				t.Error(err)
			}
			if err := m.can(relative, account.Buy); !errors.Is(err, account.ErrSuspended) {
				t.Error(err)
			}
			// On appeal a person clears it, and it is as it was.
			m.Write(func(tx *db.Tx) error {
				_, err := enforcement.AppealLink(t.Context(), tx, relative, l[0].ID, "we share an account with my brother")
				return err
			})
			if _, err := m.judge(officer("a program"), m.links(relative)[0], false); !errors.Is(err, enforcement.ErrForbidden) {
				t.Errorf("a program decided: %v", err)
			}
			if _, err := m.judge(m.Compliance, m.links(relative)[0], false); err != nil {
				t.Fatal(err)
			}
			if stateOf(m, relative) != account.Registered {
				t.Errorf("after it was cleared: %s", stateOf(m, relative))
			}
		})
	})
}

func TestClause_8_3_AWeakLinkOnlyAsksAPerson(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		bad := banished(&m)
		t.Run("allowed_until_a_person_has_looked", func(t *testing.T) {
			same := m.newcomer(bad.Mobile)
			l := m.links(same)
			if len(l) != 1 || l[0].State != enforcement.LinkReview || l[0].Strength != enforcement.Weak || stateOf(m, same) != account.Registered {
				t.Fatalf("%+v, account %s", l, stateOf(m, same))
			}
			if len(m.told(account.ID(same.Account), "N-54")) != 0 {
				t.Error("a weak link told the account")
			}
			m.Write(func(tx *db.Tx) error { // for ever
				if _, err := enforcement.MyLink(t.Context(), tx, same, l[0].ID); !errors.Is(err, account.ErrForeign) {
					t.Errorf("the account sees what only asks: %v", err)
				}
				return nil
			})
			m.Clock.Advance(2 * day)
			m.Drain()
			if stateOf(m, same) != account.Registered {
				t.Errorf("by itself: %s", stateOf(m, same))
			}
		})
		t.Run("refused_once_a_person_has_confirmed", func(t *testing.T) {
			same := m.newcomer(bad.Mobile)
			l, err := m.judge(m.Compliance, m.links(same)[0], true)
			if err != nil || stateOf(m, same) != account.Suspended || l.State != enforcement.LinkConfirmed {
				t.Fatalf("%+v %v", l, err)
			}
			if _, err := m.judge(m.second, l, false); err == nil {
				t.Error("decided twice without an appeal")
			}
			m.Write(func(tx *db.Tx) error {
				_, err := enforcement.AppealLink(t.Context(), tx, same, l.ID, "the number was recycled")
				return err
			})
			l = m.links(same)[0]
			if _, err := m.judge(m.Compliance, l, false); !errors.Is(err, enforcement.ErrSecond) {
				t.Errorf("the same person on appeal: %v", err)
			}
			// Two roles do not make two people.
			both := m.Compliance
			both.Roles = append(slices.Clone(both.Roles), account.Superadmin)
			if _, err := m.judge(both, l, false); !errors.Is(err, enforcement.ErrSecond) {
				t.Errorf("the same person with two roles: %v", err)
			}
			if _, err := m.judge(m.second, l, false); err != nil || stateOf(m, same) != account.Registered {
				t.Errorf("%v, %s", err, stateOf(m, same))
			}
		})
	})
}

func TestTheNightFindsWhatNoOccasionHasShown(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		other := m.newcomer("13900139003")
		if err := m.show(other, application("110101199202020025", "13900139003", "6222020200012345670")); err != nil {
			t.Fatal(err)
		}
		banished(&m) // with the same bank account, after the other one was there
		if len(m.links(other)) != 0 {
			t.Fatal("found before the night")
		}
		m.Clock.Advance(day)
		m.Drain()
		l := m.links(other)
		if len(l) != 1 || l[0].Evidence[0].Place != account.AtNight || stateOf(m, other) != account.Suspended {
			t.Fatalf("%+v, %s", l, stateOf(m, other))
		}
		m.Clock.Advance(day)
		m.Drain()
		if n := len(m.told(account.ID(other.Account), "N-54")); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestADeviceOfABannedPersonIsAWeakLink(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		m.rules.Terminated = enforcement.Banish
		m.With(enforcement.Work{Rules: m.rules}.Handlers())
		enter := func(by audit.Actor, known string) (s account.Session) {
			m.Write(func(tx *db.Tx) (err error) {
				s, err = account.SignIn(t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)},
					account.Device{IP: "192.0.2.1", Method: "password", Known: known, Screen: m.rules.Screen})
				return err
			})
			return s
		}
		bad := m.newcomer("13800138001")
		browser := enter(bad, "").Device
		m.buyer = bad
		m.decided(m.opened(enforcement.Opening{Violation: "UA 4.11"}), theEnd)
		other := m.newcomer("13900139004")
		enter(other, browser)
		l := m.links(other)
		if len(l) != 1 || l[0].State != enforcement.LinkReview || l[0].Evidence[0].Kind != account.ByDevice || l[0].Evidence[0].Place != account.AtSignIn {
			t.Fatalf("%+v", l)
		}
	})
}

func TestABanEndsWithTheTerminationThatMadeIt(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		bad := banished(&m)
		relative := m.newcomer("13900139002")
		if err := m.show(relative, application("110101199202020025", "13900139002", bad.BankAccount)); err != nil {
			t.Fatal(err)
		}
		var id enforcement.ID
		m.Read(func(r db.Reader) error {
			all, err := enforcement.OfSubject(t.Context(), r, m.subject(), 5)
			id = all[0].ID
			return err
		})
		m.lift(id, enforcement.Terminate)
		if stateOf(m, relative) != account.Registered || m.links(relative)[0].State != enforcement.LinkCleared {
			t.Errorf("%s, %s", stateOf(m, relative), m.links(relative)[0].State)
		}
		if err := m.show(m.newcomer("13900139005"), application("110101198805150019", "13900139005", bad.BankAccount)); err != nil {
			t.Error(err)
		}
	})
}

func TestRaceOfLinks(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		bad := banished(&m)
		same := m.newcomer(bad.Mobile)
		l := m.links(same)[0]
		var won sync.Map
		world.Together(6, func(i int) {
			if _, err := m.judge(m.Compliance, l, i%2 == 0); err == nil {
				won.Store(i, true)
			}
		})
		n := 0
		won.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("%d decisions on one link", n)
		}
	})
}
