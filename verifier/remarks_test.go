package verifier_test

import (
	"fmt"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// TestRemarks: a reader must know some things about an entry although it verifies.
// testdata/remarks.golden has the words.
func TestRemarks(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	suspect := l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me())
	v, err := entry.Sign(w.Registrar, &entry.KeyRevocation{Common: entry.Common{Issuer: "registrar", Audience: origin, IssuedAt: testlog.Now}, Org: "lothian", KID: w.Second.KID, Reason: "compromised", SuspectFrom: &suspect})
	if err != nil {
		t.Fatal(err)
	}
	l.AddPublic(v)
	third := testlog.Signer(wire.EdDSA)
	l.AddPublic(l.AddKey("lothian", third, entry.PurposeSubmit))
	c := w.indexedWhile(l, func() { l.AddSealed(w.Access("lothian", third, w.me()), w.me()) })
	r := w.check(testlog.StatementJSON(l.Statement(c)))
	if r.Err() != nil || !r.Complete || len(r.Entries) != 4 {
		t.Fatal(r.Err())
	}
	var words strings.Builder
	for i, remarks := range []int{0, 0, 1, 1} {
		e := r.Entries[i]
		if len(e.Remarks) != remarks {
			t.Errorf("entry %d: %q, want %d", e.Index, e.Remarks, remarks)
		}
		for _, text := range e.Remarks {
			fmt.Fprintf(&words, "entry %d: %s\n", e.Index, text)
		}
	}
	verifier.Golden(t, "remarks", words.String())
}

// TestRotatedRegistrar: a statement holds a part of the register only, in which the registrar's
// revoked key is the last one to be seen.
func TestRotatedRegistrar(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	second := testlog.Signer(wire.EdDSA)
	common := entry.Common{Issuer: "registrar", Audience: origin, IssuedAt: testlog.Now}
	proof, err := entry.ProveKey(second, origin, "registrar")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []entry.Body{
		&entry.Key{Common: common, Org: "registrar", Key: entry.PublicKey{JWK: second.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}, Proof: proof},
		&entry.KeyRevocation{Common: common, Org: "registrar", KID: w.Registrar.KID, Reason: "superseded"},
	} {
		e, err := entry.Sign(w.Registrar, body)
		if err != nil {
			t.Fatal(err)
		}
		l.AddPublic(e)
	}
	s := l.Statement(w.indexed(l))
	if len(without(s.Chains, "key:"+second.KID)) != len(s.Chains) {
		t.Fatal("the second key's history is in the statement: it has nothing to do with it")
	}
	r := w.check(testlog.StatementJSON(s))
	if r.Err() != nil || !r.Complete {
		t.Fatal(r.Err())
	}
	if k := r.Register.Key(w.Registrar.KID); !k.Revoked || k.RevokedAt != 12 {
		t.Errorf("the registrar's first key: %+v", k)
	}

	// It does not count from then on.
	l.AddPublic(l.AddKey("lothian", testlog.Signer(wire.EdDSA), entry.PurposeSubmit))
	late := testlog.Signer(wire.EdDSA)
	l.AddPublic(l.AddKey("lothian", late, entry.PurposeSubmit))
	l.AddSealed(w.Access("lothian", late, w.me()), w.me())
	if r := w.check(testlog.StatementJSON(l.Statement(w.indexed(l)))); !isFailure(r.Err(), verifier.CheckKeyStatus) || r.Authentic {
		t.Errorf("a key added by a revoked registrar's key: %v", r.Err())
	}
}
