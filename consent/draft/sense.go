package draft

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// sense returns what the ledger would take and no reader could use: a review that can never be
// held, a notice that nobody can open, an address to which nobody can write. A nil error is nil.
func (f *form) sense(t *entry.AgreementText) error {
	out := new(Error)
	add := func(wrong, write string, location ...string) {
		p := f.problem(location, wrong)
		if write != "" {
			p.Write = write
		}
		out.Problems = append(out.Problems, p)
	}
	if !isWebAddress(t.Notice.URL) {
		add("is no web address: it must begin with https://", "", "privacyNotice", "url")
	}
	for i, p := range t.Purposes {
		if p.DPV != "" && !isWebAddress(p.DPV) {
			add("is no web address: it must begin with https://", "", "purposes", fmt.Sprint(i), "dpv")
		}
	}
	if t.ReviewDue > t.End { // days sort as texts
		add("is after the last day", "", "reviewDue")
	}
	contact := func(text string, location ...string) {
		if wrong, write := contactFault(text); wrong != "" {
			add(wrong, write, location...)
		}
	}
	for i, p := range t.Parties {
		for _, c := range [][2]string{{"contact", p.Contact}, {"dpo", p.DPO}, {"siro", p.SIRO}, {"caldicott", p.Caldicott}} {
			contact(c[1], "parties", fmt.Sprint(i), c[0])
		}
	}
	contact(t.Rights, "rightsContact")
	contact(t.Breach, "breachContact")
	return out.sorted()
}

// sorted returns the problems by line, or nil if there are none.
func (e *Error) sorted() error {
	if len(e.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return e
}

func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

// site is a web address that lacks its scheme.
var site = regexp.MustCompile(`(?i)^(www\.[a-z0-9-]+\.|[a-z0-9.-]+\.(scot|uk|org|com|net|eu|gov|int|wales)(/|$))`)

// contactFault returns what is wrong with the first address in a contact, and what to write. A
// contact may be a post and a telephone number, without any address.
func contactFault(text string) (wrong, write string) {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,;()<>\"", r) }) {
		w = strings.TrimPrefix(strings.TrimRight(w, ".:"), "mailto:")
		switch _, domain, at := strings.Cut(w, "@"); {
		case strings.HasPrefix(w, "https://") || strings.HasPrefix(w, "http://"):
			if !isWebAddress(w) {
				return "has a web address that is none", "Write it as https://www.board.scot/privacy."
			}
		case at:
			if _, err := mail.ParseAddress(w); err != nil || !strings.Contains(domain, ".") {
				return "has an email address that is none", "Write it as privacy@board.scot, without spaces."
			}
		case site.MatchString(w):
			return "has a web address without https://", "Write it as https://www.board.scot/privacy."
		}
	}
	return "", ""
}

// particular are the parts of an agreement that no two organisations write alike.
var particular = []string{"organisation", "title", "contact", "icoRegistration", "dpo", "reference", "url", "rightsContact",
	"breachContact"}

// stopgap is what people write where they mean to write more, and what only an example can say:
// the hosts of RFC 2606 that name no one, and those of the template.
var stopgap = regexp.MustCompile(`(?i)\b(TODO|TBC|TBD|FIXME|XXX+|to be (confirmed|decided|completed)|lorem ipsum|` +
	`example\.(org|com|net|edu)|(north|south)\.example|(north|south) board)\b` +
	`|<[^<>@]*>|\[(insert|your|name|date)[^\]]*\]|^[.…?_-]+$`)

// Examples returns the fields that still say what the template says, where that can only be an
// example, or that have a stopgap.
func Examples(t *entry.AgreementText) ([]Field, error) {
	now, err := Fields(t)
	if err != nil {
		return nil, err
	}
	var doc any
	f, err := newForm()
	if err != nil {
		return nil, err
	}
	if doc, err = f.fromYAML(template); err != nil {
		return nil, err
	}
	said := map[string]bool{}
	collectTexts(doc, said)
	return slices.DeleteFunc(now, func(x Field) bool {
		name := x.Path[strings.LastIndexByte(x.Path, '.')+1:]
		return !stopgap.MatchString(x.Value) && (!slices.Contains(particular, name) || !said[x.Value])
	}), nil
}

// leftovers returns the examples as problems, or nil.
func (f *form) leftovers(t *entry.AgreementText) error {
	list, err := Examples(t)
	if err != nil {
		return err
	}
	out := new(Error)
	for _, x := range list {
		p := f.problem(steps.FindAllString(x.Path, -1), "still says what an example says, or that something is to be written")
		out.Problems = append(out.Problems, p)
	}
	return out.sorted()
}

func collectTexts(v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			collectTexts(x, into)
		}
	case []any:
		for _, x := range v {
			collectTexts(x, into)
		}
	case string:
		into[v] = true
	}
}
