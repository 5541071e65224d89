package serve

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/fault"
)

// Upload is a file that came with a form and is in the store, with its hash.
type Upload struct {
	Name, MediaType string
	Stored          blob.Ref // the zero Ref: the form carried no file
}

// Upload streams the file of a form's field into the store and has it scanned. Its
// kind is what its bytes look like, not what the sender says. A file in which
// malware was found is refused, and its bytes are in quarantine; a picture waits
// until it was looked at.
func (c *Call) Upload(field string) (Upload, error) {
	var u Upload
	parts, err := c.R.MultipartReader()
	if err != nil {
		return u, ErrBadRequest
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, cutOff(err)
		}
		if part.FormName() != field || part.FileName() == "" {
			continue
		}
		if u, err = c.keep(part.FileName(), part, field); err != nil {
			return u, err
		}
	}
}

// Uploads keeps the files of a form's field, each like [Call.Upload], where the
// form also carries other fields.
func (c *Call) Uploads(field string) ([]Upload, error) {
	if err := c.R.ParseMultipartForm(8 << 20); err != nil {
		if errors.Is(err, http.ErrNotMultipart) {
			return nil, nil
		}
		return nil, cutOff(err)
	}
	var all []Upload
	for _, head := range c.R.MultipartForm.File[field] {
		if head.Filename == "" {
			continue
		}
		file, err := head.Open()
		if err != nil {
			return nil, err
		}
		u, err := c.keep(head.Filename, file, field)
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// Held takes the file of a form's field into memory, scanned, and leaves nothing in
// the store: for what is kept sealed elsewhere. A file above most comes with one
// byte too many, for the rule that refuses it. No file: the zero Upload.
func (c *Call) Held(field string, most int64) (u Upload, content []byte, err error) {
	if err := c.R.ParseMultipartForm(8 << 20); err != nil {
		if errors.Is(err, http.ErrNotMultipart) {
			return u, nil, ErrBadRequest
		}
		return u, nil, cutOff(err)
	}
	heads := c.R.MultipartForm.File[field]
	if len(heads) == 0 || heads[0].Filename == "" {
		return u, nil, nil
	}
	file, err := heads[0].Open()
	if err != nil {
		return u, nil, err
	}
	content, err = io.ReadAll(io.LimitReader(file, most+1))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return u, nil, cutOff(err)
	}
	u.Name, u.MediaType = plainName(heads[0].Filename), http.DetectContentType(content)
	return u, content, blame(c.Market.Files.CheckBytes(c.R.Context(), c.Market.DB, c.Actor, u.Name, content), field)
}

// plainName is a file's name without the folders of whoever sent it.
func plainName(name string) string { return path.Base(strings.ReplaceAll(name, `\`, "/")) }

// keep is the one way by which a file comes in to stay.
func (c *Call) keep(name string, file io.Reader, field string) (u Upload, err error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return u, cutOff(err)
	}
	u.Name, u.MediaType = plainName(name), http.DetectContentType(head[:n])
	if u.Stored, err = c.Market.Blob.Put(c.R.Context(), blob.ByContent, io.MultiReader(bytes.NewReader(head[:n]), file)); err != nil {
		return u, cutOff(err)
	}
	err = c.Market.Files.Check(c.R.Context(), c.Market.DB, c.Actor, u.Name, u.Stored)
	if err == nil {
		err = c.Market.Files.Look(c.R.Context(), c.Market.DB, c.Actor, u.MediaType, u.Stored)
	}
	return u, blame(err, field)
}

// blame says which field a refusal of a file is about.
func blame(err error, field string) error {
	if f, ok := fault.Of(err); ok && f.Kind == fault.Invalid {
		return f.In(field)
	}
	return err
}

// MayLeave passes a stored file on its way out: what was stored before there was a
// scanner, or by another one, is scanned first, and a picture that nobody has looked
// at stays.
func (c *Call) MayLeave(key, sha256 string, size int64) error {
	return c.Market.Files.Check(c.R.Context(), c.Market.DB, c.Actor, "", blob.Ref{Key: key, SHA256: sha256, Size: size})
}

// cutOff tells a file that is too large from one that broke off.
func cutOff(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return ErrTooLarge
	}
	return err
}

// SendFile answers with a stored file, to be kept and not to be run.
func (c *Call) SendFile(key, name, mediaType, sha256 string, size int64) error {
	if err := c.MayLeave(key, sha256, size); err != nil {
		return err
	}
	content, _, err := c.Market.Blob.Open(c.R.Context(), key)
	if err != nil {
		return err
	}
	defer func() {
		if err := content.Close(); err != nil {
			c.Market.Log.Warn("file not closed", slog.Any("error", err))
		}
	}()
	h := c.W.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, err = io.Copy(c.W, content)
	return err
}
