package statement_test

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger/entry"
	"igledger/ledger/witness"
	"igledger/verifier"
)

// A statement is made under the checkpoint that a quorum stands behind as soon as that covers the newest index root, and shows who cosigned.
func TestStatementCarriesCosignatures(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.look(alice, bob, alice)
	w.pass()
	w.step(f)

	pub, key, err := ed25519.GenerateKey(nil)
	w.ok(err)
	const name = "witness.example/w1"
	vkey := verifier.CosignerKey(name, pub)
	client, err := witness.New(witness.Config{Witnesses: []witness.Witness{{Name: "w1", VKey: vkey}}, Quorum: func(by []string) bool { return slices.Contains(by, "w1") }, Now: func() time.Time { return w.clock }})
	w.ok(err)
	policy, err := verifier.ParsePolicy([]byte("log " + w.log.VerifierKey() + "\nwitness w1 " + vkey + "\ngroup witnesses all w1\nquorum witnesses\n"))
	w.ok(err)

	check := func() *verifier.StatementReport {
		s := w.make(f, alice, statement.Window{})
		data, err := s.Marshal()
		w.ok(err)
		return verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: policy, ID: alice, Now: w.clock})
	}
	if r := check(); r.Authentic || r.Err() == nil {
		t.Error("a policy's quorum was met by nobody")
	}
	signed, err := w.log.Checkpoint(w.Context())
	w.ok(err)
	v, err := entry.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	cp, err := entry.OpenCheckpoint(signed, v)
	w.ok(err)
	names, err := w.log.AddCosignatures(w.Context(), client, append(signed, verifier.Cosign(name, key, cp, w.clock)...))
	w.ok(err)
	if len(names) != 1 {
		t.Fatalf("kept cosignatures of %v", names)
	}
	w.look(alice) // the log goes on; the statement stays under what was cosigned
	r := check()
	if r.Err() != nil || !r.Authentic || !r.Complete || len(r.Witnessed) != 1 {
		t.Errorf("authentic %v, complete %v, witnessed by %v: %v", r.Authentic, r.Complete, r.Witnessed, r.Err())
	}
	// Once a newer index root is logged, the statement is about that, whoever has cosigned it yet.
	w.pass()
	w.step(f)
	if r := check(); r.Authentic {
		t.Error("the newest index root lies above what was cosigned, and the quorum is still called met")
	}
}
