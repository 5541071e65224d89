package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

// Violation is a broken invariant, in words for an operator's console.
type Violation struct {
	Invariant string // "I1"
	Detail    string
}

// finding collects violations.
type finding struct{ wrong []Violation }

func (f *finding) say(invariant, format string, args ...any) {
	f.wrong = append(f.wrong, Violation{invariant, fmt.Sprintf(format, args...)})
}

// Verify re-reads the whole book without the code that wrote it:
//
//	I1  every journal has at least two entries, sums to zero in each currency,
//	    touches only the accounts of its kind, and matches its digest
//	I2  the trial balance of each currency is zero
//	I3  every stored balance is the sum of its entries, and the liquidity row is
//	    the sum of bank and payouts
//	I4  no floor is broken, also not by the sum of a striped account
//	I5  per line: what escrow holds is what was kept and not released
//	I7  per line: damages stay within the cap
//	I8  commission and tax are exactly the shares of what was kept
//	I11 per vendor: its accounts are the facts of its lines and what else happened
//	I12 no vendor is owed and owes
//	I13 money at providers and bank covers what is owed to customers and vendors
//	I14 stored snapshots are the sums of the entries before them
//	I19 the chain of daily batches and the closed months still match
//
// It returns the number of journals read.
func Verify(ctx context.Context, r db.Reader) (journals int, wrong []Violation, err error) {
	f := &finding{}
	journals, err = eachJournal(ctx, r, selectAllEntries, nil, func(j Journal) { f.journal(ctx, r, j) })
	if err != nil {
		return 0, nil, err
	}
	sums, err := db.All(ctx, r, scanSum, selectSums)
	if err != nil {
		return 0, nil, err
	}
	rows, err := db.All(ctx, r, scanSum, selectRows)
	if err != nil {
		return 0, nil, err
	}
	booked := map[key]int64{}
	for _, s := range sums {
		booked[s.key] = s.minor
	}
	f.balances(booked, rows)
	f.totals(booked)
	for _, check := range []func(context.Context, db.Reader, map[key]int64) error{f.lines, f.vendors, f.liquidity, f.snapshots, f.chain} {
		if err := check(ctx, r, booked); err != nil {
			return 0, nil, err
		}
	}
	return journals, f.wrong, nil
}

// Increment checks what was recorded since the last increment of the name: I1 of
// its journals, I3, I4, I5, I7 and I12 of the accounts and lines they touched.
func Increment(ctx context.Context, tx *db.Tx, name string) (journals int, wrong []Violation, err error) {
	since, err := db.Value[string](ctx, tx, selectChecked, name)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return 0, nil, err
	}
	f := &finding{}
	touched := map[key]bool{}
	journals, err = eachJournal(ctx, tx, selectNewEntries, []any{since}, func(j Journal) {
		f.journal(ctx, tx, j)
		for _, e := range j.Entries {
			touched[key{e.Account, e.Party, e.Amount.Currency}] = true
		}
	})
	if err != nil || journals == 0 {
		return 0, nil, err
	}
	for k := range touched {
		if chart[k.account].striped {
			continue // read whole by Verify: its sum is the market's
		}
		if err := f.one(ctx, tx, k); err != nil {
			return 0, nil, err
		}
	}
	// A transaction may commit a moment after one with a later id: the last minute is read again.
	last, err := db.Value[string](ctx, tx, selectSettled, db.Micros(tx.Now().Add(-time.Minute)))
	if err != nil {
		return 0, nil, err
	}
	_, err = tx.Exec(ctx, upsertChecked, name, max(last, since), db.Micros(tx.Now()), len(f.wrong))
	return journals, f.wrong, err
}

// one checks a single account against its entries and floor, and the line or
// vendor behind it.
func (f *finding) one(ctx context.Context, r db.Reader, k key) error {
	booked, err := db.Value[int64](ctx, r, selectSumOf, string(k.account), k.party, string(k.currency))
	if err != nil {
		return err
	}
	stored, err := db.Value[int64](ctx, r, selectBalance, string(k.account), k.party, string(k.currency))
	if err != nil {
		return err
	}
	f.balances(map[key]int64{k: booked}, []sum{{k, stored}})
	f.floor(k, booked)
	switch k.account {
	case Escrow:
		l, err := LineOf(ctx, r, k.party)
		if err != nil {
			return err
		}
		f.line(l, booked)
	case Payable, Receivable:
		other := map[Account]Account{Payable: Receivable, Receivable: Payable}[k.account]
		twin, err := db.Value[int64](ctx, r, selectBalance, string(other), k.party, string(k.currency))
		if err != nil {
			return err
		}
		f.never(k.party, k.currency, booked, twin)
	}
	return nil
}

// journal checks I1.
func (f *finding) journal(ctx context.Context, r db.Reader, j Journal) {
	if digest(j.Kind, j.Entries) != j.Digest {
		f.say("I1", "journal %s does not match its digest", j.ID)
	}
	if j.Reverses == "" {
		if err := allowed(j.Kind, j.Entries); err != nil {
			f.say("I1", "journal %s: %v", j.ID, err)
		}
		return
	}
	original, err := Get(ctx, r, j.Reverses)
	if err != nil {
		f.say("I1", "journal %s reverses %s: %v", j.ID, j.Reverses, err)
		return
	}
	mirrored, err := mirror(original.Entries)
	if err != nil || digest(P34Reverse, mirrored) != j.Digest {
		f.say("I1", "journal %s is not the mirror of %s", j.ID, j.Reverses)
	}
}

// balances checks I3.
func (f *finding) balances(booked map[key]int64, rows []sum) {
	seen := map[key]bool{}
	for _, row := range rows {
		seen[row.key] = true
		if booked[row.key] != row.minor {
			f.say("I3", "%s %s: balance %d, entries %d %s", row.account, row.party, row.minor, booked[row.key], row.currency)
		}
	}
	for k, minor := range booked {
		if !seen[k] && minor != 0 {
			f.say("I3", "%s %s: no balance for entries of %d %s", k.account, k.party, minor, k.currency)
		}
	}
}

// floor checks I4 for one account.
func (f *finding) floor(k key, minor int64) {
	switch chart[k.account].floor {
	case debit:
		if minor < 0 {
			f.say("I4", "%s %s is overdrawn by %d %s", k.account, k.party, -minor, k.currency)
		}
	case credit:
		if minor > 0 {
			f.say("I4", "%s %s has given %d %s more than it held", k.account, k.party, minor, k.currency)
		}
	case free:
	}
}

// totals checks I2, I4 and I13.
func (f *finding) totals(booked map[key]int64) {
	trial, covered, own := map[money.Currency]int64{}, map[money.Currency]int64{}, map[money.Currency]int64{}
	for k, minor := range booked {
		trial[k.currency] += minor
		if chart[k.account].client != 0 {
			covered[k.currency] += minor
		}
		if spent(k.account) {
			own[k.currency] += minor
		}
		f.floor(k, minor)
	}
	for c, total := range trial {
		if total != 0 {
			f.say("I2", "the trial balance is off by %d %s", total, c)
		}
	}
	for c, total := range covered {
		if total < 0 && total < -own[c] {
			f.say("I13", "client money is short by %d %s", -total, c)
		}
	}
}

// lines checks I5, I7 and, over all of them, I8.
func (f *finding) lines(ctx context.Context, r db.Reader, booked map[key]int64) error {
	type total struct{ commission, tax int64 }
	want := map[money.Currency]total{}
	err := db.Each(ctx, r, scanLine, func(l Line) error {
		f.line(l, booked[key{Escrow, l.ID, l.Net.Currency}])
		if l.facts().valid() {
			t := want[l.Net.Currency]
			t.commission += l.facts().earned()
			t.tax += l.facts().taxKept()
			want[l.Net.Currency] = t
		}
		return nil
	}, selectAllLines)
	if err != nil {
		return err
	}
	kinds, err := db.All(ctx, r, scanVendorSum, selectIncome)
	if err != nil {
		return err
	}
	for c, t := range want {
		if got := -booked[key{Commission, "", c}]; got != t.commission {
			f.say("I8", "commission is %d %s, the lines make %d", got, c, t.commission)
		}
		if got, due := -booked[key{Tax, jurisdiction, c}], t.tax+otherTax(kinds, c); got != due {
			f.say("I8", "tax is %d %s, the lines make %d", got, c, due)
		}
	}
	return nil
}

// otherTax is the tax that no line stands for: of invoices in arrears that are
// not collected yet, less what was written off and what the tax office got.
func otherTax(flows []vendorSum, c money.Currency) (minor int64) {
	for _, v := range flows {
		switch {
		case v.currency != c:
		case v.account == Tax && (v.kind == P27Invoiced || v.kind == P29CreditNote || v.kind == P35TaxPaid):
			minor -= v.minor
		case v.kind == P28Collected && (v.account == BuyerReceivable || v.account == Uncollected):
			minor += v.minor // gross less net of what was collected is a line's by now
		}
	}
	return minor
}

// line checks I5 and I7.
func (f *finding) line(l Line, escrow int64) {
	if !l.facts().valid() {
		f.say("I5", "line %s has impossible facts", l.ID)
		return
	}
	if -escrow != l.facts().escrow() {
		f.say("I5", "line %s: escrow holds %d, its facts say %d", l.ID, -escrow, l.facts().escrow())
	}
	if l.Compensated.Minor > l.Cap.Minor {
		f.say("I7", "line %s: damages of %d are above the cap of %d", l.ID, l.Compensated.Minor, l.Cap.Minor)
	}
}

// vendors checks I11 and I12: what the line postings gave a vendor is what its
// lines say, so that the rest of its balance is what else was decided.
func (f *finding) vendors(ctx context.Context, r db.Reader, booked map[key]int64) error {
	type who struct {
		vendor   string
		currency money.Currency
	}
	want, got := map[who]int64{}, map[who]int64{}
	err := db.Each(ctx, r, scanLine, func(l Line) error {
		if l.facts().valid() {
			want[who{l.Vendor, l.Net.Currency}] += l.facts().released - l.facts().taken - l.facts().earned()
		}
		return nil
	}, selectAllLines)
	if err != nil {
		return err
	}
	flows, err := db.All(ctx, r, scanVendorSum, selectVendors)
	if err != nil {
		return err
	}
	for _, v := range flows {
		switch v.kind {
		case P6Release, P7Refund, P7Undone, P8Refund, P9Refund, P18DisputeLost:
			got[who{vendorOf(v.party), v.currency}] -= v.minor
		}
	}
	for w := range maps.Keys(got) {
		if _, ok := want[w]; !ok {
			want[w] = 0
		}
	}
	for w, minor := range want {
		if got[w] != minor {
			f.say("I11", "vendor %s got %d %s out of its lines, their facts say %d", w.vendor, got[w], w.currency, minor)
		}
	}
	for k, minor := range booked {
		if k.account == Payable {
			f.never(k.party, k.currency, minor, booked[key{Receivable, k.party, k.currency}])
		}
	}
	return nil
}

// never checks I12.
func (f *finding) never(vendor string, c money.Currency, one, other int64) {
	if one != 0 && other != 0 {
		f.say("I12", "vendor %s is owed and owes at once, in %s", vendor, c)
	}
}

// liquidity checks the row that payouts are guarded by.
func (f *finding) liquidity(ctx context.Context, r db.Reader, booked map[key]int64) error {
	rows, err := db.All(ctx, r, scanLiquid, selectLiquid)
	if err != nil {
		return err
	}
	bank, inflight := map[money.Currency]int64{}, map[money.Currency]int64{}
	for k, minor := range booked {
		switch k.account {
		case Bank:
			bank[k.currency] += minor
		case PayoutInFlight:
			inflight[k.currency] -= minor
		}
	}
	for _, row := range rows {
		if row.bank != bank[row.currency] || row.inflight != inflight[row.currency] {
			f.say("I3", "liquidity %s: %d in bank and %d on its way, entries say %d and %d", row.currency, row.bank, row.inflight, bank[row.currency], inflight[row.currency])
		}
		delete(bank, row.currency)
	}
	for c, minor := range bank {
		if minor != 0 {
			f.say("I3", "liquidity %s: no row for %d in bank", c, minor)
		}
	}
	return nil
}

// snapshots checks I14 for the newest snapshot and one before it.
func (f *finding) snapshots(ctx context.Context, r db.Reader, _ map[key]int64) error {
	batches, err := db.All(ctx, r, scanBatch, selectBatches)
	if err != nil {
		return err
	}
	for _, b := range batches[max(0, len(batches)-2):] {
		stored, err := db.All(ctx, r, scanSum, selectSnapshot, db.Micros(b.Until))
		if err != nil {
			return err
		}
		sums, err := db.All(ctx, r, scanSum, selectSumsAt, db.Micros(b.Until))
		if err != nil {
			return err
		}
		then := map[key]int64{}
		for _, s := range sums {
			then[s.key] = s.minor
		}
		for _, s := range stored {
			if then[s.key] != s.minor {
				f.say("I14", "%s %s held %d %s at the end of %s by the snapshot, %d by the entries", s.account, s.party, s.minor, s.currency, b.Day, then[s.key])
			}
			delete(then, s.key)
		}
		for _, k := range slices.Collect(maps.Keys(then)) {
			f.say("I14", "%s %s is missing in the snapshot of %s", k.account, k.party, b.Day)
		}
	}
	return nil
}

// chain checks I19, and that nothing takes effect in a closed month that was not
// there when it was closed.
func (f *finding) chain(ctx context.Context, r db.Reader, _ map[key]int64) error {
	batches, err := db.All(ctx, r, scanBatch, selectBatches)
	if err != nil {
		return err
	}
	var before Batch
	for _, b := range batches {
		n, sum, err := digestOf(ctx, r, selectRecorded, before.Until, b.Until)
		if err != nil {
			return err
		}
		if n != b.Journals || sum != b.Digest || chain(before.Chain, b.Day.String(), sum) != b.Chain {
			f.say("I19", "the journals of %s are not those that were sealed", b.Day)
		}
		before = b
	}
	periods, err := Closed(ctx, r)
	if err != nil {
		return err
	}
	for _, p := range periods {
		from, to, err := p.Month.Bounds()
		if err != nil {
			return err
		}
		if n, sum, err := digestOf(ctx, r, selectEffective, from, to); err != nil || n != p.Journals || sum != p.Digest {
			f.say("I19", "closed month %s has changed: %d journals, %d when it was closed", p.Month, n, p.Journals)
		}
	}
	return nil
}

// eachJournal streams journals with their entries.
func eachJournal(ctx context.Context, r db.Reader, query string, args []any, fn func(Journal)) (n int, err error) {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var all []Journal // completed below, because fn may read
	for rows.Next() {
		var j Journal
		var account, party, currency *string
		var amount *int64
		if err := rows.Scan(&j.ID, &j.Kind, &j.Digest, &j.Reverses, &account, &party, &currency, &amount); err != nil {
			return 0, err
		}
		if len(all) == 0 || all[len(all)-1].ID != j.ID {
			all = append(all, j)
		}
		if amount != nil {
			last := &all[len(all)-1]
			last.Entries = append(last.Entries, Entry{Account(*account), *party, money.Amount{Minor: *amount, Currency: money.Currency(*currency)}})
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, j := range all {
		fn(j)
	}
	return len(all), nil
}
