package catalog

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// caseMark begins the reason of a product that a case has blocked: only the end of
// the measure shows it again.
const caseMark = "enf_"

func blocked(p Product) bool {
	return p.State == ProductHidden && strings.HasPrefix(p.HiddenReason, caseMark)
}

// Block takes a product out of the shop by a case, whoever has hidden it before,
// and returns how it stood, for [Unblock]. One that is off the market already
// stays as it is.
func Block(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, caseID string) (prior string, err error) {
	defer fault.Wrap(&err, "catalog.Block(%s)", id)
	p, err := Get(ctx, tx, id)
	switch {
	case err != nil:
		return "", err
	case !officer(by):
		return "", ErrForbidden
	case !strings.HasPrefix(caseID, caseMark):
		return "", ErrRequired.In("case")
	case p.State != ProductListed && p.State != ProductHidden || blocked(p):
		return "", nil
	}
	prior = string(ProductListed)
	if p.State == ProductHidden {
		prior = p.HiddenCause + " " + p.HiddenReason
	}
	hidden := p
	hidden.State, hidden.HiddenCause, hidden.HiddenReason = ProductHidden, hiddenByOperator, caseID
	if err := move(ctx, tx, p, hidden); err != nil {
		return "", err
	}
	return prior, changed(ctx, tx, id)
}

// Unblock brings a product back to how it stood before [Block].
func Unblock(ctx context.Context, tx *db.Tx, by audit.Actor, id ProductID, prior string) (err error) {
	defer fault.Wrap(&err, "catalog.Unblock(%s)", id)
	p, err := Get(ctx, tx, id)
	switch {
	case err != nil:
		return err
	case !officer(by):
		return ErrForbidden
	case prior == "" || !blocked(p):
		return nil // it was off the market, or has left it meanwhile
	}
	after := p
	after.State, after.HiddenCause, after.HiddenReason = ProductListed, "", ""
	if cause, reason, hidden := strings.Cut(prior, " "); hidden {
		after.State, after.HiddenCause, after.HiddenReason = ProductHidden, cause, reason
	}
	if err := move(ctx, tx, p, after); err != nil {
		return err
	}
	return changed(ctx, tx, id)
}
