package serve

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/market/invoice"
)

// KeepInvoice seals an uploaded form of an invoice and puts it into the store.
// The caller drops it again when the act that wanted it was refused.
func (c *Call) KeepInvoice(kind invoice.FileKind, content []byte) (u invoice.Upload, err error) {
	if err := blame(c.Market.Files.CheckBytes(c.R.Context(), c.Market.DB, c.Actor, string(kind), content), "file"); err != nil {
		return u, err
	}
	var stored []byte
	if err := c.Read(func(r db.Reader) (err error) {
		u, stored, err = invoice.SealFile(r, kind, content)
		return err
	}); err != nil {
		return u, err
	}
	ref, err := c.Market.Blob.Put(c.R.Context(), blob.ByContent, bytes.NewReader(stored))
	u.Blob = ref.Key
	return u, err
}

// DropInvoice removes a file that no act has kept. Sealing makes every upload
// different, so it is nobody else's.
func (c *Call) DropInvoice(u invoice.Upload) {
	if err := c.Market.Blob.Delete(c.R.Context(), u.Blob); err != nil {
		c.Market.Log.Warn("an unused file stays in the store", "key", u.Blob, "error", err)
	}
}

// mediaTypes of the forms of an invoice.
var mediaTypes = map[invoice.FileKind]string{invoice.XML: "application/xml", invoice.OFD: "application/ofd", invoice.PDF: "application/pdf"}

// SendInvoice answers with a stored form of an invoice, byte for byte as the
// vendor uploaded it, and records that the buyer has taken it.
func (c *Call) SendInvoice(id invoice.ID, sha256 string) error {
	ctx := c.R.Context()
	var f invoice.File
	if err := c.Read(func(r db.Reader) (err error) {
		f, err = invoice.FileOf(ctx, r, c.Actor, id, sha256)
		return err
	}); err != nil {
		return err
	}
	stored, err := blob.Read(ctx, c.Market.Blob, f.Blob)
	if err != nil {
		return err
	}
	var content []byte
	if err := c.Read(func(r db.Reader) (err error) {
		content, err = invoice.OpenFile(r, f, stored)
		return err
	}); err != nil {
		return err
	}
	if err := c.Market.Files.CheckBytes(ctx, c.Market.DB, c.Actor, "", content); err != nil {
		return err
	}
	if err := Act(c, Intent{Name: "invoice.download", Subjects: []string{string(id)}, Clauses: []string{"UA 4.4"}}, func(tx *db.Tx) error {
		return invoice.Taken(ctx, tx, c.Actor, id, f.SHA256)
	}); err != nil {
		return err
	}
	return c.attachment(mediaTypes[f.Kind], string(id)+"-"+f.SHA256[:8]+"."+string(f.Kind), content)
}

// SendGOBL answers with an invoice in the shape of GOBL.
func (c *Call) SendGOBL(id invoice.ID, doc invoice.DocID) error {
	var content []byte
	if err := c.Read(func(r db.Reader) (err error) {
		content, err = invoice.GOBL(c.R.Context(), r, c.Actor, id, doc)
		return err
	}); err != nil {
		return err
	}
	return c.attachment("application/json", string(doc)+".gobl.json", content)
}

func (c *Call) attachment(media, name string, content []byte) error {
	h := c.W.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "no-store")
	c.W.WriteHeader(http.StatusOK)
	_, err := c.W.Write(content)
	return err
}
