package shop

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
)

// handover is how a product came, or comes, to its account.
type handover struct {
	Delivery    delivery.Delivery
	Credentials []delivery.Credential
	Secret      bool // there is something to reveal
	Opened      bool // Credentials hold the secret values
	Link        delivery.Link
	File        catalog.File
	Reveal      string // where the request to reveal is posted
}

// handoverOf reads the first delivery of a right. Only the account that holds the
// right sees credentials and a link; an order may be looked at by others of its
// buyers.
func handoverOf(c *serve.Call, r db.Reader, right entitlement.Entitlement) (*handover, error) {
	ctx := c.R.Context()
	all, err := delivery.OfOrder(ctx, r, right.Order)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Entitlement != right.ID || d.Action != delivery.Create {
			continue
		}
		h := &handover{Delivery: d}
		if d.State != delivery.Delivered || d.Account != c.Account() {
			return h, nil
		}
		if h.Credentials, err = delivery.Credentials(ctx, r, c.Actor, d.ID); err != nil {
			return nil, err
		}
		for _, one := range h.Credentials {
			h.Secret = h.Secret || one.Secret
		}
		return h, h.link(c, r)
	}
	return nil, nil
}

// link makes a download link while the right may be used.
func (h *handover) link(c *serve.Call, r db.Reader) (err error) {
	if h.Delivery.Dialect != delivery.Download {
		return nil
	}
	ctx := c.R.Context()
	if h.Link, err = delivery.NewLink(ctx, r, c.Actor, h.Delivery.ID); err != nil {
		if _, known := fault.Of(err); known {
			return nil // the state of the right says why there is no link
		}
		return err
	}
	h.File, err = catalog.FileOf(ctx, r, h.Delivery.File)
	return err
}

// reveal opens the credentials of a right's delivery. They are never part of an
// answer that is kept: the values leave only with this page.
func reveal(c *serve.Call, h *handover) error {
	if h == nil {
		return serve.ErrNotFound
	}
	ctx := c.R.Context()
	var opened []delivery.Credential
	err := serve.Act(c, serve.Intent{Name: "delivery.reveal", Subjects: []string{string(h.Delivery.ID)}, Clauses: []string{"UA 4.3"}}, func(tx *db.Tx) (err error) {
		opened, err = delivery.Reveal(ctx, tx, c.Actor, h.Delivery.ID)
		return err
	})
	if err != nil {
		return err
	}
	h.Credentials, h.Opened = opened, true
	c.W.Header().Set("Cache-Control", "no-store")
	return nil
}

func download(c *serve.Call) error {
	ctx := c.R.Context()
	var opened delivery.Opened
	err := c.Read(func(r db.Reader) (err error) {
		opened, err = delivery.Open(ctx, r, c.R.PathValue("token"), c.Actor)
		return err
	})
	if err != nil {
		return err
	}
	if err := c.MayLeave(opened.File.Blob, opened.File.SHA256, opened.File.Size); err != nil {
		return err
	}
	content, err := opened.Content(ctx, c.Market.Blob)
	if err != nil {
		return err
	}
	defer func() {
		if err := content.Close(); err != nil {
			c.Market.Log.Warn("download not closed", slog.String("delivery", string(opened.Delivery)), slog.Any("error", err))
		}
	}()
	err = serve.Act(c, serve.Intent{Name: "delivery.download", Subjects: []string{string(opened.Delivery)}, Clauses: []string{"UA 4.9.3"}}, func(tx *db.Tx) error {
		return delivery.Taking(ctx, tx, c.Actor, opened)
	})
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": opened.File.Name}))
	h.Set("Content-Length", strconv.FormatInt(opened.File.Size, 10))
	h.Set("Cache-Control", "no-store")
	_, err = io.Copy(c.W, content)
	return err
}

// outside is an address of a vendor or provider that a browser may be sent to;
// "" for anything that is not a web page.
func outside(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}

// credentialName is the label of a credential.
func credentialName(ctx context.Context, name string) string {
	if key := "delivery.credential." + name; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return name
}

// productsView is what the account may use. Names are the products' as bought,
// in the reader's language.
type productsView struct {
	Rights []entitlement.Entitlement
	Names  map[string]string // by version
}

// nameOfRight is the product's name in the version that was bought.
func nameOfRight(ctx context.Context, r db.Reader, e entitlement.Entitlement) (string, error) {
	v, err := catalog.GetVersion(ctx, r, catalog.VersionID(e.Version))
	return v.Content.Name.In(text.From(ctx)), err
}

func products(c *serve.Call) error {
	var v productsView
	err := c.Read(func(r db.Reader) (err error) {
		ctx := c.R.Context()
		if v.Rights, err = entitlement.Mine(ctx, r, c.Account()); err != nil {
			return err
		}
		v.Names = map[string]string{}
		for _, e := range v.Rights {
			if v.Names[e.Version] != "" {
				continue
			}
			if v.Names[e.Version], err = nameOfRight(ctx, r, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, productsPage(chrome(c, text.T(c.R.Context(), "shop.products.title"), accountCrumb(c)), v))
}

func accountCrumb(c *serve.Call) page.Link {
	return page.Link{Label: text.T(c.R.Context(), "base.account"), Href: page.AccountPath}
}

// rightView is one product of the account.
type rightView struct {
	Right   entitlement.Entitlement
	Hand    *handover
	Slug    string
	Name    string
	Protect []agreement.Clause // of the agreement, for the vendor's rights
	Refusal *page.Refusal
}

func showProduct(c *serve.Call) error {
	v, err := loadRight(c)
	if err != nil {
		return err
	}
	return renderRight(c, v, nil)
}

func loadRight(c *serve.Call) (v rightView, err error) {
	ctx := c.R.Context()
	err = c.Read(func(r db.Reader) error {
		if v.Right, err = entitlement.Get(ctx, r, c.Actor, entitlement.ID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if v.Right.Account != c.Account() {
			return account.ErrForeign // vendor and staff have their own desks
		}
		p, err := catalog.Get(ctx, r, v.Right.Product)
		if err != nil {
			return err
		}
		v.Slug = p.Slug
		if v.Protect, err = protection(ctx, r); err != nil {
			return err
		}
		if v.Name, err = nameOfRight(ctx, r, v.Right); err != nil {
			return err
		}
		if v.Hand, err = handoverOf(c, r, v.Right); v.Hand != nil {
			v.Hand.Reveal = "/products/" + string(v.Right.ID) + "/reveal"
		}
		return err
	})
	return v, err
}

func renderRight(c *serve.Call, v rightView, failed error) error {
	v.Refusal = refusal(c, failed)
	frame := chrome(c, v.Name, page.Link{Label: text.T(c.R.Context(), "shop.products.title"), Href: "/products"})
	return show(c, refusalStatus(failed), rightPage(frame, v, c.Now()))
}

func revealProduct(c *serve.Call) error {
	v, err := loadRight(c)
	if err != nil {
		return err
	}
	err = reveal(c, v.Hand)
	if err != nil && !correctable(err) {
		return err
	}
	return renderRight(c, v, err)
}

// rightTone says whether a right can be used.
func rightTone(s entitlement.State) page.Tone {
	switch s {
	case entitlement.Active:
		return page.Success
	case entitlement.Pending:
		return page.Info
	case entitlement.Suspended:
		return page.Warning
	case entitlement.Prohibited:
		return page.Danger
	}
	return page.Neutral
}

func rightsTable(ctx context.Context, v productsView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "shop.products.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.column.product")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "base.quantity"), Num: true}, {Label: text.T(ctx, "shop.right.ends")}, {Label: text.T(ctx, "base.actions")}},
		Empty: page.Empty{Title: text.T(ctx, "shop.products.empty"), Text: text.T(ctx, "shop.products.empty.text"),
			Action: page.Action{Label: text.T(ctx, "shop.home.browse"), Href: page.SearchPath}},
	}
	for _, e := range v.Rights {
		path := "/products/" + string(e.ID)
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor(path, v.Names[e.Version]), rightChip(e.State), page.Str(strconv.FormatInt(e.Quantity, 10)), rightEnd(e),
			page.Anchor(path, text.T(ctx, "shop.products.use")),
		})
	}
	return out
}

// credentialTerms lists credentials; a secret that is not revealed shows as dots.
func credentialTerms(ctx context.Context, h *handover) []page.Term {
	out := make([]page.Term, len(h.Credentials))
	for i, one := range h.Credentials {
		out[i] = page.Term{Label: credentialName(ctx, one.Name), Value: page.ID(one.Value)}
		if one.Secret && !h.Opened {
			out[i].Value = page.Muted("••••••••")
		}
	}
	return out
}
