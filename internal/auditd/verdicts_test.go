package auditd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
	"igledger/verifier/auditor"
)

// governed is a log with an agreement, consents and a verdict on every access.
func governed(change ...func(g *testlog.Governed)) *testlog.Governed {
	return testlog.WithVerdicts(consent.New(), change...)
}

// What holds is cosigned, and a later run reads only the openings that are new.
func TestReplaysVerdicts(t *testing.T) {
	g := governed()
	s := newWorld(t, g.Log)
	out := s.once(good, withVerdicts)
	for _, want := range []string{"ok opened: every sealed entry (15 ", "ok verdict: every verdict (12 ", "cosigned size"} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q:\n%s", want, out)
		}
	}
	before := g.Size()
	g.AddSealed(g.SharedAccess(g.IDs[1]), g.IDs[1])
	g.GiveVerdicts(consent.New())
	g.AddIndexRoot()
	s.Show(g.Log, g.Size())
	s.Change(func() { s.Bulked = nil })
	out = s.once(good, withVerdicts)
	if !slices.Equal(s.Bulked, []uint64{before}) || !strings.Contains(out, "ok verdict: every verdict (13 ") {
		t.Errorf("openings asked for from %d, want %d\n%s", s.Bulked, before, out)
	}
	if got := s.CosignedSizes(); !slices.Equal(got, []uint64{before, g.Size()}) {
		t.Errorf("cosigned %d", got)
	}
	files, err := filepath.Glob(s.path("*"))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s.noID(name, g.IDs, out+string(data))
		if strings.Contains(name, "verdicts-") {
			verdicts++
		}
	}
	if verdicts != 1 {
		t.Errorf("files %v, want one of verdicts", files)
	}
}

// A reading that the table of readers forbids is reported with what is wrong with it, and is no
// reason to keep a cosignature back.
func TestReportsForbiddenReadings(t *testing.T) {
	var at uint64
	g := governed(func(g *testlog.Governed) {
		g.AddPublic(g.Organisation("operator", g.Registrar, g.Enroller, entry.RoleOperator)) // as a source too, which logs readings
		at = g.AddSealed(testlog.Sign(g.Operator, &entry.Access{
			Common: g.Common("operator"), Source: readers.Source, Org: "fife", Event: []string{readers.AuditLogUsed}, Action: "R",
			Data: []string{readers.Whole.Code()}, Purpose: []string{"HCOMPL"}, Outcome: "0", Recorded: "2026-11-22T08:00:00Z", Sub: g.IDs[0],
		}), g.IDs[0])
	})
	s := newWorld(t, g.Log)
	out := s.once(wrong, withVerdicts)
	want := fmt.Sprintf("reading: entry %d", at)
	if !strings.Contains(out, want) || !strings.Contains(out, string(readers.BadExtent)) || len(s.CosignedSizes()) != 1 {
		t.Errorf("does not say %q, or cosigned %d:\n%s", want, s.CosignedSizes(), out)
	}
	s.noID("the report", g.IDs, out)
}

// What the operator logged against the rules that all can compute, or an opening that is not of its
// leaf, ends the audit; with evidence where the leaf itself shows it.
func TestConvictsByRulesAndOpenings(t *testing.T) {
	for name, c := range map[string]struct {
		log      *testlog.Governed
		lie      func(g *testlog.Governed)
		says     string
		evidence int
	}{
		"an act after the end":      {governed(func(g *testlog.Governed) { g.AddPublic(g.Act("fife", "resume")) }), nil, "bad-transition", 1},
		"filed under somebody else": {governed(func(g *testlog.Governed) { g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[2]) }), nil, "FAILED filing", 0},
		"a key that was revoked": {governed(func(g *testlog.Governed) {
			g.AddSealed(g.Access("lothian", g.Source, g.IDs[0]), g.IDs[0])
		}), nil, "FAILED signature", 0},
		"another content": {governed(), func(g *testlog.Governed) { g.Openings[g.Shared[1]].BodySalt[0] ^= 1 }, "FAILED body-commitment", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c.lie != nil {
				c.lie(c.log)
			}
			s := newWorld(t, c.log.Log)
			s.once(good) // without openings it is not seen
			s.CosignedSizes()
			out := s.once(wrong, withVerdicts)
			if !strings.Contains(out, c.says) || !s.has("alarm") || len(s.CosignedSizes()) > 0 || len(s.evidence()) != c.evidence {
				t.Errorf("alarm %v, evidence %v, want %q:\n%s", s.has("alarm"), s.evidence(), c.says, out)
			}
			s.noID(name, c.log.IDs, out)
			for _, file := range s.evidence() {
				if rep := auditor.CheckEvidence(s.read(file), c.log.Key); !sound(rep) {
					t.Errorf("evidence: %v", rep.Err())
				}
			}
			if err := os.Remove(s.path("alarm")); err != nil {
				t.Fatal(err)
			}
			if out := s.once(wrong, withVerdicts); !strings.Contains(out, c.says) {
				t.Errorf("it is not found again:\n%s", out)
			}
		})
	}
}

// Whatever the state holds, no verdict is passed over: what cannot be gone on from is refused, or
// begun anew.
func TestVerdictsGoesOn(t *testing.T) {
	g := governed()
	g.ForgeVerdict(g.Accesses[0])
	s := newWorld(t, g.Log)
	s.Change(func() { s.Refuse["/v1/openings"] = 403 })
	if errOut := s.once(unreadable, withVerdicts); !strings.Contains(errOut, "openings") || len(s.CosignedSizes()) > 0 {
		t.Errorf("without a right to openings: %s", errOut)
	}
	s.Change(func() { clear(s.Refuse) })
	s.once(good)
	if out := s.once(wrong, withVerdicts); !strings.Contains(out, "FAILED verdict") {
		t.Errorf("after an audit without:\n%s", out)
	}
	list, err := filepath.Glob(s.path("verdicts-*"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	kept := s.read(list[0])
	for what, data := range map[string][]byte{"empty": nil, "torn": kept[:len(kept)-9], "damaged": append(slices.Clone(kept[:len(kept)-1]), kept[len(kept)-1]^1)} {
		s.write(list[0], data)
		if errOut := s.once(unreadable, withVerdicts); !strings.Contains(errOut, "remove "+list[0]) {
			t.Errorf("%s: %s", what, errOut)
		}
	}
	s.write(list[0], kept)
	another := func(c *Config) { c.Caller = testlog.Signer(wire.EdDSA) }
	if errOut := s.once(unreadable, withVerdicts, another); !strings.Contains(errOut, "another caller key") {
		t.Errorf("another caller's: %s", errOut)
	}
	s.once(wrong, withVerdicts)
	if err := os.Remove(list[0]); err != nil {
		t.Fatal(err)
	}
	s.Change(func() { s.Bulked = nil })
	s.once(wrong, withVerdicts)
	if len(s.Bulked) == 0 || s.Bulked[0] != 0 {
		t.Errorf("openings asked for from %v, want all", s.Bulked)
	}
}

// An audit of verdicts that is interrupted between two pages goes on with what it had.
func TestVerdictsIsInterrupted(t *testing.T) {
	g := governed()
	for range 300 {
		g.AddSealed(g.Access("lothian", g.Second, g.IDs[1]), g.IDs[1])
		if g.Size()%10 == 0 {
			g.AddIndexRoot()
		}
	}
	g.GiveVerdicts(consent.New())
	g.AddIndexRoot()
	g.ForgeVerdict(g.Shared[3])
	s := newWorld(t, g.Log)
	s.Change(func() { s.Refuse["/tile/entries/001"] = 404 })
	s.once(unreadable, withVerdicts)
	s.Change(func() { clear(s.Refuse); s.Bulked = nil })
	out := s.once(wrong, withVerdicts)
	if strings.Count(out, "FAILED") != 1 || !strings.Contains(out, "entry "+string(testlog.JSON(g.Shared[3]))) || s.Bulked[0] != 256 {
		t.Errorf("openings from %v:\n%s", s.Bulked, out)
	}
}
