package citizen_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/web/citizen"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	morag = "chi:0101010000"
	iain  = "chi:0202020005"
)

var now = time.Now()

// world is a ledger with the pages of citizens in front of it.
type world struct {
	*testledger.Ledger
	signin *signintest.World
	door   *door.Door
	server *httptest.Server
	key    *wire.Signer // of TST, which holds records
	other  *wire.Signer // of OTH
	letIn  http.HandlerFunc
}

func newWorld(t testing.TB) *world {
	t.Helper()
	l := testledger.New(t)
	w := &world{Ledger: l, signin: signintest.New(t)}
	purposes := []entry.Purpose{entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeSubmit}
	w.key = l.Enrol("TST", []entry.Role{entry.RoleController, entry.RoleSource}, purposes...)
	w.other = l.Enrol("OTH", []entry.Role{entry.RoleController, entry.RoleSource}, purposes...)
	w.door = door.New(door.Config{Log: l.Log, Index: l.Index, Signers: map[string][]*wire.Signer{"TST": {w.key}}})
	site, err := ui.New(ui.Config{})
	ok(t, err)
	mux := http.NewServeMux()
	brand, err := ui.LoadBrand("")
	ok(t, err)
	ok(t, citizen.Mount(mux, citizen.Deps{
		Site: site, Door: w.door, Signin: w.signin.Manager, Shelf: w.signin.Shelf, Brand: brand,
		Choices: "TST", Public: "http://127.0.0.1", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	mux.Handle("/assets/", site.Assets())
	mux.HandleFunc("GET /let-in", func(rw http.ResponseWriter, r *http.Request) { w.letIn(rw, r) })
	mux.Handle("/", site.NotFound())
	w.server = httptest.NewServer(w.signin.Wrap(mux))
	t.Cleanup(w.server.Close)
	return w
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// access reports an access to id's record, days ago, altered.
func (w *world) access(id string, days int, alter func(*entry.Access)) uint64 {
	a := &entry.Access{
		Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Source: "EPR", Action: "R", Outcome: "0",
		Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{"TREAT"},
		Role: []string{"Nurse"}, Staff: &entry.Staff{ID: "N1", Name: "Nurse Ailsa Invent"},
		Recorded: now.AddDate(0, 0, -days).Format(time.RFC3339), Sub: id,
	}
	if alter != nil {
		alter(a)
	}
	return w.Append(w.key, a)
}

// client returns a client that is signed in as a citizen.
func (w *world) client(t testing.TB, id, name string) *http.Client {
	t.Helper()
	c := &http.Client{}
	u := signintest.Citizen(id, name)
	u.Session = "session of " + name
	w.signin.SignIn(t, c, w.server.URL, u)
	return c
}

// get returns the status and text of a page.
func (w *world) get(t testing.TB, c *http.Client, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", w.server.URL+path, nil)
	ok(t, err)
	req.Header.Set("Accept", "text/html")
	resp, err := c.Do(req)
	ok(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	return resp.StatusCode, string(body)
}

func has(t testing.TB, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func lacks(t testing.TB, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

// some fills in one access of each kind, and returns where each is.
func (w *world) some() map[string]uint64 {
	return map[string]uint64{
		"care":  w.access(morag, 2, nil),
		"again": w.access(morag, 2, nil),
		"machine": w.access(morag, 3, func(a *entry.Access) {
			a.Machine, a.System, a.Staff, a.Role, a.Action = true, "Lab feed", nil, nil, "E"
		}),
		"marketing": w.access(morag, 4, func(a *entry.Access) {
			a.Purpose, a.Org, a.Staff = []string{"HMARKT"}, "OTH", &entry.Staff{ID: "M9", Name: "Marketer Alastair Fiction"}
		}),
		"emergency": w.access(morag, 5, func(a *entry.Access) {
			a.Emergency, a.Purpose, a.Org = true, []string{"BTG"}, "OTH"
			a.Text = &entry.Text{Justification: "Found unconscious"}
		}),
		"refused": w.access(morag, 6, func(a *entry.Access) { a.Outcome = "8" }),
		"foreign": w.access(morag, 7, func(a *entry.Access) {
			a.Foreign, a.Text = true, &entry.Text{Organisation: "Example <b>Life</b> plc"}
		}),
		"old": w.access(morag, 200, nil),
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	w.some()
	w.access(iain, 1, func(a *entry.Access) { a.Staff = &entry.Staff{ID: "X", Name: "Somebody else's nurse"} })
	c := w.client(t, morag, "Morag Example")
	status, page := w.get(t, c, "/you")
	if status != 200 {
		t.Fatalf("status %d: %s", status, page)
	}
	has(t, page, "In the last 30 days", "1 computer system looked at your record.", "One look was an emergency override.",
		"not covered by an agreement or rule.", "One try was refused or failed.",
		"Look at these first", "Example &lt;b&gt;Life&lt;/b&gt; plc", "Nurse Ailsa Invent, Nurse",
		"Read test results and measurements", "You looked at this list", "Looks at the record, by month and place")
	lacks(t, page, "Somebody else", morag, iain, "0101010000", "<b>Life")
	// By its links alone, as a screen reader lists them, each entry can be told from the others.
	has(t, page, `</strong><span class="visually-hidden">, <time`)
	// Looking again in the same session is not another entry.
	w.get(t, c, "/you")
	_, page = w.get(t, c, "/you?who=mine")
	has(t, page, "Showing the only entry.")
	for query, want := range map[string]string{
		"?who=machines":      "Lab feed",
		"?org=OTH":           "Marketer Alastair Fiction",
		"?why=HMARKT":        "To market health products or services",
		"?covered=override":  "by overriding the usual limits",
		"?covered=attention": "Refused or failed",
		"?org=other":         "Example &lt;b&gt;Life",
		"?to=" + now.AddDate(0, 0, -100).Format(time.DateOnly): "Showing the only entry.",
		"?org=" + strings.Repeat("x", 300):                     "Look at these first",
		"?who=nobody&page=x":                                   "Look at these first",
	} {
		status, page := w.get(t, c, "/you"+query)
		if status != 200 {
			t.Errorf("%s: %d", query, status)
		}
		has(t, page, want)
	}
	status, page = w.get(t, c, "/you?from=yesterday")
	if status != 200 {
		t.Errorf("a bad day: %d", status)
	}
	has(t, page, "Write the first day like 2026-11-28", `href="#from"`)
	_, page = w.get(t, c, "/you?from=2026-11-20&to=2026-11-19")
	has(t, page, `<a href="#to">The last day must not be before the first day</a>`, `value="2026-11-20"`, `value="2026-11-19"`)
	_, page = w.get(t, c, "/you?from=2026-11-20&to=2026-11-20")
	lacks(t, page, "error-summary")
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	for n := range 60 {
		w.access(morag, n+1, nil)
	}
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you")
	has(t, page, "Showing 1 to 25 of 61.", `href="/you?page=2"`)
	_, page = w.get(t, c, "/you?page=3")
	has(t, page, "Showing 51 to 61 of 61.", `href="/you?page=2"`)
	if status, _ := w.get(t, c, "/you?page=4"); status != 404 {
		t.Errorf("a page after the last: %d", status)
	}
}

func TestAccess(t *testing.T) {
	w := newWorld(t)
	at := w.some()
	c := w.client(t, morag, "Morag Example")
	for name, wants := range map[string][]string{
		"care":      {"Nurse Ailsa Invent, Nurse", "Yes. The rules allow it.", "To give you care", "http://hl7.org/fhir/resource-types|Observation", "Newest checkpoint"},
		"marketing": {"Organisation OTH", "No. No agreement or rule", "This use needs a data-sharing agreement", "Ask Organisation OTH", "Information Commissioner"},
		"emergency": {"Emergency override", "Found unconscious"},
		"foreign":   {"Unknown place", "Ask Organisation TST"},
		"machine":   {"A computer, with no person involved: Lab feed"},
		"refused":   {"Tried to read", "Refused or failed"},
	} {
		status, page := w.get(t, c, "/you/access/"+strconv.FormatUint(at[name], 10))
		if status != 200 {
			t.Errorf("%s: %d", name, status)
			continue
		}
		has(t, page, wants...)
		lacks(t, page, morag, "0101010000")
	}
}

// Another person's entries, and everything else, answer like what does not exist, byte for byte.
func TestNobodyElses(t *testing.T) {
	w := newWorld(t)
	w.some()
	w.access(iain, 1, nil)
	w.delegate(t, iain, morag, "access") // morag acts for iain: by that, and not otherwise
	c := w.client(t, morag, "Morag Example")
	_, h := w.get(t, c, "/you")
	own := map[uint64]bool{}
	for n := range w.Size() {
		own[n] = strings.Contains(h, `/you/access/`+strconv.FormatUint(n, 10)+`"`)
	}
	for _, stranger := range []*http.Client{w.client(t, iain, "Iain Example"), w.client(t, "chi:0303030009", "Nobody Example")} {
		w.get(t, stranger, "/you")
	}
	asked := 0
	get := func(path string) (int, string) {
		if asked++; asked%50 == 0 { // a session may not ask as often as this test does
			c = w.client(t, morag, "Morag Example")
		}
		status, page := w.get(t, c, path)
		return status, strings.ReplaceAll(page, path, "") // links to this page in another language
	}
	_, want := get("/you/access/999999")
	missing := func(path string) {
		t.Helper()
		if status, got := get(path); status != 404 || got != want {
			t.Errorf("%s: %d, or other bytes than for what does not exist", path, status)
		}
	}
	for n := range w.Size() {
		path := "/you/access/" + strconv.FormatUint(n, 10)
		if own[n] {
			if status, _ := get(path); status != 200 {
				t.Errorf("%s is the person's own: %d", path, status)
			}
			continue
		}
		missing(path)
	}
	for n := range w.Size() {
		p := strconv.FormatUint(n, 10)
		acting, theirs := get("/you/for/" + p)
		for m := range w.Size() {
			path := "/you/for/" + p + "/access/" + strconv.FormatUint(m, 10)
			if acting != 200 || !strings.Contains(theirs, "/access/"+strconv.FormatUint(m, 10)+`"`) {
				missing(path)
			}
		}
	}
	for _, path := range []string{
		"/you/access/-1", "/you/access/01", "/you/access/1e3", "/you/access/18446744073709551616", "/you/access/x",
		"/you/for/0", "/you/for/x", "/you/for/99999", "/you/for/0/access/0",
	} {
		missing(path)
	}
}

// delegate lets someone act for a person.
func (w *world) delegate(t testing.TB, person, by, scope string) uint64 {
	t.Helper()
	index, err := w.door.Sign(t.Context(), "TST", entry.PurposeAgreements, &entry.Delegation{
		Delegation: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Act: "granted", Kind: "HPOWATT", Scope: []string{scope},
		Start: now.AddDate(0, 0, -1).Format(time.RFC3339), End: now.AddDate(1, 0, 0).Format(time.RFC3339),
		Sub: person, Delegate: &entry.Delegate{ID: by},
	})
	ok(t, err)
	return index
}

// Who acts for a person sees their list, which shows the looking, on both sides.
func TestActing(t *testing.T) {
	w := newWorld(t)
	at := w.access(morag, 3, nil)
	n := strconv.FormatUint(w.delegate(t, morag, iain, "access"), 10)
	c := w.client(t, iain, "Iain Example")
	status, page := w.get(t, c, "/you/for/"+n)
	if status != 200 {
		t.Fatalf("status %d: %s", status, page)
	}
	has(t, page, "Who looked at their record", "Nurse Ailsa Invent", "You looked at this list for them",
		"/you/for/"+n+"/access/"+strconv.FormatUint(at, 10))
	lacks(t, page, `href="/you/access/`)
	if status, _ = w.get(t, c, "/you/for/"+n+"/access/"+strconv.FormatUint(at, 10)); status != 200 {
		t.Errorf("an entry of the list: %d", status)
	}
	_, page = w.get(t, w.client(t, morag, "Morag Example"), "/you")
	has(t, page, "Someone who acts for you looked at this list")
	_, page = w.get(t, c, "/you")
	lacks(t, page, "Nurse Ailsa Invent")
}

// Without a sign-in, or as staff, there is nothing to see.
func TestCitizensOnly(t *testing.T) {
	w := newWorld(t)
	at := strconv.FormatUint(w.access(morag, 3, nil), 10)
	staff := &http.Client{}
	w.signin.SignIn(t, staff, w.server.URL, signintest.Staff("TST", "Officer", signin.Permissions()...))
	for _, path := range []string{"/you", "/you/access/" + at, "/you/for/" + at} {
		if status, _ := w.get(t, &http.Client{}, path); status != 401 {
			t.Errorf("%s for nobody: %d", path, status)
		}
		if status, _ := w.get(t, staff, path); status != 403 {
			t.Errorf("%s for staff: %d", path, status)
		}
	}
}

// A look that cannot be logged shows nothing, and the page says when to come back.
func TestAway(t *testing.T) {
	w := newWorld(t)
	w.some()
	c := w.client(t, morag, "Morag Example")
	ok(t, w.Log.Close(t.Context()))
	req, err := http.NewRequest("GET", w.server.URL+"/you", nil)
	ok(t, err)
	req.Header.Set("Accept", "text/html")
	resp, err := c.Do(req)
	ok(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, come back in %q s", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	has(t, string(body), "Try again in about")
	lacks(t, string(body), "Nurse", "Organisation TST")
}
