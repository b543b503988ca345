package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// governed is a log with an agreement, consents and a verdict on every access, which a test may change before the index covers it.
func governed(change ...func(g *testlog.Governed)) *testlog.Governed {
	g := testlog.NewGoverned(testlog.NewLag("ledger.test/2026", 40))
	for _, f := range change {
		f(g)
	}
	g.GiveVerdicts(consent.New())
	g.AddIndexRoot()
	return g
}

// forge gives an access another verdict, as whoever holds the database and its keys can.
func forge(g *testlog.Governed, i uint64) {
	v := *g.Openings[i].Verdict
	v.Result, v.Rules = entry.Covered, []string{"agreement"}
	g.Openings[i].Verdict = &v
}

// What holds is cosigned, and a later run reads only the openings that are new.
func TestAuditReplaysVerdicts(t *testing.T) {
	g := governed()
	s := newLedgerServer(t, g.Log)
	out, _ := s.once(0, "--verdicts")
	for _, want := range []string{"all 15 sealed entries were opened", "12 verdicts are those that follow from the entries below", "cosigned size"} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q:\n%s", want, out)
		}
	}
	before := g.Size()
	g.AddSealed(g.SharedAccess(g.IDs[1]), g.IDs[1])
	g.GiveVerdicts(consent.New())
	g.AddIndexRoot()
	s.show(g.Log, g.Size())
	s.change(func() { s.bulked = nil })
	out, _ = s.once(0, "--verdicts", "--json")
	if !slices.Equal(s.bulked, []uint64{before}) || !strings.Contains(out, "13 verdicts are") {
		t.Errorf("openings asked for from %d, want %d\n%s", s.bulked, before, out)
	}
	if got := s.cosignedSizes(); !slices.Equal(got, []uint64{before, g.Size()}) {
		t.Errorf("cosigned %d", got)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "state", "*"))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkNoID(t, name, g.IDs, out+string(data))
		if strings.Contains(name, "verdicts-") {
			verdicts++
		}
	}
	if verdicts != 1 {
		t.Errorf("files %v, want one of verdicts", files)
	}
}

// A verdict that was tampered with is told with what it should be, convicts nobody and withholds no cosignature; it is told again by later runs, and seen to be repaired by a new one.
func TestAuditFindsTamperedVerdicts(t *testing.T) {
	g := governed()
	at := g.Shared[4]
	forge(g, at)
	s := newLedgerServer(t, g.Log)
	for run := range 2 {
		out, _ := s.once(1, "--verdicts")
		for _, want := range []string{"FAILED   verdict               entry " + string(testlog.JSON(at)), "expected Not covered", "was not in force. (not-covered; rules agreement-in-force; policy set 0)", "found    Covered",
			"convicts nobody", "cosigned size"} {
			if run == 1 && want == "cosigned size" {
				want = "12"
			}
			if !strings.Contains(out, want) {
				t.Errorf("run %d does not say %q:\n%s", run, want, out)
			}
		}
		if strings.Count(out, "FAILED") != 1 || s.has("alarm") || len(s.evidence()) > 0 {
			t.Errorf("run %d: alarmed, or more failed:\n%s", run, out)
		}
		checkNoID(t, "a verdict that differs", g.IDs, out)
	}
	if got := s.cosignedSizes(); !slices.Contains(got, g.Size()) {
		t.Errorf("cosigned %d, want %d", got, g.Size())
	}
	g.GiveVerdicts(consent.New())
	s.once(1, "--verdicts")
	s.once(0, "--verdicts", "--state", filepath.Join(s.dir, "anew"))
	forge(g, at)
	out, _ := s.once(1, "--verdicts", "--state", filepath.Join(s.dir, "once more"), "--json")
	var rep report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rep.Checks, func(r verifier.Result) bool { return r.Check == verifier.CheckVerdict })
	if i < 0 || rep.Checks[i].Status != verifier.Failed || *rep.Checks[i].Index != at {
		t.Errorf("--json: %s", out)
	}
}

// What the operator logged against the rules that all can compute, or an opening that is not of its leaf, ends the audit; with evidence where the leaf itself shows it.
func TestAuditConvictsByRulesAndOpenings(t *testing.T) {
	for name, c := range map[string]struct {
		log      *testlog.Governed
		lie      func(g *testlog.Governed)
		says     string
		evidence int
	}{
		"an act after the end":      {governed(func(g *testlog.Governed) { g.AddPublic(g.Act("fife", "resume")) }), nil, "bad-transition", 1},
		"filed under somebody else": {governed(func(g *testlog.Governed) { g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[2]) }), nil, "filed the entry under somebody else", 0},
		"a key that was revoked": {governed(func(g *testlog.Governed) {
			g.AddSealed(g.Access("lothian", g.Source, g.IDs[0]), g.IDs[0])
		}), nil, "was revoked at index", 0},
		"another content": {governed(), func(g *testlog.Governed) { g.Openings[g.Shared[1]].BodySalt[0] ^= 1 }, "another content than what was logged", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c.lie != nil {
				c.lie(c.log)
			}
			s := newLedgerServer(t, c.log.Log)
			s.once(0) // seen by nobody who does not look
			s.cosignedSizes()
			out, _ := s.once(1, "--verdicts")
			if !strings.Contains(out, c.says) || !s.has("alarm") || len(s.cosignedSizes()) > 0 || len(s.evidence()) != c.evidence {
				t.Errorf("alarm %v, evidence %v, want %q:\n%s", s.has("alarm"), s.evidence(), c.says, out)
			}
			checkNoID(t, name, c.log.IDs, out)
			for _, file := range s.evidence() {
				if code, out, _ := igverify("", "evidence", file, "--log-key", c.log.Key); code != 0 || !strings.Contains(out, "who replays the public entries") {
					t.Errorf("evidence: %s", out)
				}
			}
			if err := os.Remove(filepath.Join(s.dir, "state", "alarm")); err != nil {
				t.Fatal(err)
			}
			if out, _ := s.once(1, "--verdicts"); !strings.Contains(out, c.says) {
				t.Errorf("it is not found again:\n%s", out)
			}
		})
	}
}

// Whatever the state holds, no verdict is passed over: what cannot be gone on from is refused, or begun anew.
func TestAuditOfVerdictsGoesOn(t *testing.T) {
	g := governed()
	forge(g, g.Accesses[0])
	s := newLedgerServer(t, g.Log)
	s.change(func() { s.refuse["/v1/openings"] = 403 })
	if _, errOut := s.once(3, "--verdicts"); !strings.Contains(errOut, "openings, which --verdicts reads") || len(s.cosignedSizes()) > 0 {
		t.Errorf("without a right to openings: %s", errOut)
	}
	s.change(func() { clear(s.refuse) })
	s.once(0)
	if out, _ := s.once(1, "--verdicts"); !strings.Contains(out, "FAILED   verdict") {
		t.Errorf("after an audit without:\n%s", out)
	}
	list, err := filepath.Glob(filepath.Join(s.dir, "state", "verdicts-*"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	good, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{"empty": nil, "torn": good[:len(good)-9], "damaged": append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1)} {
		overwrite(t, list[0], data)
		if _, errOut := s.once(3, "--verdicts"); !strings.Contains(errOut, "remove "+filepath.Base(list[0])) {
			t.Errorf("%s: %s", what, errOut)
		}
	}
	overwrite(t, list[0], good)
	caller, err := testlog.Signer(wire.EdDSA).MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(s.dir, "caller.jwk")
	kept, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, own, caller)
	if _, errOut := s.once(3, "--verdicts"); !strings.Contains(errOut, "another key of the caller") {
		t.Errorf("another caller's: %s", errOut)
	}
	overwrite(t, own, kept)
	s.once(1, "--verdicts")
	if err := os.Remove(list[0]); err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.bulked = nil })
	s.once(1, "--verdicts")
	if len(s.bulked) == 0 || s.bulked[0] != 0 {
		t.Errorf("openings asked for from %v, want all", s.bulked)
	}
}

// An audit of verdicts that is interrupted between two pages goes on with what it had.
func TestAuditOfVerdictsIsInterrupted(t *testing.T) {
	g := governed()
	for range 300 {
		g.AddSealed(g.Access("lothian", g.Second, g.IDs[1]), g.IDs[1])
		if g.Size()%10 == 0 {
			g.AddIndexRoot()
		}
	}
	g.GiveVerdicts(consent.New())
	g.AddIndexRoot()
	forge(g, g.Shared[3])
	s := newLedgerServer(t, g.Log)
	s.change(func() { s.refuse["/tile/entries/001"] = 404 })
	s.once(3, "--verdicts")
	s.change(func() { clear(s.refuse); s.bulked = nil })
	out, _ := s.once(1, "--verdicts")
	if strings.Count(out, "FAILED") != 1 || !strings.Contains(out, "entry "+string(testlog.JSON(g.Shared[3]))) || s.bulked[0] != 256 {
		t.Errorf("openings from %v:\n%s", s.bulked, out)
	}
}

// The daemon tells what differs once, and goes on cosigning.
func TestAuditDaemonTellsVerdicts(t *testing.T) {
	g := governed()
	forge(g, g.Shared[4])
	s := newLedgerServer(t, g.Log)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errOut lockedBuffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, s.args("--verdicts"), strings.NewReader(""), &out, &errOut) }()
	for range 3 {
		if head := <-s.posted; head.Size != g.Size() {
			t.Errorf("cosigned %d, want %d", head.Size, g.Size())
		}
		s.change(func() {
			g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[0])
			v := *g.Openings[g.Shared[5]].Verdict
			g.Openings[g.Size()-1].Verdict = &v
			g.AddIndexRoot()
			s.size, s.files = g.Size(), g.Files()
		})
	}
	<-s.posted
	cancel()
	if code := <-done; code != exitFailed {
		t.Errorf("ended with %d, although something was found\n%s", code, errOut.String())
	}
	text := out.String()
	if n := len(regexp.MustCompile(`(?m)^\S+ DOUBTFUL verdict: entry \d+: expected Not covered`).FindAllString(text, -1)); n != 1 {
		t.Errorf("told %d times:\n%s", n, text)
	}
	checkNoID(t, "the daemon", g.IDs, text)
}
