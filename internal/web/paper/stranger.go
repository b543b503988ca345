package paper

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"igledger/audit/plain"
	"igledger/internal/web/ui"
)

// strangerData is what the page of a code shows. It is the same for everybody: who has the code's
// key is not known here.
type strangerData struct {
	ID     string
	Ends   time.Time
	Gone   bool // ended or taken back, which Why says
	Why    string
	Policy string
	Phone  string
	Checks map[string]string // what each check is called
}

// Outcomes are the results of a check, of which the script shows one.
func (strangerData) Outcomes() []string {
	return []string{"good", "alone", "stale", "partial", "failed"}
}

// Not names the words for what no check proves.
func (strangerData) Not() []string { return []string{"reported", "true", "withheld", "later"} }

// Keys are the words that the script puts together.
func (strangerData) Keys() []string {
	return []string{
		"checks", "count", "id", "days", "whole", "auditors", "witnesses", "nobody", "as-of", "unknown", "size", "entry",
		"policy", "policy-operator", "policy-own", "step", "step-failed", "progress",
		"newer", "hidden", "unread", "doubtful", "verdict-covered", "verdict-break-glass", "verdict-not-covered", "verdict-none",
	}
}

// stranger is the page that a code on paper opens.
func (p *pages) stranger(w http.ResponseWriter, r *http.Request) error {
	words := p.room.Words(r)
	paper, err := p.store.Find(r.Context(), r.PathValue("id"))
	d := strangerData{ID: r.PathValue("id"), Policy: p.Policy, Phone: p.Brand.Contact.Telephone,
		Checks: plain.In(words.Language()).Checks()}
	status, scripts := http.StatusOK, []string{"paper"}
	switch {
	case errors.Is(err, ErrNone):
		status, d.Gone, d.Why = http.StatusNotFound, true, words.Text("code.none")
	case errors.Is(err, ErrTakenBack):
		status, d.Gone, d.Why = http.StatusGone, true, words.Text("code.taken-back", "date", words.When(paper.TakenBack))
	case errors.Is(err, ErrEnded):
		status, d.Gone, d.Why = http.StatusGone, true, words.Text("code.ended", "date", words.When(paper.Ends))
	case err != nil:
		return err
	default:
		d.Ends = paper.Ends
	}
	if d.Gone {
		scripts = nil
	}
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Cache-Control", "no-store")
	return p.room.Render(w, r, status, "stranger", ui.Page{Title: words.Text("stranger.title"), Scripts: scripts, Data: d})
}

// sealedBytes answers with what a code opens. Anybody may have it, because it says nothing without
// the key.
func (p *pages) sealedBytes(w http.ResponseWriter, r *http.Request) error {
	if !p.paced.allow(p.Peer(r), r.PathValue("id"), p.Now()) {
		w.Header().Set("Retry-After", "60")
		p.Site.Problem(w, r, http.StatusTooManyRequests, "too-many-requests")
		return nil
	}
	data, _, err := p.store.Fetch(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.Write(data) // it fails only if the reader went away
	return nil
}
