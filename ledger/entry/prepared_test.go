package entry_test

import (
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// A key that is elsewhere makes the same entries and proofs as a Signer.
func TestSignedElsewhere(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		key  *wire.Signer
		body func() entry.Body
	}{
		"public": {w.registrar, func() entry.Body { return w.boardBody() }},
		"sealed": {w.board, func() entry.Body { return w.accessBody() }},
		"ES256":  {w.boardEC, func() entry.Body { return w.accessBody() }},
	} {
		p, err := entry.Prepare(c.key.Public, c.body())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e, err := p.Complete(rawSignature(c.key, p.Signing))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := e.JWS.Verify(c.key.Public); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		here, err := c.key.SignJWS(wire.TypEntry, p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if j, err := wire.ParseJWS("entry", here, wire.TypEntry); err != nil || j.Identity() != e.Identity() {
			t.Errorf("%s: another entry than a Signer makes, %v", name, err)
		}
		if again, err := entry.Parse(e.SDJWT()); err != nil || len(again.Disclosures) != len(e.Disclosures) {
			t.Errorf("%s: its disclosures do not fit: %v", name, err)
		}
	}
	signing, err := entry.KeyProofInput(w.board.Public, "log.test", "B1")
	if err != nil {
		t.Fatal(err)
	}
	proof := signing + "." + wire.Encode64(rawSignature(w.board, signing))
	if err := entry.CheckKeyProof(proof, "log.test", "B1", w.board.Public); err != nil {
		t.Error(err)
	}
	if err := entry.CheckKeyProof(proof, "log.test", "B2", w.board.Public); err == nil {
		t.Error("a proof for another organisation is good")
	}
}
