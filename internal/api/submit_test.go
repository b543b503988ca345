package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func TestSubmitGivesReceiptsThatTheSourceCanCheck(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.submit["SRC"], w.access("SRC", person))
	got, err := w.client(nil, "").Submit(t.Context(), []string{e.SDJWT()})
	w.ok(err)
	if got[0].Status != client.Appended {
		t.Fatalf("status %q, want appended: %+v", got[0].Status, got[0].Problem)
	}
	log, err := wire.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	proved, err := verifier.VerifyReceipt(got[0].Receipt, e, log, w.log.Genesis().VRFKey)
	w.ok(err)
	index := proved.Index
	if index != got[0].Index {
		t.Errorf("receipt proves index %d, the result says %d", index, got[0].Index)
	}
	again, err := w.client(nil, "").Submit(t.Context(), []string{e.SDJWT()})
	w.ok(err)
	if again[0].Status != client.Replayed || again[0].Index != index {
		t.Errorf("sent again: %s at %d, want replayed at %d", again[0].Status, again[0].Index, index)
	}
}

// Each way a single submission can be wrong has its own problem and status, and leaves nothing in
// the log.
func TestRefusedSubmissions(t *testing.T) {
	w := newWorld(t)
	stranger := w.newKey()
	revoked := w.addKey("SRC", entry.PurposeSubmit)
	w.revoke("SRC", revoked)
	sent := w.access("SRC", person)
	w.append(w.submit["SRC"], sent)
	twin := w.access("SRC", person)
	twin.ID = sent.ID
	with := func(change func(*entry.Access)) *entry.Access {
		a := w.access("SRC", person)
		change(a)
		return a
	}
	sign := func(s *wire.Signer, a *entry.Access) string { return submission(w.sign(s, a).SDJWT()) }
	good := w.entry("SRC", person)
	jws, disclosures, _ := strings.Cut(good, "~")
	first, _, _ := strings.Cut(disclosures, "~")
	head, rest, _ := strings.Cut(jws, ".")
	payload, sig, _ := strings.Cut(rest, ".")
	otherJWS, _, _ := strings.Cut(w.entry("SRC", person), "~")
	quoted, _ := json.Marshal(good)

	for _, c := range []struct {
		name   string
		body   string
		status int
		code   string
	}{
		{"no body", "", 415, "unsupported-media-type"},
		{"not JSON", "{", 400, "bad-request"},
		{"trailing bytes", submission(good) + "x", 400, "bad-request"},
		{"duplicate member", `{"entries":[` + string(quoted) + `],"entries":[` + string(quoted) + `]}`, 400, "bad-request"},
		{"unknown member", `{"entries":[` + string(quoted) + `],"priority":1}`, 400, "bad-request"},
		{"other spelling of a member", `{"Entries":[` + string(quoted) + `]}`, 400, "bad-request"},
		{"invalid UTF-8", "{\"entries\":[\"\xff\"]}", 400, "bad-request"},
		{"no entries", `{"entries":[]}`, 400, "bad-request"},
		{"null", `null`, 400, "bad-request"},
		{"too many entries", submission(make([]string, 1001)...), 400, "bad-request"},
		{"empty entry", submission(""), 400, "bad-jws"},
		{"not a JWS", submission("a.b~"), 400, "bad-jws"},
		{"padded base64", submission(head + "=." + payload + "." + sig + "~"), 400, "bad-base64"},
		{"key binding", submission(good + "e.e.e"), 422, "bad-disclosure"},
		{"disclosure of another entry", submission(otherJWS + "~" + first + "~"), 422, "unreferenced-digest"},
		{"disclosure twice", submission(jws + "~" + first + "~" + first + "~"), 422, "duplicate-disclosure"},
		{"sub not disclosed", submission(jws + "~"), 422, "bad-disclosure"},
		{"entry too large", submission(strings.Repeat("a", 1<<20) + ".b.c~"), 413, "too-large"},
		{"signature of another entry", submission(head + "." + payload + "." +
			otherJWS[strings.LastIndexByte(otherJWS, '.')+1:] + good[len(jws):]), 403, "bad-signature"},
		{"unknown key", sign(stranger, w.access("SRC", person)), 403, "unknown-key"},
		{"unknown key, disclosures that are none", strings.Replace(sign(stranger, w.access("SRC", person)), "~", "~%~~junk~", 1),
			403, "unknown-key"},
		{"revoked key", sign(revoked, w.access("SRC", person)), 403, "revoked-key"},
		{"key for audit", sign(w.audit["AUD"], w.access("AUD", person)), 403, "wrong-purpose"},
		{"iss of another organisation", sign(w.submit["OTH"], w.access("SRC", person)), 403, "wrong-issuer"},
		{"for another log", sign(w.submit["SRC"], with(func(a *entry.Access) { a.Audience = "sandbox.example" })), 422,
			"wrong-audience"},
		{"from the future", sign(w.submit["SRC"],
			with(func(a *entry.Access) { a.IssuedAt = time.Now().Add(time.Hour).Unix() })), 422, "future"},
		{"same jti, other content", sign(w.submit["SRC"], twin), 409, "conflict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.size()
			r := w.do("POST", "/v1/entries", c.body)
			if code := r.problem(t); r.StatusCode != c.status || code != c.code {
				t.Errorf("got %d %s, want %d %s: %s", r.StatusCode, code, c.status, c.code, r.body)
			}
			if n := w.size(); n != before {
				t.Errorf("the log grew from %d to %d", before, n)
			}
			if strings.Contains(string(r.body), "0101011237") || strings.Contains(string(r.body), "Ailsa") {
				t.Errorf("the problem holds a personal datum: %s", r.body)
			}
		})
	}
}

func TestBatchWithBadEntriesAcceptsTheGood(t *testing.T) {
	w := newWorld(t)
	e := w.entry("SRC", person)
	r := w.do("POST", "/v1/entries", submission(e, "junk", w.entry("OTH", person), e, w.entry("SRC", "chi:0101011238")))
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
	var got client.Results
	w.ok(json.Unmarshal(r.body, &got))
	want := []client.Status{client.Appended, client.Refused, client.Appended, client.Replayed, client.Appended}
	for i, res := range got.Results {
		if res.Status != want[i] {
			t.Errorf("result %d: %s, want %s (%v)", i, res.Status, want[i], res.Problem)
		}
		if (res.Receipt == nil) != (res.Status == client.Refused) {
			t.Errorf("result %d: receipt %v with status %s", i, res.Receipt, res.Status)
		}
	}
	if p := got.Results[1].Problem; p == nil || p.Code() != "bad-jws" {
		t.Errorf("problem of the bad entry: %+v", p)
	}
	if got.Results[3].Index != got.Results[0].Index {
		t.Errorf("the repeated entry is at %d, first at %d", got.Results[3].Index, got.Results[0].Index)
	}
	if f := got.Results[4].Flags; len(f) != 1 || f[0] != entry.FlagCheckDigit {
		t.Errorf("flags of a number with a wrong check digit: %v", f)
	}
}

// A key may sign in the call that registers it, after the entry that does.
func TestKeyOfTheSameCall(t *testing.T) {
	w := newWorld(t)
	k := w.newKey()
	register := w.sign(w.admin["SRC"], &entry.Key{Common: entry.Common{Issuer: "SRC", Audience: origin}, Org: "SRC",
		Key: entry.PublicKey{JWK: k.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}, Proof: w.prove(k, "SRC")})
	access := w.sign(k, w.access("SRC", person))
	before := w.sign(k, w.access("SRC", person))
	r := w.do("POST", "/v1/entries", submission(before.SDJWT(), register.SDJWT(), access.SDJWT()))
	var got client.Results
	w.ok(json.Unmarshal(r.body, &got))
	for i, want := range []client.Status{client.Refused, client.Appended, client.Appended} {
		if got.Results[i].Status != want {
			t.Errorf("result %d: %s, want %s (%v)", i, got.Results[i].Status, want, got.Results[i].Problem)
		}
	}
}

func TestABatchOfOnlyBadEntriesSaysSoForEach(t *testing.T) {
	w := newWorld(t)
	r := w.do("POST", "/v1/entries", submission("junk", "junk"))
	var got client.Results
	if json.Unmarshal(r.body, &got) != nil || r.StatusCode != http.StatusOK || len(got.Results) != 2 {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
}

func TestBodyLimits(t *testing.T) {
	w := newWorld(t)
	blank := strings.Repeat(" ", maxSubmit)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
	}{
		{"submission over the limit", "POST", "/v1/entries", blank + submission("a"), nil, 413},
		{"as form", "POST", "/v1/entries", submission("a"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"in another charset", "POST", "/v1/entries", submission("a"),
			[]string{"Content-Type", "application/json; charset=utf-16"}, 415},
		{"compressed", "POST", "/v1/entries", submission("a"), []string{"Content-Encoding", "gzip"}, 415},
		{"utf-8 is the charset", "POST", "/v1/entries", submission("a"),
			[]string{"Content-Type", "application/json; charset=UTF-8"}, 400},
		{"search over its smaller limit", "POST", "/v1/accesses/search", strings.Repeat(" ", maxBody) + "{}",
			[]string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.do(c.method, c.path, c.body, c.header...)
			if r.problem(t); r.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", r.StatusCode, c.status, r.body)
			}
		})
	}
}

// A body of unknown length is cut off at the limit, not read to its end.
func TestBodyOfUnknownLength(t *testing.T) {
	w := newWorld(t)
	req := w.request("POST", "/v1/entries", "")
	req.Header.Set("Content-Type", "application/json")
	req.Body = io.NopCloser(io.LimitReader(blanks{}, maxSubmit+1))
	req.ContentLength = -1
	if r := w.send(req); r.StatusCode != 413 || r.problem(t) != "too-large" {
		t.Errorf("status %d", r.StatusCode)
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// While the log takes nothing, the answer to one entry and to many is 503 with Retry-After, and the
// process stays alive but not ready.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	one, two := w.entry("SRC", person), w.entry("SRC", person)
	w.ok(w.log.Close(t.Context()))
	for name, body := range map[string]string{"one": submission(one), "many": submission(one, two)} {
		r := w.do("POST", "/v1/entries", body)
		if code := r.problem(t); r.StatusCode != 503 || code != shuttingDown || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", name, r.StatusCode, code, r.Header.Get("Retry-After"))
		}
	}
	if r := w.do("POST", "/v1/entries", submission(one, "junk")); r.StatusCode != 200 {
		t.Errorf("a batch with an entry that will never be taken: %d, want 200 with results", r.StatusCode)
	}
	if r := w.do("GET", "/readyz", ""); r.StatusCode != 503 || r.problem(t) != shuttingDown {
		t.Errorf("readyz: %d %s", r.StatusCode, r.body)
	}
	if r := w.do("GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("healthz: %d", r.StatusCode)
	}
}
