package paper

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/paper/sealed"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// A person prints their list and each thing on it, in normal and in large print.
func TestPrintViews(t *testing.T) {
	w := newPageWorld(t)
	morag := w.as(citizenUser(moragID))
	list := morag.get("/you/print")
	list.want(t, "list", 200, "There are 6 things on this list", "Dr &lt;b&gt;Ailsa&lt;/b&gt; Test", "Not covered", "large print")
	morag.get("/you/print?size=large").want(t, "large", 200, "paper--large")
	if strings.Contains(list.body, "0101010001") || !strings.Contains(list.head.Get("Cache-Control"), "no-store") {
		t.Error("the number is on paper, or a cache keeps the page")
	}
	h, err := w.Log.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine, others := 0, 0
	for i := range h {
		page := morag.get(fmt.Sprintf("/you/print/%d", i))
		switch page.status {
		case 200:
			mine++
		case 404:
			others++
		default:
			t.Errorf("entry %d: %d", i, page.status)
		}
	}
	if mine != 6 || others == 0 {
		t.Errorf("%d entries are shown one by one, want 6; %d are not", mine, others)
	}
	for _, path := range []string{"/you/print/x", "/you/print/-1", "/you/print/007", "/you/print/999999"} {
		morag.get(path).want(t, path, 404)
	}
	for _, path := range []string{"/you/print", "/you/papers"} {
		w.as(nil).get(path).want(t, path, 401)
		w.as(deskUser("TST", "Desk")).get(path).want(t, path, 403)
	}
}

// A list in which something was erased can be printed. No code can be made that claims to open all
// of it.
func TestErasedOnPaper(t *testing.T) {
	w := newPageWorld(t)
	const gone = 12 // the third of Morag's
	w.Erase(gone)
	morag := w.as(citizenUser(moragID))
	morag.get("/you/print").want(t, "list", 200, "There are 6 things on this list", "Something was here, and was erased",
		"Dr &lt;b&gt;Ailsa&lt;/b&gt; Test")
	morag.get(fmt.Sprintf("/you/print/%d", gone)).want(t, "what was erased", 200, "Something was here, and was erased")
	if got := morag.post("/you/print/statement"); got.status != 410 {
		t.Errorf("a statement: %d", got.status)
	}
}

// What a script gets to seal is the person's statement, or the extract of one access of theirs.
func TestStatementToSeal(t *testing.T) {
	w := newPageWorld(t)
	morag := w.as(citizenUser(moragID))
	var d document
	got := morag.post("/you/print/statement")
	got.want(t, "statement", 200)
	if err := json.Unmarshal([]byte(got.body), &d); err != nil || d.ID != moragID {
		t.Fatalf("%+v: %v", d.ID, err)
	}
	s, err := bundle.ParseStatement([]byte(d.Statement))
	if err != nil || len(s.Entries) != 5 {
		t.Fatalf("%v", err)
	}
	index := s.Entries[2].Index
	got = morag.post("/you/print/statement", "index", fmt.Sprint(index))
	got.want(t, "extract", 200)
	d = document{}
	if err := json.Unmarshal([]byte(got.body), &d); err != nil || d.ID != "" {
		t.Errorf("an extract has an id: %v", err)
	}
	if x, err := bundle.ParseExtract([]byte(d.Statement)); err != nil || len(x.Entries) != 1 || x.Entries[0].Index != index {
		t.Errorf("extract: %v", err)
	}
	for _, bad := range []string{"x", "0", "999", fmt.Sprint(s.Entries[4].Index + 1)} { // the last is Iain's
		morag.post("/you/print/statement", "index", bad).want(t, "extract of "+bad, 404)
	}
	w.as(nil).post("/you/print/statement").want(t, "nobody", 401)
}

func seal(t *testing.T, text string) (data []byte, id string) {
	t.Helper()
	data, _, err := sealed.Seal(sealed.Document{ID: moragID, Statement: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return data, sealed.ID(data)
}

// A code works for strangers until its owner stops it or its time is over, and then says so.
func TestCode(t *testing.T) {
	w := newPageWorld(t)
	morag, iain, stranger := w.as(citizenUser(moragID)), w.as(citizenUser(iainID)), w.as(nil)
	data, id := seal(t, "{}")
	var k kept
	got := morag.do("POST", "/you/papers", "application/octet-stream", data)
	got.want(t, "keep", 200)
	if err := json.Unmarshal([]byte(got.body), &k); err != nil || k.ID != id || k.Ends == "" {
		t.Fatalf("%+v %v", k, err)
	}
	stranger.get("/p/"+id).want(t, "page", 200, "noscript", "auditor.example")
	if got := stranger.get("/p/" + id + "/sealed"); got.status != 200 || got.body != string(data) {
		t.Errorf("sealed: %d", got.status)
	}
	morag.get("/you/papers").want(t, "own codes", 200, "/you/papers/"+id+"/take-back")
	if got := iain.get("/you/papers"); strings.Contains(got.body, id) {
		t.Error("another person's code is listed")
	}
	iain.post("/you/papers/"+id+"/take-back").want(t, "another takes it back", 404)
	stranger.post("/you/papers/"+id+"/take-back").want(t, "a stranger takes it back", 401)
	stranger.get("/p/"+id).want(t, "page still", 200)

	if got := morag.post("/you/papers/" + id + "/take-back"); got.status != 303 || got.to != "/you/papers?taken-back" {
		t.Errorf("take back: %+v", got)
	}
	morag.get("/you/papers?taken-back").want(t, "own codes", 200, "was stopped on")
	stranger.get("/p/"+id).want(t, "page of a code that was stopped", 410, "was stopped on")
	stranger.get("/p/"+id+"/sealed").want(t, "what it opened", 410)

	data, id = seal(t, "{ }")
	morag.do("POST", "/you/papers", "application/octet-stream", data).want(t, "another", 200)
	w.pass(Life + time.Second)
	stranger.get("/p/"+id).want(t, "page of a code that ended", 410, "This code ended on")
	stranger.get("/p/"+id+"/sealed").want(t, "what it opened", 410)
	for _, bad := range []string{id[:21], "x", sealed.ID([]byte("no such"))} {
		stranger.get("/p/"+bad).want(t, "no code", 404, "There is no such code")
		stranger.get("/p/"+bad+"/sealed").want(t, "nothing", 404)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "a statement in clear": []byte("{}"), "half": data[:len(data)-1]} {
		morag.do("POST", "/you/papers", "application/octet-stream", bad).want(t, name, 400)
	}
	morag.do("POST", "/you/papers", "application/octet-stream", make([]byte, sealed.MaxSize+1)).want(t, "too much", 413)
	if strings.Contains(w.log.String(), "0101010001") {
		t.Error("the number is in the log")
	}
}

// One who fetches again and again is slowed down, and keeps nobody else from the code.
func TestFetchesArePaced(t *testing.T) {
	w := newPageWorld(t)
	data, id := seal(t, "{}")
	w.as(citizenUser(moragID)).do("POST", "/you/papers", "application/octet-stream", data)
	stranger := w.as(nil)
	for range burst {
		stranger.get("/p/"+id+"/sealed").want(t, "fetch", 200)
	}
	got := stranger.get("/p/" + id + "/sealed")
	got.want(t, "one too many", 429)
	if got.head.Get("Retry-After") == "" {
		t.Error("nothing says when to come back")
	}
	for range 2 * ofCode * burst {
		stranger.get("/p/" + id + "/sealed")
	}
	w.from("another address")
	stranger.get("/p/"+id+"/sealed").want(t, "somebody else", 200)
	w.from("somebody")
	w.pass(time.Minute)
	stranger.get("/p/"+id+"/sealed").want(t, "later", 200)
}

var asked = []string{"scheme", "chi", "number", "010101 0001", "identity", "documents", "request", "SAR-2026-7"}

// with returns the form at the desk with one field altered.
func with(field, value string) []string {
	form := append([]string{}, asked...)
	for i := 0; i < len(form); i += 2 {
		if form[i] == field {
			form[i+1] = value
		}
	}
	return form
}

func TestDesk(t *testing.T) {
	w := newPageWorld(t)
	desk := w.as(deskUser("TST", "Desk One"))
	desk.get("/desk").want(t, "form", 200, "How did you check who the person is?")
	for name, c := range map[string]struct {
		form []string
		text string
	}{
		"no number":             {with("number", ""), "Enter a number of 10 digits"},
		"a wrong digit":         {with("number", "0101010000"), "its last digit does not fit"},
		"another scheme":        {with("scheme", "reg"), "Choose which number"},
		"no identity":           {with("identity", ""), "Choose how you checked"},
		"an identity of others": {with("identity", "sign-in"), "Choose how you checked"},
		"no request":            {with("request", ""), "Enter the reference"},
		"a number as request":   {with("request", "SAR-0101010001"), "must not hold"},
		"a long request":        {with("request", strings.Repeat("x", 129)), "at most 128"},
		"a request with spaces": {with("request", "SAR 7"), "no spaces"},
	} {
		got := desk.post("/desk", c.form...)
		got.want(t, name, 422, c.text)
		if strings.Contains(strings.ReplaceAll(got.body, " ", ""), "010101000") {
			t.Errorf("%s: the number is on the page", name)
		}
	}
	// A wrong digit is asked about, and the answer is for the number that was typed only. Then it
	// is taken and flagged, as the commands do.
	doubtful := with("number", "0101010000")
	_, rest, _ := strings.Cut(desk.post("/desk", doubtful...).body, `name="sure" value="`)
	sure, _, _ := strings.Cut(rest, `"`)
	desk.post("/desk", append(with("number", "0101010009"), "sure", sure)...).want(t, "another wrong number", 422,
		"its last digit does not fit")
	w.as(deskUser("TST", "Desk Two")).post("/desk", append(doubtful, "sure", sure)...).want(t, "a colleague", 422, "its last digit")
	got := desk.post("/desk", append(doubtful, "sure", sure)...)
	if got.status != 303 {
		t.Fatalf("a wrong digit that is right: %+v", got)
	}
	desk.get(got.to).want(t, "visit", 200, "fails a check, so it may be mistyped")
	if o, err := w.Log.Opening(t.Context(), w.Size()-1); err != nil || !slices.Contains(o.Flags, entry.FlagCheckDigit) {
		t.Errorf("the reading is not flagged: %v", err)
	}
	before := w.Size()
	got = desk.post("/desk", asked...)
	if got.status != 303 || !strings.HasPrefix(got.to, "/desk/visit/") || strings.Contains(got.to, "0101") {
		t.Fatalf("%+v", got)
	}
	visit := got.to
	page := desk.get(visit)
	page.want(t, "visit", 200, "There are 6 things", "SAR-2026-7", "They showed documents")
	if strings.Contains(page.body, "0101010001") || strings.Contains(page.body, "010101 0001") {
		t.Error("the number is on the page")
	}

	// The reading is in the log once, as the table has it, with who made it.
	if w.Size() != before+1 {
		t.Fatalf("%d readings", w.Size()-before)
	}
	o, err := w.Log.Opening(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		t.Fatal(err)
	}
	a := e.Body.(*entry.Access)
	if a.Request != "SAR-2026-7" || a.Identity != entry.ByDocuments || a.Staff == nil || a.Staff.Name != "Desk One" || a.Accessor() != "TST" ||
		readers.Check(a, []entry.Role{entry.RoleFrontDesk}) != nil {
		t.Errorf("the reading is %+v by %+v", a, a.Staff)
	}

	// What is sealed at a desk is the person's: they see it and stop it, and so does the desk.
	desk.post(visit+"/statement").want(t, "statement", 200, moragID)
	for n, by := range []func(id string) answered{
		func(id string) answered { return desk.post(visit + "/papers/" + id + "/take-back") },
		func(id string) answered { return w.as(citizenUser(moragID)).post("/you/papers/" + id + "/take-back") },
	} {
		data, id := seal(t, strings.Repeat(" ", n)+"{}")
		desk.do("POST", visit+"/papers", "application/octet-stream", data).want(t, "keep", 200)
		desk.get(visit).want(t, "visit", 200, id)
		w.as(citizenUser(moragID)).get("/you/papers").want(t, "the person's codes", 200, id, "front desk of")
		w.as(deskUser("TST", "Desk Two")).post(visit+"/papers/"+id+"/take-back").want(t, "a colleague without the visit", 404)
		if got := by(id); got.status != 303 {
			t.Errorf("take back %d: %+v", n, got)
		}
		w.as(nil).get("/p/"+id).want(t, "stopped", 410)
	}

	// Others get nothing of the visit.
	for name, user := range map[string]*caller{
		"a colleague":       w.as(deskUser("TST", "Desk Two")),
		"another's desk":    w.as(deskUser("OTH", "Desk One")),
		"staff of no desk":  nil,
		"the person":        w.as(citizenUser(moragID)),
		"who is not signed": w.as(nil),
	} {
		if user == nil {
			u := deskUser("TST", "Clerk")
			u.May = nil
			user = w.as(u)
		}
		for _, path := range []string{"GET " + visit, "POST " + visit + "/statement", "POST " + visit + "/papers", "POST " + visit + "/post", "POST " + visit + "/end"} {
			method, path, _ := strings.Cut(path, " ")
			if got := user.do(method, path, "application/x-www-form-urlencoded", nil); got.status < 400 || strings.Contains(got.body, "SAR-2026-7") {
				t.Errorf("%s gets %s: %d", name, path, got.status)
			}
		}
	}
	desk.post(visit+"/end").want(t, "end", 303)
	desk.get(visit).want(t, "after its end", 404)
	if strings.Contains(w.log.String(), "010101") {
		t.Error("the number is in the log")
	}

	visit = desk.post("/desk", asked...).to
	w.in.SignIn(w.t, desk.client, w.url, *deskUser("TST", "Desk One"))
	desk.get(visit).want(t, "again", 200)
	w.as(deskUser("NOT", "Desk")).post("/desk", asked...).want(t, "an organisation without a front desk", 403, "may run a front desk")
}

func TestPost(t *testing.T) {
	w := newPageWorld(t)
	desk, colleague, other := w.as(deskUser("TST", "Desk One")), w.as(deskUser("TST", "Desk Two")), w.as(deskUser("OTH", "Desk"))
	visit := desk.post("/desk", asked...).to
	desk.post(visit+"/post", "address", "Morag Test\n0101010001").want(t, "a number on the label", 422, "no CHI or NHS number")
	desk.post(visit+"/post", "address", strings.Repeat("x\n", maxLines+1)).want(t, "a long address", 422)
	if got := desk.post(visit+"/post", "address", " Morag Test \r\n1 Test Street\r\n\r\n<i>Town</i>"); got.status != 303 {
		t.Fatalf("%+v", got)
	}
	desk.post(visit+"/post").want(t, "without an address", 303)

	list := colleague.get("/desk/post")
	list.want(t, "post", 200, "SAR-2026-7", "Printed by Desk One", "No address was typed")
	at := strings.Index(list.body, `href="/desk/post/`)
	job := list.body[at+len(`href="`) : at+len(`href="/desk/post/`)+26]
	colleague.get(job).want(t, "label", 200, "Morag Test\n1 Test Street\n&lt;i&gt;Town")
	if got := other.get("/desk/post"); strings.Contains(got.body, "SAR-2026-7") {
		t.Error("another desk's post is listed")
	}
	for _, path := range []string{"GET " + job, "POST " + job + "/posted", "POST " + job + "/remove"} {
		method, path, _ := strings.Cut(path, " ")
		other.do(method, path, "", nil).want(t, "another desk at "+path, 404)
	}
	colleague.post(job+"/posted").want(t, "posted", 303)
	list = desk.get("/desk/post")
	list.want(t, "post", 200, ", Desk Two")
	desk.get(job).want(t, "label after it was posted", 404)
	if strings.Contains(list.body, "Morag") {
		t.Error("an address is on the list")
	}
	colleague.post(job+"/remove").want(t, "remove", 303)
	if got := desk.get("/desk/post"); strings.Contains(got.body, ", Desk Two") {
		t.Error("the job is still listed")
	}
	colleague.post(job+"/posted").want(t, "a job that is gone", 404)
}

// The page of a code says whether it works without reading what the code opens, which anybody could
// have it do again and again.
func TestPageOfCodeIsCheap(t *testing.T) {
	w := newPageWorld(t)
	data, id := seal(t, "{}")
	w.as(citizenUser(moragID)).do("POST", "/you/papers", "application/octet-stream", data)
	if err := w.in.Shelf.Put(t.Context(), sealedShelf, id, []byte("altered"), w.now()); err != nil { // as if it could not be read
		t.Fatal(err)
	}
	w.as(nil).get("/p/"+id).want(t, "page", 200)
	w.as(nil).get("/p/"+id+"/sealed").want(t, "bytes", 410)
}

// A session that ends in the middle of the desk's form costs the number alone, which is not kept.
func TestDeskAfterSessionEnded(t *testing.T) {
	w := newPageWorld(t)
	desk := w.as(deskUser("TST", "Desk One"))
	w.in.Advance(16 * time.Minute)
	desk.post("/desk", asked...).want(t, "after it ended", 401)
	w.in.SignIn(t, desk.client, w.url, *deskUser("TST", "Desk One"))
	got := desk.get("/desk")
	got.want(t, "again", 200, "SAR-2026-7")
	if strings.Contains(got.body, "0001") {
		t.Error("the number is on the page")
	}
}
