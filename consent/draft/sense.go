package draft

import (
	"net/url"
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// sense returns what the ledger would take and no reader could use: a review that can never be
// held, and a notice that nobody can open.
func (f *form) sense(t *entry.AgreementText) error {
	out := new(Error)
	add := func(wrong string, location ...string) {
		out.Problems = append(out.Problems, f.problem(location, wrong))
	}
	if u, err := url.Parse(t.Notice.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		add("is no web address: it must begin with https://", "privacyNotice", "url")
	}
	if t.ReviewDue > t.End { // days sort as texts
		add("is after the last day", "reviewDue")
	}
	if len(out.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(out.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return out
}

// particular are the parts of an agreement that no two organisations write alike.
var particular = []string{"title", "contact", "icoRegistration", "reference", "url", "rightsContact", "breachContact"}

// Examples returns the fields that still say what the template says, where that can only be an
// example.
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
		return !slices.Contains(particular, name) || !said[x.Value]
	}), nil
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
