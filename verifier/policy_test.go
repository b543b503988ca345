package verifier_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// TestQuorums counts nested groups, and takes as the age the time at which the quorum stood, which
// no minority can move.
func TestQuorums(t *testing.T) {
	w := newWorld(t)
	var x, y []*testlog.Cosigner
	text := "log " + w.Key + "\n"
	for i := range 3 {
		x, y = append(x, testlog.NewCosigner(fmt.Sprintf("x%d", i))), append(y, testlog.NewCosigner(fmt.Sprintf("y%d", i)))
		text += fmt.Sprintf("witness x%d %s\nwitness y%d %s\n", i, x[i].VKey(), i, y[i].VKey())
	}
	text += "group X 2 x0 x1 x2\ngroup Y any y0 y1 y2\ngroup both all X Y\nquorum both\n"
	p, err := verifier.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	hour := func(c *testlog.Cosigner, h int64) func(proof.Checkpoint) string {
		return func(head proof.Checkpoint) string { return c.Line(head, testlog.Now+3600*h) }
	}
	type lines []func(proof.Checkpoint) string
	for name, c := range map[string]struct {
		lines lines
		hour  int64 // -1: no quorum
	}{
		"nobody":                {nil, -1},
		"one of X and Y":        {lines{hour(x[0], 1), hour(y[0], 1)}, -1},
		"two of X, none of Y":   {lines{hour(x[0], 1), hour(x[1], 1)}, -1},
		"one of X twice":        {lines{hour(x[0], 1), hour(x[0], 2), hour(y[0], 1)}, -1},
		"enough":                {lines{hour(x[0], 5), hour(x[2], 5), hour(y[1], 5)}, 5},
		"as old as the quorum":  {lines{hour(x[0], 9), hour(x[1], 7), hour(y[1], 8)}, 7},
		"old ones do not count": {lines{hour(x[0], 9), hour(x[1], 7), hour(x[2], 1), hour(y[1], 8), hour(y[0], 2)}, 7},
		"the latest of one":     {lines{hour(x[0], 1), hour(x[0], 9), hour(x[1], 8), hour(y[1], 8)}, 8},
	} {
		l := w.log()
		claim := w.indexed(l)
		size := claim.IndexRoot + 1
		signed := string(l.Checkpoint(size))
		for _, line := range c.lines {
			signed += line(proof.Checkpoint{Origin: origin, Size: size, Root: l.Root(size)})
		}
		claim.Checkpoint = []byte(signed)
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(claim)), Policy: p, ID: w.me(), Now: time.Unix(testlog.Now+3600*10, 0)})
		if c.hour < 0 {
			if !isFailure(r.Err(), verifier.CheckQuorum) || r.Authentic {
				t.Errorf("%s: %v", name, r.Err())
			}
		} else if r.Err() != nil || !r.AsOf.Equal(time.Unix(testlog.Now+3600*c.hour, 0)) || r.AuditedEnough {
			t.Errorf("%s: %v, as of %s, %q", name, r.Err(), r.AsOf, r.Lines.Complete) // a group X is not called auditors
		}
	}
}

// TestQuorumBesidesAuditors requires more than the auditors. Where others are lacking too, what is
// shown must not pass for authentic as it does where auditors alone are.
func TestQuorumBesidesAuditors(t *testing.T) {
	w := newWorld(t)
	other := testlog.NewCosigner("other.test/w")
	text := fmt.Sprintf("log %s\nwitness a %s\nwitness o %s\ngroup auditors 1 a\ngroup both all auditors o\nquorum both\n",
		w.Key, w.auditors[0].VKey(), other.VKey())
	p, err := verifier.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cosigners []*testlog.Cosigner
		checks    []verifier.Check
	}{
		{[]*testlog.Cosigner{other, w.auditors[0]}, nil},
		{[]*testlog.Cosigner{other}, []verifier.Check{verifier.CheckAuditors}},
		{[]*testlog.Cosigner{w.auditors[0]}, []verifier.Check{verifier.CheckQuorum}},
		{nil, []verifier.Check{verifier.CheckAuditors, verifier.CheckQuorum}},
	} {
		l := w.log()
		claim := w.indexed(l)
		claim.Cosigners = c.cosigners
		r := verifier.CheckStatement(verifier.StatementEvidence{
			Statement: testlog.StatementJSON(l.Statement(claim)), Policy: p, ID: w.me(), Now: now,
		})
		var checks []verifier.Check
		for _, f := range r.Failures {
			checks = append(checks, f.Check)
		}
		if !slices.Equal(checks, c.checks) || r.Authentic == slices.Contains(checks, verifier.CheckQuorum) {
			t.Errorf("%d cosigners: %v failed, authentic %v", len(c.cosigners), checks, r.Authentic)
		}
	}
}
