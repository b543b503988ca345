package officer

import (
	"context"
	"net/http"
	"slices"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
)

// soon is how far ahead the overview looks for reviews.
const soon = 60 // days

type task struct {
	Href, Text, Hint string
	Count            int
	Tag              ui.Tag
}

type homePage struct {
	Org   string
	Tasks []task
	More  []ui.Link
}

// home is the overview of what an officer has to do.
func (w *work) home(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), w.words(r)
	rules, err := w.rules(r.Context())
	if err != nil {
		return err
	}
	data := homePage{Org: words.org(u.Org)}
	add := func(href string, key plain.Key, n int, kind string) {
		t := task{Href: href, Text: words.Text(key), Hint: words.Text(key + ".hint"), Count: n}
		t.Tag = ui.Tag{Text: words.Count(key+".count", uint64(n)), Kind: kind}
		if n == 0 {
			t.Tag = ui.Tag{Text: words.Text("task.none"), Kind: "green"}
		}
		data.Tasks = append(data.Tasks, t)
	}
	now := w.now()
	if u.Can(signin.Agreements) {
		n, err := w.toSign(r.Context(), rules.Agreements(), u.Org)
		if err != nil {
			return err
		}
		add("/officer/inbox", "task.sign", n, "blue")
	}
	if u.Can(signin.Administer) {
		keys, err := w.waitingKeys(r)
		if err != nil {
			return err
		}
		add("/officer/inbox", "task.keys", len(keys), "blue")
	}
	overdue, near := 0, 0
	for _, d := range dates(rules.Agreements(), u.Org, now) {
		switch {
		case d.Overdue:
			overdue++
		case d.Kind != starts && d.Day.Before(now.AddDate(0, 0, soon)):
			near++
		}
	}
	add("/officer/calendar", "task.review", overdue+near, map[bool]string{true: "red", false: "yellow"}[overdue > 0])
	if u.Can(signin.Reports) {
		c, err := w.counts(r)
		if err != nil {
			return err
		}
		add(uncovered.path, "task.uncovered", c.uncovered, "red")
		add(breakGlass.path, "task.glass", c.glass, "red")
	}
	add("/officer/requests", "task.requests", toAnswer(rules.Requests(), u.Org), "blue")
	for _, m := range []struct {
		href string
		key  plain.Key
		may  signin.Permission
	}{
		{"/officer/agreements", "more.agreements", signin.Agreements},
		{"/officer/reports", "more.reports", signin.Reports},
		{"/officer/sharing", "more.sharing", ""},
		{attempts.path, "more.attempts", signin.Reports},
		{"/officer/keys", "keys.title", signin.Agreements},
		{"/officer/keys", "keys.title", signin.Administer},
	} {
		if slices.ContainsFunc(data.More, func(x ui.Link) bool { return x.Href == m.href }) {
			continue
		}
		if m.may == "" || u.Can(m.may) {
			data.More = append(data.More, ui.Link{Text: words.Text(m.key), Href: m.href})
		}
	}
	return w.render(rw, r, http.StatusOK, "home", ui.Page{Title: words.Text("home.title"), Section: "officer", Data: data})
}

// toSign counts the proposals that wait for an organisation's signature. Those that it declined do
// not wait.
func (w *work) toSign(ctx context.Context, agreements *consent.Agreements, org string) (n int, err error) {
	for _, id := range agreements.IDs() {
		for _, v := range agreements.Get(id).Versions {
			if agreements.StateOf(id, v.Text.Version, w.now()) != consent.Proposed || !slices.Contains(v.Missing(), org) {
				continue
			}
			no, err := w.declined(ctx, org, id, v.Text.Version)
			if err != nil {
				return 0, err
			}
			if no == nil {
				n++
			}
		}
	}
	return n, nil
}

// toAnswer counts the requests to which an organisation owes an answer.
func toAnswer(requests *consent.Requests, org string) (n int) {
	for _, id := range requests.IDs() {
		if x := requests.Get(id); x.Asked.Holder == org && x.Decision == nil {
			n++
		}
	}
	return n
}
