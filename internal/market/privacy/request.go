package privacy

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Asking is a request about data as a person makes it.
type Asking struct {
	Kind   RequestKind
	Vendor vendor.ID // empty: the operator
	Text   string
}

// Ask takes a request of the actor's account. One about data that a vendor holds
// is forwarded to it at once, with a day to answer by (N-73 to both); one to the
// operator is due by the law's days.
func Ask(ctx context.Context, tx *db.Tx, by audit.Actor, in Asking) (_ Request, err error) {
	defer fault.Wrap(&err, "privacy.Ask")
	partners, err := Partners(ctx, tx, account.ID(by.Account))
	if err != nil {
		return Request{}, err
	}
	if err := forwardable(in.Kind, in.Vendor, partners, in.Text); err != nil {
		return Request{}, err
	}
	if in.Text, err = words(in.Text, "text", false); err != nil {
		return Request{}, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Request, Ref: by.Account, Field: "text", Place: screen.Private, Text: in.Text}); err != nil {
		return Request{}, err
	}
	return forward(ctx, tx, by, Request{Account: account.ID(by.Account), Kind: in.Kind, Vendor: in.Vendor, Text: in.Text})
}

// Partners are the vendors with which an account has traded: those that can hold
// data about it.
func Partners(ctx context.Context, r db.Reader, a account.ID) ([]vendor.ID, error) {
	all, err := ordersOf(ctx, r, a)
	var out []vendor.ID
	for _, o := range all {
		if !slices.Contains(out, o.Vendor) {
			out = append(out, o.Vendor)
		}
	}
	return out, err
}

// most is how many orders of one account are looked at.
const most = 10_000

func ordersOf(ctx context.Context, r db.Reader, a account.ID) ([]order.Order, error) {
	return order.Mine(ctx, r, audit.Actor{Account: string(a)}, "", most)
}

// forward stores a request with its day and tells those it concerns.
func forward(ctx context.Context, tx *db.Tx, by audit.Actor, q Request) (Request, error) {
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Request{}, err
	}
	q.ID, q.AskedBy, q.AskedAt, q.Law = RequestID(tx.ID("prq")), by.User, tx.Now(), law.Jurisdiction
	var seller vendor.Vendor
	if q.Vendor == "" {
		q.State = Open
		q.DueAt, q.DueClock = rightsDue(calendar.Official(), tx.Now(), law)
	} else {
		q.State = Forwarded
		if seller, err = vendor.Get(ctx, tx, q.Vendor); err != nil {
			return Request{}, err
		}
		rule, err := agreement.Setting[answerRule](ctx, tx, "vendor_rights_answer")
		if err != nil {
			return Request{}, err
		}
		q.DueAt, q.DueClock = vendorDue(calendar.Official(), tx.Now(), rule, law)
	}
	text, err := tx.Keys().Seal(q.Text, textAt(q.ID))
	if err != nil {
		return Request{}, err
	}
	empty, err := tx.Keys().Seal("", answerAt(q.ID))
	if err != nil {
		return Request{}, err
	}
	if _, err := tx.Exec(ctx, insertRequest, string(q.ID), string(q.Account), q.AskedBy, string(q.Kind), string(q.Vendor), string(q.Consent), text, string(q.State),
		db.Micros(q.DueAt), string(q.DueClock), q.Law, db.Micros(q.AskedAt), empty); err != nil {
		return Request{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.requested", Subjects: []string{string(q.ID), string(q.Account), string(q.Vendor), string(q.Consent)}, Clauses: []string{"UA 6.2"},
		Data: map[string]any{"kind": q.Kind, "due": db.Micros(q.DueAt), "clock": q.DueClock, "law": q.Law},
	}); err != nil || q.Vendor == "" {
		return q, err
	}
	params := map[string]string{"Vendor": seller.RegisteredName, "DataAsk": string(q.Kind), "DueAt": q.DueAt.Format(time.RFC3339)}
	if err := told(ctx, tx, q.Account, "N-73", "/account/privacy/requests/"+string(q.ID), params); err != nil {
		return Request{}, err
	}
	params = map[string]string{"Vendor": seller.RegisteredName, "DataAsk": string(q.Kind), "DueAt": q.DueAt.Format(time.RFC3339), "Duty": "yes"}
	if err := told(ctx, tx, seller.Account, "N-73", "/vendor/data/"+string(q.ID), params); err != nil {
		return Request{}, err
	}
	return q, job.Enqueue(ctx, tx, job.Spec{Kind: lateJob, Object: string(q.ID), At: q.DueAt.Add(time.Microsecond), Unique: true})
}

// Answering is what became of a request.
type Answering struct {
	Result Result
	Text   string
}

// Answer ends a request: the vendor's people for data that it holds, compliance
// for the operator. The person is told (P-02).
func Answer(ctx context.Context, tx *db.Tx, by audit.Actor, id RequestID, in Answering) (_ Request, err error) {
	defer fault.Wrap(&err, "privacy.Answer(%s)", id)
	q, err := readRequest(ctx, tx, id)
	if err != nil {
		return Request{}, err
	}
	who := ""
	if q.Vendor == "" {
		if err := officer(by, q.Account); err != nil {
			return Request{}, err
		}
	} else {
		seller, err := vendor.Get(ctx, tx, q.Vendor)
		if err != nil {
			return Request{}, err
		}
		if by.Account != string(seller.Account) || !by.Has(account.Owner) && !by.Has(account.VendorManager) {
			return Request{}, account.ErrForeign
		}
		who = seller.RegisteredName
	}
	if err := answerable(in.Result, in.Text); err != nil {
		return Request{}, err
	}
	if in.Text, err = words(in.Text, "answer", false); err != nil {
		return Request{}, err
	}
	if q.Vendor != "" {
		if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Request, Ref: string(q.ID), Field: "answer", Place: screen.Private, Text: in.Text}); err != nil {
			return Request{}, err
		}
	}
	stored, err := tx.Keys().Seal(in.Text, answerAt(q.ID))
	if err != nil {
		return Request{}, err
	}
	if err := moved(tx.Exec(ctx, answerRequest, string(in.Result), stored, by.User, db.Micros(tx.Now()), string(q.ID))); err != nil {
		return Request{}, err
	}
	late := !q.DueAt.IsZero() && tx.Now().After(q.DueAt)
	q.State, q.Result, q.Answer, q.AnsweredBy, q.AnsweredAt = Answered, in.Result, in.Text, by.User, tx.Now()
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.request_answered", Subjects: []string{string(q.ID), string(q.Account), string(q.Vendor)}, Clauses: []string{"UA 6.2"},
		Data: map[string]any{"result": q.Result, "late": late, "answer_sha256": digest(in.Text)},
	}); err != nil {
		return Request{}, err
	}
	params := map[string]string{"DataAsk": string(q.Kind), "DataResult": string(q.Result)}
	if who != "" {
		params["Vendor"] = who
	}
	return q, told(ctx, tx, q.Account, "P-02", "/account/privacy/requests/"+string(q.ID), params)
}

// late notes that a vendor has not answered in time, reminds it, and puts it on
// the plan of audits.
func late(ctx context.Context, tx *db.Tx, id RequestID) error {
	q, err := readRequest(ctx, tx, id)
	if err != nil || q.State != Forwarded || !tx.Now().After(q.DueAt) {
		return err
	}
	by := audit.Job(lateJob)
	if err := moved(tx.Exec(ctx, lateRequest, db.Micros(tx.Now()), string(q.ID))); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.request_overdue", Subjects: []string{string(q.ID), string(q.Account), string(q.Vendor)}, Clauses: []string{"UA 6.2", "UA 6.3"},
	}); err != nil {
		return err
	}
	seller, err := vendor.Get(ctx, tx, q.Vendor)
	if err != nil {
		return err
	}
	if err := plan(ctx, tx, by, q.Vendor, OnOverdue, string(q.ID), tx.Now()); err != nil {
		return err
	}
	for to, link := range map[account.ID]string{q.Account: "/account/privacy/requests/" + string(q.ID), seller.Account: "/vendor/data/" + string(q.ID)} {
		params := map[string]string{"Vendor": seller.RegisteredName, "DataAsk": string(q.Kind), "DueAt": q.DueAt.Format(time.RFC3339), "Overdue": "yes"}
		if to == seller.Account {
			params["Duty"] = "yes"
		}
		if err := told(ctx, tx, to, "N-73", link, params); err != nil {
			return err
		}
	}
	return nil
}

// Requests are those of an account, newest first.
func Requests(ctx context.Context, r db.Reader, a account.ID) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectRequests, string(a))
}

// RequestFor returns a request of the account; another's does not exist.
func RequestFor(ctx context.Context, r db.Reader, a account.ID, id RequestID) (Request, error) {
	q, err := readRequest(ctx, r, id)
	if err == nil && q.Account != a {
		err = account.ErrForeign
	}
	if err != nil {
		return Request{}, err
	}
	return q, nil
}

// RequestTo returns a request that was forwarded to the vendor.
func RequestTo(ctx context.Context, r db.Reader, v vendor.ID, id RequestID) (Request, error) {
	q, err := readRequest(ctx, r, id)
	if err == nil && (q.Vendor != v || v == "") {
		err = account.ErrForeign
	}
	if err != nil {
		return Request{}, err
	}
	return q, nil
}

// AnyRequest returns a request for the operator's desk.
func AnyRequest(ctx context.Context, r db.Reader, id RequestID) (Request, error) {
	return readRequest(ctx, r, id)
}

// RequestsTo are those that were forwarded to the vendor, newest first; DueTo those
// that it has still to answer, the most urgent first.
func RequestsTo(ctx context.Context, r db.Reader, v vendor.ID) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectOfVendor, string(v))
}

// DueTo are the requests that the vendor has still to answer.
func DueTo(ctx context.Context, r db.Reader, v vendor.ID) ([]Request, error) {
	return db.All(ctx, r, scanRequest(r), selectDueVendor, string(v))
}

// DueHere are the requests that the operator has to answer, and those that vendors
// have not answered in time.
func DueHere(ctx context.Context, r db.Reader) ([]Request, error) {
	own, err := db.All(ctx, r, scanRequest(r), selectDueMarket)
	if err != nil {
		return nil, err
	}
	overdue, err := db.All(ctx, r, scanRequest(r), selectAllOverdue)
	return append(own, overdue...), err
}

// Subject is the name under which a vendor is told whose data a request is about:
// the plain contact only where a consent that has just ended had given it.
func Subject(q Request, r db.Reader) string { return vendor.OpenID(q.Vendor, q.Account, r.Keys()) }

// NoGuarantee is the sentence that the market says with all its rules about
// vendors: it does what it can and does not promise that nobody breaks them.
//
// Clause: UA 6.3 (strict rules on vendors, without a promise of a hundred per cent).
func NoGuarantee() string { return "privacy.no_guarantee" }
