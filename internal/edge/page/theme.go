package page

import "net/http"

// Theme is how the person wants to see pages: "" follows the device.
type Theme string

// The themes a person can choose.
const (
	ThemeDevice Theme = ""
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// ThemePath is where SetTheme is mounted: POST, public.
const ThemePath = "/theme"

const themeCookie = "yunshi_theme"

// ThemeOf reads the person's choice from the request.
func ThemeOf(r *http.Request) Theme {
	c, err := r.Cookie(themeCookie)
	if err != nil {
		return ThemeDevice
	}
	return parseTheme(c.Value)
}

func parseTheme(s string) Theme {
	switch t := Theme(s); t {
	case ThemeLight, ThemeDark:
		return t
	}
	return ThemeDevice
}

// SetTheme keeps the chosen theme ("theme") for a year and returns to the page
// it was chosen on ("back"). The cookie is a preference and says nothing about
// the person.
func SetTheme(w http.ResponseWriter, r *http.Request) {
	cookie := &http.Cookie{
		Name: themeCookie, Value: string(parseTheme(r.PostFormValue("theme"))), Path: "/",
		MaxAge: 365 * 24 * 60 * 60, SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: r.TLS != nil,
	}
	if cookie.Value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
	back := r.PostFormValue("back")
	if !localPath(back) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// dataTheme is the daisyUI name of the theme, "" to follow the device.
func (t Theme) dataTheme() string {
	if t == ThemeDevice {
		return ""
	}
	return "yunshi-" + string(t)
}
