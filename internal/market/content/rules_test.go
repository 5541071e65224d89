package content

import (
	"errors"
	"testing"

	"yunshi/internal/base/screen"
	"yunshi/internal/market/agreement"
)

// Point 8: deals outside are not the operator's concern; law has it take reports and act on the vendor.
func TestConflict_08_ReportsOfPaymentOutside(t *testing.T) {
	for _, place := range []string{"CN", "EU"} {
		t.Run(place, func(t *testing.T) {
			if err := taken(agreement.LawOf(place), OffPlatform); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("OTHER", func(t *testing.T) {
		if err := taken(agreement.LawOf("OTHER"), OffPlatform); !errors.Is(err, ErrNotOurs) {
			t.Error(err)
		}
		if err := taken(agreement.LawOf("OTHER"), Unlawful); err != nil {
			t.Error(err)
		}
	})
}

func TestJudgeTakesTheStrictestReason(t *testing.T) {
	acts := map[string]Act{"held": Hold, "never": Refuse}
	listed := func(term string) screen.Finding { return screen.Finding{Kind: screen.Listed, Term: term} }
	for name, c := range map[string]struct {
		piece   Piece
		found   []screen.Finding
		refusal error
		held    bool
	}{
		"nothing":                     {Piece{}, nil, nil, false},
		"held where it can wait":      {Piece{Holdable: true}, []screen.Finding{listed("held")}, nil, true},
		"refused where it cannot":     {Piece{}, []screen.Finding{listed("held")}, ErrBlocked, false},
		"refused by its term":         {Piece{Holdable: true}, []screen.Finding{listed("held"), listed("never")}, ErrBlocked, false},
		"lexicon before secrets":      {Piece{Place: screen.Public}, []screen.Finding{listed("never"), {Kind: screen.BankCard}}, ErrBlocked, false},
		"secret in public":            {Piece{Place: screen.Public}, []screen.Finding{{Kind: screen.Password}}, ErrSecret, false},
		"card and password":           {Piece{}, []screen.Finding{{Kind: screen.BankCard}, {Kind: screen.Password}}, ErrConfirm, false},
		"confirmed":                   {Piece{Confirmed: true}, []screen.Finding{{Kind: screen.BankCard}, {Kind: screen.Password}}, nil, false},
		"confirmation is no way past": {Piece{Confirmed: true}, []screen.Finding{listed("never")}, ErrBlocked, false},
		"outside in public":           {Piece{Place: screen.Public}, []screen.Finding{{Kind: screen.PaymentLink}}, ErrOutside, false},
		"outside in private":          {Piece{}, []screen.Finding{{Kind: screen.PaymentLink}}, nil, false},
	} {
		v := judge(c.piece, c.found, acts)
		var got error
		if v.refusal != nil {
			got = v.refusal
		}
		if !errors.Is(got, c.refusal) || v.held != c.held {
			t.Errorf("%s: %v, held %v", name, got, v.held)
		}
	}
}
