package infringement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Get returns a notice to those who decide on notices.
func Get(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Notice, error) {
	n, err := read(ctx, r, id)
	if err == nil && !decides(by) {
		err = ErrForbidden
	}
	return n, err
}

// OfOwner returns a notice to who answers for the content, with the copy of what
// the other side wrote.
func OfOwner(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Notice, error) {
	return ofOwner(ctx, r, by, id)
}

// Published returns an entry of the register. What was not accepted is not there.
func Published(ctx context.Context, r db.Reader, id ID) (Notice, error) {
	n, err := read(ctx, r, id)
	if err == nil && !n.Public() {
		err = ErrNotFound
	}
	return public(n), err
}

// public leaves what the register shows.
func public(n Notice) Notice {
	n.Words = Words{Holder: n.Holder()}
	n.Account, n.AskedBy = "", ""
	return n
}

// Register lists the entries of the register, newest first, before the cursor.
func Register(ctx context.Context, r db.Reader, before ID, limit int) ([]Notice, error) {
	all, err := db.All(ctx, r, scanNotice(r), selectRegister, cursor(before), limit)
	for i := range all {
		all[i] = public(all[i])
	}
	return all, err
}

// AboutOwner lists the notices about content of an account, newest first.
func AboutOwner(ctx context.Context, r db.Reader, of account.ID, before ID, limit int) ([]Notice, error) {
	return db.All(ctx, r, scanNotice(r), selectOfOwner, string(of), cursor(before), limit)
}

// Mine lists the notices that an account gave, newest first.
func Mine(ctx context.Context, r db.Reader, of account.ID, before ID, limit int) ([]Notice, error) {
	if of == "" {
		return nil, nil
	}
	return db.All(ctx, r, scanNotice(r), selectMine, string(of), cursor(before), limit)
}

// All lists every notice that was received, newest first, for the desk.
func All(ctx context.Context, r db.Reader, before ID, limit int) ([]Notice, error) {
	return db.All(ctx, r, scanNotice(r), selectAll, cursor(before), limit)
}

// Desk lists what the operator has to do, the most urgent first: decisions,
// arrivals that no mail server confirmed, and measures whose time is over.
func Desk(ctx context.Context, r db.Reader, limit int) ([]Notice, error) {
	all, err := db.All(ctx, r, scanNotice(r), selectDesk, db.Micros(r.Now()), limit)
	out := all[:0]
	for _, n := range all {
		if n.State != CounterForwarded || r.Now().Sub(n.CounterForwardedAt) > late {
			out = append(out, n)
		}
	}
	return out, err
}

func cursor(before ID) string {
	if before == "" {
		return "~" // after every id
	}
	return string(before)
}

// CounterOf is the counter-statement of a notice; false while there is none. The
// caller has seen to it that the reader may see the notice.
func CounterOf(ctx context.Context, r db.Reader, id ID) (c Counter, ok bool, err error) {
	c, err = db.One(ctx, r, func(s db.Scanner) (Counter, error) {
		var c Counter
		var sealed []byte
		var at int64
		if err := s.Scan(&c.Account, &c.By, &sealed, &c.Summary, &at); err != nil {
			return c, err
		}
		c.At, c.Truthful = db.Time(at), true
		var said statement
		err := r.Keys().OpenJSON(sealed, counterAt(id), &said)
		c.Name, c.Contact, c.Statement, c.Proof = said.Name, said.Contact, said.Statement, said.Proof
		return c, err
	}, selectCounter, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Counter{}, false, nil
	}
	return c, err == nil, err
}

// Steps is the story of a notice, oldest first. Notes and actors are for those who
// decide only; the caller leaves them out for everybody else.
func Steps(ctx context.Context, r db.Reader, id ID) ([]Step, error) {
	return db.All(ctx, r, scanStep(r, id), selectSteps, string(id))
}

// Files lists the files of a notice, oldest first.
func Files(ctx context.Context, r db.Reader, id ID) ([]File, error) {
	return db.All(ctx, r, scanFile(r), selectFiles, string(id))
}

// FileOf is one file of a notice; ErrNotFound.
func FileOf(ctx context.Context, r db.Reader, id ID, file string) (File, error) {
	all, err := Files(ctx, r, id)
	for _, f := range all {
		if f.ID == file {
			return f, err
		}
	}
	if err == nil {
		err = ErrNotFound
	}
	return File{}, err
}

// Undelivered reports whether a mail about the notice could not be delivered.
func Undelivered(ctx context.Context, r db.Reader, id ID) (bool, error) {
	n, err := db.Value[int64](ctx, r, countFailed, string(id))
	return n > 0, err
}
