package reconciliation

import (
	"context"
	"errors"
	"slices"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
)

// mostOpen bounds how many unmatched items of a provider are looked at again in
// one comparison; the oldest first.
const mostOpen = 10000

// key names a movement on all sides.
type key struct {
	kind   payment.ReportKind
	object string
}

// comparison is what one run has found, before it is recorded.
type comparison struct {
	today    calendar.Date
	gateways []string
	items    []Item
	gone     []Item // nothing is called so any more: a statement line became something else
	position []Exception
}

// compare reads all three accounts of one snapshot. It writes nothing.
func (w Work) compare(ctx context.Context, r db.Reader) (c comparison, err error) {
	c.today = calendar.On(r.Now())
	lag, err := agreement.Setting[struct{ Days int }](ctx, r, "reconcile_lag")
	if err != nil {
		return c, err
	}
	known, err := payment.Gateways(ctx, r)
	if err != nil {
		return c, err
	}
	if w.Bank != "" && !slices.Contains(known, w.Bank) {
		known = append(known, w.Bank) // deposits come without an attempt
	}
	whole := true
	moved := map[money.Currency][2]int64{} // by how much items change what is booked and reported
	for _, name := range known {
		_, reports := w.Gateways[name].(payment.Reporter)
		if !reports && name != w.Bank {
			whole = false // this provider gives no account; its sums are known to nobody
			continue
		}
		c.gateways = append(c.gateways, name)
		if err := w.compareGateway(ctx, r, &c, name, lag.Days, moved); err != nil {
			return c, err
		}
	}
	if whole {
		c.position, err = w.positions(ctx, r, c, moved)
	}
	return c, err
}

func (w Work) compareGateway(ctx context.Context, r db.Reader, c *comparison, name string, lag int, moved map[money.Currency][2]int64) error {
	last, err := matchedTo(ctx, r, name)
	if err != nil {
		return err
	}
	from := since(last)
	ours := map[key]payment.Move{}
	keys := map[key]bool{}
	mine, err := payment.Moves(ctx, r, name, from.Start(), c.today.AddDays(1).Start())
	if err != nil {
		return err
	}
	for _, m := range mine {
		k := key{m.Kind, m.Object}
		m.Count += ours[k].Count
		ours[k], keys[k] = m, true
	}
	theirs, judged, err := w.told(ctx, r, name, from, c.today)
	if err != nil {
		return err
	}
	said := map[key]int64{}
	for _, m := range theirs {
		k := key{m.Kind, m.Object}
		said[k] += m.Amount.Minor
		keys[k] = true
	}
	open, err := db.All(ctx, r, scanItem, selectItems, name, mostOpen)
	if err != nil {
		return err
	}
	for _, i := range open {
		keys[key{i.Kind, i.Object}] = true
	}
	for _, k := range sortedKeys(keys) {
		old, err := db.One(ctx, r, scanItem, selectItem, name, string(k.kind), k.object)
		if err != nil && !errors.Is(err, db.ErrNoRow) {
			return err
		}
		mine, known := ours[k]
		reported, told := said[k]
		if old.State == Matched && k.kind != payment.ReportDispute && (!known || mine.Count == 1 && mine.Amount.Minor == old.Ours.Minor) && (!told || reported == old.Reported.Minor) {
			continue // as it was; what the book does behind its back is found in the sums
		}
		item, err := w.item(ctx, r, old, k, name, ours)
		if err != nil {
			return err
		}
		if !item.Ours.There && !item.Reported.There {
			c.gone = append(c.gone, old)
		} else {
			item.State = judge(item, judged, lag)
			item.MatchedAt = r.Now()
			c.items = append(c.items, item)
		}
		sums := moved[item.Currency]
		sums[0] += item.Booked.Minor - old.Booked.Minor
		sums[1] += item.Reported.Minor - old.Reported.Minor
		moved[item.Currency] = sums
	}
	return nil
}

// told is what the provider, or the bank, says of the days since a day, and the
// day up to which its silence means something.
func (w Work) told(ctx context.Context, r db.Reader, name string, from, today calendar.Date) (all []payment.Move, judged calendar.Date, err error) {
	if name == w.Bank {
		all, err = payment.LineMoves(ctx, r, name, from.Start(), today.AddDays(1).Start())
		return all, today, err
	}
	read, err := payment.ReportRead(ctx, r, name)
	if err != nil {
		return nil, today, err
	}
	if judged = read.AddDays(1); read.IsZero() || judged.After(today) {
		judged = today
	}
	lines, err := payment.ReportOf(ctx, r, name, from, today)
	for _, l := range lines {
		all = append(all, l.AsMove())
	}
	return all, judged, err
}

// item reads the three accounts of one movement; old is the item as it was.
func (w Work) item(ctx context.Context, r db.Reader, old Item, k key, name string, known map[key]payment.Move) (i Item, err error) {
	i = Item{Gateway: name, Kind: k.kind, Object: k.object}
	var theirs payment.Move
	if name == w.Bank {
		theirs, err = payment.LineMoveOf(ctx, r, name, k.kind, k.object)
	} else {
		theirs, err = payment.ReportedOf(ctx, r, name, k.kind, k.object)
	}
	if err != nil {
		return i, err
	}
	ours, ok := known[k]
	if !ok {
		if ours, err = w.ours(ctx, r, name, k, theirs); err != nil {
			return i, err
		}
	}
	m := ours
	if ours.Count == 0 {
		m = theirs
	}
	i.Reference, i.Currency, i.Day = m.Reference, m.Amount.Currency, calendar.On(m.At)
	i.Ours = Leg{ours.Count > 0, ours.Amount.Minor}
	i.Reported = Leg{theirs.Count > 0, theirs.Amount.Minor}
	i.several = ours.Count > 1 || theirs.Count > 1
	i.mixed = ours.Count > 0 && theirs.Count > 0 && ours.Amount.Currency != theirs.Amount.Currency
	if !old.Day.IsZero() {
		i.Day = old.Day
	}
	if m.Count == 0 { // gone
		i.Currency = old.Currency
		return i, nil
	}
	i.Booked, err = booked(ctx, r, m)
	return i, err
}

// ours is what is known here of a movement that was not among the new ones.
func (w Work) ours(ctx context.Context, r db.Reader, name string, k key, theirs payment.Move) (payment.Move, error) {
	switch k.kind {
	case payment.LineDeposit:
		return theirs, nil // it was matched, by its code
	case payment.LineTransfer:
		decided, err := db.Value[int64](ctx, r, countDone, string(Attribute), theirs.Reference)
		if err != nil || decided == 0 {
			return payment.Move{}, err
		}
		return theirs, nil
	}
	return payment.MoveOf(ctx, r, name, k.kind, k.object)
}

// booked is what the book says of a movement.
func booked(ctx context.Context, r db.Reader, m payment.Move) (leg Leg, err error) {
	keys, back := effects(m)
	for n, all := range [][]string{keys, back} {
		read := ledger.Cash
		if n == 1 {
			read = ledger.CashBack
		}
		for _, effect := range all {
			x, there, err := read(ctx, r, effect, m.Amount.Currency)
			if err != nil {
				return Leg{}, err
			}
			leg.There = leg.There || there
			leg.Minor += x.Minor
		}
	}
	return leg, nil
}

// positions compares sums: all that items say is booked with the book, and all
// that they say was reported with the reports.
func (w Work) positions(ctx context.Context, r db.Reader, c comparison, moved map[money.Currency][2]int64) (found []Exception, err error) {
	trial, err := ledger.Trial(ctx, r)
	if err != nil {
		return nil, err
	}
	cash := map[money.Currency]int64{}
	for _, t := range trial {
		if t.Account == ledger.Clearing || t.Account == ledger.Bank {
			cash[t.Amount.Currency] += t.Amount.Minor
		}
	}
	stored, err := db.All(ctx, r, db.Column[money.Currency], currencies)
	if err != nil {
		return nil, err
	}
	for _, cur := range stored {
		cash[cur] += 0
	}
	for cur := range moved {
		cash[cur] += 0
	}
	for _, cur := range sortedKeysOf(cash) {
		sums, err := db.One(ctx, r, scanPair, sumItems, string(cur))
		if err != nil {
			return nil, err
		}
		sums[0], sums[1] = sums[0]+moved[cur][0], sums[1]+moved[cur][1]
		var told int64
		for _, name := range c.gateways {
			read := func() (money.Amount, error) { return payment.Reports(ctx, r, name, cur) }
			if name == w.Bank {
				read = func() (money.Amount, error) { return payment.Statements(ctx, r, cur) }
			}
			x, err := read()
			if err != nil {
				return nil, err
			}
			told += x.Minor
		}
		if sums[0] != cash[cur] {
			found = append(found, Exception{Source: FromPosition, Kind: "book", Object: "book/" + string(cur), Day: c.today, Ours: amount(cash[cur], cur), Theirs: amount(sums[0], cur)})
		}
		if sums[1] != told {
			found = append(found, Exception{Source: FromPosition, Kind: "reports", Object: "reports/" + string(cur), Day: c.today, Ours: amount(sums[1], cur), Theirs: amount(told, cur)})
		}
	}
	return found, nil
}

// record stores a comparison: items, exceptions that are new, changed or over, and
// how far each provider has been compared.
func (c comparison) record(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	live, err := liveOf(ctx, tx, FromMatch)
	if err != nil {
		return err
	}
	b := tx.Batch()
	for _, i := range c.items {
		i.store(b)
	}
	for _, i := range c.gone {
		b.Add(deleteItem, i.Gateway, string(i.Kind), i.Object)
	}
	for _, name := range c.gateways {
		b.Add(upsertMatch, name, c.today.String(), db.Micros(tx.Now()))
	}
	if b.Len() > 0 {
		if _, err := b.Send(ctx); err != nil {
			return err
		}
	}
	for _, i := range c.items {
		known, isLive := live[i.name()]
		switch {
		case i.wrong():
			err = see(ctx, tx, by, i.exception())
		case isLive:
			err = resolve(ctx, tx, by, known)
		}
		if err != nil {
			return err
		}
	}
	for _, i := range c.gone {
		if known, isLive := live[i.name()]; isLive {
			if err := resolve(ctx, tx, by, known); err != nil {
				return err
			}
		}
	}
	return settle(ctx, tx, by, FromPosition, c.position)
}

func (i Item) name() string { return i.Gateway + "/" + string(i.Kind) + "/" + i.Object }

// exception is what is wrong with an item, from the market's side: what is booked
// where the book is wrong, else what is known here.
func (i Item) exception() Exception {
	theirs := i.Reported.Minor
	if i.State == Unbooked || i.State == Misbooked {
		theirs = i.Booked.Minor
	}
	return Exception{
		Source: FromMatch, Kind: string(i.State), Object: i.name(), Day: i.Day, Ours: amount(i.Ours.Minor, i.Currency), Theirs: amount(theirs, i.Currency),
		Detail: i.Reference,
	}
}

// matchedTo is the last day that was compared for a provider; the zero Date when
// none was.
func matchedTo(ctx context.Context, r db.Reader, gateway string) (calendar.Date, error) {
	day, err := db.Value[string](ctx, r, selectMatch, gateway)
	if errors.Is(err, db.ErrNoRow) {
		return calendar.Date{}, nil
	}
	if err != nil {
		return calendar.Date{}, err
	}
	return calendar.ParseDate(day)
}
