package api_test

import (
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/message"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/world"
)

func TestClause_6_3_AVendorsProgramReachesItsCustomerWithoutKnowingIt(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.Write(func(tx *db.Tx) error {
			v, err := vendor.Get(ctx, tx, b.Vendor)
			if err != nil {
				return err
			}
			return privacy.AcceptAnnex(ctx, tx, b.Seller, v)
		})
		buyer := b.Customer(account.Individual)
		o := string(b.Bought(buyer, b.Listed(world.Content(delivery.LicenceKey, 19_800))).ID)
		seller := b.as(b.Seller)
		rival, _ := b.NewVendor()
		t.Run("allowed_the_pseudonym_and_the_relay", func(t *testing.T) {
			who := must(seller.Customer(ctx, o))(t)
			if who.OpenID == "" || who.Relay == "" || who.Consent != "" || who.OpenID == buyer.Account || strings.Contains(who.Relay+who.OpenID, buyer.Account) {
				t.Errorf("%+v", who)
			}
		})
		t.Run("allowed_words_over_the_relay", func(t *testing.T) {
			if _, err := seller.RelayToCustomer(ctx, o, "Your licence is ready."); err != nil {
				t.Fatal(err)
			}
			b.Read(func(r db.Reader) error {
				inbox, err := message.Inbox(ctx, r, account.ID(buyer.Account), "")
				n := 0
				for _, one := range inbox {
					if one.Code == "P-01" {
						n++
					}
				}
				if n != 1 {
					t.Errorf("%d messages arrived", n)
				}
				return err
			})
		})
		t.Run("refused_the_contact_without_a_basis", func(t *testing.T) {
			for _, basis := range []string{"", "cns_nothing", o} {
				_, err := seller.RevealCustomer(ctx, o, basis)
				code(t, err, "DISCLOSURE_NO_BASIS")
			}
		})
		t.Run("refused_a_way_to_pay_outside_over_the_relay", func(t *testing.T) {
			_, err := seller.RelayToCustomer(ctx, o, "加微信转账更便宜")
			code(t, err, "FIELD_INVALID")
		})
		t.Run("refused_another_vendors_customer", func(t *testing.T) {
			_, err := b.as(rival).Customer(ctx, o)
			code(t, err, "NOT_FOUND")
			_, err = b.as(buyer).Customer(ctx, o)
			if err == nil {
				t.Error("a customer asked as a vendor")
			}
		})
		t.Run("allowed_what_a_consent_covers", func(t *testing.T) {
			var given privacy.Consent
			b.Write(func(tx *db.Tx) (err error) {
				given, err = privacy.Give(ctx, tx, buyer, privacy.Giving{
					Account: account.ID(buyer.Account), Vendor: b.Vendor, Fields: []privacy.Field{privacy.Email}, Method: privacy.OnDataPage, Lang: text.ZH,
				})
				return err
			})
			who := must(seller.Customer(ctx, o))(t)
			if who.Consent != string(given.ID) || len(who.Fields) != 1 || who.Fields[0] != "email" {
				t.Errorf("%+v", who)
			}
			plain := must(seller.RevealCustomer(ctx, o, who.Consent))(t)
			if !strings.Contains(plain.Email, "@") || plain.Mobile != "" || plain.Name != "" || plain.Relay != who.Relay {
				t.Errorf("%+v", plain)
			}
		})
	})
}
