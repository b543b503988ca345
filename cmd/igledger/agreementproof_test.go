package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

var testNow = time.Unix(testlog.Now, 0)

// secondAgreement proposes isa-2 in a governed log and has it signed by both.
func secondAgreement(g *testlog.Governed) *entry.Entry {
	p := testlog.Sign(g.Lothian, &entry.Agreement{Common: g.Common("lothian"), Agreement: testlog.AgreementText("isa-2", 1)})
	g.AddPublic(p)
	g.AddPublic(g.Signature("lothian", p))
	g.AddPublic(g.Signature("fife", p))
	return p
}

func actOnSecond(g *testlog.Governed, act string) *entry.Entry {
	return testlog.Sign(g.Fife, &entry.AgreementAct{Common: g.Common("fife"), Agreement: "isa-2", Version: 1, Act: act, Reason: "as decided"})
}

func proveIn(t *testing.T, l *testlog.Log, change func(map[string][]byte), id string) (*agreementProof, error) {
	t.Helper()
	dir := t.TempDir()
	files := l.Files()
	if change != nil {
		change(files)
	}
	testlog.WriteFiles(dir, files)
	return proveAgreement(t.Context(), dir, byKey(t, l.Key), nil, id, testNow, func(uint64) {})
}

func TestProveAgreement(t *testing.T) {
	g := testlog.NewGoverned(testlog.New("proof.test/2026"))
	secondAgreement(g)
	p, err := proveIn(t, g.Log, nil, "isa-1")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, e := range p.History {
		events = append(events, e.By+" "+e.What)
	}
	if got := strings.Join(events, ", "); got != "lothian proposed, lothian signed, fife signed, lothian terminate" {
		t.Errorf("the history is %s", got)
	}
	if p.State != consent.Terminated || p.Entries != g.Size() || p.History[3].Index != g.Ended {
		t.Errorf("%+v", p)
	}
	if p, err = proveIn(t, g.Log, nil, "isa-2"); err != nil || p.State != consent.InForce {
		t.Errorf("isa-2: %v %v", p, err)
	}
	if _, err = proveIn(t, g.Log, nil, "isa-3"); err == nil || !strings.Contains(err.Error(), "no agreement isa-3") {
		t.Errorf("isa-3: %v", err)
	}
}

// What a dishonest operator can do to an agreement is found: each of these changes what it allows.
func TestProveAgreementFindsLies(t *testing.T) {
	for name, c := range map[string]struct {
		lie   func(g *testlog.Governed)
		files func(g *testlog.Governed, files map[string][]byte)
		want  string
	}{
		"an act of before, logged once more": {lie: func(g *testlog.Governed) {
			suspend := actOnSecond(g, "suspend")
			g.AddPublic(suspend)
			g.AddPublic(actOnSecond(g, "resume"))
			g.AddPublic(suspend)
		}, want: "logged one act of an organisation twice"},
		"an act that the state does not allow": {lie: func(g *testlog.Governed) { g.AddPublic(g.Act("fife", "suspend")) }, want: "bad-transition"},
		"an act by a key for something else": {lie: func(g *testlog.Governed) {
			g.AddPublic(testlog.Sign(g.Operator, &entry.AgreementAct{Common: g.Common("operator"), Agreement: "isa-2", Version: 1, Act: "terminate", Reason: "none"}))
		}, want: "wrong-purpose"},
		"an act by a key that was revoked": {lie: func(g *testlog.Governed) {
			g.AddPublic(testlog.Sign(g.Source, &entry.AgreementAct{Common: g.Common("lothian"), Agreement: "isa-2", Version: 1, Act: "terminate", Reason: "none"}))
		}, want: "revoked-key"},
		"an act in another's name": {lie: func(g *testlog.Governed) {
			g.AddPublic(testlog.Sign(g.Fife, &entry.AgreementAct{Common: g.Common("lothian"), Agreement: "isa-2", Version: 1, Act: "terminate", Reason: "none"}))
		}, want: "wrong-issuer"},
		"a leaf served that is not the one signed for": {files: func(g *testlog.Governed, files map[string][]byte) {
			for path, data := range files {
				if at := bytes.Index(data, g.Leaves[g.Shared[0]]); at >= 0 && strings.HasPrefix(path, "tile/entries/") {
					data[at+40] ^= 1
				}
			}
		}, want: "exchanged the content"},
		"a checkpoint by another key": {files: func(_ *testlog.Governed, files map[string][]byte) {
			files["checkpoint"] = testlog.New("proof.test/2026").Checkpoint(1)
		}, want: "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			g := testlog.NewGoverned(testlog.New("proof.test/2026"))
			secondAgreement(g)
			if c.lie != nil {
				c.lie(g)
			}
			_, err := proveIn(t, g.Log, func(files map[string][]byte) {
				if c.files != nil {
					c.files(g, files)
				}
			}, "isa-2")
			if err == nil || exitCode(err) != exitRefused || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a refusal about %q", err, c.want)
			}
		})
	}
}

// What is signed is the text in the log, whatever the ledger says of it; and where it says that the
// text stands must be true.
func TestSignTakesTheTextFromTheLog(t *testing.T) {
	g := testlog.NewGoverned(testlog.New("proof.test/2026"))
	second := secondAgreement(g)
	at := g.Size() - 3
	other := testlog.AgreementText("isa-2", 1)
	other.Title = "What the ledger would like"
	answer := client.Agreement{ID: "isa-2", Version: 1, Versions: []client.AgreementVersion{{Version: 1, Index: at, Proposal: wire.Hash{7}, Text: &other}}}
	files := g.Files()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/agreements/") {
			w.Write(testlog.JSON(answer)) //nolint:errcheck // a test
			return
		}
		testlog.Handler("", files).ServeHTTP(w, r)
	}))
	defer server.Close()
	r := &remote{Client: &client.Client{Base: server.URL, Attempts: 1}, origin: g.Origin, logKey: g.Key}
	e, index, err := r.proposal(t.Context(), "isa-2", 0)
	if err != nil || index != at || e.Identity() != second.Identity() || e.Body.(*entry.Agreement).Agreement.Title != "Care across the Forth" {
		t.Errorf("%v at %d: %v", e, index, err)
	}
	for name, index := range map[string]uint64{"a signature": at + 1, "the proposal of another agreement": indexOf(g, g.Proposal), "a sealed leaf": g.Shared[0], "beyond the log": g.Size()} {
		answer.Versions[0].Index = index
		if _, _, err := r.proposal(t.Context(), "isa-2", 1); err == nil {
			t.Errorf("%s was taken for the proposal", name)
		}
	}
	answer.Versions[0].Index = at
	if _, _, err := r.proposal(t.Context(), "isa-2", 2); err == nil {
		t.Error("a version that there is none of")
	}
	// The operator serves another text in the place of the one that stands there.
	exchanged := slices.Clone(g.Leaves)
	exchanged[at] = proof.PublicLeaf(testlog.Sign(g.Lothian, &entry.Agreement{Common: g.Common("lothian"), Agreement: other}).Compact)
	for path := range files {
		if strings.HasPrefix(path, "tile/entries/") {
			files[path] = testlog.Bundle(exchanged)
		}
	}
	if _, _, err := r.proposal(t.Context(), "isa-2", 1); err == nil {
		t.Error("a text that is not in the log was taken for the proposal")
	}
	answer.Versions = nil
	if _, _, err := r.proposal(t.Context(), "isa-2", 0); err == nil {
		t.Error("an agreement without versions")
	}
}

func indexOf(g *testlog.Governed, e *entry.Entry) uint64 {
	for i, x := range g.Entries {
		if x == e {
			return i
		}
	}
	panic("not in the log")
}

func byKey(t *testing.T, logKey string) *verifier.Policy {
	t.Helper()
	p, err := verifier.PolicyForLog(logKey)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A log that somebody made up with the log's key proves an agreement to readers who trust that key
// alone, and to nobody whose policy asks for a witness or who knows how the log began.
func TestProveAgreementUnderPolicy(t *testing.T) {
	g := testlog.NewGoverned(testlog.New("proof.test/2026"))
	forged := testlog.NewGoverned(g.Forge())
	w, a := testlog.NewCosigner("w"), testlog.NewCosigner("a")
	policy, err := verifier.ParsePolicy(testlog.Policy(g.Key, 1, []*testlog.Cosigner{w}, []*testlog.Cosigner{a}))
	if err != nil {
		t.Fatal(err)
	}
	g.Cosign(g.Size(), w, a)
	begin := verifier.GenesisHash(g.Leaves[0])
	prove := func(l *testlog.Log, p *verifier.Policy, genesis *wire.Hash) verifier.Check {
		dir := t.TempDir()
		testlog.WriteFiles(dir, l.Files())
		_, err := proveAgreement(t.Context(), dir, p, genesis, "isa-1", testNow, func(uint64) {})
		var f *verifier.Failure
		if err != nil && !errors.As(err, &f) {
			t.Fatal(err)
		}
		if f == nil {
			return ""
		}
		return f.Check
	}
	if got := prove(g.Log, policy, &begin); got != "" {
		t.Errorf("the true log: %s", got)
	}
	if got := prove(forged.Log, byKey(t, g.Key), nil); got != "" {
		t.Errorf("a forged log, by its key: %s", got)
	}
	if got := prove(forged.Log, policy, nil); got != verifier.CheckWitnesses {
		t.Errorf("a forged log, under a policy: %q", got)
	}
	if got := prove(forged.Log, byKey(t, g.Key), &begin); got != verifier.CheckGenesisLeaf {
		t.Errorf("a forged log, by its beginning: %q", got)
	}
}
