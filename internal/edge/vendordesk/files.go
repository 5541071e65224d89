package vendordesk

import (
	"errors"
	"io"
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
)

func (d desk) files(c *serve.Call) error { return d.filesAgain(c, nil) }

func (d desk) filesAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	var all []catalog.File
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		all, err = catalog.Files(ctx, r, v.ID)
		return err
	}); err != nil {
		return err
	}
	f := d.frame(c, "/vendor/files", text.T(ctx, "vendordesk.nav.files"))
	return d.shown(c, refusal, filesPage(f, all, refusal, page.FieldErrors(ctx, refusal)))
}

// upload has a file kept and scanned, and then notes it. A file above the limit
// ends the stream and is not noted.
func (d desk) upload(c *serve.Call) error {
	ctx := c.R.Context()
	u, err := c.Upload("file")
	if err != nil && correctable(err) {
		return d.filesAgain(c, err)
	}
	if err != nil {
		return err
	}
	if u.Stored.Key == "" {
		return d.filesAgain(c, catalog.ErrRequired.In("file"))
	}
	stored := u.Stored
	err = serve.Act(c, serve.Intent{Name: "file.add", Input: stored, Clauses: []string{"UA 4.9.2"}}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		_, err = catalog.AddFile(ctx, tx, c.Actor, catalog.File{
			Vendor: v.ID, Name: u.Name, MediaType: u.MediaType, Size: stored.Size, SHA256: stored.SHA256, Blob: stored.Key,
		})
		return err
	})
	if err != nil && correctable(err) {
		return d.filesAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/files")
}

// unreadable tells a file that is too large from one that broke off.
func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) || errors.Is(err, io.ErrUnexpectedEOF) {
		return serve.ErrTooLarge
	}
	if errors.Is(err, http.ErrNotMultipart) || errors.Is(err, http.ErrMissingBoundary) {
		return serve.ErrBadRequest
	}
	return err
}
