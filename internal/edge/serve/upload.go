package serve

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"yunshi/internal/base/blob"
)

// Upload is a file that came with a form and is in the store, with its hash.
type Upload struct {
	Name, MediaType string
	Stored          blob.Ref // the zero Ref: the form carried no file
}

// Upload streams the file of a form's field into the store. Its kind is what its
// bytes look like, not what the sender says.
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
		head := make([]byte, 512)
		n, err := io.ReadFull(part, head)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return u, cutOff(err)
		}
		u.Name, u.MediaType = path.Base(strings.ReplaceAll(part.FileName(), `\`, "/")), http.DetectContentType(head[:n])
		if u.Stored, err = c.Market.Blob.Put(c.R.Context(), blob.ByContent, io.MultiReader(strings.NewReader(string(head[:n])), part)); err != nil {
			return u, cutOff(err)
		}
	}
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
func (c *Call) SendFile(key, name, mediaType string, size int64) error {
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
