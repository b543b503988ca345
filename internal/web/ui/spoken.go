package ui

import (
	"bytes"
	"strings"

	"igledger/audit/plain"
)

// A text that a page in another language shows in English stands between these two characters
// (private use) until the page is sent: then it says that it is English, so that a screen reader
// reads it aloud as such (WCAG 2.2, success criterion 3.1.2).
const (
	beginEnglish = "\ue000"
	endEnglish   = "\ue001"
)

// Text is plain.Catalogue.Text, marked if it is English and the page is not.
func (w *Words) Text(k plain.Key, args ...string) string {
	return w.marked(w.Own(k), w.Catalogue.Text(k, args...))
}

// Count is plain.Catalogue.Count, marked if it is English and the page is not.
func (w *Words) Count(k plain.Key, n uint64, args ...string) string {
	return w.marked(w.OwnCount(k, n), w.Catalogue.Count(k, n, args...))
}

// English marks a text that is English in every language, such as what was done with a record.
func (w *Words) English(text string) string { return w.marked(false, text) }

func (w *Words) marked(own bool, text string) string {
	if own || text == "" || w.Language() == plain.English {
		return text
	}
	return beginEnglish + text + endEnglish
}

var unmarked = strings.NewReplacer(beginEnglish, "", endEnglish, "")

// Unmarked returns a text without marks, for what is no page.
func Unmarked(text string) string { return unmarked.Replace(text) }

// First returns text with its first letter changed, behind the marks.
func First(text string, change func(string) string) string {
	marks := len(text) - len(strings.TrimLeft(text, beginEnglish))
	for n, r := range text[marks:] {
		return text[:marks] + change(string(r)) + text[marks+n+len(string(r)):]
	}
	return text
}

// mute are elements in which no other may stand: what is in them cannot say that it is English.
var mute = []string{"title", "option", "textarea", "script", "style", "svg"}

// spoken returns a page with an element around each marked text. Marks that stand where there can
// be no element, such as in an attribute, are left out.
func spoken(page []byte) []byte {
	if !bytes.ContainsAny(page, beginEnglish+endEnglish) {
		return page
	}
	var out bytes.Buffer
	depth := 0
	shut := func() {
		if depth > 0 {
			out.WriteString("</span>")
		}
		depth = 0
	}
	text := func(s string) {
		for s != "" {
			n := strings.IndexAny(s, beginEnglish+endEnglish)
			if n < 0 {
				break
			}
			out.WriteString(s[:n])
			begins := strings.HasPrefix(s[n:], beginEnglish)
			s = s[n+len(beginEnglish):]
			switch {
			case begins:
				if depth++; depth == 1 {
					out.WriteString(`<span lang="en">`)
				}
			case depth == 1:
				shut()
			case depth > 1:
				depth--
			}
		}
		out.WriteString(s)
	}
	rest := string(page)
	for rest != "" {
		n := strings.IndexByte(rest, '<')
		if n < 0 {
			break
		}
		text(rest[:n])
		shut()
		tag := tagOf(rest[n:])
		rest = rest[n+len(tag):]
		out.WriteString(Unmarked(tag))
		for _, name := range mute {
			if !strings.HasPrefix(tag, "<"+name+" ") && !strings.HasPrefix(tag, "<"+name+">") {
				continue
			}
			end := max(strings.Index(rest, "</"+name), 0)
			out.WriteString(Unmarked(rest[:end]))
			rest = rest[end:]
		}
	}
	text(rest)
	shut()
	return out.Bytes()
}

// tagOf returns the tag with which a text begins. A ">" in a quoted value does not end it.
func tagOf(text string) string {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return text[:i+1]
		}
	}
	return text
}
