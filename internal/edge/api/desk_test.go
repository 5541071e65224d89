package api_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/search"
	"yunshi/internal/testkit/world"
)

// TestManualServiceOverHTTP has people deliver, and another vendor's people not.
func TestManualServiceOverHTTP(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		sheet := world.Content(delivery.ManualService, 19_800)
		sheet.DeliveryType = "manual_service"
		buyer := b.Customer(account.Individual)
		done, declined := b.Bought(buyer, b.Listed(sheet)), b.Bought(buyer, b.Listed(sheet))
		c, seller := b.as(buyer), b.as(b.Seller)
		waiting := must(seller.VendorDeliveries(ctx, "manual", client.List{}))(t)
		if len(waiting.Items) != 2 {
			t.Fatalf("%d deliveries wait", len(waiting.Items))
		}
		for _, d := range waiting.Items {
			if d.Order == string(done.ID) {
				if _, err := seller.CompleteDelivery(ctx, d.ID, "Installed on two machines."); err != nil {
					t.Fatal(err)
				}
			} else if _, err := seller.DeclineDelivery(ctx, d.ID); err != nil {
				t.Fatal(err)
			}
		}
		b.Drain()
		if o := must(c.Order(ctx, string(done.ID)))(t); o.State != "delivered" {
			t.Errorf("the completed order is %s", o.State)
		}
		if o := must(c.Order(ctx, string(declined.ID)))(t); o.State != "refunded" {
			t.Errorf("the declined order is %s", o.State)
		}
		if all := must(b.as(b.Support).AllOrders(ctx, client.List{Limit: 1}))(t); len(all.Items) != 1 || all.Next == "" {
			t.Errorf("all orders = %d, next %q", len(all.Items), all.Next)
		}
		b.balanced()
	})
}

// TestDownloadOverHTTP takes a file through its link, and finds the link useless
// for another account and another key.
func TestDownloadOverHTTP(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		stored := must(b.files.Put(ctx, "test/product", strings.NewReader("the product")))(t)
		sum := sha256.Sum256([]byte("the product"))
		var file catalog.File
		b.Write(func(tx *db.Tx) (err error) {
			if err := content.Scanned(ctx, tx, b.Seller, content.File{SHA256: hex.EncodeToString(sum[:]), Size: stored.Size, Scanner: content.BuiltIn}); err != nil {
				return err
			}
			file, err = catalog.AddFile(ctx, tx, b.Seller, catalog.File{
				Vendor: b.Vendor, Name: "product.txt", MediaType: "text/plain", Size: stored.Size, SHA256: hex.EncodeToString(sum[:]), Blob: stored.Key,
			})
			return err
		})
		sheet := world.Content(delivery.Download, 19_800)
		sheet.DeliveryType, sheet.Delivery.File = "download", file.ID
		buyer := b.Customer(account.Individual)
		o := b.Bought(buyer, b.Listed(sheet))
		c := b.as(buyer)
		id := must(c.OrderDeliveries(ctx, string(o.ID)))(t).Items[0].ID
		link := must(c.DownloadLink(ctx, id))(t)
		body := must(c.Download(ctx, link.Token))(t)
		defer body.Close()
		if got := must(io.ReadAll(body))(t); !bytes.Equal(got, []byte("the product")) {
			t.Errorf("got %q", got)
		}
		for name, other := range map[string]*client.Client{"account": b.as(b.Customer(account.Individual)), "key": b.as(buyer)} {
			_, err := other.Download(ctx, link.Token)
			if client.Code(err) != "LINK_EXPIRED" {
				t.Errorf("another %s: %v", name, err)
			}
		}
	})
}

// TestStatementIsImportedOnce imports lines twice and with another amount.
func TestStatementIsImportedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		finance := b.as(b.Finance)
		in := client.Statement{Lines: []client.StatementLine{
			{BankRef: "B-1", At: b.Clock.Now(), Amount: client.Amount{Minor: 100, Currency: "CNY"}, Reference: "hello"},
		}}
		if did, replayed, err := finance.ImportStatement(ctx, "s-1", in); err != nil || replayed || did.New != 1 {
			t.Errorf("first: %+v, %v, %v", did, replayed, err)
		}
		if did, replayed, err := finance.ImportStatement(ctx, "s-1", in); err != nil || !replayed || did.New != 1 {
			t.Errorf("same key: %+v, %v, %v", did, replayed, err)
		}
		if did, _, err := finance.ImportStatement(ctx, "s-2", in); err != nil || did.New != 0 || did.Known != 1 {
			t.Errorf("same lines: %+v, %v", did, err)
		}
		in.Lines[0].Amount.Minor++
		_, _, err := finance.ImportStatement(ctx, "s-3", in)
		code(t, err, "STATEMENT_LINE_CHANGED")
	})
}

// TestAnybodyMayCheckTheLog proves a record with nothing but what the API says.
func TestAnybodyMayCheckTheLog(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		signing, verifying, err := tlog.GenerateKey(rand.Reader, "market.example/log")
		if err != nil {
			t.Fatal(err)
		}
		acts := must(b.as(b.Compliance).Audit(ctx, string(b.Vendor)))(t)
		record := acts.Items[0].ID
		if empty := must(b.nobody().Checkpoint(ctx))(t); empty.Size != 0 {
			t.Errorf("checkpoint = %+v", empty)
		}
		_, err = b.nobody().Prove(ctx, record)
		code(t, err, "RECORD_NOT_IN_LOG")
		for placed := 1; placed > 0; {
			placed = must(audit.Integrate(ctx, b.DB, "market.example/log", signing))(t)
		}
		proof := must(b.nobody().Prove(ctx, record))(t)
		point := must(tlog.Open([]byte(proof.Checkpoint), verifying))(t)
		hashes := make(tlog.Proof, len(proof.Proof))
		for i, text := range proof.Proof {
			raw := must(base64.StdEncoding.DecodeString(text))(t)
			copy(hashes[i][:], raw)
		}
		if err := tlog.CheckInclusion(hashes, point.Size, point.Root, proof.Position, []byte(proof.Leaf)); err != nil {
			t.Error(err)
		}
		if !strings.Contains(proof.Leaf, record) {
			t.Errorf("the leaf is not about %s", record)
		}
		if key := must(b.nobody().LogKey(ctx))(t); key != "key of the log" {
			t.Errorf("key %q", key)
		}
	})
}

// TestCatalogueIsPublic finds a product as nobody.
func TestCatalogueIsPublic(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		offer := b.Listed(world.Content(delivery.LicenceKey, 19_800))
		b.Write(func(tx *db.Tx) error { return search.IndexMany(ctx, tx, []catalog.ProductID{offer.Product.ID}) })
		for _, words := range []string{"roster", "排班"} {
			hits := must(b.nobody().Search(ctx, client.Search{Text: words, Sort: "price", Limit: 5}))(t)
			if len(hits.Items) != 1 || hits.Total != 1 || hits.Items[0].Slug != offer.Product.Slug || hits.Items[0].PriceFrom.Minor != 19_800 {
				t.Errorf("%s: %+v", words, hits)
			}
		}
		if tree := must(b.nobody().Categories(ctx))(t); len(tree.Items) == 0 {
			t.Error("no categories")
		}
		q := must(b.nobody().Quote(ctx, string(offer.PlanID), 2))(t)
		if q.Fee.Paid.Minor != 39_600 || q.Fee.Net.Minor+q.Fee.Tax.Minor != 39_600 || q.Seller.Vendor != string(b.Vendor) {
			t.Errorf("quote = %+v", q)
		}
	})
}

// TestOwnCancelledOrder ends an order, once.
func TestOwnCancelledOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		_, c, o, _ := b.ordered()
		if got := must(c.CancelOrder(t.Context(), o.ID))(t); got.State != "cancelled" {
			t.Errorf("order is %s", got.State)
		}
		_, err := c.CancelOrder(t.Context(), o.ID)
		code(t, err, "ORDER_NOT_PAYABLE")
		_, _, err = c.PayOrder(t.Context(), "", o.ID, world.Gateway)
		code(t, err, "ORDER_NOT_PAYABLE")
	})
}
