package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlines"
	"igledger/internal/testlog"
	"igledger/verifier"
)

// governed is a log with an agreement, consents and a verdict on every access.
func governed(change ...func(g *testlog.Governed)) *testlog.Governed {
	return testlog.WithVerdicts(consent.New(), change...)
}

// A verdict that was tampered with is told with what it should be, convicts nobody and withholds no
// cosignature; it is told again by later runs, and seen to be repaired by a new one.
func TestAuditFindsTamperedVerdicts(t *testing.T) {
	g := governed()
	at := g.Shared[4]
	g.ForgeVerdict(at)
	s := newLedgerServer(t, g.Log)
	for run := range 2 {
		out, _ := s.once(1, "--verdicts")
		for _, want := range []string{"FAILED   verdict               entry " + string(testlog.JSON(at)), "expected Not covered", "(not-covered; rules agreement-in-force; policy set 0)", "found    Covered",
			"cosigned size"} {
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
	if got := s.CosignedSizes(); !slices.Contains(got, g.Size()) {
		t.Errorf("cosigned %d, want %d", got, g.Size())
	}
	g.GiveVerdicts(consent.New())
	s.once(1, "--verdicts")
	s.once(0, "--verdicts", "--state", filepath.Join(s.dir, "anew"))
	g.ForgeVerdict(at)
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

// The daemon tells what differs once, and goes on cosigning.
func TestAuditDaemonTellsVerdicts(t *testing.T) {
	g := governed()
	g.ForgeVerdict(g.Shared[4])
	s := newLedgerServer(t, g.Log)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errOut testlines.Buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, s.args("--verdicts"), strings.NewReader(""), &out, &errOut) }()
	for range 3 {
		if head := <-s.Posted; head.Size != g.Size() {
			t.Errorf("cosigned %d, want %d", head.Size, g.Size())
		}
		s.Change(func() {
			g.AddSealed(g.SharedAccess(g.IDs[0]), g.IDs[0])
			v := *g.Openings[g.Shared[5]].Verdict
			g.Openings[g.Size()-1].Verdict = &v
			g.AddIndexRoot()
			s.Grow(g.Log, g.Size(), g.Size())
		})
	}
	<-s.Posted
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
