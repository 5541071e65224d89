package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed static
var staticFiles embed.FS

// StaticPrefix is where Static is mounted.
const StaticPrefix = "/static/"

type asset struct {
	name string // "app.css"
	hash string // first 12 hex digits of SHA-256
	body []byte
}

// assets are the embedded files by name and by hashed name.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		panic("page: embedded files are missing: " + err.Error())
	}
	for _, e := range entries {
		body, err := fs.ReadFile(staticFiles, "static/"+e.Name())
		if err != nil {
			panic("page: embedded file: " + err.Error())
		}
		sum := sha256.Sum256(body)
		a := asset{name: e.Name(), hash: hex.EncodeToString(sum[:])[:12], body: body}
		all[a.name], all[a.hashed()] = a, a
	}
	return all
})

// hashed is the name with the hash of its content: "app.3f2a91c0d4e5.css".
func (a asset) hashed() string {
	ext := path.Ext(a.name)
	return strings.TrimSuffix(a.name, ext) + "." + a.hash + ext
}

// Asset returns the address of an embedded file; it changes when the file does,
// so browsers may keep it for ever. It panics for a name that is not embedded,
// which is a mistake in a template.
//
//	<link rel="stylesheet" href={ page.Asset("app.css") }/>
func Asset(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("page: no static file " + name)
	}
	return StaticPrefix + a.hashed()
}

// Static serves the embedded files below StaticPrefix. A hashed name may be kept
// for a year, a plain name must be asked for again; both carry an ETag.
func Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, StaticPrefix)
		a, ok := assets()[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("ETag", `"`+a.hash+`"`)
		h.Set("X-Content-Type-Options", "nosniff")
		if name == a.hashed() {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			h.Set("Cache-Control", "public, no-cache")
		}
		http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
	})
}
