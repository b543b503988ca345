package statement_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/verifier"
)

const (
	origin = "ledger.test/2026"
	alice  = "chi:0101011237" // no person's: numbers made for tests
	bob    = "chi:0202020009"
	carol  = "temp:SRC:77"
)

// world is a log on a database with an organisation SRC that submits, and a clock that stands still
// until it is moved.
type world struct {
	testing.TB
	dsn                        string
	keys                       *ledger.Keys
	registrar, enroller        *wire.Signer
	admin, source, sourceSpare *wire.Signer
	policy                     *cosign.Policy // nil: no cosigner is asked
	log                        *ledger.Log
	clock                      time.Time
	meanwhile                  func() // see followWhile
	seq                        uint64
}

func newWorld(t testing.TB, dsn string) *world { return newWorldWith(t, dsn, nil) }

// newWorldWith makes a world whose log has the policy that the lines after its own ask for.
func newWorldWith(t testing.TB, dsn string, policy func(vkey string) []byte) *world {
	t.Helper()
	w := &world{TB: t, dsn: dsn, clock: time.Now()}
	for _, k := range []**wire.Signer{&w.registrar, &w.enroller, &w.admin, &w.source, &w.sourceSpare} {
		var err error
		*k, err = wire.GenerateSigner(wire.EdDSA)
		w.ok(err)
	}
	dir := filepath.Join(t.TempDir(), "keys")
	w.ok(ledger.GenerateKeys(dir, origin))
	var err error
	w.keys, err = ledger.LoadKeys(dir)
	w.ok(err)
	if policy != nil {
		w.policy, err = cosign.ParsePolicy(policy(w.keys.LogVerifierKey))
		w.ok(err)
	}
	w.log, err = ledger.Create(t.Context(), w.config(), w.genesis())
	w.ok(err)
	t.Cleanup(func() { w.log.Close(context.Background()) })
	m := entry.Member{ID: "SRC", Name: "Source", Kind: "test", Roles: []entry.Role{entry.RoleSource}}
	w.add(w.registrar, &entry.Organisation{Common: w.by("REG"), Organisation: m, Counter: w.counter(entry.Countersignature{Organisation: &m})})
	pub := entry.PublicKey{JWK: w.admin.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	w.add(w.registrar, &entry.Key{Common: w.by("REG"), Org: "SRC", Key: pub, Proof: w.prove(w.admin, "SRC"), Counter: w.counter(entry.Countersignature{Org: "SRC", Key: &pub})})
	for k, purposes := range map[*wire.Signer][]entry.Purpose{w.source: {entry.PurposeAgreements, entry.PurposeSubmit}, w.sourceSpare: {entry.PurposeSubmit}} {
		w.add(w.admin, &entry.Key{Common: w.by("SRC"), Org: "SRC", Proof: w.prove(k, "SRC"), Key: entry.PublicKey{JWK: k.Public, Purposes: purposes}})
	}
	return w
}

// link states a link under sub.
func (w *world) link(act, sub, other string) uint64 {
	w.Helper()
	return w.add(w.source, &entry.Link{Common: entry.Common{Issuer: "SRC", Audience: origin, IssuedAt: w.clock.Unix()}, Act: act, Reason: "one person", Sub: sub, Other: other})
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) config() ledger.Config {
	store, err := storage.Create(w.Context(), w.dsn)
	w.ok(err)
	w.Cleanup(func() { store.Close() })
	return ledger.Config{Storage: store, Keys: w.keys, Origin: origin, Now: func() time.Time { return w.clock }, MaxBatch: 512, Policy: w.policy, Rules: consent.New()}
}

// another opens the log as another process does.
func (w *world) another() *ledger.Log {
	w.Helper()
	log, err := ledger.Open(w.Context(), w.config())
	w.ok(err)
	w.Cleanup(func() { log.Close(context.Background()) })
	return log
}

// follow starts a follower of log, as a process does when it starts.
func (w *world) follow(log *ledger.Log) *statement.Follower {
	w.Helper()
	f, err := statement.New(statement.Config{Log: log, Now: func() time.Time { return w.clock }})
	w.ok(err)
	return f
}

// followWhile is follow. After each read of the published checkpoint it calls w.meanwhile once:
// what that logs is in the log before the index root that this checkpoint leads to, and not covered
// by it.
func (w *world) followWhile(log *ledger.Log) *statement.Follower {
	w.Helper()
	f, err := statement.New(statement.Config{Log: log, Now: func() time.Time { return w.clock },
		Checkpoint: func(ctx context.Context) ([]byte, error) {
			signed, err := log.Checkpoint(ctx)
			if do := w.meanwhile; do != nil {
				w.meanwhile = nil
				do()
			}
			return signed, err
		}})
	w.ok(err)
	return f
}

func (w *world) by(org string) entry.Common { return entry.Common{Issuer: org, Audience: origin} }

func (w *world) prove(s *wire.Signer, org string) string {
	w.Helper()
	p, err := entry.ProveKey(s, origin, org)
	w.ok(err)
	return p
}

func (w *world) counter(c entry.Countersignature) string {
	w.Helper()
	c.Issuer, c.Audience = "ENR", origin
	s, err := entry.Countersign(w.enroller, c)
	w.ok(err)
	return s
}

func (w *world) genesis() *entry.Entry {
	party := func(id string, s *wire.Signer, p entry.Purpose, roles ...entry.Role) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: id, Kind: "test", Roles: roles}, Key: entry.PublicKey{JWK: s.Public, Purposes: []entry.Purpose{p}}}
	}
	e, err := entry.Sign(w.registrar, &entry.Genesis{
		Common: w.by("REG"), Formats: entry.FormatsV1, VRFKey: w.keys.VRF.Public(), LogKey: w.keys.LogVerifierKey, IndexLag: 100,
		Registrar: party("REG", w.registrar, entry.PurposeAdminister, entry.RoleRegistrar),
		Enroller:  party("ENR", w.enroller, entry.PurposeAdminister, entry.RoleEnroller),
		Operator:  party("OPR", w.keys.Operator, entry.PurposeSubmit, entry.RoleOperator, entry.RoleSource),
		Proofs:    []string{w.prove(w.registrar, "REG"), w.prove(w.enroller, "ENR"), w.prove(w.keys.Operator, "OPR")},
	})
	w.ok(err)
	return e
}

// add signs and appends through the first process, and returns the position.
func (w *world) add(s *wire.Signer, b entry.Body) uint64 {
	w.Helper()
	e, err := entry.Sign(s, b)
	w.ok(err)
	r := w.log.Append(w.Context(), e)[0]
	w.ok(r.Err)
	return r.Index
}

func (w *world) access(id string) *entry.Access {
	w.seq++
	seq := w.seq
	return &entry.Access{Common: entry.Common{Issuer: "SRC", Audience: origin, IssuedAt: w.clock.Unix()}, Source: "ehr", Action: "R", Outcome: "0", Purpose: []string{"TREAT"},
		Recorded: w.clock.UTC().Format(time.RFC3339), Sub: id, Seq: &seq, Text: &entry.Text{Why: "clinic"}}
}

// look records accesses to ids, one after the other.
func (w *world) look(ids ...string) (at []uint64) {
	w.Helper()
	for _, id := range ids {
		at = append(at, w.add(w.source, w.access(id)))
	}
	return at
}

// pass lets more time go by than an index root waits.
func (w *world) pass() { w.clock = w.clock.Add(2 * statement.DefaultInterval) }

func (w *world) step(fs ...*statement.Follower) {
	w.Helper()
	for _, f := range fs {
		w.ok(f.Step(w.Context()))
	}
}

func (w *world) root(f *statement.Follower) statement.Root {
	w.Helper()
	r, err := f.Root()
	w.ok(err)
	return r
}

// check verifies a statement as its reader does and returns what was found.
func (w *world) check(s *bundle.Statement, id string) *verifier.StatementReport {
	w.Helper()
	r := w.verify(w, s, id)
	if !r.Authentic || !r.Complete {
		w.Fatalf("authentic %v, complete %v", r.Authentic, r.Complete)
	}
	return r
}

func (w *world) verify(t testing.TB, s *bundle.Statement, id string) *verifier.StatementReport {
	t.Helper()
	r, _ := w.outcome(t, s, id, nil)
	return r
}

// roots returns the index roots in the log, by position.
func (w *world) roots() map[uint64]*entry.IndexRoot {
	w.Helper()
	leaves, err := w.log.PublicHistory(w.Context(), "index-root", 0, 1<<40)
	w.ok(err)
	out := map[uint64]*entry.IndexRoot{}
	for _, l := range leaves {
		out[l.Index] = l.Entry.Body.(*entry.IndexRoot)
	}
	return out
}
