package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

func write(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) error {
	t.Helper()
	return d.Write(t.Context(), fn)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func registration(email string) Registration {
	return Registration{SubjectType: LegalPerson, DisplayName: "山海科技有限公司", UserName: "王小明", Email: email, Mobile: "13800138000", Password: nobody, Locale: "zh"}
}

func register(t testing.TB, d *db.DB, email string) User {
	t.Helper()
	var u User
	must(t, write(t, d, func(tx *db.Tx) (err error) {
		u, err = Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, registration(email))
		return err
	}))
	return u
}

func staff(t testing.TB, d *db.DB, email string, roles ...string) audit.Actor {
	t.Helper()
	var u User
	must(t, write(t, d, func(tx *db.Tx) (err error) {
		u, err = RegisterOperator(t.Context(), tx, audit.CLI("test"), registration(email), roles)
		return err
	}))
	return actor(u)
}

func actor(u User) audit.Actor {
	return audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_test", Method: "password", Roles: u.Roles}
}

func signIn(t testing.TB, d *db.DB, email string, on Device) (Session, error) {
	t.Helper()
	var s Session
	err := write(t, d, func(tx *db.Tx) error {
		c, err := Find(t.Context(), tx, email)
		if err != nil {
			return err
		}
		s, err = SignIn(t.Context(), tx, c, on)
		return err
	})
	return s, err
}

func wrongPassword(t testing.TB, d *db.DB, email string) error {
	t.Helper()
	return write(t, d, func(tx *db.Tx) error {
		c, err := Find(t.Context(), tx, email)
		if err != nil {
			return err
		}
		return SignInFailed(t.Context(), tx, c, Device{IP: "203.0.113.9", Method: "password"})
	})
}

func TestClause_4_1_RegistrationMakesAnAccountWithItsOwner(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		u := register(t, d, "Wang.Xiaoming@Example.com")
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			a, err := Get(t.Context(), r, u.Account)
			if err != nil {
				return err
			}
			if a.State != Registered || a.Kind != Customer || a.Consumer || a.DisplayName != "山海科技有限公司" || !a.CreatedAt.Equal(testkit.Start) {
				t.Errorf("allowed: account is %+v", a)
			}
			if u.Name != "王小明" || u.EmailMasked != "W***@example.com" || !slices.Contains(u.Roles, Owner) {
				t.Errorf("allowed: user is %+v", u)
			}
			acts, err := audit.Of(t.Context(), r, string(u.ID))
			if len(acts) != 1 || acts[0].Act != "account.registered" {
				t.Errorf("allowed: evidence is %+v", acts)
			}
			return err
		}))

		for name, in := range map[string]Registration{
			"refused_same_address":       registration("wang.xiaoming@example.com"),
			"refused_same_in_full_width": registration("WANG.xiaoming＠example.com"),
		} {
			err := write(t, d, func(tx *db.Tx) error {
				_, err := Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, in)
				return err
			})
			if f, _ := fault.Of(err); f == nil || f.Code != "EMAIL_TAKEN" || f.Field != "email" {
				t.Errorf("%s: got %v", name, err)
			}
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			accounts, err := List(t.Context(), r, "", 10)
			if len(accounts) != 1 {
				t.Errorf("a refused registration left %d accounts", len(accounts))
			}
			return err
		}))
	})
}

func TestClause_2_4_WhoRegistersAsAnIndividualIsTakenForAConsumer(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		for name, subject := range map[string]SubjectType{
			"allowed_a_consumers_floors_for_an_individual": Individual, "refused_them_to_a_company": LegalPerson, "refused_them_to_another_organisation": OtherOrg,
		} {
			t.Run(name, func(t *testing.T) {
				in := registration(string(subject) + "@example.com")
				in.SubjectType = subject
				var u User
				must(t, write(t, d, func(tx *db.Tx) (err error) {
					u, err = Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, in)
					return err
				}))
				must(t, d.Read(t.Context(), func(r db.Reader) error {
					a, err := Get(t.Context(), r, u.Account)
					if a.Consumer != (subject == Individual) {
						t.Errorf("%s: consumer = %v", subject, a.Consumer)
					}
					return err
				}))
			})
		}
	})
}

func TestPersonalDataIsStoredAsCiphertextOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		u := register(t, d, "wang.xiaoming@example.com")
		for range 2 { // the second browser leaves a notice
			_, err := signIn(t, d, "wang.xiaoming@example.com", Device{IP: "203.0.113.9", Method: "password"})
			must(t, err)
		}
		secrets := []string{"山海科技有限公司", "王小明", "wang.xiaoming", "13800138000", "203.0.113.9"}
		for _, q := range []string{
			`SELECT display_name_sealed FROM account_account`, `SELECT name_sealed FROM account_user`, `SELECT email_sealed FROM account_user`,
			`SELECT mobile_sealed FROM account_user`, `SELECT email_index FROM account_user`, `SELECT ip_sealed FROM account_session`,
			`SELECT ip_sealed FROM account_login`,
		} {
			must(t, d.Read(t.Context(), func(r db.Reader) error {
				values, err := db.All(t.Context(), r, db.Column[[]byte], q)
				for _, v := range values {
					if len(v) == 0 {
						t.Errorf("%s: empty", q)
					}
					for _, secret := range secrets {
						if bytes.Contains(v, []byte(secret)) {
							t.Errorf("%s holds %q in the clear", q, secret)
						}
					}
				}
				return err
			}))
		}
		left := written(t, d, string(u.Account))
		if !bytes.Contains(left, []byte("N-11")) {
			t.Errorf("no notice in %s", left)
		}
		for _, secret := range secrets {
			if bytes.Contains(left, []byte(secret)) {
				t.Errorf("records and jobs hold %q", secret)
			}
		}
	})
}

// written returns what the audit records and jobs of an object say, as stored.
func written(t testing.TB, d *db.DB, object string) (all []byte) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) error {
		acts, err := audit.Of(t.Context(), r, object)
		for _, act := range acts {
			all = append(all, act.Data...)
		}
		jobs, err2 := job.Of(t.Context(), r, object)
		for _, j := range jobs {
			all = append(all, j.Payload...)
		}
		return errors.Join(err, err2)
	}))
	return all
}

func TestOfConcurrentRegistrationsWithOneAddressExactlyOneWins(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		const racers = 8
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				errs[i] = d.Write(context.Background(), func(tx *db.Tx) error {
					_, err := Register(context.Background(), tx, audit.Actor{Kind: audit.Person}, registration("race@example.com"))
					return err
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrEmailTaken) {
				t.Errorf("a loser was told %v", err)
			}
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			users, err := db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM account_user`)
			accounts, err2 := db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM account_account`)
			if won != 1 || users != 1 || accounts != 1 {
				t.Errorf("%d won, %d users, %d accounts", won, users, accounts)
			}
			return errors.Join(err, err2)
		}))
	})
}

func TestClause_4_1_EveryActLeadsToAccountUserSessionAndMethod(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		u := register(t, d, "a@example.com")
		s, err := signIn(t, d, "A@example.com", Device{IP: "203.0.113.9", UserAgent: "Browser", Method: "password"})
		must(t, err)
		resolve := func() (by audit.Actor, err error) {
			err = d.Read(t.Context(), func(r db.Reader) error {
				by, _, err = Resolve(t.Context(), r, s.Token)
				return err
			})
			return by, err
		}
		by, err := resolve()
		if err != nil || by.Account != string(u.Account) || by.User != string(u.ID) || by.Session != s.ID || by.Method != "password" || !by.Has(Owner) {
			t.Errorf("allowed: actor %+v, %v", by, err)
		}
		var open []SignedIn
		must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
			open, err = Sessions(t.Context(), r, by)
			return err
		}))
		if len(open) != 1 || open[0].IP != "203.0.113.9" || open[0].UserAgent != "Browser" {
			t.Errorf("allowed: sessions %+v", open)
		}

		// Somebody else cannot end it, its user can, and then the token is worthless.
		if err := write(t, d, func(tx *db.Tx) error {
			return SignOut(t.Context(), tx, audit.Actor{User: "usr_other"}, s.ID)
		}); !errors.Is(err, ErrForeign) {
			t.Errorf("refused: another's session: %v", err)
		}
		if _, err := resolve(); err != nil {
			t.Errorf("a stranger ended the session: %v", err)
		}
		must(t, write(t, d, func(tx *db.Tx) error { return SignOut(t.Context(), tx, by, "") }))
		if _, err := resolve(); !errors.Is(err, ErrNotSignedIn) {
			t.Errorf("refused_after_sign_out: got %v", err)
		}

		s, err = signIn(t, d, "a@example.com", Device{Method: "password", Known: s.Device})
		must(t, err)
		clock.Advance(14 * 24 * time.Hour)
		if _, err := resolve(); !errors.Is(err, ErrNotSignedIn) {
			t.Errorf("refused_when_expired: got %v", err)
		}
	})
}

func TestClause_4_1_ANewDeviceIsReported(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		u := register(t, d, "a@example.com")
		notices := func() (n int) {
			must(t, d.Read(t.Context(), func(r db.Reader) error {
				jobs, err := job.Of(t.Context(), r, string(u.Account))
				for _, j := range jobs {
					if j.Kind == NoticeJob && strings.Contains(string(j.Payload), "N-11") {
						n++
						if !j.DueAt.Equal(testkit.Start) || strings.Contains(string(j.Payload), "113.9") {
							t.Errorf("notice due %s, payload %s", j.DueAt, j.Payload)
						}
					}
				}
				return err
			}))
			return n
		}
		first, err := signIn(t, d, "a@example.com", Device{IP: "203.0.113.9", Method: "password"})
		must(t, err)
		if first.NewDevice || notices() != 0 {
			t.Error("the first browser has nothing to be compared with")
		}
		again, err := signIn(t, d, "a@example.com", Device{IP: "203.0.113.9", Method: "password", Known: first.Device})
		must(t, err)
		if again.NewDevice || again.Device != first.Device || notices() != 0 {
			t.Error("a known browser was reported")
		}
		for i, known := range []string{"", "forged"} {
			other, err := signIn(t, d, "a@example.com", Device{IP: "203.0.113.9", Method: "password", Known: known})
			must(t, err)
			if !other.NewDevice || notices() != i+1 {
				t.Errorf("browser %q: new = %v, %d notices", known, other.NewDevice, notices())
			}
		}
	})
}

func TestFiveWrongPasswordsAreTheLimit(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		register(t, d, "a@example.com")
		register(t, d, "b@example.com")
		var early Credential
		must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
			early, err = Find(t.Context(), r, "a@example.com")
			return err
		}))
		for range 5 {
			must(t, wrongPassword(t, d, "a@example.com"))
			must(t, wrongPassword(t, d, "nobody@example.com"))
		}
		for _, email := range []string{"a@example.com", "nobody@example.com"} {
			if err := wrongPassword(t, d, email); !errors.Is(err, ErrRateLimited) {
				t.Errorf("%s, sixth attempt: %v", email, err)
			}
		}
		// A right password that was being compared while the others failed comes too late.
		err := write(t, d, func(tx *db.Tx) error {
			_, err := SignIn(t.Context(), tx, early, Device{Method: "password"})
			return err
		})
		if !errors.Is(err, ErrRateLimited) {
			t.Errorf("a guess among many got through: %v", err)
		}
		if _, err := signIn(t, d, "b@example.com", Device{Method: "password"}); err != nil {
			t.Errorf("another user pays for it: %v", err)
		}
		clock.Advance(15 * time.Minute)
		if _, err := signIn(t, d, "a@example.com", Device{Method: "password"}); err != nil {
			t.Errorf("after a quarter of an hour: %v", err)
		}
	})
}

func TestAnUnknownAddressAnswersLikeAWrongPassword(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		for _, email := range []string{"nobody@example.com", "not an address"} {
			must(t, d.Read(t.Context(), func(r db.Reader) error {
				c, err := Find(t.Context(), r, email)
				if err != nil || c.User != "" || c.Hash != nobody {
					t.Errorf("%s: %+v, %v", email, c, err)
				}
				return nil
			}))
			if _, err := signIn(t, d, email, Device{Method: "password"}); !errors.Is(err, ErrSignInFailed) {
				t.Errorf("%s: %v", email, err)
			}
		}
	})
}

func TestClause_4_7_3_DenialsAreCounted(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		a, b := register(t, d, "a@example.com"), register(t, d, "b@example.com")
		risk := func(id ID) (v Risk) {
			must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
				v, err = RiskOf(t.Context(), r, id)
				return err
			}))
			return v
		}
		deny := func(object string) {
			must(t, write(t, d, func(tx *db.Tx) error { return Denied(t.Context(), tx, actor(a), object) }))
		}
		for range 30 {
			deny("ord_of_b")
		}
		if got := risk(a.Account); got != (Risk{Denials: 30}) {
			t.Errorf("allowed: one mistyped address again and again is %+v", got)
		}
		for i := range suspiciousForeign {
			deny(fmt.Sprintf("ord_%d", i))
		}
		if got := risk(a.Account); got != (Risk{Denials: 40, Sessions: 1}) {
			t.Errorf("refused: probing is %+v", got)
		}
		if got := risk(b.Account); got != (Risk{}) {
			t.Errorf("the other side's record is %+v", got)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, "ord_of_b")
			if len(acts) != 30 || acts[0].Refusal != "NOT_FOUND" || acts[0].Account != string(a.Account) {
				t.Errorf("evidence: %d acts", len(acts))
			}
			return err
		}))
	})
}

func TestClause_8_2_3_RestrictingOneCapabilityLeavesTheOthers(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		u := register(t, d, "a@example.com")
		officer := staff(t, d, "officer@example.com", Compliance)
		can := func(capability string) (err error) {
			_ = d.Read(t.Context(), func(r db.Reader) error {
				err = MustCan(t.Context(), r, actor(u), capability)
				return nil
			})
			return err
		}
		restrict := func(by audit.Actor, in Restriction) error {
			return write(t, d, func(tx *db.Tx) error { return Restrict(t.Context(), tx, by, in) })
		}
		for _, capability := range capabilities {
			if err := can(capability); err != nil {
				t.Errorf("allowed_%s: %v", capability, err)
			}
		}
		must(t, restrict(officer, Restriction{Account: u.Account, Capability: Buy, Case: "enf_1", Until: clock.Now().Add(time.Hour)}))
		f, _ := fault.Of(can(Buy))
		if f == nil || f.Code != "ACCOUNT_RESTRICTED" || f.Clause != "UA 8.2.3" || !slices.Contains(f.Args, any("enf_1")) {
			t.Errorf("refused_buy: %v", f)
		}
		if err := can(Renew); err != nil {
			t.Errorf("allowed_renew: %v", err)
		}
		clock.Advance(time.Hour)
		if err := can(Buy); err != nil {
			t.Errorf("allowed_after_the_end: %v", err)
		}
		must(t, restrict(officer, Restriction{Account: u.Account, Capability: Buy, Case: "enf_2"}))
		if err := can(Buy); !errors.Is(err, ErrRestricted) {
			t.Errorf("refused_again: %v", err)
		}
		must(t, write(t, d, func(tx *db.Tx) error { return Lift(t.Context(), tx, officer, u.Account, Buy) }))
		if err := can(Buy); err != nil {
			t.Errorf("allowed_after_lifting: %v", err)
		}

		for name, tt := range map[string]struct {
			by   audit.Actor
			in   Restriction
			want error
		}{
			"refused_by_the_account": {actor(u), Restriction{Account: u.Account, Capability: Buy, Case: "x"}, ErrForbidden},
			"refused_on_oneself":     {officer, Restriction{Account: ID(officer.Account), Capability: Buy, Case: "x"}, ErrForbidden},
			"refused_without_case":   {officer, Restriction{Account: u.Account, Capability: Buy}, ErrRequired},
			"refused_unknown":        {officer, Restriction{Account: u.Account, Capability: "fly", Case: "x"}, ErrInvalid},
			"refused_nobody":         {officer, Restriction{Account: "acc_none", Capability: Buy, Case: "x"}, ErrNotFound},
		} {
			if err := restrict(tt.by, tt.in); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestClause_8_2_4_TheStateOfAnAccountGatesItsCapabilities(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		u := register(t, d, "a@example.com")
		steps := []struct {
			from, to State
			buy      error
			signIn   error
		}{
			{Registered, Verified, nil, nil},
			{Verified, Suspended, ErrSuspended, nil},
			{Suspended, Terminated, ErrTerminated, nil},
			{Terminated, Closed, ErrTerminated, ErrTerminated},
		}
		for _, step := range steps {
			must(t, write(t, d, func(tx *db.Tx) error {
				moved, err := move(t.Context(), tx, u.Account, step.from, step.to)
				if !moved {
					t.Errorf("%s → %s did not happen", step.from, step.to)
				}
				return err
			}))
			err := d.Read(t.Context(), func(r db.Reader) error { return MustCan(t.Context(), r, actor(u), Buy) })
			if !errors.Is(err, step.buy) {
				t.Errorf("%s: buying gives %v", step.to, err)
			}
			if _, err := signIn(t, d, "a@example.com", Device{Method: "password"}); !errors.Is(err, step.signIn) {
				t.Errorf("%s: signing in gives %v", step.to, err)
			}
		}
	})
}

func TestSubUsersAreAddedByTheOwnerWithRolesOfTheAccount(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, other := register(t, d, "owner@example.com"), register(t, d, "other@example.com")
		add := func(by audit.Actor, account ID, email string, roles ...string) (u User, err error) {
			err = write(t, d, func(tx *db.Tx) error {
				u, err = AddUser(t.Context(), tx, by, NewUser{Account: account, Name: "李四", Email: email, Password: nobody, Roles: roles})
				return err
			})
			return u, err
		}
		buyer, err := add(actor(owner), owner.Account, "buyer@example.com", Buyer)
		if err != nil || buyer.Account != owner.Account || !slices.Equal(buyer.Roles, []string{Buyer}) {
			t.Fatalf("sub-user %+v, %v", buyer, err)
		}
		for name, tt := range map[string]struct {
			by   audit.Actor
			to   ID
			role string
			want error
		}{
			"a sub-user":        {actor(buyer), owner.Account, Buyer, ErrForbidden},
			"a stranger":        {actor(other), owner.Account, Buyer, ErrForbidden},
			"nobody":            {audit.Actor{}, owner.Account, Buyer, ErrForbidden},
			"an operator role":  {actor(owner), owner.Account, Compliance, ErrInvalid},
			"a taken e-mail":    {actor(owner), owner.Account, Buyer, ErrEmailTaken},
			"somebody's rights": {actor(owner), other.Account, Owner, ErrForbidden},
		} {
			email := "new@example.com"
			if errors.Is(tt.want, ErrEmailTaken) {
				email = "OTHER@example.com"
			}
			if _, err := add(tt.by, tt.to, email, tt.role); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
		}

		// Membership: the other owner lets this buyer buy for it.
		must(t, write(t, d, func(tx *db.Tx) error { return AddMember(t.Context(), tx, actor(other), other.Account, buyer.ID) }))
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			accounts, err := Choosable(t.Context(), r, actor(buyer))
			if len(accounts) != 2 {
				t.Errorf("buyer may choose %+v", accounts)
			}
			alone, err2 := Choosable(t.Context(), r, actor(owner))
			if len(alone) != 1 || alone[0].ID != owner.Account {
				t.Errorf("owner may choose %+v", alone)
			}
			contacts, err3 := Contacts(t.Context(), r, owner.Account)
			if len(contacts) != 1 || contacts[0].Email != "owner@example.com" {
				t.Errorf("the account is reached at %+v", contacts)
			}
			users, err4 := Users(t.Context(), r, owner.Account)
			if len(users) != 2 {
				t.Errorf("%d users", len(users))
			}
			return errors.Join(err, err2, err3, err4)
		}))
		err = write(t, d, func(tx *db.Tx) error { return AddMember(t.Context(), tx, actor(buyer), other.Account, buyer.ID) })
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("a member let himself in: %v", err)
		}
	})
}

func TestTheOperatorsPeopleComeFromTheShellOrASuperadmin(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		customer := register(t, d, "a@example.com")
		admin := staff(t, d, "admin@example.com", Superadmin)
		add := func(by audit.Actor, email string, roles ...string) error {
			return write(t, d, func(tx *db.Tx) error {
				u, err := RegisterOperator(t.Context(), tx, by, registration(email), roles)
				if err == nil && string(u.Account) != admin.Account {
					t.Errorf("a second operator account: %s", u.Account)
				}
				return err
			})
		}
		if err := add(admin, "finance@example.com", Finance); err != nil {
			t.Errorf("superadmin: %v", err)
		}
		if err := add(actor(customer), "x@example.com", Finance); !errors.Is(err, ErrForbidden) {
			t.Errorf("customer: %v", err)
		}
		if err := add(admin, "y@example.com", Buyer); !errors.Is(err, ErrInvalid) {
			t.Errorf("customer's role: %v", err)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			id, err := OperatorID(t.Context(), r)
			if string(id) != admin.Account {
				t.Errorf("operator account is %s", id)
			}
			return err
		}))
	})
}

func TestAnAPIKeyActsForItsUserUntilRevoked(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		u := register(t, d, "a@example.com")
		var k Key
		must(t, write(t, d, func(tx *db.Tx) (err error) {
			k, err = CreateKey(t.Context(), tx, actor(u), " nightly ", []string{"orders:read", "catalog:read", "orders:read"})
			return err
		}))
		if !strings.HasPrefix(k.Secret, "ysk_") || len(k.Secret) < 40 || k.Name != "nightly" {
			t.Errorf("key %+v", k)
		}
		resolve := func(secret string) (by audit.Actor, got Key, err error) {
			_ = d.Read(t.Context(), func(r db.Reader) error {
				by, got, err = ResolveKey(t.Context(), r, secret)
				return nil
			})
			return by, got, err
		}
		by, got, err := resolve(k.Secret)
		if err != nil || by.User != string(u.ID) || by.Session != k.ID || by.Method != "api_key" || !slices.Equal(got.Scopes, []string{"catalog:read", "orders:read"}) || got.Secret != "" {
			t.Errorf("resolved %+v %+v %v", by, got, err)
		}
		if _, _, err := resolve(k.Secret + "x"); !errors.Is(err, ErrNotSignedIn) {
			t.Errorf("wrong secret: %v", err)
		}
		officer := staff(t, d, "officer@example.com", Compliance)
		must(t, write(t, d, func(tx *db.Tx) error {
			return Restrict(t.Context(), tx, officer, Restriction{Account: u.Account, Capability: API, Case: "enf_1"})
		}))
		if _, _, err := resolve(k.Secret); !errors.Is(err, ErrRestricted) {
			t.Errorf("restricted account: %v", err)
		}
		must(t, write(t, d, func(tx *db.Tx) error { return Lift(t.Context(), tx, officer, u.Account, API) }))
		stranger := actor(register(t, d, "b@example.com"))
		if err := write(t, d, func(tx *db.Tx) error { return RevokeKey(t.Context(), tx, stranger, k.ID) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("a stranger revoking: %v", err)
		}
		must(t, write(t, d, func(tx *db.Tx) error { return RevokeKey(t.Context(), tx, actor(u), k.ID) }))
		if _, _, err := resolve(k.Secret); !errors.Is(err, ErrNotSignedIn) {
			t.Errorf("revoked: %v", err)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			keys, err := ListKeys(t.Context(), r, actor(u))
			if len(keys) != 1 || keys[0].RevokedAt.IsZero() {
				t.Errorf("keys %+v", keys)
			}
			return err
		}))
		buyer := actor(u)
		buyer.Roles = []string{Buyer}
		err = write(t, d, func(tx *db.Tx) error {
			_, err := CreateKey(t.Context(), tx, buyer, "x", nil)
			return err
		})
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("a sub-user making keys: %v", err)
		}
	})
}
