package ledger_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/record"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/verifier"
)

const origin = "ledger.test/2026"

// world is a log with its parties, for tests.
type world struct {
	t                   testing.TB
	ctx                 context.Context
	dsn, keyDir         string
	keys                *ledger.Keys
	registrar, enroller *wire.Signer
	sourceAdmin, source *wire.Signer
	store               *storage.Storage
	record              record.Record
	log                 *ledger.Log
	logs                []*ledger.Log // all that were opened
	seq                 uint64
	now                 func() time.Time
	policy              *cosign.Policy // of the log when it is opened next
	rules               register.Rules // of the log when it is opened next
}

// ungoverned are rules that allow everything and give no verdict.
type ungoverned struct{}

func (u ungoverned) Admit(*entry.Entry, uint64, *register.Register) (register.Rules, error) {
	return u, nil
}

func (ungoverned) Judge(*entry.Entry, uint64, func(string) []byte) (register.Judgement, error) {
	return register.Judgement{}, nil
}

func signer(t testing.TB, alg string) *wire.Signer {
	t.Helper()
	s, err := wire.GenerateSigner(alg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newWorld makes a log on dsn and enrols an organisation SRC with an administrative and a submit
// key.
func newWorld(t testing.TB, dsn string) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), dsn: dsn, registrar: signer(t, wire.EdDSA), enroller: signer(t, wire.ES256),
		sourceAdmin: signer(t, wire.EdDSA), source: signer(t, wire.EdDSA), now: time.Now, rules: ungoverned{}}
	w.keyDir = t.TempDir()
	dir := filepath.Join(w.keyDir, "keys")
	if err := ledger.GenerateKeys(dir, origin); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.keys, err = ledger.LoadKeys(dir); err != nil {
		t.Fatal(err)
	}
	w.store, w.record = w.openStore(), w.openRecord("file:"+filepath.Join(dir, "signed"))
	w.log, err = ledger.Create(w.ctx, w.config(), w.genesis())
	if err != nil {
		t.Fatal(err)
	}
	first := w.log
	w.logs = append(w.logs, first)
	t.Cleanup(func() { first.Close(context.Background()) })
	w.enrol("SRC", w.sourceAdmin, entry.RoleSource, entry.RoleController)
	w.must(w.addKey("SRC", w.sourceAdmin, w.source, entry.PurposeSubmit))
	return w
}

func (w *world) openStore() *storage.Storage {
	w.t.Helper()
	s, err := storage.Create(w.ctx, w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close() })
	return s
}

func (w *world) openRecord(place string) record.Record {
	w.t.Helper()
	r, err := record.Open(w.ctx, place, w.keys.LogVerifierKey)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { r.Close() })
	return r
}

func (w *world) config() ledger.Config {
	return ledger.Config{Storage: w.store, Keys: w.keys, Record: w.record, Origin: origin,
		Now: func() time.Time { return w.now() }, Policy: w.policy, Rules: w.rules}
}

func (w *world) sign(s *wire.Signer, b entry.Body) *entry.Entry {
	w.t.Helper()
	e, err := entry.Sign(s, b)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) prove(s *wire.Signer, org string) string {
	w.t.Helper()
	p, err := entry.ProveKey(s, origin, org)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) genesis() *entry.Entry {
	party := func(id string, role []entry.Role, s *wire.Signer, p entry.Purpose) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: id, Kind: "test", Roles: role},
			Key: entry.PublicKey{JWK: s.Public, Purposes: []entry.Purpose{p}}}
	}
	return w.sign(w.registrar, &entry.Genesis{
		Common: entry.Common{Issuer: "REG", Audience: origin}, Formats: entry.FormatsV1,
		VRFKey: w.keys.VRF.Public(), LogKey: w.keys.LogVerifierKey, IndexLag: 1000,
		Registrar: party("REG", []entry.Role{entry.RoleRegistrar}, w.registrar, entry.PurposeAdminister),
		Enroller:  party("ENR", []entry.Role{entry.RoleEnroller}, w.enroller, entry.PurposeAdminister),
		Operator:  party("OPR", []entry.Role{entry.RoleOperator, entry.RoleSource}, w.keys.Operator, entry.PurposeSubmit),
		Proofs:    []string{w.prove(w.registrar, "REG"), w.prove(w.enroller, "ENR"), w.prove(w.keys.Operator, "OPR")},
	})
}

func (w *world) countersign(c entry.Countersignature) string {
	w.t.Helper()
	c.Issuer, c.Audience = "ENR", origin
	s, err := entry.Countersign(w.enroller, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) must(e *entry.Entry) ledger.Result {
	w.t.Helper()
	r := w.log.Append(w.ctx, e)[0]
	if r.Err != nil {
		w.t.Fatalf("appending a %s: %v", e.Type, r.Err)
	}
	return r
}

func (w *world) enrol(id string, admin *wire.Signer, roles ...entry.Role) {
	w.t.Helper()
	if len(roles) == 2 && roles[0] > roles[1] {
		roles[0], roles[1] = roles[1], roles[0]
	}
	m := entry.Member{ID: id, Name: id, Kind: "test", Roles: roles}
	w.must(w.sign(w.registrar, &entry.Organisation{Common: entry.Common{Issuer: "REG", Audience: origin},
		Organisation: m, Counter: w.countersign(entry.Countersignature{Organisation: &m})}))
	k := entry.PublicKey{JWK: admin.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	w.must(w.sign(w.registrar, &entry.Key{Common: entry.Common{Issuer: "REG", Audience: origin}, Org: id, Key: k,
		Proof: w.prove(admin, id), Counter: w.countersign(entry.Countersignature{Org: id, Key: &k})}))
}

func (w *world) addKey(org string, admin, key *wire.Signer, purposes ...entry.Purpose) *entry.Entry {
	w.t.Helper()
	return w.sign(admin, &entry.Key{Common: entry.Common{Issuer: org, Audience: origin}, Org: org,
		Key: entry.PublicKey{JWK: key.Public, Purposes: purposes}, Proof: w.prove(key, org)})
}

// root logs an index root and returns its index. It is not that of a subject index, which no one
// checks in package ledger.
func (w *world) root() uint64 {
	w.t.Helper()
	return w.must(w.indexRoot()).Index
}

func (w *world) indexRoot() *entry.Entry {
	w.t.Helper()
	return w.sign(w.keys.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: origin},
		Size: 1, Root: wire.Hash{1}})
}

// access makes the source's next access to id.
func (w *world) access(id string, change ...func(*entry.Access)) *entry.Entry {
	w.t.Helper()
	w.seq++
	seq := w.seq
	a := &entry.Access{Common: entry.Common{Issuer: "SRC", Audience: origin}, Source: "ehr", Action: "R",
		Outcome: "0", Purpose: []string{"TREAT"},
		Recorded: w.now().UTC().Format(time.RFC3339), Sub: id, Seq: &seq, Text: &entry.Text{Why: "clinic"}}
	for _, f := range change {
		f(a)
	}
	return w.sign(w.source, a)
}

func (w *world) checkReceipt(e *entry.Entry, r ledger.Result) {
	w.t.Helper()
	v, err := wire.NewLogVerifier(w.log.VerifierKey())
	if err != nil {
		w.t.Fatal(err)
	}
	proved, err := verifier.VerifyReceipt(r.Receipt, e, v, w.keys.VRF.Public())
	if err != nil || proved.Index != r.Index {
		w.t.Fatalf("receipt of entry %d (says %d): %v", r.Index, proved.Index, err)
	}
}
