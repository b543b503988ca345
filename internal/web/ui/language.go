package ui

import (
	"net/http"
	"net/url"

	"golang.org/x/text/language"

	"igledger/audit/plain"
)

// languages are those that pages are in, with their own names. Gaelic is a draft: speakers have yet
// to read it, and its pages say so.
var languages = []struct {
	tag   plain.Language
	name  string
	draft bool
}{
	{plain.English, "English", false},
	{plain.Gaelic, "Gàidhlig", true},
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.MustParse("gd")})

// languageCookie keeps the choice of a language, and nothing else.
const languageCookie = "lang"

// languageOf returns the language for a request: what the address asks for, else what this browser
// has chosen before, else the best that it accepts.
func languageOf(r *http.Request) plain.Language {
	if l, ok := known(r.URL.Query().Get("lang")); ok {
		return l
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if l, ok := known(c.Value); ok {
			return l
		}
	}
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages[i].tag
}

func known(tag string) (plain.Language, bool) {
	for _, l := range languages {
		if string(l.tag) == tag {
			return l.tag, true
		}
	}
	return "", false
}

// keepLanguage remembers the language that an address asked for.
func (s *Site) keepLanguage(w http.ResponseWriter, r *http.Request) {
	l, ok := known(r.URL.Query().Get("lang"))
	if !ok {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode,
		HttpOnly: true, Secure: s.secure(r),
	})
}

// inSize returns the address of a page in large or normal print.
func inSize(r *http.Request, at string, large bool) string {
	query := queryOf(r)
	query.Del("size")
	if large {
		query.Set("size", "large")
	}
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	return at
}

// inLanguage returns the address of a page in another language.
func inLanguage(r *http.Request, at string, l plain.Language) string {
	query := queryOf(r)
	query.Set("lang", string(l))
	return at + "?" + query.Encode()
}

// queryOf returns what an address asks for. That of a form asks for nothing.
func queryOf(r *http.Request) url.Values {
	if asksOnly(r) {
		return r.URL.Query()
	}
	return url.Values{}
}
