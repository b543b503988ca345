package api

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
)

// Whatever is posted, the answer is documented: results for every entry, or a problem, never a
// panic or a 500.
func FuzzSubmit(f *testing.F) {
	w := newWorld(f)
	good := w.entry("SRC", person)
	f.Add(submission(good))
	f.Add(submission(good, "junk", good[:len(good)-1]))
	f.Add(`{"entries":["a.b.c~d~"]}`)
	f.Add(`{"entries":[null]}`)
	f.Add(`{"entries":["\ud800"]}`)
	f.Add("\xef\xbb\xbf" + `{"entries":[]}`)
	f.Add(strings.Repeat("[", 200))
	h := w.handler()
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest("POST", "/v1/entries", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		r := reply{rec.Result(), rec.Body.Bytes()}
		r.Request = req
		if r.StatusCode != 200 {
			if code := r.problem(t); code == "internal" {
				t.Fatalf("%q: %s", body, r.body)
			}
			return
		}
		// A lenient decoder sees the same entries: ours never accepts what others would read
		// differently.
		var sent client.Submission
		var got client.Results
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		if err := json.Unmarshal(r.body, &got); err != nil || len(got.Results) != len(sent.Entries) {
			t.Fatalf("%q: %d results for %d entries: %v", body, len(got.Results), len(sent.Entries), err)
		}
	})
}

// Whatever is asked, the answer is a decision or a documented problem, and a denial is in the log
// under the id that the answer names.
func FuzzEvaluations(f *testing.F) {
	b := newBoard(f)
	b.agree(b.isa("isa-1", 1))
	for _, a := range []*entry.Access{b.access("SRC", person), b.shared(person), b.shared(person, breakGlass)} {
		one, _ := json.Marshal(questionOf(a))
		list, _ := json.Marshal(client.Evaluations{Evaluation: questionOf(a),
			Evaluations: []client.Evaluation{{}, {Context: &client.RequestContext{Delegation: deed}}}})
		f.Add(string(one))
		f.Add(string(list))
	}
	f.Add(`{"subject":null,"evaluations":[{"action":{"name":"C"}}]}`)
	f.Add(`{"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[{},{}]}`)
	now, rules := time.Now(), b.rules()
	h := New(Config{Log: b.log, Now: func() time.Time { return now }})
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest("POST", "/access/v1/evaluations", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", auth)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		r := reply{rec.Result(), rec.Body.Bytes()}
		r.Request = req
		if r.StatusCode != 200 {
			if code := r.problem(t); code == internal {
				t.Fatalf("%q: %s", body, r.body)
			}
			return
		}
		var got struct {
			client.Decision
			Evaluations []client.Decision
		}
		if err := json.Unmarshal(r.body, &got); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if got.Evaluations == nil {
			got.Evaluations = []client.Decision{got.Decision}
		}
		for _, d := range got.Evaluations {
			known := d.Context != nil && (d.Context.Verdict != nil || d.Context.Error != nil)
			if d.Context == nil || !d.Decision && known && d.Context.Error == nil && (d.Context.ID == "" || d.Context.Index == 0) {
				t.Fatalf("%q: a denial that is not logged: %s", body, r.body)
			}
			if d.Context.ID == "" {
				continue
			}
			o, err := b.log.Opening(t.Context(), d.Context.Index)
			if err != nil || !rules.Blind(o.Verdict).Equal(&d.Context.Verdict.Verdict) {
				t.Fatalf("%q: logged with another verdict: %v", body, err)
			}
		}
	})
}

// Whatever form is posted, a search is answered with a Bundle or refused, never with a panic or a
// 500, and no refusal repeats what was sent.
func FuzzFHIRSearch(f *testing.F) {
	w := newWorld(f)
	for _, form := range []string{
		"patient=chi:0101011237&reading-purpose=HCOMPL&date=ge2025-01", "entity.identifier=a|b", `agent:identifier=x\,y\|z,|w&_count=3`,
		"date=2025-06-30T13:00+01:00&_page=1z&type=|&policy=&=", "%", "_format=xml", "reading-request=1&reading-identity=2",
	} {
		f.Add(form)
	}
	h, token := w.handler(), "Bearer "+w.token(w.audit["AUD"], "AUD")
	f.Fuzz(func(t *testing.T, form string) {
		req := httptest.NewRequest("POST", fhirSearch, strings.NewReader(form))
		req.Header.Set("Content-Type", formMedia)
		req.Header.Set("Authorization", token)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		r := reply{rec.Result(), rec.Body.Bytes()}
		r.Request = req
		if r.StatusCode == 200 {
			if v := decodeAs[object](r.body); v["resourceType"] != "Bundle" {
				t.Fatalf("%q: %s", form, r.body)
			}
			return
		}
		if code := r.problem(t); code == internal || len(form) > 12 && strings.Contains(string(r.body), form) {
			t.Fatalf("%q: %s", form, r.body)
		}
	})
}
