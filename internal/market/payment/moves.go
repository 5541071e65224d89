package payment

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// What statement lines stand for beside the kinds of a provider's report.
const (
	LineDeposit  ReportKind = "deposit"  // a vendor's deposit
	LineTransfer ReportKind = "transfer" // names nothing of ours
)

// Move is money that moved, by one of the two accounts of it: what is known here,
// or what the provider or the bank says. Kind and Object name it on both sides.
type Move struct {
	Gateway   string
	Kind      ReportKind
	Object    string       // the provider's id; of a statement line the bank's number, or the id of the refund or payout it carries
	Reference string       // ours: of the attempt, refund, split, return, payout, dispute or statement line
	Amount    money.Amount // positive: came in
	Count     int          // objects that are called so: more than one is an error
	Rounds    int          // of a dispute
	Line      LineState    // of a statement line
	At        time.Time
}

// Gateways are the names of all providers that were ever used.
func Gateways(ctx context.Context, r db.Reader) ([]string, error) {
	return db.All(ctx, r, db.Column[string], selectGateways)
}

// Moves lists what moved money at a provider between two moments, as it is known
// here.
func Moves(ctx context.Context, r db.Reader, gateway string, from, to time.Time) (all []Move, err error) {
	span := []any{gateway, db.Micros(from), db.Micros(to)}
	return moves(ctx, r, gateway, map[ReportKind]string{
		ReportCapture: movedCaptures, ReportRefund: movedRefunds, ReportSplit: movedSplits, ReportReturn: movedReturns, ReportPayout: movedPayouts,
		ReportDispute: movedDisputes,
	}, span)
}

// MoveOf is one such movement, or none (Count 0).
func MoveOf(ctx context.Context, r db.Reader, gateway string, kind ReportKind, object string) (Move, error) {
	asked := map[ReportKind]string{}
	switch kind {
	case ReportCapture, ReportFee:
		asked[ReportCapture] = selectCapture
	case ReportRefund:
		asked[ReportRefund] = refundsNamed
	case ReportPayout:
		asked[ReportPayout] = payoutsNamed
	case ReportAdjustment: // a refund or a payout that came back
		asked[ReportRefund], asked[ReportPayout] = refundsNamed, payoutsNamed
	case ReportSplit:
		asked[ReportSplit] = splitsNamed
	case ReportReturn:
		asked[ReportReturn] = returnsNamed
	case ReportDispute:
		asked[ReportDispute] = selectDisputeAt
	case LineDeposit, LineTransfer:
	}
	found, err := moves(ctx, r, gateway, asked, []any{gateway, object})
	var m Move
	for _, one := range found {
		if one.Kind == kind {
			one.Count += m.Count
			m = one
		}
	}
	return m, err
}

// moves reads objects of each kind and says what each moved.
func moves(ctx context.Context, r db.Reader, gateway string, queries map[ReportKind]string, args []any) (all []Move, err error) {
	add := func(kind ReportKind, object, reference string, amount money.Amount, sign int64, at time.Time) {
		if amount.Minor == 0 || object == "" {
			return
		}
		amount.Minor *= sign
		all = append(all, Move{Gateway: gateway, Kind: kind, Object: object, Reference: reference, Amount: amount, Count: 1, At: at})
	}
	if q, ok := queries[ReportCapture]; ok {
		captures, err := db.All(ctx, r, scanAttempt, q, args...)
		if err != nil {
			return nil, err
		}
		for _, a := range captures {
			add(ReportCapture, a.CaptureID, string(a.ID), a.Captured, 1, a.CapturedAt)
			add(ReportFee, a.CaptureID, string(a.ID), a.Fee, -1, a.CapturedAt)
		}
	}
	if q, ok := queries[ReportRefund]; ok {
		refunds, err := db.All(ctx, r, scanRefund, q, args...)
		if err != nil {
			return nil, err
		}
		for _, f := range refunds {
			add(ReportRefund, f.ProviderID, string(f.ID), f.Amount, -1, f.EndedAt)
			if f.Bounced {
				add(ReportAdjustment, f.ProviderID, string(f.ID), f.Amount, 1, f.EndedAt)
			}
		}
	}
	if q, ok := queries[ReportSplit]; ok {
		splits, err := db.All(ctx, r, scanSplit, q, args...)
		if err != nil {
			return nil, err
		}
		for _, s := range splits {
			add(ReportSplit, s.ProviderID, string(s.ID), s.Share, -1, s.EndedAt)
		}
	}
	if q, ok := queries[ReportReturn]; ok {
		returns, err := db.All(ctx, r, scanReturn, q, args...)
		if err != nil {
			return nil, err
		}
		for _, t := range returns {
			add(ReportReturn, t.ProviderID, string(t.ID), t.Amount, 1, t.EndedAt)
		}
	}
	if q, ok := queries[ReportPayout]; ok {
		payouts, err := db.All(ctx, r, scanPayout, q, args...)
		if err != nil {
			return nil, err
		}
		for _, p := range payouts {
			add(ReportPayout, p.ProviderID, string(p.ID), p.Amount, -1, p.PaidAt)
			if p.State == PayoutReturned {
				back := p.Amount
				back.Minor -= p.Fee.Minor
				add(ReportAdjustment, p.ProviderID, string(p.ID), back, 1, p.EndedAt)
			}
		}
	}
	if q, ok := queries[ReportDispute]; ok {
		disputes, err := db.All(ctx, r, scanDispute, q, args...)
		if err != nil {
			return nil, err
		}
		for _, d := range disputes {
			if d.State == DisputeInquiry {
				continue
			}
			m := Move{
				Gateway: gateway, Kind: ReportDispute, Object: d.ProviderID, Reference: string(d.ID), Count: 1, Rounds: d.Round, At: d.ChangedAt,
				Amount: money.Amount{Minor: -d.Fee.Minor * int64(d.Round), Currency: d.Amount.Currency},
			}
			if d.State != DisputeWon {
				m.Amount.Minor -= d.Amount.Minor
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// AsMove is a line of a provider's report as the movement it is about. The lines
// of a dispute, its fees among them, are one movement.
func (v Reported) AsMove() Move {
	m := Move{Gateway: v.Gateway, Kind: v.Kind, Object: v.ProviderID, Reference: v.Reference, Amount: v.Amount, Count: 1, At: v.At}
	disputeFee := v.Kind == ReportFee && v.Reference != "" && !strings.HasPrefix(v.Reference, "pay_")
	if v.Kind == ReportDispute || disputeFee {
		m.Kind, m.Object = ReportDispute, cmp.Or(v.Reference, v.ProviderID)
	}
	return m
}

// ReportedOf is all that a provider's reports say of one movement; Count 0: nothing.
func ReportedOf(ctx context.Context, r db.Reader, gateway string, kind ReportKind, object string) (m Move, err error) {
	lines, err := db.All(ctx, r, scanReported, selectReportedOf, gateway, object, gateway, object)
	for _, l := range lines {
		if one := l.AsMove(); one.Kind == kind && one.Object == object {
			one.Amount.Minor += m.Amount.Minor
			if m.Count > 0 && m.Amount.Currency != one.Amount.Currency {
				one.Count++ // two currencies under one name are two things
			}
			m = one
		}
	}
	return m, err
}

// LineMoves lists the statement lines imported between two moments, whenever they
// were booked, as movements of the bank's gateway.
func LineMoves(ctx context.Context, r db.Reader, bank string, from, to time.Time) ([]Move, error) {
	rows, err := db.All(ctx, r, scanLine, selectLinesNew, db.Micros(from), db.Micros(to))
	if err != nil {
		return nil, err
	}
	all := make([]Move, 0, len(rows))
	for _, l := range rows {
		m, err := lineMove(ctx, r, bank, l)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// LineMoveOf is what the bank says of one movement of its gateway; Count 0: nothing.
func LineMoveOf(ctx context.Context, r db.Reader, bank string, kind ReportKind, object string) (Move, error) {
	code := ""
	switch kind {
	case ReportRefund:
		code = RefundCode(RefundID(object))
	case ReportPayout:
		code = PayoutCode(PayoutID(object))
	case ReportAdjustment:
		code = RefundCode(RefundID(object))
		if strings.HasPrefix(object, "pyo_") {
			code = PayoutCode(PayoutID(object))
		}
	}
	query, arg := selectLineRef, object
	if code != "" {
		query, arg = selectLinesOfCode, code
	}
	rows, err := db.All(ctx, r, scanLine, query, arg)
	if err != nil {
		return Move{}, err
	}
	var m Move
	for _, l := range rows {
		one, err := lineMove(ctx, r, bank, l)
		if err != nil {
			return Move{}, err
		}
		if one.Kind == kind && one.Object == object {
			one.Count += m.Count
			m = one
		}
	}
	return m, nil
}

// lineMove says what a statement line is about. Only a line that was matched is
// believed to be what its code says.
func lineMove(ctx context.Context, r db.Reader, bank string, l row) (Move, error) {
	m := Move{Gateway: bank, Kind: LineTransfer, Object: l.BankRef, Reference: string(l.ID), Amount: l.Amount, Count: 1, Line: l.State, At: l.At}
	if l.State != LineMatched || l.Code == "" {
		return m, nil
	}
	kind := func(out ReportKind) ReportKind {
		if l.Amount.Minor > 0 {
			return ReportAdjustment
		}
		return out
	}
	var err error
	switch l.Code[0] {
	case attemptLetter:
		var a Attempt
		if a, err = db.One(ctx, r, scanAttempt, selectAttemptCode, l.Code); err == nil && a.Gateway == bank && a.CaptureID == l.BankRef {
			m.Kind = ReportCapture
		}
	case refundLetter:
		var f Refund
		if f, err = db.One(ctx, r, scanRefund, selectRefundOf, l.Code); err == nil && f.Gateway == bank {
			m.Kind, m.Object = kind(ReportRefund), string(f.ID)
		}
	case payoutLetter:
		var p Payout
		if p, err = db.One(ctx, r, scanPayout, selectPayoutCode, l.Code); err == nil && p.Gateway == bank {
			m.Kind, m.Object = kind(ReportPayout), string(p.ID)
		}
	default:
		m.Kind = LineDeposit
	}
	if errors.Is(err, db.ErrNoRow) {
		err = nil
	}
	return m, err
}

// Reports is the sum of all that a provider ever reported in a currency.
func Reports(ctx context.Context, r db.Reader, gateway string, c money.Currency) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, sumReported, gateway, string(c))
	return money.Amount{Minor: minor, Currency: c}, err
}

// Statements is the sum of all statement lines in a currency.
func Statements(ctx context.Context, r db.Reader, c money.Currency) (money.Amount, error) {
	minor, err := db.Value[int64](ctx, r, sumLines, string(c))
	return money.Amount{Minor: minor, Currency: c}, err
}

// ReportRead is the last day whose account of a provider was read; the zero Date
// when none was.
func ReportRead(ctx context.Context, r db.Reader, gateway string) (calendar.Date, error) {
	return reportRead(ctx, r, gateway)
}

// EndLine records that a person has said what a statement line is that nothing
// could be found for: matched, or nobody's for now. It refuses a line that is not
// open.
func EndLine(ctx context.Context, tx *db.Tx, id LineID, to LineState) (err error) {
	defer fault.Wrap(&err, "payment.EndLine(%s)", id)
	if to != LineMatched && to != LineSuspense {
		return ErrInvalid.In("state")
	}
	n, err := tx.Exec(ctx, endLine, string(to), string(id))
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

// NameLine gives a statement line the code that its payer should have written, and
// has it looked at as if it had been there. It refuses a code that stands for
// nothing and a line that is not open.
func NameLine(ctx context.Context, tx *db.Tx, by audit.Actor, id LineID, words string) (err error) {
	defer fault.Wrap(&err, "payment.NameLine(%s)", id)
	code, err := knownCodeIn(ctx, tx, words)
	if err != nil {
		return err
	}
	if code == "" {
		return ErrInvalid.In("code")
	}
	n, err := tx.Exec(ctx, codeLine, code, string(id))
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{Act: "payment.line.named", Subjects: []string{string(id)}, Data: map[string]string{"code": code}}); err != nil {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: LineJob, Object: string(id), Unique: true})
}
