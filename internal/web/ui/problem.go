package ui

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/audit/plain"
)

// Problem answers with a refusal or a failure: people get a page that says what happened and what they
// can do, programs a problem of RFC 9457. key names the words (problem.KEY.title and .text); one
// without words is answered with those of the status. If the answer has a Retry-After of seconds, the
// page says when to come back.
func (s *Site) Problem(w http.ResponseWriter, r *http.Request, status int, key string) {
	words := s.problems.Words(r)
	known := plain.Key("problem." + key)
	if !words.Has(known + ".title") {
		known = plain.Key("problem." + strconv.Itoa(status))
	}
	if !words.Has(known + ".title") {
		known = "problem.500"
	}
	title := words.Text(known + ".title")
	w.Header().Add("Vary", "Accept")
	if !WantsPage(r) {
		s.problemJSON(w, status, key, title, words.Text(known+".text"))
		return
	}
	p := Page{Title: title, Data: problemData{Text: words.Text(known + ".text"), SignIn: status == http.StatusUnauthorized}}
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil {
		d := p.Data.(problemData)
		d.Again = words.Span(roundUp(time.Duration(seconds) * time.Second))
		p.Data = d
	}
	w.Header().Set("Cache-Control", "no-store")
	_ = s.problems.Render(w, r, status, "problem", p)
}

type problemData struct {
	Text   string
	Again  string // how long to wait, or ""
	SignIn bool
}

// roundUp rounds to whole minutes what is longer than one.
func roundUp(d time.Duration) time.Duration {
	if d <= time.Minute {
		return d
	}
	return time.Duration(math.Ceil(d.Minutes())) * time.Minute
}

// problemPrefix starts the type of every problem, as in the API.
const problemPrefix = "urn:igledger:problem:"

func (s *Site) problemJSON(w http.ResponseWriter, status int, key, title, text string) {
	title, text = Unmarked(title), Unmarked(text)
	body, _ := json.Marshal(struct { // strings and a number
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{problemPrefix + key, title, status, text})
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // it fails only if the caller went away
}

// NotFound answers for paths that are not there.
func (s *Site) NotFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Problem(w, r, http.StatusNotFound, "not-found")
	})
}

// Fail answers that something that a page needs cannot be had: the ledger's database, or a log that
// has stopped. It logs why; readers are told when to come back.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the reader went away
	}
	s.config.Logger.Error("page cannot be made", "route", r.Pattern, "error", err)
	w.Header().Set("Retry-After", "60")
	s.Problem(w, r, http.StatusServiceUnavailable, "away")
}
