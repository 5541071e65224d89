package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

const hash = account.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func actor(u account.User) audit.Actor {
	return audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_test", Method: "password", Roles: u.Roles}
}

func owner(t testing.TB, d *db.DB, email string, subject account.SubjectType) audit.Actor {
	t.Helper()
	var u account.User
	must(t, d.Write(t.Context(), func(tx *db.Tx) (err error) {
		u, err = account.Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, account.Registration{
			SubjectType: subject, DisplayName: "某用户", UserName: "某人", Email: email, Password: hash,
		})
		return err
	}))
	return actor(u)
}

func officer(t testing.TB, d *db.DB) audit.Actor {
	t.Helper()
	var u account.User
	must(t, d.Write(t.Context(), func(tx *db.Tx) (err error) {
		u, err = account.RegisterOperator(t.Context(), tx, audit.CLI("test"), account.Registration{
			SubjectType: account.LegalPerson, DisplayName: "运营方", UserName: "审核员", Email: "officer@example.com", Password: hash,
		}, []string{account.Compliance})
		return err
	}))
	return actor(u)
}

func submit(t testing.TB, d *db.DB, by audit.Actor, in Application) (c Case, err error) {
	t.Helper()
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		c, err = Submit(t.Context(), tx, by, in)
		return err
	})
	return c, err
}

func decide(t testing.TB, d *db.DB, by audit.Actor, id ID, in Decision) (c Case, err error) {
	t.Helper()
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		c, err = Decide(t.Context(), tx, by, id, in)
		return err
	})
	return c, err
}

func mustVerified(t testing.TB, d *db.DB, by audit.Actor) error {
	t.Helper()
	return d.Read(t.Context(), func(r db.Reader) error { return MustVerified(t.Context(), r, account.ID(by.Account)) })
}

func state(t testing.TB, d *db.DB, by audit.Actor) account.State {
	t.Helper()
	var a account.Account
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		a, err = account.Get(t.Context(), r, account.ID(by.Account))
		return err
	}))
	return a.State
}

func TestClause_6_1_UnverifiedIsRefusedUntilAnOfficerApproves(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		by, judge := owner(t, d, "a@example.com", account.Individual), officer(t, d)
		if err := mustVerified(t, d, by); !errors.Is(err, ErrRequired) {
			t.Errorf("refused_before_any_case: %v", err)
		}
		c, err := submit(t, d, by, person())
		must(t, err)
		if err := mustVerified(t, d, by); !errors.Is(err, ErrRequired) {
			t.Errorf("refused_while_pending: %v", err)
		}
		if _, err := submit(t, d, by, person()); !errors.Is(err, ErrOpenCase) {
			t.Errorf("refused_second_case: %v", err)
		}
		if _, err := decide(t, d, by, c.ID, Decision{Approve: true}); !errors.Is(err, ErrForbidden) {
			t.Errorf("refused_deciding_oneself: %v", err)
		}
		if _, err := decide(t, d, judge, c.ID, Decision{}); !errors.Is(err, ErrFieldRequired) {
			t.Errorf("refused_rejecting_without_reason: %v", err)
		}
		failed, err := decide(t, d, judge, c.ID, Decision{Reason: "证件照片不清晰"})
		if err != nil || failed.State != Failed || failed.Reason != "证件照片不清晰" || state(t, d, by) != account.Registered {
			t.Errorf("rejected case %+v, %v", failed, err)
		}
		if err := mustVerified(t, d, by); !errors.Is(err, ErrRequired) {
			t.Errorf("refused_after_failure: %v", err)
		}
		if _, err := decide(t, d, judge, c.ID, Decision{Approve: true}); !errors.Is(err, ErrDecided) {
			t.Errorf("refused_deciding_twice: %v", err)
		}

		clock.Advance(time.Hour)
		again, err := submit(t, d, by, person())
		must(t, err)
		var queue []Case
		must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
			queue, err = Queue(t.Context(), r)
			return err
		}))
		if len(queue) != 1 || queue[0].ID != again.ID || queue[0].Number != "110***********002X" || queue[0].Name != "张**" {
			t.Errorf("queue %+v", queue)
		}
		done, err := decide(t, d, judge, again.ID, Decision{Approve: true})
		if err != nil || done.State != Verified || state(t, d, by) != account.Verified {
			t.Errorf("approved case %+v, %v", done, err)
		}
		if err := mustVerified(t, d, by); err != nil {
			t.Errorf("allowed_once_verified: %v", err)
		}

		// A renewal that is still open takes nothing away.
		clock.Advance(time.Hour)
		_, err = submit(t, d, by, person())
		must(t, err)
		if err := mustVerified(t, d, by); err != nil {
			t.Errorf("allowed_during_renewal: %v", err)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			latest, known, err := Latest(t.Context(), r, account.ID(by.Account))
			if !known || latest.State != Pending {
				t.Errorf("latest is %+v", latest)
			}
			jobs, err2 := job.Of(t.Context(), r, by.Account)
			notices := 0
			for _, j := range jobs {
				if strings.Contains(string(j.Payload), "N-13") {
					notices++
				}
			}
			if notices != 2 {
				t.Errorf("%d notices N-13, want one for each decision", notices)
			}
			return errors.Join(err, err2)
		}))
	})
}

func TestClause_6_1_TheColumnsHoldCiphertextOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		a, b := owner(t, d, "a@example.com", account.Individual), owner(t, d, "b@example.com", account.LegalPerson)
		_, err := submit(t, d, a, person())
		must(t, err)
		_, err = submit(t, d, b, company())
		must(t, err)
		secrets := []string{"张三丰", "11010119010101002X", "13800138000", "zhang.san", "6225881234567898", "山海科技", "91440300MA5DEMQ188", "李四", "0123456"}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			for _, q := range []string{
				`SELECT name_sealed FROM identity_case`, `SELECT number_sealed FROM identity_case`, `SELECT number_index FROM identity_case`,
				`SELECT mobile_sealed FROM identity_case`, `SELECT email_sealed FROM identity_case`, `SELECT bank_account_sealed FROM identity_case`,
				`SELECT legal_representative_sealed FROM identity_case`, `SELECT reason FROM identity_case`,
			} {
				values, err := db.All(t.Context(), r, db.Column[[]byte], q)
				if err != nil {
					return err
				}
				if len(values) < 2 {
					t.Errorf("%s: %d rows", q, len(values))
				}
				for _, v := range values {
					for _, secret := range secrets {
						if bytes.Contains(v, []byte(secret)) {
							t.Errorf("%s holds %q in the clear", q, secret)
						}
					}
				}
			}
			return nil
		}))

		left := append(written(t, d, a.Account), written(t, d, b.Account)...)
		if !bytes.Contains(left, []byte("consent_at")) {
			t.Errorf("no record in %s", left)
		}
		for _, secret := range secrets {
			if bytes.Contains(left, []byte(secret)) {
				t.Errorf("records and jobs hold %q", secret)
			}
		}

		// A ciphertext that is copied into another row does not open there.
		must(t, d.Write(t.Context(), func(tx *db.Tx) error {
			stolen, err := db.Value[[]byte](t.Context(), tx, `SELECT number_sealed FROM identity_case WHERE account = $1`, a.Account)
			if err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), `UPDATE identity_case SET number_sealed = $1 WHERE account = $2`, stolen, b.Account)
			return err
		}))
		err = d.Read(t.Context(), func(r db.Reader) error {
			_, _, err := Latest(t.Context(), r, account.ID(b.Account))
			return err
		})
		if err == nil {
			t.Error("a number copied into another row was read there")
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

func TestClause_6_1_OneIdentityOnManyAccountsIsRefused(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		for i := range 4 {
			by := owner(t, d, fmt.Sprintf("u%d@example.com", i), account.Individual)
			in := person()
			if i%2 == 1 {
				in.Number = "１１０１０１１９０１０１０１００２Ｘ" // the same number, typed in full width
			}
			_, err := submit(t, d, by, in)
			if i < 3 && err != nil {
				t.Errorf("allowed_account_%d: %v", i+1, err)
			}
			if i == 3 && !errors.Is(err, ErrReused) {
				t.Errorf("refused_account_4: %v", err)
			}
		}
		strict := person()
		strict.Number, strict.AccountsPerIdentity = residentBorn("19900101"), 1
		if _, err := submit(t, d, owner(t, d, "x@example.com", account.Individual), strict); err != nil {
			t.Errorf("allowed_first_of_one: %v", err)
		}
		if _, err := submit(t, d, owner(t, d, "y@example.com", account.Individual), strict); !errors.Is(err, ErrReused) {
			t.Errorf("refused_second_of_one: %v", err)
		}
	})
}

func TestSubmittingNeedsConsentAndTheOwner(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		by := owner(t, d, "a@example.com", account.Individual)
		in := person()
		in.Consent = false
		if _, err := submit(t, d, by, in); !errors.Is(err, ErrConsent) {
			t.Errorf("without consent: %v", err)
		}
		sub := by
		sub.Roles = []string{account.Buyer}
		if _, err := submit(t, d, sub, person()); !errors.Is(err, ErrForbidden) {
			t.Errorf("sub-user: %v", err)
		}
		if _, err := submit(t, d, by, company()); !errors.Is(err, ErrMismatch) {
			t.Errorf("a person as a company: %v", err)
		}
	})
}

func TestRevealingLeavesARecord(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		by, judge := owner(t, d, "a@example.com", account.Individual), officer(t, d)
		c, err := submit(t, d, by, person())
		must(t, err)
		reveal := func(by audit.Actor, reason string) (f Fields, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) error {
				f, err = Reveal(t.Context(), tx, by, c.ID, reason)
				return err
			})
			return f, err
		}
		f, err := reveal(judge, "核对证件")
		if err != nil || f.Number != "11010119010101002X" || f.Name != "张三丰" {
			t.Errorf("%v", err)
		}
		if _, err := reveal(judge, " "); !errors.Is(err, ErrFieldRequired) {
			t.Errorf("without reason: %v", err)
		}
		if _, err := reveal(by, "mine"); !errors.Is(err, ErrForbidden) {
			t.Errorf("by the account: %v", err)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, string(c.ID))
			looks := 0
			for _, act := range acts {
				if act.Act == "identity.revealed" && act.Actor == judge.User {
					looks++
				}
			}
			if looks != 1 {
				t.Errorf("%d looks on record", looks)
			}
			return err
		}))
	})
}

// checker answers with what the test sets, and can decide the case meanwhile.
type checker struct {
	out   Outcome
	err   error
	asked []Request
	while func()
}

func (*checker) Name() string { return "test" }

func (c *checker) Check(_ context.Context, r Request) (Outcome, error) {
	c.asked = append(c.asked, r)
	if c.while != nil {
		c.while()
	}
	return c.out, c.err
}

func TestTheCheckersAnswerIsRecordedOnce(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		judge := officer(t, d)
		source := &checker{}
		worker := job.NewWorker(d, Work{Checker: source}.Handlers(), slog.New(slog.DiscardHandler))
		latest := func(by audit.Actor) (c Case) {
			must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
				c, _, err = Latest(t.Context(), r, account.ID(by.Account))
				return err
			}))
			return c
		}

		yes := owner(t, d, "yes@example.com", account.Individual)
		_, err := submit(t, d, yes, person())
		must(t, err)
		source.out = Outcome{Result: ResultVerified, Response: []byte(`{"secret":"answer"}`), ValidTo: clock.Now().Add(time.Hour)}
		must(t, worker.Drain(t.Context()))
		if c := latest(yes); c.State != Verified || c.Checker != "test" || c.DecidedBy != "job:test" || state(t, d, yes) != account.Verified {
			t.Errorf("verified: %+v", c)
		}
		if len(source.asked) != 1 || source.asked[0].Fields.Number != "11010119010101002X" {
			t.Errorf("asked %d times", len(source.asked))
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			kept, err := db.Value[string](t.Context(), r, `SELECT provider_hash FROM identity_case`)
			if len(kept) != 64 {
				t.Errorf("kept %q of the answer, want its hash", kept)
			}
			return err
		}))
		clock.Advance(time.Hour)
		if err := mustVerified(t, d, yes); !errors.Is(err, ErrRequired) {
			t.Errorf("after the end of validity: %v", err)
		}

		no := owner(t, d, "no@example.com", account.LegalPerson)
		_, err = submit(t, d, no, company())
		must(t, err)
		source.out = Outcome{Result: ResultFailed, Reason: "名称与代码不符"}
		must(t, worker.Drain(t.Context()))
		if c := latest(no); c.State != Failed || c.Reason != "名称与代码不符" {
			t.Errorf("failed: %+v", c)
		}

		human := owner(t, d, "human@example.com", account.LegalPerson)
		_, err = submit(t, d, human, company())
		must(t, err)
		source.out = Outcome{Result: ResultHuman}
		must(t, worker.Drain(t.Context()))
		if c := latest(human); c.State != Pending || c.Checker != "test" {
			t.Errorf("human: %+v", c)
		}

		// The source is down, then an officer decides while it answers: his decision stays.
		raced := owner(t, d, "raced@example.com", account.LegalPerson)
		in := company()
		in.Number = "91310115MA1K3E2X45"
		c, err := submit(t, d, raced, in)
		must(t, err)
		source.err = errors.New("source is down")
		must(t, worker.Drain(t.Context()))
		if c := latest(raced); c.State != Pending || c.Checker != "" {
			t.Errorf("source down: %+v", c)
		}
		clock.Advance(time.Minute)
		source.err, source.out = nil, Outcome{Result: ResultVerified}
		source.while = sync.OnceFunc(func() {
			if _, err := decide(t, d, judge, c.ID, Decision{Reason: "伪造"}); err != nil {
				t.Error(err)
			}
		})
		must(t, worker.Drain(t.Context()))
		if c := latest(raced); c.State != Failed || c.Reason != "伪造" || state(t, d, raced) != account.Registered {
			t.Errorf("raced: %+v", c)
		}
	})
}

func TestOfTwoDecisionsAtOnceExactlyOneCounts(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		by, judge := owner(t, d, "a@example.com", account.Individual), officer(t, d)
		c, err := submit(t, d, by, person())
		must(t, err)
		const racers = 8
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				errs[i] = d.Write(context.Background(), func(tx *db.Tx) error {
					_, err := Decide(context.Background(), tx, judge, c.ID, Decision{Approve: i%2 == 0, Reason: "x"})
					return err
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrDecided) {
				t.Errorf("a loser was told %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d decisions counted", won)
		}
	})
}
