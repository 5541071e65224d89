package banktransfer

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"yunshi/internal/base/text"
	"yunshi/internal/market/payment"
)

// WriteTransfers writes the transfer orders that finance sends: CSV in UTF-8
// with a byte order mark, the header in the language of the context. The code
// belongs into the remark of the transfer; the statement line that carries it
// confirms the refund or the payout.
func WriteTransfers(ctx context.Context, w io.Writer, transfers []payment.Transfer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("banktransfer: write transfers: %w", err)
	}
	rows := csv.NewWriter(w)
	records := [][]string{{
		text.T(ctx, "payment.transfer.code"), text.T(ctx, "payment.transfer.amount"), text.T(ctx, "payment.transfer.currency"),
		text.T(ctx, "payment.transfer.name"), text.T(ctx, "payment.transfer.account"), text.T(ctx, "payment.transfer.bank_ref"),
	}}
	for _, t := range transfers {
		records = append(records, []string{
			t.Code, t.Amount.Plain(), string(t.Amount.Currency), inert(t.Name), inert(t.Account), inert(t.BankRef),
		})
	}
	if err := rows.WriteAll(records); err != nil {
		return fmt.Errorf("banktransfer: write transfers: %w", err)
	}
	return nil
}

// inert keeps a spreadsheet from running what a payer chose as its name.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
