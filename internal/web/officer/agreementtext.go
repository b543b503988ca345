package officer

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"igledger/audit/plain"
	"igledger/consent/draft"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// section is a part of an agreement's text.
type section struct {
	Title string
	Items []textItem
}

// textItem is a member of an agreement, or one element of it.
type textItem struct {
	Title  string
	Values []textValue
}

// textValue is one value, exactly as it is signed, with what it means beside it.
type textValue struct {
	Part, Path, Value, Gloss string
}

// parts are the sections of an agreement, as the template has them.
var parts = []struct {
	key     string
	members []string
}{
	{"what", []string{"id", "version", "title", "tier", "under", "supersedes"}},
	{"who", []string{"parties"}},
	{"why", []string{"purposes", "drivers", "article6", "article9", "dpaCondition", "legalPower"}},
	{"data", []string{"data", "subjects", "flows", "roles", "necessity", "quality"}},
	{"keeping", []string{"retention", "disposal", "security", "transfers"}},
	{"approval", []string{"dpia", "approvals", "privacyNotice", "rightsContact", "breachContact"}},
	{"when", []string{"start", "end", "reviewDue", "document"}},
}

func partOf(member string) int {
	return max(0, slices.IndexFunc(parts, func(x struct {
		key     string
		members []string
	}) bool {
		return slices.Contains(x.members, member)
	}))
}

// sections returns the whole text of an agreement. Every value is there, once.
func (p *deeds) sections(words words, t *entry.AgreementText) ([]section, error) {
	fields, err := draft.Fields(t)
	if err != nil {
		return nil, err
	}
	list := make([]section, len(parts))
	for i, part := range parts {
		list[i].Title = words.Text(plain.Key("part." + part.key))
	}
	last := ""
	for _, f := range fields {
		s := &list[partOf(f.Name)]
		name := f.Name
		single := f.Part == "" // a list of plain values is one item
		if f.Number > 0 && !single {
			name = fmt.Sprint(f.Name, f.Number)
		}
		if name != last {
			title := f.Title
			if f.Number > 0 && !single {
				title = words.Text("text.number", "title", f.Title, "n", strconv.Itoa(f.Number))
			}
			s.Items, last = append(s.Items, textItem{Title: title}), name
		}
		item := &s.Items[len(s.Items)-1]
		item.Values = append(item.Values, textValue{f.Part, f.Path, f.Value, words.gloss(f)})
	}
	return slices.DeleteFunc(list, func(s section) bool { return len(s.Items) == 0 }), nil
}

// gloss returns what a value means, if that is not what it says.
func (l words) gloss(f draft.Field) string {
	path := f.Path
	switch {
	case strings.HasSuffix(path, "].organisation"), strings.HasSuffix(path, "].from"), strings.HasSuffix(path, "].to"):
		if name := l.org(f.Value); name != f.Value {
			return name
		}
	case strings.HasPrefix(path, "purposes[") && strings.HasSuffix(path, ".code"):
		if use := l.use(f.Value); use != f.Value {
			return use
		}
	case f.Name == "start" || f.Name == "end" || f.Name == "reviewDue" || strings.HasSuffix(path, ".date"):
		return l.Date(dayOf(f.Value))
	case f.Name == "article6" || f.Name == "article9" || f.Name == "tier":
		if key := plain.Key(f.Name + "." + f.Value); l.Has(key) {
			return l.Text(key)
		}
	}
	return ""
}

// change is a row of the comparison of two versions.
type change struct {
	Name        string
	Mark        ui.Tag
	Before, Now template.HTML
}

type comparePage struct {
	ID             string
	From, To       uint64
	Froms, Tos     []choice
	Changes        []change
	Same           int // values that are the same
	FromTag, ToTag ui.Tag
}

// compare is GET /officer/agreements/{id}/compare: two versions side by side.
func (p *deeds) compare(rw http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	a, err := p.version(r, q.Get("from"))
	if err != nil {
		return err
	}
	b, err := p.version(r, q.Get("to"))
	if err != nil {
		return err
	}
	words := p.words(r)
	before, err := draft.Fields(a.Text)
	if err != nil {
		return err
	}
	now, err := draft.Fields(b.Text)
	if err != nil {
		return err
	}
	data := comparePage{ID: a.Text.ID, From: a.Text.Version, To: b.Text.Version, FromTag: words.state(a.state), ToTag: words.state(b.state)}
	for _, v := range a.whole.Versions {
		n := fmt.Sprint(v.Text.Version)
		text := words.Text("compare.version", "n", n)
		data.Froms = append(data.Froms, choice{n, text, v.Text.Version == data.From})
		data.Tos = append(data.Tos, choice{n, text, v.Text.Version == data.To})
	}
	for _, pair := range pairUp(before, now) {
		if pair.before != nil && pair.now != nil && pair.before.Value == pair.now.Value {
			data.Same++
			continue
		}
		data.Changes = append(data.Changes, words.change(pair))
	}
	return p.render(rw, r, http.StatusOK, "compare", ui.Page{
		Title: words.Text("compare.title", "id", a.Text.ID), Section: "agreements", Data: data,
		Crumbs: words.crumbs(ui.Crumb{Text: words.Text("register.title"), Href: "/officer/agreements"},
			ui.Crumb{Text: a.Text.Title, Href: agreementPath(a.Text.ID)}),
	})
}

func (l words) change(x pair) change {
	f := x.now
	if f == nil {
		f = x.before
	}
	c := change{Name: l.nameOf(*f)}
	switch {
	case x.before == nil:
		c.Mark = ui.Tag{Text: l.Text("compare.added"), Kind: "green"}
		c.Now = marked([]span{{add, f.Value}}, add)
	case x.now == nil:
		c.Mark = ui.Tag{Text: l.Text("compare.removed"), Kind: "red"}
		c.Before = marked([]span{{drop, f.Value}}, drop)
	default:
		c.Mark = ui.Tag{Text: l.Text("compare.changed"), Kind: "blue"}
		spans := diffWords(x.before.Value, x.now.Value)
		c.Before, c.Now = marked(spans, drop), marked(spans, add)
	}
	return c
}

// nameOf returns where a value is, in words: "Parties 2: Role".
func (l words) nameOf(f draft.Field) string {
	name := f.Title
	if f.Number > 0 {
		name = l.Text("text.number", "title", f.Title, "n", strconv.Itoa(f.Number))
	}
	if f.Part != "" {
		name += ": " + f.Part
	}
	return name
}

// marked returns a comparison as sides see it: what is on both, and what is only on these.
func marked(spans []span, sides ...byte) template.HTML {
	var b strings.Builder
	for _, s := range spans {
		text := template.HTMLEscapeString(s.text)
		switch {
		case s.kind == both:
			b.WriteString(text)
		case !slices.Contains(sides, s.kind):
		case s.kind == drop:
			b.WriteString("<del>" + text + "</del>")
		default:
			b.WriteString("<ins>" + text + "</ins>")
		}
	}
	return template.HTML(b.String())
}
