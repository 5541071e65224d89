package account

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/testkit"
)

var probeRule = ProbeRule{Misses: 200, Seconds: 60, BlockMinutes: 30}

func TestClause_4_7_5_ProbingIsCounted(t *testing.T) {
	t.Run("allowed_199", func(t *testing.T) {
		if err := probing(probeRule, 199); err != nil {
			t.Error(err)
		}
	})
	t.Run("allowed_without_a_rule", func(t *testing.T) {
		if err := probing(ProbeRule{}, 10000); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused_200", func(t *testing.T) {
		if err := probing(probeRule, 200); !errors.Is(err, ErrProbing) {
			t.Error(err)
		}
	})
}

// TestProbing_TwoNodes: 200 different addresses that do not exist, in a minute, from
// one session, over two nodes, lead to a block that both nodes know, a record and
// N-51; the same address 200 times, or 200 in an hour, do not.
func TestProbing_TwoNodes(t *testing.T) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			clock := testkit.NewClock()
			url := testkit.URL(t, engine)
			nodes := []*db.DB{testkit.OpenURL(t, url, clock), testkit.OpenURL(t, url, clock)}
			by := audit.Actor{Kind: audit.Person, User: "usr_x", Account: "acc_x", Session: "ses_x"}
			miss := func(i int, session, path string) (until time.Time) {
				actor := by
				actor.Session = session
				if err := nodes[i%2].Write(t.Context(), func(tx *db.Tx) (err error) {
					until, err = Missed(t.Context(), tx, actor, Asker(tx, actor, "192.0.2.1"), path, "scanner", "", probeRule)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return until
			}
			blocked := func(i int, session string) (until time.Time) {
				if err := nodes[i].Read(t.Context(), func(r db.Reader) (err error) {
					until, err = Blocked(t.Context(), r, session)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return until
			}
			for i := range 210 {
				if until := miss(i, "ses_same", "/typo"); !until.IsZero() {
					t.Fatal("one mistyped address is not probing")
				}
			}
			for i := range 210 {
				clock.Advance(time.Second)
				if until := miss(i, "ses_slow", fmt.Sprintf("/slow/%d", i)); !until.IsZero() {
					t.Fatal("sixty a minute are not two hundred")
				}
			}
			for i := range 199 {
				if until := miss(i, "ses_x", fmt.Sprintf("/%d.php", i)); !until.IsZero() {
					t.Fatalf("blocked at %d", i+1)
				}
			}
			if until := miss(1, "ses_x", "/last.php"); !until.Equal(clock.Now().Add(30 * time.Minute)) {
				t.Fatalf("blocked until %s", until)
			}
			for i := range nodes {
				if blocked(i, "ses_x").IsZero() {
					t.Errorf("node %d does not know", i)
				}
				if !blocked(i, "ses_same").IsZero() {
					t.Errorf("node %d blocks somebody else", i)
				}
			}
			miss(0, "ses_x", "/more.php")
			if err := nodes[0].Read(t.Context(), func(r db.Reader) error {
				acts, err := audit.Of(t.Context(), r, "ses_x")
				if len(acts) != 1 || acts[0].Act != "account.probing_blocked" || acts[0].Clauses[0] != "UA 4.7.5" {
					t.Errorf("records: %+v", acts)
				}
				told, err2 := db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM job_job WHERE kind = 'message.send' AND payload LIKE '%N-51%'`)
				if told != 1 {
					t.Errorf("told %d times", told)
				}
				return errors.Join(err, err2)
			}); err != nil {
				t.Fatal(err)
			}
			clock.Advance(31 * time.Minute)
			if !blocked(1, "ses_x").IsZero() {
				t.Error("the block does not end")
			}
		})
	}
}
