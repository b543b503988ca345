package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// A key that is revoked while a token signed by it is still alive stops counting at once.
func TestRevocationEndsLiveTokens(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.audit["AUD"], "AUD")
	if _, err := c.Search(t.Context(), person, 0, 0); err != nil {
		t.Fatal(err)
	}
	w.revoke("AUD", w.audit["AUD"])
	_, err := c.Search(t.Context(), person, 0, 0)
	wantProblem(t, err, 401, "unauthorised")
}

func TestTokensSentTwiceAreRefusedAsAmbiguous(t *testing.T) {
	w := newWorld(t)
	tok := "Bearer " + w.token(w.audit["AUD"], "AUD")
	req := w.request("POST", "/v1/accesses/search", `{"id":"`+person+`"}`)
	req.Header["Authorization"] = []string{tok, tok}
	if r := w.send(req); r.StatusCode != 401 {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestReceiptsForTheirSubmitter(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.submit["SRC"], w.access("SRC", person))
	other := w.access("OTH", person)
	w.append(w.submit["OTH"], other)
	index := w.log.Append(t.Context(), e)[0].Index
	log, err := wire.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	c := w.client(w.submit["SRC"], "SRC")

	r, err := c.Receipt(t.Context(), index)
	w.ok(err)
	if proved, err := verifier.VerifyReceipt(r, e, log, w.log.Genesis().VRFKey); err != nil || proved.Index != index {
		t.Errorf("receipt by index: %d, %v", proved.Index, err)
	}
	list, err := c.ReceiptsByID(t.Context(), []string{other.ID, e.ID, strings.ToUpper(e.ID), "x"})
	w.ok(err)
	for i, res := range list {
		if i == 1 {
			proved, err := verifier.VerifyReceipt(res.Receipt, e, log, w.log.Genesis().VRFKey)
			if err != nil || proved.Index != index || res.Status != client.Replayed {
				t.Errorf("receipt by jti: %s at %d, %v", res.Status, proved.Index, err)
			}
		} else if res.Problem.Code() != "not-found" || res.Receipt != nil {
			t.Errorf("lookup %d: %+v, want not-found", i, res)
		}
	}
	_, err = c.Receipt(t.Context(), w.size())
	wantProblem(t, err, 404, "not-found")
	for _, path := range []string{"x", "007", "+7", "-1", "1e3", "18446744073709551616", "7/"} {
		r := w.do("GET", "/v1/receipts/"+path, "", "Authorization", "Bearer "+w.token(w.submit["SRC"], "SRC"))
		if code := r.problem(t); code != "bad-request" {
			t.Errorf("receipt %q: %s", path, code)
		}
	}
}

func TestReadingIsLoggedAboutThePerson(t *testing.T) {
	w := newWorld(t)
	first := w.append(w.submit["SRC"], w.access("SRC", person)).Index
	w.append(w.submit["SRC"], w.access("SRC", "chi:0202800003"))
	c := w.client(w.audit["AUD"], "AUD")
	c.Purpose = []string{"HCOMPL"}

	page, err := c.Search(t.Context(), person, 0, 0)
	w.ok(err)
	if page.Count != 1 || len(page.Accesses) != 1 || page.Accesses[0].Index != first || page.Next != 0 {
		t.Fatalf("first search: %+v", page)
	}
	if a := page.Accesses[0].Access; a.Staff.Name != "Ailsa Example" || a.Organisation != "SRC" ||
		a.Purpose[0] != "TREAT" || *a.Sequence != 1 {
		t.Errorf("decoded: %+v", a)
	}
	o, err := c.Opening(t.Context(), first)
	w.ok(err)
	leaf, err := w.log.EntryBundle(t.Context(), 0, int(w.size()))
	w.ok(err)
	if _, err := verifier.OpenLeaf(o, leafAt(leaf, first)); err != nil {
		t.Errorf("the opening does not open its leaf: %v", err)
	}
	page, err = w.client(w.audit["AUD"], "AUD").Search(t.Context(), person, 0, 0)
	w.ok(err)
	if page.Count != 3 || len(page.Accesses) != 3 {
		t.Fatalf("%d entries after one search and one opening, want 3", page.Count)
	}
	for _, x := range page.Accesses[:2] {
		a := x.Access
		if a.Issuer != "OPR" || a.Organisation != "AUD" || a.System != "ig-office" || a.Action != "R" ||
			a.Event[0] != "http://dicom.nema.org/resources/ontology/DCM|110101" || a.Purpose[0] != "HCOMPL" {
			t.Errorf("the reading was logged as %+v", a)
		}
		e, err := entry.ParseParts(x.Opening.JWS, x.Opening.Disclosures)
		w.ok(err)
		w.ok(e.JWS.Verify(w.keys.Operator.Public))
	}
	if page.Accesses[0].Index <= page.Accesses[1].Index {
		t.Error("not newest first")
	}
}

func TestPagesOfAHistory(t *testing.T) {
	w := newWorld(t)
	for range 6 { // a multiple of the page: the last one says that it is
		w.append(w.submit["SRC"], w.access("SRC", person))
	}
	c := w.client(w.audit["AUD"], "AUD")
	var seen []uint64
	pages := 0
	for before := uint64(0); ; pages++ {
		page, err := c.Search(t.Context(), person, before, 2)
		w.ok(err)
		for _, a := range page.Accesses {
			seen = append(seen, a.Index)
		}
		before = page.Next
		if before == 0 {
			break
		}
	}
	for i, n := range seen {
		if i > 0 && n >= seen[i-1] {
			t.Errorf("not descending: %v", seen)
		}
	}
	if len(seen) != 6 || pages != 2 {
		t.Errorf("%d pages give %d accesses, want 3 with 6: %v", pages+1, len(seen), seen)
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	small := &bundle.Opening{JWS: "a.b.c", Disclosures: []string{"d"}}
	half := &bundle.Opening{JWS: strings.Repeat("x", maxPage/4), Disclosures: []string{strings.Repeat("y", maxPage/4)}}
	huge := &bundle.Opening{JWS: strings.Repeat("x", maxPage+1)}
	for _, c := range []struct {
		openings []*bundle.Opening
		want     int
	}{
		{nil, 0},
		{[]*bundle.Opening{small, small}, 2},
		{[]*bundle.Opening{half, half, small}, 2},
		{[]*bundle.Opening{huge, small}, 1},
		{[]*bundle.Opening{small, huge}, 1},
	} {
		if got := fitting(c.openings); got != c.want {
			t.Errorf("%d openings: a page of %d, want %d", len(c.openings), got, c.want)
		}
	}
}

// A search for a person without a history is an access too: the answer shows that there is none.
func TestSearchForSomebodyUnknownIsLogged(t *testing.T) {
	w := newWorld(t)
	c := w.client(w.audit["AUD"], "AUD")
	page, err := c.Search(t.Context(), "chi:0303800001", 0, 0)
	w.ok(err)
	if page.Count != 0 || page.Accesses == nil {
		t.Errorf("%+v, want an empty list", page)
	}
	page, err = c.Search(t.Context(), "chi:0303800001", 0, 0)
	w.ok(err)
	if page.Count != 1 {
		t.Errorf("%d entries after a search, want 1", page.Count)
	}
}

// When the log takes no entries, there is no reading either.
func TestReadingThatCannotBeLoggedFails(t *testing.T) {
	w := newWorld(t)
	index := w.append(w.submit["SRC"], w.access("SRC", person)).Index
	w.ok(w.log.Close(t.Context()))
	auth := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	for _, r := range []reply{w.do("POST", "/v1/accesses/search", `{"id":"`+person+`","purpose":["HCOMPL"]}`, auth...),
		w.do("GET", fmt.Sprint("/v1/openings/", index, "?purpose=HCOMPL"), "", auth...)} {
		if code := r.problem(t); r.StatusCode != 503 || code != shuttingDown || strings.Contains(string(r.body), "jws") {
			t.Errorf("%d %s: %s", r.StatusCode, code, r.body)
		}
	}
}

func TestRefusedReadings(t *testing.T) {
	w := newWorld(t)
	sealed := w.append(w.submit["SRC"], w.access("SRC", entry.RegSources)).Index
	aud, ctl := w.token(w.audit["AUD"], "AUD"), w.token(w.audit["CTL"], "CTL")
	for _, c := range []struct {
		name, method, path, body, token string
		status                          int
		code                            string
	}{
		{"not an id", "POST", "/v1/accesses/search", `{"id":"0101011237"}`, aud, 422, "bad-id"},
		{"no id", "POST", "/v1/accesses/search", `{}`, aud, 422, "bad-id"},
		{"limit too high", "POST", "/v1/accesses/search", `{"id":"` + person + `","limit":201}`, aud, 400, "bad-request"},
		{"negative limit", "POST", "/v1/accesses/search", `{"id":"` + person + `","limit":-1}`, aud, 400, "bad-request"},
		{"id twice", "POST", "/v1/accesses/search", `{"id":"` + person + `","id":"chi:0202800003"}`, aud, 400, "bad-request"},
		{"purpose in words", "POST", "/v1/accesses/search",
			`{"id":"` + person + `","purpose":["because of Ailsa"]}`, aud, 400, "bad-request"},
		{"withheld entries, by a controller", "POST", "/v1/accesses/search", `{"id":"reg:withheld","purpose":["HCOMPL"]}`, ctl, 403, "forbidden"},
		{"withheld entries, by an auditor", "POST", "/v1/accesses/search", `{"id":"reg:withheld","purpose":["HCOMPL"]}`, aud, 404, "not-found"},
		{"dummies, by an auditor", "POST", "/v1/accesses/search", `{"id":"reg:padding","purpose":["HCOMPL"]}`, aud, 404, "not-found"},
		{"a statement of withheld entries", "POST", "/v1/statements", `{"id":"reg:withheld","purpose":["HCOMPL"]}`, aud, 404, "not-found"},
		{"a request without a check of identity", "POST", "/v1/accesses/search",
			`{"id":"` + person + `","purpose":["PATRQT"],"request":"SAR-1"}`, aud, 400, "bad-request"},
		{"an unknown check of identity", "POST", "/v1/accesses/search",
			`{"id":"` + person + `","purpose":["PATRQT"],"request":"SAR-1","identity":"face"}`, aud, 400, "bad-request"},
		{"a person's number as reference of a request", "POST", "/v1/statements",
			`{"id":"` + person + `","purpose":["PATRQT"],"request":"0101011237","identity":"documents"}`, aud, 400, "bad-request"},
		{"opening of a register, by a controller", "GET", fmt.Sprint("/v1/openings/", sealed, "?purpose=HCOMPL"), "", ctl, 403, "forbidden"},
		{"opening of a public leaf", "GET", "/v1/openings/0?purpose=HCOMPL", "", aud, 404, "not-found"},
		{"opening beyond the log", "GET", "/v1/openings/100000?purpose=HCOMPL", "", aud, 404, "not-found"},
		{"empty purpose", "GET", fmt.Sprint("/v1/openings/", sealed, "?purpose="), "", aud, 400, "bad-request"},
		{"no jti", "POST", "/v1/receipts/lookup", `{"jti":[]}`, w.token(w.submit["SRC"], "SRC"), 400, "bad-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.size()
			r := w.do(c.method, c.path, c.body, "Authorization", "Bearer "+c.token)
			if code := r.problem(t); r.StatusCode != c.status || code != c.code {
				t.Errorf("%d %s, want %d %s: %s", r.StatusCode, code, c.status, c.code, r.body)
			}
			if w.size() != before {
				t.Error("a refused reading changed the log")
			}
			if strings.Contains(string(r.body), "0101011237") || strings.Contains(string(r.body), "Ailsa") {
				t.Errorf("the problem repeats what was sent: %s", r.body)
			}
		})
	}
	if r := w.do(
		"POST", "/v1/accesses/search", `{"id":"reg:sources","purpose":["HCOMPL"]}`, "Authorization", "Bearer "+aud,
	); r.StatusCode != 200 {
		t.Errorf("an auditor reads reg:sources: %d %s", r.StatusCode, r.body)
	}
}

func wantProblem(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code() != code {
		t.Errorf("error %v, want problem %d %s", err, status, code)
	}
}

func leafAt(bundle []byte, index uint64) []byte {
	for ; ; index-- {
		n := int(bundle[0])<<8 | int(bundle[1])
		if index == 0 {
			return bundle[2 : 2+n]
		}
		bundle = bundle[2+n:]
	}
}
