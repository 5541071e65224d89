package shop_test

import (
	"maps"
	"slices"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/testkit/tab"
)

// TestTheRuleCentreInARealBrowser opens the pages on which rules are read, changed,
// accepted and refused on a phone and on a desk in both languages. YUNSHI_SHOTS is a
// directory for pictures.
func TestTheRuleCentreInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	buyer := s.Customer(account.Individual)
	c := s.change(t)
	c.consult()
	s.Write(func(tx *db.Tx) error {
		said, err := agreement.Say(t.Context(), tx, buyer, c.draft.ID, "refund-2", "七天合理。Seven days are fair.", nil)
		if err != nil {
			return err
		}
		if err := agreement.AnswerComment(t.Context(), tx, c.one, said.ID, "谢谢，已采纳。Thank you, taken up."); err != nil {
			return err
		}
		if _, err := agreement.Say(t.Context(), tx, buyer, c.draft.ID, "", "请尽快。Soon, please.", nil); err != nil {
			return err
		}
		if _, err := agreement.AskByMail(t.Context(), tx, c.one, account.ID(buyer.Account)); err != nil {
			return err
		}
		_, err = agreement.Disable(t.Context(), tx, c.one, agreement.Disabled{
			Code: agreement.UserAgreement, Clause: "8.4", Audience: agreement.Consumers, Reason: agreement.Both{ZH: "消费者权益保护法第二十六条", EN: "Consumer Law 26"},
		})
		return err
	})
	draft := c.draft.ID
	asked := map[string]string{"home": "/", "rules": "/rules", "consultations": "/rules/consultations", "consultation": "/rules/consultations/" + draft}
	desk := map[string]string{
		"desk-rules": "/operator/rules", "desk-draft": "/operator/rules/drafts/" + draft, "desk-clauses": "/operator/rules/clauses", "desk-acceptances": "/operator/rules/acceptances",
	}
	after := map[string]string{
		"banner": "/orders", "agreement": "/agreement", "search": "/rules/search?q=refund", "archive": "/rules/documents/refund", "version": "/rules/documents/refund/2", "changes": "/rules/documents/refund/2/changes", "clause": "/rules/clauses/refund/refund-2",
		"struck": "/rules/clauses/user-agreement/8.4",
	}
	s.walk(t, b, buyer, asked)
	s.walk(t, b, c.other, desk)
	s.Clock.Set(c.draft.ClosesAt)
	s.walk(t, b, c.other, map[string]string{"desk-edit": "/operator/rules/drafts/" + draft + "?clause=refund-2"})
	v := c.publish()
	s.walk(t, b, buyer, map[string]string{"home-soon": "/", "refuse": "/rules/documents/refund/2/changes"})
	s.Clock.Set(v.EffectiveAt)
	s.walk(t, b, buyer, after)
}

// walk opens pages as somebody and looks at each.
func (s *site) walk(t *testing.T, b *tab.Tab, by audit.Actor, pages map[string]string) {
	t.Helper()
	base := tab.Serve(t, s.handler, s.token(t, by))
	b.Languages(func(lang string) {
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			b.Open(base, pages[name], lang)
			b.Look(name, lang)
		}
	})
}
