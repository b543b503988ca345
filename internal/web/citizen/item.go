package citizen

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// who is a group of accesses by who made them: the values of the filter "who".
type who string

const (
	people   who = "people"   // members of staff
	machines who = "machines" // computers, with no person involved
	mine     who = "mine"     // the person, and who acts for them
	acts     who = "acts"     // what was decided or recorded, and is no access
)

func whoOf(i *door.Item) who {
	switch {
	case i.Mine():
		return mine
	case i.Type != entry.TypeAccess:
		return acts
	case i.Words.Machine:
		return machines
	}
	return people
}

// mark is why an entry stands out. Its words are the keys mark.NAME and mark.NAME.why.
type mark string

// The marks, the gravest first.
const (
	notCovered mark = "not-covered"
	override   mark = "override"
	denied     mark = "denied"
	foreign    mark = "foreign"
	unnamed    mark = "unnamed"
	erased     mark = "erased"
)

var markColours = map[mark]string{
	notCovered: "red", override: "orange", denied: "yellow", foreign: "purple", unnamed: "grey", erased: "grey",
}

// marksOf returns why an entry needs attention; nothing does of what the person did.
func marksOf(i *door.Item) (list []mark) {
	switch {
	case i.Mine():
		return nil
	case i.Type == door.Erased:
		return []mark{erased}
	}
	if v := i.Verdict; v != nil {
		switch v.Result {
		case entry.NotCovered:
			list = append(list, notCovered)
		case entry.BreakGlass:
			list = append(list, override)
		}
	}
	if i.Words.Emergency && !slices.Contains(list, override) {
		list = append(list, override)
	}
	if refused(i) {
		list = append(list, denied)
	}
	if i.Org == "" || slices.Contains(i.Flags, entry.FlagUnknownOrg) {
		list = append(list, foreign)
	}
	if unnamedUser(i) {
		list = append(list, unnamed)
	}
	return list
}

// refused reports whether someone was told no, or tried and failed.
func refused(i *door.Item) bool {
	return i.Act == entry.ActAttempt || i.Act == entry.ActDecision && i.Denied
}

// unnamedUser reports whether a person used the record, and the entry says neither who nor in which
// role; or whether that mattered for the verdict.
func unnamedUser(i *door.Item) bool {
	if i.Verdict != nil && slices.Contains(i.Verdict.Rules, "user-unnamed") {
		return true
	}
	return i.Access() && whoOf(i) == people && i.Reader == door.NoReading && i.Staff == "" && i.Words.Staff == "" && i.Words.Role == ""
}

// row is an entry as lists show it.
type row struct {
	Index  uint64
	Href   string
	When   time.Time
	Place  string // the organisation
	Who    string // name or role, or what it is
	What   string
	Why    string
	Tags   []ui.Tag
	Reason string // why it needs attention
	Mine   bool
}

// speaker makes rows in one language.
type speaker struct {
	*ui.Words
	rules     *consent.Rules
	subject   *subject
	rolesOnly bool
	names     func(org string) string
}

func (p *pages) speaker(r *http.Request, rules *consent.Rules, s *subject) *speaker {
	return &speaker{Words: p.room.Words(r), rules: rules, subject: s, rolesOnly: p.RolesOnly, names: p.Door.OrgName}
}

func (s *speaker) row(i *door.Item) row {
	out := row{
		Index: i.Index, Href: s.subject.base + "/access/" + strconv.FormatUint(i.Index, 10),
		When: i.When, Place: sentence(i.Name), Who: s.who(i), What: s.what(i), Why: s.why(i), Mine: i.Mine(),
	}
	if i.Type == door.Erased {
		out.Place, out.Who, out.What = s.Text("erased.place"), s.Text("erased.who"), s.Text("erased.what")
	}
	if i.ID == door.Everyone {
		out.Who = s.Text("who.everyone", "who", out.Who)
	}
	if i.Mine() {
		out.Place = s.Text("place.mine")
	}
	var reasons []string
	for _, m := range marksOf(i) {
		out.Tags = append(out.Tags, ui.Tag{Text: s.Text(plain.Key("mark." + string(m))), Kind: markColours[m]})
		reasons = append(reasons, s.reason(i, m))
	}
	if whoOf(i) == machines {
		out.Tags = append(out.Tags, ui.Tag{Text: s.Text("mark.machine"), Kind: "grey"})
	}
	out.Reason = strings.Join(slices.Compact(reasons), " ")
	return out
}

// who returns who did it: by name, or else by role.
func (s *speaker) who(i *door.Item) string {
	switch {
	case i.Reader == door.ByPerson && s.subject.acting == nil:
		return s.Text("who.you")
	case i.Reader == door.ByPerson:
		return s.Text("who.person")
	case i.Reader == door.ByDelegate && slices.Contains(s.subject.under, i.Delegation):
		return s.Text("who.you-acting")
	case i.Reader == door.ByDelegate && s.subject.acting != nil:
		return s.Text("who.delegate-acting")
	case i.Reader == door.ByDelegate:
		return s.Text("who.delegate")
	case i.Words.Machine && i.Words.System != "":
		return s.Text("who.system-named", "system", i.Words.System)
	case i.Words.Machine:
		return s.Text("who.system")
	}
	name, role := i.Words.Staff, s.English(i.Words.Role)
	if s.rolesOnly {
		name = ""
	}
	switch {
	case name != "" && role != "":
		return s.Text("who.name-role", "name", name, "role", role)
	case name != "":
		return name
	case role != "":
		return sentence(s.Text("who.role", "role", role))
	case i.Type != entry.TypeAccess && i.Type != entry.TypeDecision, i.Reader == door.ByOthers:
		return s.Text("who.organisation")
	}
	return s.Text("who.unnamed")
}

// looked returns that the person, or who acts for them, looked at this list.
func (s *speaker) looked(i *door.Item) string {
	switch {
	case i.Reader == door.ByPerson && s.subject.acting == nil:
		return s.Text("looked.you")
	case i.Reader == door.ByPerson:
		return s.Text("looked.person")
	case slices.Contains(s.subject.under, i.Delegation):
		return s.Text("looked.you-acting")
	case s.subject.acting != nil:
		return s.Text("looked.delegate-acting")
	}
	return s.Text("looked.delegate")
}

// what returns what was done, as a sentence. What was recorded about the person's own choices speaks
// to them.
func (s *speaker) what(i *door.Item) string {
	whose := plain.Key("")
	if s.subject.acting != nil {
		whose = "-acting"
	}
	switch b := i.Body.(type) {
	case *entry.Delegation:
		if b.Act == "granted" {
			end, _ := entry.ParseTime(b.End)
			key := "act.delegation.granted" + whose
			return s.Text(key, "date", s.For(key).Date(end))
		}
		return s.Text("act.delegation.revoked" + whose)
	case *entry.Consent:
		return s.Text(plain.Key("act.consent."+b.Act)+whose, "scope", english.Text(plain.Key("scope."+b.Scope)))
	}
	if i.Mine() {
		return s.looked(i)
	}
	return s.English(sentence(i.Words.What))
}

func (s *speaker) why(i *door.Item) string {
	if i.Mine() || i.Words.Why == "" {
		return ""
	}
	if b, ok := i.Body.(*entry.Consent); ok {
		return s.whyConsent(b)
	}
	return s.English(sentence(i.Words.Why))
}

// whyConsent returns the reason of a decision, with agreements by their titles.
func (s *speaker) whyConsent(b *entry.Consent) string {
	var why []string
	if b.Text != nil && b.Text.Reason != "" {
		why = append(why, s.English(plain.OneLine(b.Text.Reason)))
	}
	for _, id := range b.Agreements {
		why = append(why, s.Plain().Text("consent.agreement", "agreement", titleOf(s.rules, id)))
	}
	return sentence(strings.Join(why, "; "))
}

// titleOf returns the title of an agreement, or its id if the ledger does not know it.
func titleOf(rules *consent.Rules, id string) string {
	if a := rules.Agreements().Get(id); a != nil && len(a.Versions) > 0 {
		return plain.OneLine(a.Versions[len(a.Versions)-1].Text.Title)
	}
	return id
}

// reason returns why a mark is there, as the rules that decided say it, if they do.
func (s *speaker) reason(i *door.Item, m mark) string {
	if m == notCovered || m == override && i.Verdict != nil && i.Verdict.Result == entry.BreakGlass {
		if said := s.said(i); len(said) > 0 {
			return strings.Join(said, " ")
		}
	}
	key := plain.Key("mark." + string(m) + ".why")
	if s.subject.acting != nil && s.Has(key+"-acting") {
		key += "-acting"
	}
	return s.Text(key)
}

// toYou turns what rules say about "the person" into what they say to that person, on whose page
// they are. Words that it does not know stay as they were signed.
var toYou = strings.NewReplacer(
	"The person had restricted their record", "You had restricted your record",
	"The person restricted their record", "You restricted your record",
	"The person had", "You had", "The person consented", "You consented", "The person objected", "You objected",
	"the person is told", "you are told",
)

// said returns the words of the rules that decided.
func (s *speaker) said(i *door.Item) (list []string) {
	if i.Verdict == nil {
		return nil
	}
	reasons := s.rules.Reasons(i.Verdict)
	for n, id := range i.Verdict.Rules {
		said := english.Rule(id, reasons[n])
		if s.subject.acting == nil {
			said = toYou.Replace(said)
		}
		list = append(list, s.English(said))
	}
	return list
}

// sentence returns a text with a capital at its beginning.
func sentence(text string) string { return ui.First(text, strings.ToUpper) }

// parseIndex reads a position in the log as addresses have it.
func parseIndex(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return n, err == nil && strconv.FormatUint(n, 10) == s
}
