// Package testledger runs a whole ledger in the test's own process: a log on a fresh SQLite file,
// its subject index, and the HTTP API on a local port. It is for tests of code that calls a ledger
// over HTTP. Package testlog makes logs for tests of code that verifies one.
//
// It holds the keys of every party, which no real process does.
package testledger

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/internal/api"
	"igledger/internal/testdb"
	"igledger/internal/testlog"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// Origin is the name of the log.
const Origin = "ledger.test/2026"

// Ledger is a running ledger. Its founders are REG (registrar), ENR (enroller) and OPR (operator).
type Ledger struct {
	URL    string
	LogKey string
	Log    *ledger.Log
	Index  *statement.Follower // logs a root only when a test calls Flush

	t                   testing.TB
	keys                *ledger.Keys
	registrar, enroller *wire.Signer
	admin               map[string]*wire.Signer // by organisation
	handler             atomic.Pointer[http.Handler]
	config              ledger.Config
	file                string // SQLite
}

// New returns a ledger that keeps the cosignatures of these auditors. It ends with the test.
func New(t testing.TB, auditors ...*testlog.Cosigner) *Ledger {
	t.Helper()
	l := &Ledger{t: t, admin: map[string]*wire.Signer{},
		registrar: testlog.Signer(wire.EdDSA), enroller: testlog.Signer(wire.ES256)}
	dir := filepath.Join(t.TempDir(), "keys")
	l.ok(ledger.GenerateKeys(dir, Origin))
	keys, err := ledger.LoadKeys(dir)
	l.ok(err)
	l.keys, l.LogKey = keys, keys.LogVerifierKey
	l.config = ledger.Config{Keys: keys, Origin: Origin, Rules: consent.New()}
	if len(auditors) > 0 {
		l.config.Policy, err = cosign.ParsePolicy(l.Policy(auditors...))
		l.ok(err)
	}
	l.run(testdb.SQLite(t), func(c ledger.Config) (*ledger.Log, error) { return ledger.Create(t.Context(), c, l.genesis()) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*l.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.URL = server.URL
	return l
}

// run opens a database and runs the log that is in it, or that open makes there.
func (l *Ledger) run(dsn string, open func(ledger.Config) (*ledger.Log, error)) {
	l.t.Helper()
	store, err := storage.Create(l.t.Context(), dsn)
	l.ok(err)
	l.t.Cleanup(func() { store.Close() })
	l.config.Storage, l.file = store, strings.TrimPrefix(dsn, "sqlite:")
	l.Log, err = open(l.config)
	l.ok(err)
	l.t.Cleanup(func() { l.Log.Close(context.Background()) }) //nolint:errcheck // the test is over
	l.Index, err = statement.New(statement.Config{Log: l.Log})
	l.ok(err)
	l.Through(nil)
}

// Backup copies the database as it is now. The function that it returns restores the copy into a
// second ledger, with the same keys and without a record of what they have signed since. Serve it
// by l.Become.
func (l *Ledger) Backup() (restore func() *Ledger) {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "backup.db")
	db, err := sql.Open("sqlite", "file:"+l.file)
	l.ok(err)
	defer db.Close()
	_, err = db.ExecContext(l.t.Context(), "VACUUM INTO ?", file)
	l.ok(err)
	return func() *Ledger {
		l.t.Helper()
		r := &Ledger{URL: l.URL, LogKey: l.LogKey, t: l.t, keys: l.keys, registrar: l.registrar, enroller: l.enroller,
			admin: l.admin, config: l.config}
		r.run("sqlite:"+file, func(c ledger.Config) (*ledger.Log, error) { return ledger.Open(r.t.Context(), c) })
		return r
	}
}

// Erase erases the content of an entry, as an operator does who must: only its link is left.
func (l *Ledger) Erase(index uint64) {
	l.t.Helper()
	const linkEnd = 100 // docs/FORMATS.md section 17
	tree, err := l.config.Storage.FindTree(l.t.Context(), Origin)
	l.ok(err)
	rec, err := l.config.Storage.Record(l.t.Context(), tree, index)
	l.ok(err)
	l.ok(l.config.Storage.SetExtra(l.t.Context(), tree, index, rec.Extra[:linkEnd]))
}

// Away makes the database answer nothing from now on, as if it could not be reached.
func (l *Ledger) Away() {
	l.t.Helper()
	l.ok(l.config.Storage.Close())
}

// Handler returns what answers requests to the ledger now.
func (l *Ledger) Handler() http.Handler { return *l.handler.Load() }

// Become routes all later requests to another ledger.
func (l *Ledger) Become(other *Ledger) {
	l.Through(func(http.Handler) http.Handler { return other.Handler() })
}

// Cosign logs an index root, if there are new entries, and lets auditors cosign its checkpoint.
func (l *Ledger) Cosign(auditors ...*testlog.Cosigner) {
	l.t.Helper()
	l.ok(l.Index.Flush(context.Background()))
	signed, err := l.Log.Anchor(context.Background())
	l.ok(err)
	v, err := wire.NewLogVerifier(l.LogKey)
	l.ok(err)
	head, err := proof.OpenCheckpoint(signed, v)
	l.ok(err)
	for _, a := range auditors {
		signed = append(signed, a.Line(head, time.Now().Unix())...)
	}
	_, err = l.Log.AddCosignatures(context.Background(), signed)
	l.ok(err)
}

// Policy returns a policy that requires every auditor's cosignature.
func (l *Ledger) Policy(auditors ...*testlog.Cosigner) []byte {
	text, names := "log "+l.LogKey+"\n", ""
	for _, a := range auditors {
		text += "witness " + a.Name + " " + a.VKey() + "\n"
		names += " " + a.Name
	}
	return []byte(text + "group auditors all" + names + "\nquorum auditors\n")
}

// Through routes all later requests through the handler that wrap makes of the ledger's. If wrap is
// nil, it routes them directly.
func (l *Ledger) Through(wrap func(ledger http.Handler) http.Handler) {
	handler := api.New(api.Config{Log: l.Log, Index: l.Index})
	if wrap != nil {
		handler = wrap(handler)
	}
	l.handler.Store(&handler)
}

// Size returns the number of entries in the log.
func (l *Ledger) Size() uint64 {
	l.t.Helper()
	n, err := l.Log.Size(context.Background())
	l.ok(err)
	return n
}

// Enrol registers an organisation with a new key for these purposes, and returns that key.
func (l *Ledger) Enrol(id string, roles []entry.Role, purposes ...entry.Purpose) *wire.Signer {
	l.t.Helper()
	admin := testlog.Signer(wire.EdDSA)
	m := entry.Member{ID: id, Name: "Organisation " + id, Kind: "test", Roles: roles}
	counter := l.counter(entry.Countersignature{Organisation: &m})
	l.Append(l.registrar, &entry.Organisation{Common: by("REG"), Organisation: m, Counter: counter})
	public := entry.PublicKey{JWK: admin.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	counter = l.counter(entry.Countersignature{Org: id, Key: &public})
	l.Append(l.registrar, &entry.Key{Common: by("REG"), Org: id, Key: public, Proof: l.prove(admin, id),
		Counter: counter})
	l.admin[id] = admin
	key := testlog.Signer(wire.EdDSA)
	l.AddKey(id, key, purposes...)
	return key
}

// AddKey registers another key of an organisation.
func (l *Ledger) AddKey(id string, key *wire.Signer, purposes ...entry.Purpose) {
	l.t.Helper()
	public := entry.PublicKey{JWK: key.Public, Purposes: purposes}
	l.Append(l.admin[id], &entry.Key{Common: by(id), Org: id, Key: public, Proof: l.prove(key, id)})
}

// Append signs an entry, appends it, and returns its index.
func (l *Ledger) Append(signer *wire.Signer, body entry.Body) uint64 {
	l.t.Helper()
	e, err := entry.Sign(signer, body)
	l.ok(err)
	r := l.Log.Append(context.Background(), e)[0]
	l.ok(r.Err)
	return r.Index
}

// AppendAsOperator is Append with the operator's key.
func (l *Ledger) AppendAsOperator(body entry.Body) uint64 {
	l.t.Helper()
	return l.Append(l.keys.Operator, body)
}

func (l *Ledger) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func by(org string) entry.Common { return entry.Common{Issuer: org, Audience: Origin} }

func (l *Ledger) prove(key *wire.Signer, org string) string {
	l.t.Helper()
	p, err := entry.ProveKey(key, Origin, org)
	l.ok(err)
	return p
}

func (l *Ledger) counter(c entry.Countersignature) string {
	l.t.Helper()
	c.Issuer, c.Audience = "ENR", Origin
	jws, err := entry.Countersign(l.enroller, c)
	l.ok(err)
	return jws
}

func (l *Ledger) genesis() *entry.Entry {
	l.t.Helper()
	party := func(id string, key *wire.Signer, p entry.Purpose, roles ...entry.Role) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: id, Kind: "test", Roles: roles},
			Key: entry.PublicKey{JWK: key.Public, Purposes: []entry.Purpose{p}}}
	}
	e, err := entry.Sign(l.registrar, &entry.Genesis{
		Common: by("REG"), Formats: entry.FormatsV1, IndexLag: 1000, VRFKey: l.keys.VRF.Public(), LogKey: l.LogKey,
		Registrar: party("REG", l.registrar, entry.PurposeAdminister, entry.RoleRegistrar),
		Enroller:  party("ENR", l.enroller, entry.PurposeAdminister, entry.RoleEnroller),
		Operator:  party("OPR", l.keys.Operator, entry.PurposeSubmit, entry.RoleOperator, entry.RoleSource),
		Proofs:    []string{l.prove(l.registrar, "REG"), l.prove(l.enroller, "ENR"), l.prove(l.keys.Operator, "OPR")},
	})
	l.ok(err)
	return e
}

// Admin returns the administrative key of an organisation that Enrol made.
func (l *Ledger) Admin(id string) *wire.Signer { return l.admin[id] }
