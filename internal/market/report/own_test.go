package report_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// old is when everything that a filled row tells of happened.
const old int64 = 1600000000000000

// The account that every filled row is about, and one of its people.
const subject, person = "account_account-1", "account_user-1"

// given are the values that the checks of a table want, where the first that would do
// for a column does not.
var given = map[string]map[string]any{
	"account_account":          {"kind": "customer", "state": "closing"},
	"account_block":            {"since": old, "until": old + 1},
	"account_credential":       {"password_hash": "$argon2id$x"},
	"account_session":          {"expires_at": old + 1},
	"agreement_challenge":      {"expires_at": old + 1, "way": "reply"},
	"agreement_draft":          {"state": "withdrawn", "version": ""},
	"agreement_paper":          {"decided_by": "account_user-2", "state": "confirmed"},
	"catalog_version":          {"published_sha256": "", "submitted_sha256": ""},
	"complaint_claim":          {"exception": "none", "exception_basis": "", "state": "closed"},
	"complaint_claim_step":     {"side": "user"},
	"complaint_complaint":      {"matter": "product", "operator_owes": 0, "outcome": "satisfied", "state": "closed", "vendor_owes": 0},
	"complaint_contact":        {"about": "complaint_complaint-1", "held_on": "2020-01-01", "side": "user"},
	"complaint_evidence":       {"about": "complaint_complaint-1", "side": "user"},
	"complaint_offer":          {"side": "user"},
	"complaint_report":         {"confirmed_at": old, "outcome": "acted", "state": "closed"},
	"complaint_step":           {"side": "user"},
	"complaint_task":           {"action": "none_needed", "state": "done"},
	"content_item":             {"state": "released"},
	"content_report":           {"state": "dismissed"},
	"delivery_delivery":        {"reason": "", "state": "delivered"},
	"enforcement_appeal":       {"outcome": "upheld"},
	"enforcement_ban":          {"until": old + 1},
	"enforcement_ban_mark":     {"kind": "id_number"},
	"enforcement_case":         {"needs_second": 0, "notice": "", "second_by": "account_user-2", "state": "ended", "subject": "account_account-1"},
	"enforcement_claim":        {"settled": 1, "state": "settled"},
	"enforcement_link":         {"state": "confirmed", "strength": "strong"},
	"enforcement_mark":         {"account": "account_account-1"},
	"content_authority":        {"gone_at": 0, "reported_on": "2020-01-01"},
	"enforcement_measure":      {"kind": "8.2.3", "state": "lifted"},
	"enforcement_step":         {"side": "subject"},
	"entitlement_grant":        {"ended_at": 0, "ends_at": old + 1, "state": "active"},
	"evidence_pack":            {"account": "account_account-1", "state": "ready"},
	"infringement_file":        {"side": "notifier"},
	"infringement_notice":      {"account": "account_account-1", "arrived_at": 0, "filed_at": 0, "lift_due": 0, "measured_at": 0, "state": "rejected", "target_owner": "account_account-1"},
	"infringement_step":        {"side": "notifier"},
	"invoice_invoice":          {"net": 1, "number": "11111111111111111111", "tax": 0, "total": 1},
	"invoice_operator":         {"net": 1, "period": "2020-01", "tax": 0, "total": 1, "year": 2020},
	"invoice_title":            {"removed_at": 0},
	"invoice_request":          {"ended_at": 0, "state": "issued"},
	"message_post":             {"author": "account_account-1", "clause": "", "side": "customer", "state": "sent"},
	"message_thread":           {"other": "account_account-2"},
	"operation_contest":        {"state": "upheld"},
	"operation_entry":          {"object": "operation_incident-1"},
	"operation_incident":       {"authority_due": 0, "fault": "none", "state": "closed"},
	"operation_interruption":   {"cause": "operator_fault", "confirmed_by": "account_user-2", "state": "closed"},
	"operation_wind_down":      {"approved_by": "account_user-2", "live": 0, "stopped_by": "account_user-2"},
	"order_line":               {"order_id": "order_order-1"},
	"order_order":              {"discount": 0, "list": 1, "net": 1, "paid": 1, "snapshot": "{}", "snapshot_sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "state": "completed", "tax": 0, "voucher": 0},
	"payment_attempt":          {"capture_id": "", "captured_minor": 0, "disputed_minor": 0, "order_id": "order_order-1", "refunded_minor": 0, "returned_minor": 0, "split_minor": 0},
	"privacy_audit":            {"state": "done"},
	"privacy_closing":          {"state": "called_off"},
	"privacy_consent":          {"state": "withdrawn"},
	"privacy_disclosure":       {"basis": "5.4.1", "emergency": 0, "reviewed_at": 0, "reviewed_by": "", "state": "made", "told": 1},
	"privacy_finding":          {"state": "remedied"},
	"privacy_request":          {"result": "done", "state": "answered"},
	"promotion_batch":          {"amount": 1, "only_for": "account_account-1", "points": 0},
	"promotion_voucher":        {"tail": "abcd"},
	"reconciliation_decision":  {"approvals": 1},
	"reconciliation_exception": {"day": "2020-01-01", "state": "resolved"},
	"refund_matter":            {"state": "closed_agreed"},
	"refund_proof":             {"side": "user"},
	"refund_request":           {"state": "refunded"},
	"refund_statement":         {"side": "user"},
	"refund_step":              {"side": "user"},
	"review_reply":             {"clause": "", "state": "published"},
	"review_review":            {"clause": "", "state": "published"},
	"settlement_withdrawal":    {"approvals": 0, "first_by": "", "payout": "", "requested_by": "account_user-1", "second_by": ""},
}

// filler puts a row about the subject into every table of the inventory that holds
// more than numbers, and whatever those refer to. A new table or column is filled
// without a line here, unless a check of the schema asks for more.
type filler struct {
	t       *testing.T
	d       *db.DB
	columns map[string]map[string]string // by table: its type
	keys    map[string][]string          // primary keys
	refers  map[string][]reference
	schema  map[string]string // text of CREATE TABLE
	bools   map[string]bool   // "table.column"
	rows    map[string]map[string]any
}

type reference struct {
	to      string
	columns []string
}

var (
	dumpedKey = regexp.MustCompile(`^  primary key \((.*)\)$`)
	dumpedRef = regexp.MustCompile(`^  foreign key \((.*)\) references (\w+)$`)
	created   = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`)
	aBool     = regexp.MustCompile(`(?m)^\s+(\w+) BOOLEAN`)
	addedBool = regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN (\w+) BOOLEAN`)
	added     = regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN (.*);`)
)

func newFiller(t *testing.T, d *db.DB) *filler {
	t.Helper()
	f := &filler{
		t: t, d: d, columns: map[string]map[string]string{}, keys: map[string][]string{}, refers: map[string][]reference{}, schema: map[string]string{},
		bools: map[string]bool{}, rows: map[string]map[string]any{},
	}
	dump, err := d.DumpSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := ""
	for line := range strings.Lines(dump) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		if key := dumpedKey.FindStringSubmatch(line); key != nil {
			f.keys[table] = strings.Split(key[1], ", ")
		} else if ref := dumpedRef.FindStringSubmatch(line); ref != nil {
			f.refers[table] = append(f.refers[table], reference{ref[2], strings.Split(ref[1], ", ")})
		} else if words[0] == "table" {
			table = words[1]
			f.columns[table] = map[string]string{}
		} else if !strings.Contains(line, "(") {
			f.columns[table][words[0]] = words[1]
		}
	}
	files, err := filepath.Glob("../../base/db/schema/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range created.FindAllStringSubmatch(string(body), -1) {
			name := strings.TrimSuffix(m[1], "_new")
			f.schema[name] += m[2]
			for _, b := range aBool.FindAllStringSubmatch(m[2], -1) {
				f.bools[name+"."+b[1]] = true
			}
		}
		for _, m := range added.FindAllStringSubmatch(string(body), -1) {
			f.schema[m[1]] += "\n" + m[2]
		}
		for _, b := range addedBool.FindAllStringSubmatch(string(body), -1) {
			f.bools[b[1]+"."+b[2]] = true
		}
	}
	return f
}

// declared are the tables by name.
func declared() map[string]privacy.Table {
	all := map[string]privacy.Table{}
	for _, t := range privacy.Inventory() {
		all[t.Name] = t
	}
	return all
}

// speaks reports whether a column of persons holds more than a number or a hash.
func speaks(k privacy.Kind) bool { return k != "person_id" && k != "lookup" }

// mark is what a filled column says.
func mark(table, column string) string { return "P " + table + "." + column }

// place is where a sealed column of a table is sealed.
func place(t privacy.Table, column string, row map[string]any) string {
	at := t.Name + "." + strings.TrimSuffix(column, "_sealed") + "/{id}"
	for _, v := range t.Own {
		if its, ok := v.Sealed[column]; ok {
			at = its
		}
	}
	if odd, ok := map[string]string{
		"delivery_attempt.response_sealed": "delivery_attempt.body/{delivery}", "operation_entry.note_sealed": "operation_entry.note/{object}",
		"enforcement_measure.sealed_copy": "enforcement_measure.copy/{id}",
	}[t.Name+"."+column]; ok {
		at = odd
	}
	for key, value := range row {
		at = strings.ReplaceAll(at, "{"+key+"}", fmt.Sprint(value))
	}
	return at
}

func (f *filler) all() {
	f.t.Helper()
	for _, t := range privacy.Inventory() {
		for _, kind := range t.Persons {
			if len(t.Own) > 0 || speaks(kind) {
				f.fill(t.Name)
			}
		}
	}
}

func (f *filler) fill(table string) {
	f.t.Helper()
	if _, done := f.rows[table]; done {
		return
	}
	f.rows[table] = nil
	for _, ref := range f.refers[table] {
		f.fill(ref.to)
	}
	t, row := declared()[table], map[string]any{}
	for column, kind := range f.columns[table] {
		_, isPerson := t.Persons[column]
		switch {
		case isPerson && kind == "text" && speaks(t.Persons[column]):
			row[column] = mark(table, column)
		case kind == "text":
			row[column] = f.word(table, column)
			if isPerson && t.Persons[column] == "person_id" && column != "account" && column != "account_id" {
				row[column] = person
			}
		case f.bools[table+"."+column]:
			row[column] = true
		case column == "erased_at":
			row[column] = int64(0)
		case kind == "int" && (strings.HasSuffix(column, "_at") || column == "at"):
			row[column] = old
		case kind == "int":
			row[column] = int64(1)
		}
	}
	for _, ref := range f.refers[table] {
		for _, column := range ref.columns {
			its := f.rows[ref.to]
			if its == nil {
				continue
			}
			key := column
			if len(ref.columns) == 1 {
				key = f.keys[ref.to][0]
			} else if _, same := its[column]; !same {
				key = "id"
			}
			row[column] = its[key]
		}
	}
	for column, value := range given[table] {
		if n, ok := value.(int); ok {
			value = int64(n)
			if f.bools[table+"."+column] {
				value = n == 1
			}
		}
		row[column] = value
	}
	for column, kind := range f.columns[table] {
		if kind == "bytes" {
			says := mark(table, column)
			if t.Persons[column] == "invoice_title" {
				says = fmt.Sprintf(`{"name":%q}`, says)
			}
			sealed, err := f.d.Keys().Seal(says, place(t, column, row))
			if err != nil {
				f.t.Fatal(err)
			}
			row[column] = sealed
		}
	}
	f.rows[table] = row
	f.insert(table, row)
	if table == "account_account" {
		other := map[string]any{}
		for column, value := range row {
			other[column] = value
		}
		other["id"] = "account_account-2"
		sealed, err := f.d.Keys().Seal("somebody else", place(t, "display_name_sealed", other))
		if err != nil {
			f.t.Fatal(err)
		}
		other["display_name_sealed"] = sealed
		f.insert(table, other)
	}
}

// word is the first value that the checks of a text column allow.
func (f *filler) word(table, column string) string {
	if m := regexp.MustCompile(`CHECK \(` + column + ` IN \(\s*'([^']*)'`).FindStringSubmatch(f.schema[table]); m != nil {
		return m[1]
	}
	if strings.Contains(f.schema[table], "length("+column+") = 64") {
		return strings.Repeat("a", 64)
	}
	switch column {
	case "id":
		return table + "-1"
	case "account", "account_id":
		return subject
	case "vendor_id":
		return "vendor_vendor-1"
	case "currency":
		return "CNY"
	}
	return column + "-1"
}

func (f *filler) insert(table string, row map[string]any) {
	f.t.Helper()
	var names, places []string
	var values []any
	for column, value := range row {
		names, values = append(names, column), append(values, value)
		places = append(places, fmt.Sprintf("$%d", len(values)))
	}
	if err := f.d.Write(f.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(f.t.Context(), "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(places, ", ")+")", values...)
		return err
	}); err != nil {
		f.t.Errorf("fill %s: %v", table, err)
	}
}

// left returns what a filled column says now; "" when its row is gone or it is empty.
func (f *filler) left(ctx context.Context, r db.Reader, t privacy.Table, column string) (string, error) {
	query := "SELECT " + column + " FROM " + t.Name
	if slices.Contains(f.keys[t.Name], "id") {
		query += " WHERE id = '" + t.Name + "-1'"
	}
	if f.columns[t.Name][column] != "bytes" {
		all, err := db.All(ctx, r, db.Column[string], query)
		return strings.Join(slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, "P ") }), " "), err
	}
	all, err := db.All(ctx, r, db.Column[[]byte], query)
	says := ""
	for _, sealed := range all {
		plain, failed := r.Keys().Open(sealed, place(t, column, f.rows[t.Name]))
		if failed == nil && strings.Contains(plain, "P ") {
			says += plain
		}
	}
	return says, err
}

// TestTheCopyIsWholeAndHoldsNobodyElse fills every table and looks for
// what each column says in the copy: all of the account's, and nothing of others.
func TestTheCopyIsWholeAndHoldsNobodyElse(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		f := newFiller(t, d)
		f.all()
		var sheets map[string]privacy.Sheet
		if err := d.Read(t.Context(), func(r db.Reader) error {
			all, err := report.Own(t.Context(), r, account.ID(subject))
			sheets = map[string]privacy.Sheet{}
			for _, s := range all {
				sheets[s.Table] = s
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, table := range privacy.Inventory() {
			for _, v := range table.Own {
				name := report.OwnTable(table, v)
				sheet, there := sheets[name]
				if !there {
					t.Errorf("%s: not in the copy", name)
					continue
				}
				said := fmt.Sprint(sheet.Rows)
				for column, kind := range table.Persons {
					_, apart := v.Apart[column]
					if says, plain := f.rows[table.Name][column].(string); !speaks(kind) || plain && says != mark(table.Name, column) {
						continue // what a check or a key wants there is no mark
					}
					if strings.Contains(said, mark(table.Name, column)) == apart {
						t.Errorf("%s.%s: shown %v, declared apart %v", name, column, !apart, apart)
					}
				}
				for _, row := range sheet.Rows {
					for column := range row {
						if !slices.Contains(sheet.Columns, column) {
							t.Errorf("%s: no column for %s", name, column)
						}
					}
				}
			}
		}
		// Somebody else's copy has none of it.
		if err := d.Read(t.Context(), func(r db.Reader) error {
			all, err := report.Own(t.Context(), r, "account_account-2")
			for _, s := range all {
				if s.Table != "account_account" && s.Table != "message_thread" {
					t.Errorf("%s: of another account", s.Table)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// Each table and column of a copy has a word in both languages.
func TestTheCopyHasItsWords(t *testing.T) {
	for _, table := range privacy.Inventory() {
		for _, v := range table.Own {
			keys := []string{"own.table." + report.OwnTable(table, v)}
			for _, c := range table.Shown(v) {
				keys = append(keys, "own.column."+report.OwnColumn(c.Name))
			}
			for _, key := range keys {
				if !text.Has(text.ZH, key) || !text.Has(text.EN, key) {
					t.Errorf("no words for %s", key)
				}
			}
		}
	}
}

// TestClause_8_5_EveryColumnOfPersonsHasItsTerm fills every table with what happened
// long ago, ends the account, and lets the years pass: nothing that says who somebody
// is, or what somebody wrote, outlasts its class. A matter that is under way holds
// the records until it has ended.
func TestClause_8_5_EveryColumnOfPersonsHasItsTerm(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		ctx := t.Context()
		w := world.NewTrade(t, d, clock)
		f := newFiller(t, d)
		f.all()
		w.Write(func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO privacy_closing (id, account, cause, case_id, previous, state, end_at, purge_at, law, offered_at, exported_at, opened_by, ended_by,
				ended_at, law_order, trade_due, trade_at, invoice_due, invoice_at) VALUES ('cls_1', $1, 'owner', '', 'verified', 'waiting', $2, $2, 'CN', $2, 0, 'x', '', 0, '', 0, 0, 0, 0)`,
				subject, old)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE infringement_notice SET ended_at = 0, state = 'accepted' WHERE id = 'infringement_notice-1'`)
			return err
		})
		w.Write(func(tx *db.Tx) error { return privacy.Keepers().PurgeNow(ctx, tx, w.Compliance, "cls_1", "") })
		night := func() {
			w.Write(func(tx *db.Tx) error { return privacy.Start(ctx, tx) })
			w.Drain()
		}
		says := func(table, column string) (out string) {
			w.Read(func(r db.Reader) (err error) {
				out, err = f.left(ctx, r, declared()[table], column)
				return err
			})
			return out
		}
		clock.Advance(12 * 366 * 24 * time.Hour)
		night()
		t.Run("refused_while_a_matter_is_under_way", func(t *testing.T) {
			for _, held := range [][2]string{{"infringement_notice", "content_sealed"}, {"infringement_file", "blob"}, {"message_post", "text_sealed"}, {"refund_proof", "name_sealed"}} {
				if says(held[0], held[1]) == "" {
					t.Errorf("%s.%s went although a notice is under way", held[0], held[1])
				}
			}
		})
		w.Read(func(r db.Reader) error {
			holds, err := privacy.Keepers().Holds(ctx, r)
			if len(holds) != 1 || holds[0].Matter != "infringement_notice-1" {
				t.Errorf("%+v", holds)
			}
			return err
		})
		if says("enforcement_case", "facts_sealed") != "" {
			t.Error("a case of somebody is held by a notice")
		}
		w.Write(func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE infringement_notice SET ended_at = $1, state = 'rejected' WHERE id = 'infringement_notice-1'`, old)
			return err
		})
		clock.Advance(25 * time.Hour)
		night()
		t.Run("allowed_when_the_years_are_over", func(t *testing.T) {
			for _, table := range privacy.Inventory() {
				if table.Retention == privacy.ClassRecord || table.Name == "evidence_pack" { // a pack has a timer of its own
					continue
				}
				for column, kind := range table.Persons {
					if speaks(kind) && says(table.Name, column) != "" {
						t.Errorf("%s.%s: %q outlasts class %q", table.Name, column, says(table.Name, column), table.Retention)
					}
				}
			}
		})
		w.Read(func(r db.Reader) error {
			n, err := db.Value[int64](ctx, r, `SELECT COUNT(*) FROM job_job WHERE kind = $1`, job.FileJob)
			if n < 5 {
				t.Errorf("%d files are let go", n)
			}
			used, err2 := report.FileUsed(ctx, r, mark("complaint_evidence", "blob"))
			if used || err2 != nil {
				t.Errorf("a file that went is used: %v", err2)
			}
			used, err2 = report.FileUsed(ctx, r, f.rows["evidence_pack"]["blob"].(string))
			if !used || err2 != nil {
				t.Errorf("a file that is named is not used: %v", err2)
			}
			return err
		})
	})
}
