package web

import (
	"crypto/sha256"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"igledger/internal/testledger"
	"igledger/ledger/entry"
)

// hostile is what somebody writes wherever a text is asked for. No page may make an element, an
// attribute or an address that runs of it.
const hostile = `"'><xss onload=steal() style=x><script>steal()</script><a href=javascript:steal()>{{.Org}}</textarea></title>`

// hostileWorld is a ledger in which all texts that an organisation or a person can write are
// hostile.
func hostileWorld(t *testing.T) *world {
	w := newWorld(t)
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	text := entry.AgreementText{
		ID: "isa-1", Version: 1, Title: hostile, Tier: "isa",
		Parties: []entry.AgreementParty{{Org: "LOT", Role: "controller", Contact: hostile, DPO: hostile, SIRO: hostile, Caldicott: hostile},
			{Org: "GGC", Role: "controller", Contact: hostile}},
		Purposes: []entry.AgreementPurpose{{Text: hostile, Code: "TREAT"}}, Article6: []string{"e"}, Power: hostile, Drivers: hostile,
		Data: []entry.AgreementData{{Text: hostile}}, Subjects: hostile, Necessity: hostile, Quality: hostile,
		Flows:     []entry.AgreementFlow{{From: "LOT", To: "GGC", How: hostile}},
		Retention: hostile, Disposal: hostile, Security: hostile,
		DPIA: entry.Assessment{Reference: hostile, Date: day(-30), Opinion: hostile}, Approvals: []entry.Approval{{Body: hostile,
			Reference: hostile, Date: day(-3)}},
		Notice: entry.Notice{URL: "https://src.test/privacy", Hash: sha256.Sum256([]byte("notice"))},
		Rights: hostile, Breach: hostile, Start: day(-10), End: day(300), ReviewDue: day(60),
	}
	proposal, err := entry.SignFor(w.keys["LOT"], "LOT", testledger.Origin, &entry.Agreement{Agreement: text})
	w.ok(err)
	w.ok(w.Log.Append(t.Context(), proposal)[0].Err)
	for _, org := range []string{"LOT", "GGC"} {
		w.Append(w.keys[org], &entry.AgreementSignature{Common: by(org), Agreement: "isa-1", Version: 1, Proposal: proposal.Identity()})
	}
	w.Append(w.keys["GGC"], &entry.AgreementAct{Common: by("GGC"), Agreement: "isa-1", Version: 1, Act: "suspend", Reason: hostile})
	w.Append(w.keys["GGC"], &entry.SharingRequest{Common: by("GGC"), Request: "req-1", Holder: "LOT", Data: hostile, Purpose: hostile,
		Codes: []string{"TREAT"}, Necessity: hostile, Power: hostile, By: hostile})
	for _, purpose := range []string{"TREAT", "HMARKT", "BTG"} {
		w.access(morag, func(a *entry.Access) {
			a.Purpose, a.System, a.Agreement, a.Emergency = []string{purpose}, hostile, "isa-1", purpose == "BTG"
			a.Staff = &entry.Staff{ID: hostile, System: "urn:example:staff", Name: hostile}
			a.Text = &entry.Text{Justification: hostile, Why: hostile, Query: hostile}
		})
	}
	return w
}

func by(org string) entry.Common { return entry.Common{Issuer: org, Audience: testledger.Origin} }

// links are the pages of ours to which a page leads.
func links(t *testing.T, path, body string) (list []string) {
	t.Helper()
	last := ""
	z := html.NewTokenizer(strings.NewReader(strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(body)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return list
		case html.StartTagToken, html.SelfClosingTagToken:
			k := z.Token()
			last = k.Data
			if k.Data == "xss" {
				t.Errorf("%s: an element of the text: %s", path, k)
			}
			for _, a := range k.Attr {
				u, err := url.Parse(a.Val)
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
					t.Errorf("%s: attribute %s", path, k)
				case a.Key != "href" && a.Key != "src" && a.Key != "action" && a.Key != "formaction":
				case err != nil || !slices.Contains([]string{"", "https", "mailto", "tel", "data"}, u.Scheme):
					t.Errorf("%s: it leads to %s", path, a.Val)
				case a.Key == "href" && strings.HasPrefix(a.Val, "/") && k.Data == "a":
					list = append(list, a.Val)
				}
			}
		case html.TextToken:
			own := path == "/check/keep" && last == "script" // of the file that is kept
			if strings.Contains(string(z.Raw()), "<") && !own {
				t.Errorf("%s: markup in a text: %.200s", path, z.Raw())
			}
		}
	}
}

// calendarNames are the properties that our calendars have (RFC 5545).
var calendarNames = strings.Fields("BEGIN END VERSION PRODID METHOD NAME X-WR-CALNAME REFRESH-INTERVAL UID DTSTAMP DTSTART DTEND " +
	"SUMMARY DESCRIPTION URL TRANSP")

// TestScriptEverywhere walks all pages of each kind of reader from where they begin, in a ledger
// whose every text is hostile, and finds nothing of it but text.
func TestScriptEverywhere(t *testing.T) {
	w := hostileWorld(t)
	officer := w.as(staff("LOT"))
	// What officers write themselves: a note, a draft, a reason why not.
	for path, form := range map[string][]string{
		"/officer/draft":   {"text", "title: " + hostile + "\nid: " + hostile},
		"/officer/request": {"request", hostile, "data", hostile, "purpose", hostile, "by", hostile},
		"/desk":            {"request", hostile, "scheme", hostile, "identity", hostile, "number", hostile},
	} {
		a := officer.post(path, form...)
		if a.code != 422 {
			t.Errorf("%s: %d", path, a.code)
		}
		links(t, path, a.body)
	}
	evil := person(morag)
	evil.Name = hostile
	staffer := staff("LOT")
	staffer.Name, staffer.Staff.Name = hostile, hostile
	for name, c := range map[string]struct {
		who  *visitor
		from []string
		want string
	}{
		"anybody": {w.as(nil), []string{"/", "/trust", "/register/agreements", "/register/sharing", "/register/policies"},
			"/register/agreements/isa-1"},
		"citizen": {w.as(evil), []string{"/you", "/you/choices", "/you/print", "/you/told"}, "/you/access/"},
		"officer": {w.as(staffer), []string{"/officer", "/officer/uncovered", "/officer/break-glass", "/officer/agreements", "/officer/sharing",
			"/officer/reports", "/officer/requests", "/officer/drafts", "/desk/post"}, "/officer/requests/req-1"},
	} {
		t.Run(name, func(t *testing.T) {
			seen, todo := map[string]bool{}, c.from
			for len(todo) > 0 && len(seen) < 250 {
				path, _, _ := strings.Cut(todo[0], "#")
				todo = todo[1:]
				if seen[path] || strings.Contains(path, "lang=gd") || strings.HasPrefix(path, "/sign-in") {
					continue
				}
				seen[path] = true
				a := c.who.get(path)
				switch media := a.header.Get("Content-Type"); {
				case strings.HasPrefix(media, "text/html"):
					todo = append(todo, links(t, path, a.body)...)
				case strings.HasPrefix(media, "text/calendar"):
					for line := range strings.SplitSeq(strings.TrimSpace(a.body), "\r\n") {
						name := line[:max(0, strings.IndexAny(line, ":;"))]
						if !strings.HasPrefix(line, " ") && !slices.Contains(calendarNames, name) {
							t.Errorf("%s: a line of its own: %s", path, line)
						}
					}
				}
				if a.code >= 500 {
					t.Errorf("%s: %d", path, a.code)
				}
			}
			if !slices.ContainsFunc(keys(seen), func(p string) bool { return strings.HasPrefix(p, c.want) }) {
				t.Errorf("it did not come to %s: %v", c.want, keys(seen))
			}
		})
	}
	if log := w.log.String(); strings.Contains(log, "xss") || strings.Contains(log, morag) || strings.Contains(log, morag[4:]) {
		t.Error("the log holds what somebody wrote, or a number")
	}
}

func keys(m map[string]bool) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}
