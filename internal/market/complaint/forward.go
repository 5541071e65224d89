package complaint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// forwardTo gives a complaint's vendor the packet that it needs to answer, keeps
// its hash, and tells the complainant which fields left.
func (u Rules) forwardTo(ctx context.Context, tx *db.Tx, by audit.Actor, c Complaint) error {
	a, err := account.Get(ctx, tx, c.Account)
	if err != nil {
		return err
	}
	owners, err := account.Contacts(ctx, tx, c.Account)
	if err != nil {
		return err
	}
	contact := ""
	for _, o := range owners {
		if o.User == c.AskedBy || contact == "" {
			contact = o.Email
		}
	}
	content, fields := inPacket(a.DisplayName, contact, c)
	plain, err := json.Marshal(content)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(plain)
	p := Packet{ID: tx.ID("cpk"), Vendor: c.Vendor, Fields: fields, SHA256: hex.EncodeToString(sum[:]), By: by.User, At: tx.Now()}
	sealed, err := tx.Keys().Seal(string(plain), sealedAt("packet.content", string(c.ID)))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertPacket, string(c.ID), p.ID, string(p.Vendor), strings.Join(fields, " "), sealed, p.SHA256, p.By, db.Micros(p.At)); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "complaint.packet", Subjects: []string{string(c.ID), p.ID, string(c.Vendor), string(c.Account)}, Clauses: []string{"UA 5.4.3"},
		Data: map[string]any{"fields": fields, "sha256": p.SHA256},
	}); err != nil {
		return err
	}
	if u.Disclosed != nil {
		if err := u.Disclosed(ctx, tx, by, Disclosure{
			Subject: c.Account, Recipient: c.Vendor, Matter: string(c.ID), Fields: fields, SHA256: p.SHA256, Basis: "UA 5.4.3",
		}); err != nil {
			return err
		}
	}
	return tell(ctx, tx, "N-72", c.Account, "/complaints/"+string(c.ID), map[string]string{"Complaint": string(c.ID), "Vendor": sellerName(ctx, tx, c.Vendor), "SHA256": p.SHA256})
}
