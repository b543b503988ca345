package officer

import (
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	morag = "chi:0101010000" // numbers of no person
	iain  = "chi:0202020005"
)

// world is a ledger with three organisations, and the pages of their officers.
type world struct {
	*testledger.Ledger
	t      testing.TB
	keys   map[string]*wire.Signer
	door   *door.Door
	people *signintest.World
	server *httptest.Server
	now    time.Time
	letIn  http.HandlerFunc // for browsers
}

// newWorld: LOT and GGC are boards, HUB is a research hub. LOT's key is with the server, of HUB
// only the administrative one.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{Ledger: testledger.New(t), t: t, keys: map[string]*wire.Signer{}, people: signintest.New(t), now: time.Now()}
	for _, org := range []string{"LOT", "GGC", "HUB"} {
		w.keys[org] = w.Enrol(org, []entry.Role{entry.RoleController, entry.RoleSource},
			entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeSubmit)
	}
	w.door = door.New(door.Config{
		Log: w.Log, Index: w.Index, Patience: time.Hour,
		Signers: map[string][]*wire.Signer{"LOT": {w.keys["LOT"]}, "GGC": {w.keys["GGC"]}, "HUB": {w.Admin("HUB")}},
	})
	site, err := ui.New(ui.Config{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	w.ok(err)
	mux := http.NewServeMux()
	w.server = httptest.NewServer(w.people.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if u := signin.From(r.Context()); u != nil {
			r = r.WithContext(ui.WithUser(r.Context(), u))
		}
		mux.ServeHTTP(rw, r)
	})))
	t.Cleanup(w.server.Close)
	deps := Deps{Site: site, Door: w.door, Signin: w.people.Manager, Shelf: w.people.Shelf,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Public: w.server.URL}
	w.ok(Mount(mux, deps))
	w.ok(MountPublic(mux, deps))
	mux.Handle("/assets/", site.Assets())
	mux.HandleFunc("GET /let-in", func(rw http.ResponseWriter, r *http.Request) { w.letIn(rw, r) })
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// access appends an access that org reports, some days ago.
func (w *world) access(org, id string, days int, change ...func(*entry.Access)) (uint64, string) {
	w.t.Helper()
	a := &entry.Access{
		Common: entry.Common{Issuer: org, Audience: testledger.Origin}, Source: "ehr", System: "ward portal", Action: "R", Outcome: "0",
		Purpose: []string{"TREAT"}, Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Role: []string{"nurse"},
		Recorded: w.now.AddDate(0, 0, -days).UTC().Format(time.RFC3339), Sub: id,
		Staff: &entry.Staff{ID: "N-1234", System: "urn:example:staff", Name: "Ailsa Example"},
	}
	for _, f := range change {
		f(a)
	}
	e, err := entry.Sign(w.keys[org], a)
	w.ok(err)
	r := w.Log.Append(w.t.Context(), e)[0]
	w.ok(r.Err)
	return r.Index, e.ID
}

func marketing(a *entry.Access) { a.Purpose = []string{"HMARKT"} } // nothing covers it

func override(a *entry.Access) {
	a.Purpose, a.Emergency, a.Text = []string{"ETREAT"}, true, &entry.Text{Justification: "unconscious in the street"}
}

// by makes an access one of org to another's record.
func by(org string) func(*entry.Access) { return func(a *entry.Access) { a.Org = org } }

func (w *world) day(days int) string { return w.now.UTC().AddDate(0, 0, days).Format(time.DateOnly) }

// agree brings an agreement by which from gives data to to into force.
func (w *world) agree(id, from, to, code string, change ...func(*entry.AgreementText)) {
	w.t.Helper()
	t := entry.AgreementText{
		ID: id, Version: 1, Title: "Sharing under " + id, Tier: "isa",
		Parties: []entry.AgreementParty{{Org: from, Role: "controller", Contact: "rights office"},
			{Org: to, Role: "controller", Contact: "rights office"}},
		Purposes: []entry.AgreementPurpose{{Text: "what it is for", Code: code}}, Article6: []string{"e"}, Power: "statute",
		Data: []entry.AgreementData{{Text: "letters and results"}}, Subjects: "patients",
		Flows: []entry.AgreementFlow{{From: from, To: to, How: "portal"}}, Retention: "a year", Disposal: "deletion", Security: "encrypted",
		DPIA:   entry.Assessment{Reference: "1", Date: w.day(-30)},
		Notice: entry.Notice{URL: "https://src.test/privacy", Hash: sha256.Sum256([]byte("notice"))},
		Rights: "rights office", Breach: "security desk", Start: w.day(-10), End: w.day(300), ReviewDue: w.day(60),
	}
	for _, f := range change {
		f(&t)
	}
	e, err := entry.SignFor(w.keys[from], from, testledger.Origin, &entry.Agreement{Agreement: t})
	w.ok(err)
	w.ok(w.Log.Append(w.t.Context(), e)[0].Err)
	for _, org := range []string{from, to} {
		s, err := entry.SignFor(w.keys[org], org, testledger.Origin,
			&entry.AgreementSignature{Agreement: id, Version: t.Version, Proposal: e.Identity()})
		w.ok(err)
		w.ok(w.Log.Append(w.t.Context(), s)[0].Err)
	}
}

// officer is a browser in which an officer with all permissions is signed in.
type officer struct {
	*world
	client *http.Client
}

func (w *world) officer(org, name string, may ...signin.Permission) *officer {
	w.t.Helper()
	if len(may) == 0 {
		may = []signin.Permission{signin.Reports, signin.FollowUp, signin.Agreements}
	}
	return w.browser(signintest.Staff(org, name, may...))
}

func (w *world) browser(user signin.User) *officer {
	w.t.Helper()
	user.Session += user.Subject
	o := &officer{w, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	w.people.SignIn(w.t, o.client, w.server.URL, user)
	return o
}

func (w *world) nobody() *officer {
	jar, _ := cookiejar.New(nil)
	return &officer{w, &http.Client{Jar: jar}}
}

// answer is an answer to a request.
type answer struct {
	code     int
	body     string
	location string
	header   http.Header
}

// text is a page without its markup.
func (a answer) text() string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(a.body, " ")), " ")
}

func (o *officer) do(method, path string, form url.Values) answer {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.server.URL+path, strings.NewReader(form.Encode()))
	o.ok(err)
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", o.server.URL)
	}
	resp, err := o.client.Do(req)
	o.ok(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	o.ok(err)
	return answer{resp.StatusCode, string(body), resp.Header.Get("Location"), resp.Header}
}

func (o *officer) get(path string) answer { o.t.Helper(); return o.do("GET", path, nil) }

// see returns a page that must be there.
func (o *officer) see(path string) answer {
	o.t.Helper()
	a := o.get(path)
	if a.code != 200 {
		o.t.Fatalf("GET %s: %d %s", path, a.code, a.text())
	}
	return a
}

// hidden returns the value of a hidden field.
func (a answer) hidden(name string) string {
	m := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		return ""
	}
	return m[1]
}
