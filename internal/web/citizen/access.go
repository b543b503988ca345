package citizen

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// accessData is the page of one entry.
type accessData struct {
	Tags     []ui.Tag
	Lead     string
	Reasons  []string // why it needs attention
	Facts    []ui.Row
	Rule     ruleData
	Data     []dataRow
	Raw      []ui.Row // codes
	Proof    proofData
	Ask      *askData
	Base     string
	Mine     bool
	Readonly bool      // it is another's list
	Out      []keptOut // whom the person may keep out
}

// ruleData says whether it was allowed and by which rule.
type ruleData struct {
	Verdict   string
	Words     []string // of the rules that decided
	Agreement string   // id
	Title     string   // of the agreement
	Href      string
	Unknown   string // id of an agreement that was named and is not in the ledger
}

// dataRow is a category of data in words, with its code.
type dataRow struct{ Words, Code string }

// proofData says what is proved of an entry.
type proofData struct {
	Index      uint64
	Size       uint64 // of the log that was signed
	Indexed    bool   // a signed index root covers it, so a statement proves that it is listed
	Received   time.Time
	Log        string
	Checkpoint string // the newest: origin, size and root of the log
	JTI        string
	Key        string
	Remarks    []string
}

// askData says whom to ask if it looks wrong, and in which words.
type askData struct {
	Whom    string
	Letter  []string
	Contact ui.Contact
	ICO     string
}

// access is the page of an entry of the list.
func (p *pages) access(w http.ResponseWriter, r *http.Request) error {
	index, ok := parseIndex(r.PathValue("index"))
	if !ok {
		return errNotFound
	}
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	i := h.At(index)
	if i == nil {
		return errNotFound
	}
	if i.Type == door.Erased {
		return p.erased(w, r, s, i)
	}
	e, o, err := p.Door.Entry(r.Context(), i)
	if err != nil {
		return err
	}
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return err
	}
	say := p.speaker(r, rules, s)
	row := say.row(i)
	d := &accessData{Tags: row.Tags, Base: s.base, Mine: row.Mine, Readonly: s.acting != nil}
	d.Lead = say.Text("access.lead", "who", row.Who, "place", i.Name, "what", lower(row.What))
	if row.Mine {
		d.Lead = row.What
	}
	for _, m := range marksOf(i) {
		d.Reasons = append(d.Reasons, say.reason(i, m))
	}
	d.Reasons = slices.Compact(d.Reasons)
	d.Facts = say.facts(i, e, row)
	if i.Verdict != nil && !row.Mine {
		d.Rule = say.rule(i)
	}
	d.Data, d.Raw = say.codes(e)
	d.Proof = proofData{
		Index: i.Index, Size: h.Size, Received: i.Received, Log: p.Door.Log().Origin(), JTI: e.ID, Key: e.KID,
	}
	signed, err := p.Door.Log().Checkpoint(r.Context())
	if err != nil {
		return err
	}
	d.Proof.Checkpoint, _, _ = strings.Cut(string(signed), "\n\n")
	if f := p.Door.Index(); f != nil {
		root, err := f.Root()
		d.Proof.Indexed = err == nil && i.Index < root.Size
	}
	for _, flag := range o.Flags {
		d.Proof.Remarks = append(d.Proof.Remarks, say.English(sentence(english.Flag(flag))+"."))
	}
	if !row.Mine {
		d.Ask = p.ask(say, i, row)
	}
	c, err := p.choosingOf(r, s, h)
	if err != nil {
		return err
	}
	if d.Out, err = p.mayKeepOut(r, c, i, e); err != nil {
		return err
	}
	title := say.Text("access.title", "what", row.What)
	page := ui.Page{Title: title, Section: "you", User: signin.From(r.Context()), Data: d, Crumbs: []ui.Crumb{{Text: say.Text("list.title"), Href: s.base}}}
	if s.acting != nil {
		page.Section, page.Crumbs[0].Text = "people", say.Text("list.title-acting")
	}
	return p.room.Render(w, r, http.StatusOK, "access", page)
}

var english = plain.In(plain.English)

// lower returns a text with a small letter at its beginning, unless a capital follows, as in CT.
func lower(text string) string {
	if plain := ui.Unmarked(text); len(plain) > 1 && (plain[1] < 'A' || plain[1] > 'Z') {
		return ui.First(text, strings.ToLower)
	}
	return text
}

// erasedData is the page of an entry whose content was erased.
type erasedData struct {
	When    time.Time // about; zero: not known
	Contact ui.Contact
	Base    string
}

func (p *pages) erased(w http.ResponseWriter, r *http.Request, s *subject, i *door.Item) error {
	words := p.room.Words(r)
	page := ui.Page{Title: words.Text("erased.what"), Section: "you", Data: erasedData{i.When, p.Brand.Contact, s.base},
		Crumbs: []ui.Crumb{{Text: words.Text("list.title"), Href: s.base}}}
	if s.acting != nil {
		page.Section = "people"
		page.Crumbs[0].Text = words.Text("list.title-acting")
	}
	return p.room.Render(w, r, http.StatusOK, "erased", page)
}

// facts are who, what, when, where and why.
func (s *speaker) facts(i *door.Item, e *entry.Entry, row row) []ui.Row {
	var list []ui.Row
	add := func(key plain.Key, value any) {
		if value != "" && value != template.HTML("") {
			list = append(list, ui.Row{Key: s.Text(key), Value: value})
		}
	}
	add("fact.who", row.Who)
	add("fact.organisation", i.Name)
	if i.Issuer != i.Org && !row.Mine {
		add("fact.reported", s.names(i.Issuer))
	}
	add("fact.what", row.What)
	add("fact.when", s.When(i.When))
	if a, ok := e.Body.(*entry.Access); ok {
		if end, err := time.Parse(time.RFC3339Nano, a.OccurredEnd); err == nil {
			add("fact.until", s.When(end))
		}
		if to, left := a.Disclosed(); left && to != "" {
			add("fact.recipient", s.names(to))
		}
	}
	if !row.Mine {
		add("fact.why", row.Why)
		add("fact.justification", s.English(i.Words.Justification))
	}
	add("fact.result", s.English(sentence(i.Words.Result)))
	add("fact.system", i.Words.System)
	if i.ID > 0 {
		add("fact.number", s.Text("fact.other-number"))
	}
	return list
}

// rule says whether it was allowed, and why.
func (s *speaker) rule(i *door.Item) ruleData {
	v := i.Verdict
	d := ruleData{Verdict: s.Text(plain.Key("verdict." + string(v.Result))), Words: s.said(i)}
	switch {
	case v.Agreement != "":
		d.Agreement, d.Title, d.Href = v.Agreement, titleOf(s.rules, v.Agreement), "/register/agreements/"+v.Agreement
	case i.Agreement != "":
		d.Unknown = i.Agreement
	}
	return d
}

// codes are the categories of data in words, and everything that was recorded as a code.
func (s *speaker) codes(e *entry.Entry) (data []dataRow, raw []ui.Row) {
	add := func(key plain.Key, values ...string) {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) > 0 {
			raw = append(raw, ui.Row{Key: s.Text(key), Value: strings.Join(values, "\n")})
		}
	}
	categories := func(list []string) {
		for _, d := range list {
			words, _ := english.Data(d)
			data = append(data, dataRow{s.English(sentence(words)), d})
		}
	}
	switch b := e.Body.(type) {
	case *entry.Access:
		categories(b.Data)
		add("raw.event", b.Event...)
		add("raw.action", b.Action)
		add("raw.outcome", b.Outcome)
		add("raw.purpose", b.Purpose...)
		add("raw.role", b.Role...)
		if b.Staff != nil && !s.rolesOnly {
			add("raw.staff", b.Staff.Identifiers()...)
		}
		add("raw.system", b.System)
		add("raw.source", b.Source)
		add("raw.decision", b.Decision)
		add("raw.request", b.Request)
		if b.Text != nil {
			add("raw.query", plain.OneLine(b.Text.Query))
		}
	case *entry.Decision:
		categories(b.Data)
		add("raw.action", b.Action)
		add("raw.purpose", b.Purpose...)
		add("raw.role", b.Role...)
		add("raw.rules", b.Rules...)
	}
	add("raw.issuer", e.Issuer)
	return data, raw
}

// ask says whom to ask about an entry. The words hold what the organisation needs to find it, and
// nothing of the person.
func (p *pages) ask(say *speaker, i *door.Item, row row) *askData {
	d := &askData{Whom: i.Name, Contact: p.Brand.Contact, ICO: p.Brand.ICO}
	if i.Org == "" { // who reported it can say who that was
		d.Whom = say.names(i.Issuer)
	}
	d.Letter = []string{
		say.Text("ask.letter.1", "when", say.For("ask.letter.1").When(i.When), "place", i.Name, "what", lower(row.What)),
		say.Text("ask.letter.2"),
		say.Text("ask.letter.3", "index", strconv.FormatUint(i.Index, 10), "log", p.Door.Log().Origin()),
	}
	return d
}
