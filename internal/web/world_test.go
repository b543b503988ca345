package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igledger/internal/edge"
	"igledger/internal/testdb"
	"igledger/internal/testledger"
	"igledger/internal/testlines"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

const (
	morag = "chi:0101010001" // numbers of no person
	iain  = "chi:0202020002"
)

// world is a ledger with all its pages, as `igledger serve --pages` puts them together. LOT and GGC
// are boards with front desks; the server holds their keys.
type world struct {
	*testledger.Ledger
	t      *testing.T
	keys   map[string]*wire.Signer
	pages  *Pages
	server *httptest.Server
	store  *storage.Storage // of what pages keep
	log    *testlines.Buffer
	ahead  atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Ledger: testledger.New(t), t: t, keys: map[string]*wire.Signer{}, log: new(testlines.Buffer)}
	for _, org := range []string{"LOT", "GGC"} {
		w.keys[org] = w.Enrol(org, []entry.Role{entry.RoleController, entry.RoleFrontDesk, entry.RoleSource},
			entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeFrontDesk, entry.PurposeSubmit)
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	w.ok(os.WriteFile(secret, []byte("secret"), 0o600))
	var err error
	w.store, err = storage.Create(t.Context(), testdb.SQLite(t))
	w.ok(err)
	t.Cleanup(func() { w.store.Close() })
	settings := Settings{Choices: "LOT", SignIn: &signin.Config{
		Limits: signin.Limits{SignIns: 1e6, Requests: 1e6},
		Issuers: []signin.Issuer{
			{Name: "citizens", For: signin.Citizen, URL: "https://provider.example", ClientID: "pages", SecretFile: secret,
				Number: &signin.Number{CHI: "chi"}},
			{Name: "staff", For: signin.Staff, URL: "https://provider.example", ClientID: "pages", SecretFile: secret,
				Staff: &signin.StaffClaims{Organisation: signin.Organisation{ID: "LOT"}, ID: "id", System: "urn:staff",
					Permissions: signin.Mapped{Claim: "roles", Is: map[string][]signin.Permission{"x": signin.Permissions()}}}},
		}}}
	w.pages, err = New(t.Context(), Config{
		Settings: settings, Log: w.Log, Index: w.Index, Public: "https://ledger.example", Store: w.store, Keys: dir,
		Signers: map[string][]*wire.Signer{"LOT": {w.keys["LOT"]}, "GGC": {w.keys["GGC"]}},
		Limits:  edge.Limits{}.OrDefault(), Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	})
	w.ok(err)
	w.server = httptest.NewServer(w.pages)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// access appends an access that LOT reports, an hour ago.
func (w *world) access(id string, change ...func(*entry.Access)) uint64 {
	w.t.Helper()
	a := &entry.Access{
		Common: entry.Common{Issuer: "LOT", Audience: testledger.Origin}, Source: "ehr", System: "ward portal", Action: "R", Outcome: "0",
		Purpose: []string{"TREAT"}, Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Role: []string{"nurse"},
		Recorded: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), Sub: id,
		Staff: &entry.Staff{ID: "N-1234", System: "urn:example:staff", Name: "Ailsa Example"},
	}
	for _, f := range change {
		f(a)
	}
	return w.Append(w.keys["LOT"], a)
}

// visitor is a browser of somebody. It follows no redirect.
type visitor struct {
	w      *world
	cookie *http.Cookie // nil: nobody
}

func (w *world) as(user *signin.User) *visitor {
	w.t.Helper()
	if user == nil {
		return &visitor{w: w}
	}
	return &visitor{w, signintest.Cookie(w.t, w.pages.signin, *user)}
}

func person(id string) *signin.User {
	u := signintest.Citizen(id, "Morag Example")
	u.Session += id
	return &u
}

// staff returns a member of staff with these permissions, or with all.
func staff(org string, may ...signin.Permission) *signin.User {
	if may == nil {
		may = signin.Permissions()
	}
	u := signintest.Staff(org, "Officer of "+org, may...)
	u.Session += org
	return &u
}

// answer is an answer to a request.
type answer struct {
	code   int
	body   string
	header http.Header
}

// ask sends a request as a browser would from a page of the same site, except for what header says.
func (v *visitor) ask(method, path, body string, header ...string) answer {
	v.w.t.Helper()
	req, err := http.NewRequestWithContext(v.w.t.Context(), method, v.w.server.URL, strings.NewReader(body))
	v.w.ok(err)
	path, query, _ := strings.Cut(path, "?")
	req.URL.Opaque, req.URL.RawQuery = "//"+req.URL.Host+path, query // as it is, however odd
	req.Header.Set("Accept", "text/html")
	if body != "" {
		req.Header.Set("Content-Type", formMedia)
	}
	if method != http.MethodGet {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Del(header[n])
		if header[n+1] != "" {
			req.Header.Set(header[n], header[n+1])
		}
	}
	if v.cookie != nil && req.Header.Get("Cookie") == "" {
		req.AddCookie(v.cookie)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	v.w.ok(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	v.w.ok(err)
	return answer{resp.StatusCode, string(data), resp.Header}
}

func (v *visitor) get(path string) answer { v.w.t.Helper(); return v.ask("GET", path, "") }

func (v *visitor) post(path string, form ...string) answer {
	v.w.t.Helper()
	values := url.Values{}
	for n := 0; n+1 < len(form); n += 2 {
		values.Add(form[n], form[n+1])
	}
	return v.ask("POST", path, values.Encode())
}
