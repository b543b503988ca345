package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/testdb"
	"igledger/internal/testlines"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

const (
	origin    = "ledger.example.scot/2026"
	publicURL = "https://ledger.example.scot"
	person    = "chi:0101011237" // a number made for tests, of no person
)

// TestMain runs all of this on CockroachDB too, where it is given.
func TestMain(m *testing.M) { os.Exit(testdb.OnCockroach{M: m}.Run()) }

// world is a server on a real log in a fresh database, with organisations of every kind that may
// call it.
type world struct {
	testing.TB
	dsn                 string
	keys                *ledger.Keys
	store               *storage.Storage
	log                 *ledger.Log
	server              *httptest.Server
	registry            *prometheus.Registry
	papers              Papers            // of a server withIndex; nil: it has no pages
	lines               *testlines.Buffer // what the server logged
	registrar, enroller *wire.Signer
	admin               map[string]*wire.Signer // administrative key, by organisation
	submit              map[string]*wire.Signer
	audit               map[string]*wire.Signer
	seq                 map[string]uint64 // last sequence number, by organisation
}

// newWorld: SRC (source, controller) and OTH (source) submit; AUD (auditor), CTL (controller) and
// PRC (processor) hold keys for audit.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, testdb.One(t))
}

func newWorldOn(t testing.TB, dsn string) *world { return newWorldWith(t, dsn, nil) }

func newWorldWith(t testing.TB, dsn string, now func() time.Time) *world {
	t.Helper()
	return newWorldOf(t, dsn, func(c *ledger.Config) { c.Now = now })
}

// newWorldOf is newWorldOn with a log that is configured otherwise.
func newWorldOf(t testing.TB, dsn string, change func(*ledger.Config)) *world {
	t.Helper()
	w := &world{TB: t, dsn: dsn, lines: new(testlines.Buffer), admin: map[string]*wire.Signer{},
		submit: map[string]*wire.Signer{}, audit: map[string]*wire.Signer{}, seq: map[string]uint64{}}
	w.registrar, w.enroller = w.newKey(), w.newKey()
	dir := filepath.Join(t.TempDir(), "keys")
	w.ok(ledger.GenerateKeys(dir, origin))
	var err error
	w.keys, err = ledger.LoadKeys(dir)
	w.ok(err)
	w.store, err = storage.Create(t.Context(), dsn)
	w.ok(err)
	t.Cleanup(func() { w.store.Close() })
	cfg := ledger.Config{Storage: w.store, Keys: w.keys, Origin: origin, Rules: consent.New()}
	change(&cfg)
	w.log, err = ledger.Create(t.Context(), cfg, w.genesis())
	w.ok(err)
	t.Cleanup(func() { w.log.Close(context.Background()) })
	for _, o := range []struct {
		id    string
		roles []entry.Role
		keys  map[entry.Purpose]map[string]*wire.Signer
	}{
		{"SRC", []entry.Role{entry.RoleController, entry.RoleSource},
			map[entry.Purpose]map[string]*wire.Signer{entry.PurposeSubmit: w.submit}},
		{"OTH", []entry.Role{entry.RoleSource}, map[entry.Purpose]map[string]*wire.Signer{entry.PurposeSubmit: w.submit}},
		{"AUD", []entry.Role{entry.RoleAuditor}, map[entry.Purpose]map[string]*wire.Signer{entry.PurposeAudit: w.audit}},
		{"CTL", []entry.Role{entry.RoleController}, map[entry.Purpose]map[string]*wire.Signer{entry.PurposeAudit: w.audit}},
		{"PRC", []entry.Role{entry.RoleProcessor}, map[entry.Purpose]map[string]*wire.Signer{entry.PurposeAudit: w.audit}},
	} {
		w.enrol(o.id, o.roles...)
		for purpose, into := range o.keys {
			into[o.id] = w.addKey(o.id, purpose)
		}
	}
	w.server = httptest.NewServer(w.handler())
	t.Cleanup(w.server.Close)
	return w
}

// exec changes the world's database behind the ledger's back.
func (w *world) exec(statements ...string) {
	w.Helper()
	w.ok(w.store.Transact(w.Context(), func(context.Context, storage.Runner) (ops []storage.Op, err error) {
		for _, s := range statements {
			ops = append(ops, storage.Op{SQL: s})
		}
		return ops, nil
	}))
}

func (w *world) handler() http.Handler {
	w.registry = prometheus.NewRegistry()
	return New(Config{Log: w.log, Logger: w.logger(), Registry: w.registry, PublicURL: publicURL, AccessLog: AccessAll})
}

// metrics returns what the newest handler's registry holds.
func (w *world) metrics() string {
	w.Helper()
	rec := httptest.NewRecorder()
	MetricsHandler(w.registry).ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) newKey() *wire.Signer {
	w.Helper()
	s, err := wire.GenerateSigner(wire.EdDSA)
	w.ok(err)
	return s
}

func (w *world) sign(s *wire.Signer, b entry.Body) *entry.Entry {
	w.Helper()
	e, err := entry.Sign(s, b)
	w.ok(err)
	return e
}

func (w *world) append(s *wire.Signer, b entry.Body) ledger.Result {
	w.Helper()
	r := w.log.Append(w.Context(), w.sign(s, b))[0]
	w.ok(r.Err)
	return r
}

func (w *world) prove(s *wire.Signer, org string) string {
	w.Helper()
	p, err := entry.ProveKey(s, origin, org)
	w.ok(err)
	return p
}

func (w *world) genesis() *entry.Entry {
	party := func(id string, s *wire.Signer, p entry.Purpose, roles ...entry.Role) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: id, Kind: "test", Roles: roles},
			Key: entry.PublicKey{JWK: s.Public, Purposes: []entry.Purpose{p}}}
	}
	return w.sign(w.registrar, &entry.Genesis{
		Common: entry.Common{Issuer: "REG", Audience: origin}, Formats: entry.FormatsV1, IndexLag: 1000,
		VRFKey: w.keys.VRF.Public(), LogKey: w.keys.LogVerifierKey,
		Registrar: party("REG", w.registrar, entry.PurposeAdminister, entry.RoleRegistrar),
		Enroller:  party("ENR", w.enroller, entry.PurposeAdminister, entry.RoleEnroller),
		Operator:  party("OPR", w.keys.Operator, entry.PurposeSubmit, entry.RoleOperator, entry.RoleSource),
		Proofs:    []string{w.prove(w.registrar, "REG"), w.prove(w.enroller, "ENR"), w.prove(w.keys.Operator, "OPR")},
	})
}

func (w *world) counter(c entry.Countersignature) string {
	w.Helper()
	c.Issuer, c.Audience = "ENR", origin
	s, err := entry.Countersign(w.enroller, c)
	w.ok(err)
	return s
}

func (w *world) enrol(id string, roles ...entry.Role) {
	w.Helper()
	m := entry.Member{ID: id, Name: "Organisation " + id, Kind: "test", Roles: roles}
	w.append(w.registrar, &entry.Organisation{Common: entry.Common{Issuer: "REG", Audience: origin}, Organisation: m,
		Counter: w.counter(entry.Countersignature{Organisation: &m})})
	k := w.newKey()
	pub := entry.PublicKey{JWK: k.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	w.append(w.registrar, &entry.Key{Common: entry.Common{Issuer: "REG", Audience: origin}, Org: id, Key: pub, Proof: w.prove(k, id),
		Counter: w.counter(entry.Countersignature{Org: id, Key: &pub})})
	w.admin[id] = k
}

func (w *world) addKey(org string, p ...entry.Purpose) *wire.Signer {
	w.Helper()
	k := w.newKey()
	w.append(w.admin[org], &entry.Key{Common: entry.Common{Issuer: org, Audience: origin}, Org: org,
		Key: entry.PublicKey{JWK: k.Public, Purposes: p}, Proof: w.prove(k, org)})
	return k
}

func (w *world) revoke(org string, k *wire.Signer) {
	w.Helper()
	w.append(w.admin[org], &entry.KeyRevocation{Common: entry.Common{Issuer: org, Audience: origin}, Org: org,
		KID: k.KID, Reason: "retired"})
}

// access is an access by org to id as a source would report it.
func (w *world) access(org, id string) *entry.Access {
	w.seq[org]++
	seq := w.seq[org]
	return &entry.Access{
		Common: entry.Common{Issuer: org, Audience: origin}, Source: "ehr", System: "portal", Action: "R", Outcome: "0",
		Purpose: []string{"TREAT"}, Data: []string{"http://snomed.info/sct|371531000"}, Role: []string{"nurse"},
		Recorded: time.Now().UTC().Format(time.RFC3339), Sub: id, Seq: &seq,
		Staff: &entry.Staff{ID: "N-1234", System: "urn:example:staff", Name: "Ailsa Example"}, Text: &entry.Text{Why: "ward round"},
	}
}

func (w *world) entry(org, id string) string {
	w.Helper()
	return w.sign(w.submit[org], w.access(org, id)).SDJWT()
}

func (w *world) size() uint64 {
	w.Helper()
	n, err := w.log.Size(w.Context())
	w.ok(err)
	return n
}

func (w *world) token(s *wire.Signer, org string) string {
	w.Helper()
	t, err := register.SignCaller(s, origin, org, "ig-office", time.Now())
	w.ok(err)
	return t
}

// client calls as org with key s; nil = without a token.
func (w *world) client(s *wire.Signer, org string) *client.Client {
	c := &client.Client{Base: w.server.URL, HTTP: w.server.Client(), Purpose: []string{"HCOMPL"}}
	if s != nil {
		c.Token = func() (string, error) { return register.SignCaller(s, origin, org, "ig-office", time.Now()) }
	}
	return c
}

// reply is an answer with its body read.
type reply struct {
	*http.Response
	body []byte
}

// problem checks that the answer is problem+json and returns its code.
func (r reply) problem(t testing.TB) string {
	t.Helper()
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("status %d with Content-Type %q, want application/problem+json: %s", r.StatusCode, ct, r.body)
	}
	var p client.Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatalf("problem: %v", err)
	}
	if p.Status != r.StatusCode || p.Title == "" {
		t.Fatalf("problem %+v answered with status %d", p, r.StatusCode)
	}
	documented(t, r.Request, p.Code())
	return p.Code()
}

// documented checks that the OpenAPI document lists the problem for the route that gave it.
func documented(t testing.TB, r *http.Request, code string) {
	t.Helper()
	a := &api{exact: map[string][]*route{}}
	for _, r := range routes {
		a.add(&r)
	}
	if rt, _, err := a.find(r); err == nil && !slices.Contains(operations[rt.method+" "+rt.pattern].all(*rt), code) {
		t.Errorf("%s %s answers with %s, which its operation does not list", rt.method, rt.pattern, code)
	}
}

func (w *world) request(method, path, body string) *http.Request {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, strings.NewReader(body))
	w.ok(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func (w *world) send(req *http.Request) reply {
	w.Helper()
	resp, err := w.server.Client().Do(req)
	// Who refuses a large body closes the connection, maybe while it is sent: then the answer is lost.
	for n := 0; n < 9 && err != nil && req.ContentLength > maxBody && req.GetBody != nil; n++ {
		req.Body, err = req.GetBody()
		w.ok(err)
		resp, err = w.server.Client().Do(req)
	}
	w.ok(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.ok(err)
	return reply{resp, b}
}

// do sends a request with headers given as name, value, …
func (w *world) do(method, path, body string, header ...string) reply {
	w.Helper()
	req := w.request(method, path, body)
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	return w.send(req)
}

func submission(entries ...string) string {
	b, _ := json.Marshal(client.Submission{Entries: entries})
	return string(b)
}

func decimalOf(n uint64) string { return strconv.FormatUint(n, 10) }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.lines, nil)) }
