package vendorapp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed page
var pageFiles embed.FS

// Read once at start; a damaged embed is a defect of the build.
var (
	appTemplate = template.Must(template.ParseFS(pageFiles, "page/app.html"))
	words       = map[string]map[string]string{"zh": readWords("zh"), "en": readWords("en")}
)

func readWords(lang string) map[string]string {
	raw, err := pageFiles.ReadFile("page/" + lang + ".json")
	if err != nil {
		panic(err)
	}
	var out map[string]string
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

const (
	maxNote   = 20_000 // characters
	maxForm   = 256 << 10
	keyCookie = "notepad_key"
)

// The things a page can say above the note.
const (
	sayNothing  = ""
	saySaved    = "saved"
	sayConflict = "conflict"
	sayWrongKey = "wrong_key"
	sayTooLong  = "too_long"
)

type appView struct {
	Lang, OtherLang string
	Words           map[string]string
	Instance        Instance
	Entered         bool
	Writable        bool
	Say             string
	Draft           string // what the reader wrote when it could not be saved
	NoteAt, Expires string
}

// showNote serves the notepad, or asks for the access key.
func (a *App) showNote(w http.ResponseWriter, r *http.Request) {
	n, ok := a.find(w, r)
	if !ok {
		return
	}
	say := sayNothing
	if r.URL.Query().Get("said") == saySaved {
		say = saySaved
	}
	a.render(w, r, n, entered(r, n), say, "", http.StatusOK)
}

// enter checks the access key and remembers it in a cookie of this instance only.
func (a *App) enter(w http.ResponseWriter, r *http.Request) {
	n, ok := a.find(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !sameKey(keyMark(strings.TrimSpace(r.PostFormValue("key"))), n) {
		a.render(w, r, n, false, sayWrongKey, "", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: keyCookie, Value: keyMark(n.Key), Path: "/app/" + n.ID, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(a.cfg.PublicURL, "https:")})
	http.Redirect(w, r, "/app/"+n.ID+"?lang="+pageLanguage(r), http.StatusSeeOther)
}

// saveNote keeps what was written, unless somebody else saved in between.
func (a *App) saveNote(w http.ResponseWriter, r *http.Request) {
	n, ok := a.find(w, r)
	if !ok {
		return
	}
	if !entered(r, n) || n.State != stateActive {
		a.render(w, r, n, entered(r, n), sayNothing, "", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	note := strings.ReplaceAll(r.PostFormValue("note"), "\r\n", "\n")
	if utf8.RuneCountInString(note) > maxNote {
		a.render(w, r, n, true, sayTooLong, note, http.StatusUnprocessableEntity)
		return
	}
	seq, err := strconv.ParseInt(r.PostFormValue("seq"), 10, 64)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	saved, current, err := a.save(n.ID, seq, note)
	if err != nil {
		a.cfg.Log.Error("vendorapp: save", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if !saved {
		a.render(w, r, current, true, sayConflict, note, http.StatusConflict)
		return
	}
	http.Redirect(w, r, "/app/"+n.ID+"?said="+saySaved+"&lang="+pageLanguage(r), http.StatusSeeOther)
}

// save stores the note if the instance is still as the writer saw it.
func (a *App) save(id string, seq int64, note string) (saved bool, current Instance, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.store.Instances[id]
	if n.NoteSeq != seq || n.State != stateActive {
		return false, n, nil
	}
	n.Note, n.NoteSeq, n.NoteAt = note, n.NoteSeq+1, a.cfg.Now()
	return true, n, a.store.put(n)
}

// find answers 404 for what never was, and 410 for what was destroyed.
func (a *App) find(w http.ResponseWriter, r *http.Request) (Instance, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, known := a.store.Instances[r.PathValue("instance")]
	switch {
	case !known || a.notReady(n):
		http.NotFound(w, r)
	case n.State == stateDestroyed:
		w.WriteHeader(http.StatusGone)
	default:
		return n, true
	}
	return Instance{}, false
}

func (a *App) render(w http.ResponseWriter, r *http.Request, n Instance, in bool, say, draft string, status int) {
	lang := pageLanguage(r)
	view := appView{Lang: lang, OtherLang: "en", Words: words[lang], Instance: n, Entered: in,
		Writable: n.State == stateActive, Say: say, Draft: draft, NoteAt: moment(n.NoteAt), Expires: moment(n.ExpiresAt)}
	if lang == "en" {
		view.OtherLang = "zh"
	}
	var body bytes.Buffer
	if err := appTemplate.Execute(&body, view); err != nil {
		a.cfg.Log.Error("vendorapp: page", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04") + " UTC"
}

// keyMark is what the cookie holds instead of the key itself.
func keyMark(key string) string {
	sum := sha256.Sum256([]byte("notepad:" + key))
	return hex.EncodeToString(sum[:])
}

func sameKey(mark string, n Instance) bool {
	return n.Key != "" && subtle.ConstantTimeCompare([]byte(mark), []byte(keyMark(n.Key))) == 1
}

func entered(r *http.Request, n Instance) bool {
	cookie, err := r.Cookie(keyCookie)
	return err == nil && sameKey(cookie.Value, n)
}

// pageLanguage is what the address asks for, else what the browser prefers.
func pageLanguage(r *http.Request) string {
	for _, wish := range []string{r.URL.Query().Get("lang"), r.Header.Get("Accept-Language")} {
		switch {
		case strings.HasPrefix(wish, "zh"):
			return "zh"
		case strings.HasPrefix(wish, "en"):
			return "en"
		}
	}
	return "zh"
}

func serveCSS(w http.ResponseWriter, _ *http.Request) {
	css, err := pageFiles.ReadFile("page/app.css")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(css)
}
