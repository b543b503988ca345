package paper

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/testlines"
	"igledger/internal/testlog"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/ui"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

const (
	moragID = "chi:0101010001"
	iainID  = "chi:0202020002"
)

// pageWorld is the room with a ledger in which hospital TST reported accesses and has a front desk.
type pageWorld struct {
	t *testing.T
	*testledger.Ledger
	in  *signintest.World
	key *wire.Signer
	url string
	log *testlines.Buffer

	peer atomic.Pointer[string]

	mu sync.Mutex
	at time.Time
}

// from says where requests come from, from now on.
func (w *pageWorld) from(peer string) { w.peer.Store(&peer) }

func newPageWorld(t *testing.T) *pageWorld {
	auditor := testlog.NewCosigner("auditor.example")
	w := &pageWorld{t: t, Ledger: testledger.New(t, auditor), in: signintest.New(t), log: new(testlines.Buffer), at: time.Now()}
	w.key = w.Enrol("TST", []entry.Role{entry.RoleController, entry.RoleFrontDesk, entry.RoleSource},
		entry.PurposeAudit, entry.PurposeFrontDesk, entry.PurposeSubmit)
	w.Enrol("OTH", []entry.Role{entry.RoleController, entry.RoleFrontDesk, entry.RoleSource}, entry.PurposeFrontDesk)
	w.Enrol("NOT", []entry.Role{entry.RoleController}, entry.PurposeAudit)
	for days, purpose := range []string{"TREAT", "TREAT", "HRESCH", "BTG", "HPAYMT"} {
		w.access(moragID, days+1, purpose)
	}
	w.access(iainID, 1, "TREAT")
	w.Cosign(auditor)

	logger := slog.New(slog.NewTextHandler(w.log, nil))
	site, err := ui.New(ui.Config{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", site.Assets())
	brand, _ := ui.LoadBrand("")
	w.from("somebody")
	peer := func(*http.Request) string { return *w.peer.Load() }
	err = Mount(mux, Deps{
		Site: site, Door: door.New(door.Config{Log: w.Log, Index: w.Index, Logger: logger}), Signin: w.in.Manager, Shelf: w.in.Shelf,
		Policy: string(w.Policy(auditor)), Brand: brand, Now: w.now, Logger: logger, Peer: peer,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.in.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if u := signin.From(r.Context()); u != nil {
			r = r.WithContext(ui.WithUser(r.Context(), u))
		}
		mux.ServeHTTP(rw, r)
	})))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *pageWorld) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *pageWorld) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *pageWorld) access(id string, days int, purpose string) uint64 {
	when := time.Now().AddDate(0, 0, -days)
	return w.Append(w.key, &entry.Access{
		Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Source: "EPR", Action: "R", Outcome: "0",
		Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{purpose},
		Recorded: when.Format(time.RFC3339), Sub: id, Emergency: purpose == "BTG", Role: []string{"doctor"},
		Staff: &entry.Staff{ID: "4711", System: "https://staff.test", Name: "Dr <b>Ailsa</b> Test"},
	})
}

// caller is somebody's browser.
type caller struct {
	w      *pageWorld
	client *http.Client
}

func (w *pageWorld) as(user *signin.User) *caller {
	c := &caller{w, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if user != nil {
		w.in.SignIn(w.t, c.client, w.url, *user)
	}
	return c
}

func citizenUser(id string) *signin.User { return new(signintest.Citizen(id, "Morag Example")) }

func deskUser(org, name string) *signin.User {
	return new(signintest.Staff(org, name, signin.FrontDesk))
}

type answered struct {
	status int
	to     string
	head   http.Header
	body   string
}

func (c *caller) do(method, path, media string, body []byte) answered {
	c.w.t.Helper()
	req, err := http.NewRequest(method, c.w.url+path, bytes.NewReader(body))
	if err != nil {
		c.w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Content-Type", media)
	resp, err := c.client.Do(req)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return answered{resp.StatusCode, resp.Header.Get("Location"), resp.Header, string(data)}
}

func (c *caller) get(path string) answered { c.w.t.Helper(); return c.do("GET", path, "", nil) }

func (c *caller) post(path string, form ...string) answered {
	c.w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	return c.do("POST", path, "application/x-www-form-urlencoded", []byte(values.Encode()))
}

func (a answered) want(t *testing.T, what string, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d\n%s", what, a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: no %q in\n%s", what, text, a.body)
		}
	}
}
