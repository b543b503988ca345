package officer

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// Kinds of days of an agreement.
const (
	reviews = "review"
	ends    = "end"
	starts  = "start"
)

// date is a day on which something is due for an agreement.
type date struct {
	Kind    string
	Day     time.Time // midnight UTC at the beginning of the day, as agreements count days
	Text    *entry.AgreementText
	State   consent.State
	Overdue bool
}

// dates returns the days of the agreements of a party that are or will be in force, the earliest
// first, and so what is overdue before all. If the next version of an agreement is agreed, the days
// of the present one count up to that one's start.
func dates(agreements *consent.Agreements, party string, now time.Time) (list []date) {
	for _, id := range agreements.IDs() {
		var next string // first day of the version after, "" if none is agreed
		for _, v := range slices.Backward(agreements.Get(id).Versions) {
			state := agreements.StateOf(id, v.Text.Version, now)
			if state != consent.Approved && !running(state) {
				continue
			}
			if slices.Contains(v.Text.Organisations(), party) {
				list = append(list, datesOf(v.Text, state, next, now)...)
			}
			next = v.Text.Start
		}
	}
	slices.SortStableFunc(list, func(a, b date) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Text.ID, b.Text.ID), cmp.Compare(b.Kind, a.Kind))
	})
	return list
}

func datesOf(t *entry.AgreementText, state consent.State, next string, now time.Time) (list []date) {
	at := func(kind, day string, over time.Time) {
		d, err := time.Parse(time.DateOnly, day)
		if err == nil && (next == "" || day < next) { // days sort as texts
			list = append(list, date{kind, d, t, state, !now.Before(over)})
		}
	}
	if state == consent.Approved {
		at(starts, t.Start, now.AddDate(1, 0, 0))
	}
	at(reviews, t.ReviewDue, t.ReviewTime())
	at(ends, t.End, t.EndTime())
	return list
}

type calendarPage struct {
	Overdue []shownDate
	Months  []calendarMonth
	Link    string // of the subscription; "" if there is none
	Token   string
}

type calendarMonth struct {
	Month string
	Dates []shownDate
}

type shownDate struct {
	Day     time.Time
	What    string
	ID      string
	Href    string
	Title   string
	Version uint64
	Parties string
	Tag     ui.Tag
}

// calendar is GET /officer/calendar.
func (w *work) calendar(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), w.words(r)
	rules, err := w.rules(r.Context())
	if err != nil {
		return err
	}
	var data calendarPage
	if data.Link, err = w.ownLink(r.Context(), u); err != nil {
		return err
	}
	for _, d := range dates(rules.Agreements(), u.Org, w.now()) {
		x := shownDate{
			Day: d.Day, What: words.Text(plain.Key("date." + d.Kind)),
			ID: d.Text.ID, Href: agreementsOf(u) + d.Text.ID, Title: d.Text.Title, Version: d.Text.Version,
			Parties: words.orgs(d.Text.Organisations()), Tag: words.state(d.State),
		}
		if d.Overdue {
			data.Overdue = append(data.Overdue, x)
			continue
		}
		month := words.month(d.Day.Format("2006-01"))
		if n := len(data.Months); n == 0 || data.Months[n-1].Month != month {
			data.Months = append(data.Months, calendarMonth{Month: month})
		}
		last := &data.Months[len(data.Months)-1]
		last.Dates = append(last.Dates, x)
	}
	p := ui.Page{Title: words.Text("calendar.title"), Section: "officer", Crumbs: words.crumbs(), Data: data}
	switch ui.Done(r) {
	case "made":
		p.Notice = words.Text("calendar.made")
	case "revoked":
		p.Notice = words.Text("calendar.revoked")
	}
	return w.render(rw, r, http.StatusOK, "calendar", p)
}
