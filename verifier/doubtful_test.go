package verifier_test

import (
	"slices"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// TestEntriesThatAreNotWhatTheyClaim: an operator can log any bytes under a person's tag, above all
// among the newer entries, about which the index says nothing. What no registered key signed stands
// in no table that a reader takes for true, and nothing is authentic while it is there.
func TestEntriesThatAreNotWhatTheyClaim(t *testing.T) {
	w := newWorld(t)
	stranger, third := testlog.Signer(wire.EdDSA), testlog.Signer(wire.EdDSA)
	revoke := func(l *testlog.Log) {
		l.AddPublic(l.AddKey("lothian", third, entry.PurposeSubmit))
		v, err := entry.Sign(w.Registrar, &entry.KeyRevocation{Common: entry.Common{Issuer: "registrar", Audience: origin,
			IssuedAt: testlog.Now}, Org: "lothian", KID: third.KID, Reason: "compromised"})
		if err != nil {
			t.Fatal(err)
		}
		l.AddPublic(v)
	}
	nothing := func(*testlog.Log) {}
	by := func(s *wire.Signer, org, id string) func(l *testlog.Log) {
		return func(l *testlog.Log) { l.AddSealed(w.Access(org, s, id), w.me()) }
	}
	everyone := func(l *testlog.Log) {
		l.AddSealed(w.Access("lothian", stranger, entry.RegEveryone), entry.RegEveryone)
	}
	hideKey := func(s *bundle.Statement) { s.Chains = without(s.Chains, "key:"+third.KID) }
	all := func(*bundle.Statement) {}
	for name, c := range map[string]struct {
		before, meanwhile func(l *testlog.Log) // below M, and at or above it
		change            func(s *bundle.Statement)
		check             verifier.Check
	}{
		"by a key that was never registered": {nothing, by(stranger, "lothian", w.me()), all, verifier.CheckKeyStatus},
		"by a key that was registered after the index": {nothing, func(l *testlog.Log) {
			l.AddPublic(l.AddKey("lothian", third, entry.PurposeSubmit))
			by(third, "lothian", w.me())(l)
		}, all, verifier.CheckKeyStatus},
		"by a revoked key":                           {revoke, by(third, "lothian", w.me()), all, verifier.CheckKeyStatus},
		"by a revoked key, about which it is silent": {revoke, by(third, "lothian", w.me()), hideKey, verifier.CheckKeyStatus},
		"in another organisation's name":             {nothing, by(w.Second, "highland", w.me()), all, verifier.CheckAuthority},
		"about another person":                       {nothing, by(w.Second, "lothian", w.IDs[1]), all, verifier.CheckSubject},
		"of everyone's data":                         {nothing, everyone, all, verifier.CheckKeyStatus},
		"that the index has":                         {by(stranger, "lothian", w.me()), nothing, all, verifier.CheckKeyStatus},
	} {
		l := w.log()
		c.before(l)
		size := l.Size()
		claim := w.indexedWhile(l, func() { c.meanwhile(l) })
		s := w.statement(l, claim)
		c.change(s)
		l.Prove(s)
		r := w.check(testlog.StatementJSON(s))
		if r.Authentic || r.Complete || !strings.HasPrefix(r.Lines.Authentic, "NO") {
			t.Errorf("%s: authentic %v, complete %v: %s", name, r.Authentic, r.Complete, r.Lines.Authentic)
		}
		if !slices.ContainsFunc(r.Failures, func(f *verifier.Failure) bool { return f.Check == c.check }) {
			t.Errorf("%s: %v, want %s", name, r.Err(), c.check)
		}
		if len(r.Doubtful) != 1 || !strings.HasPrefix(r.Doubtful[0].Remarks[0], string(c.check)+": ") {
			t.Errorf("%s: apart %+v", name, r.Doubtful)
			continue
		}
		at := r.Doubtful[0].Index
		if at < size-1 {
			t.Errorf("%s: apart is entry %d, which is what it claims", name, at)
		}
		for _, e := range append(r.Entries, r.Everyone...) {
			if e.Index == at {
				t.Errorf("%s: it stands in a table", name)
			}
		}
	}
}
