package verifier_test

import (
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// TestOldStatement: a statement verifies years later, and says that it is old.
func TestOldStatement(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	data := testlog.StatementJSON(l.Statement(w.indexed(l)))
	for name, c := range map[string]struct {
		now   time.Time
		stale bool
		says  string
	}{
		"fresh":        {time.Unix(testlog.Now, 0).Add(48 * time.Hour), false, "seen by the cosigners that count at 2026-11-22T09:00:00Z"},
		"stale":        {time.Unix(testlog.Now, 0).Add(48*time.Hour + time.Second), true, "STALE"},
		"twenty years": {time.Unix(testlog.Now, 0).AddDate(20, 0, 0), true, "STALE"},
		"no clock":     {time.Time{}, false, "seen by the cosigners that count at"},
	} {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Now: c.now})
		if r.Err() != nil || !r.Complete || r.Stale != c.stale || !strings.Contains(r.Lines.Fresh, c.says) {
			t.Errorf("%s: %v, stale %v, %q", name, r.Err(), r.Stale, r.Lines.Fresh)
		}
	}
}

// TestNobodyAsked: without cosigners the statement still holds, and the report says whose word it is.
func TestNobodyAsked(t *testing.T) {
	w := newWorld(t)
	alone, err := verifier.PolicyForLog(w.Key)
	if err != nil {
		t.Fatal(err)
	}
	l := w.log()
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(w.indexed(l))), Policy: alone, ID: w.me(), Now: now})
	if r.Err() != nil || !r.Complete {
		t.Fatal(r.Err())
	}
	for _, c := range []struct{ text, says string }{
		{r.Lines.Complete, "BY THE OPERATOR'S WORD ALONE"}, {r.Lines.Cosigned, "audited by nobody you name; witnessed by nobody you name"}, {r.Lines.Fresh, "age unknown: no witness"},
	} {
		if !strings.Contains(c.text, c.says) {
			t.Errorf("%q does not say %q", c.text, c.says)
		}
	}
}

// TestAgeWithoutQuorum: where a policy names cosigners and asks for none, the last that cosigned says how old the statement is.
func TestAgeWithoutQuorum(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	c := w.indexed(l)
	head := proof.Checkpoint{Origin: origin, Size: l.Size(), Root: l.Root(l.Size())}
	text := "log " + w.Key + "\nquorum none\n"
	c.Checkpoint = l.Checkpoint(l.Size())
	for i, hours := range []int64{1, 3, 2} {
		by := w.everybody()[i]
		text += "witness " + by.Name + " " + by.VKey() + "\n"
		c.Checkpoint = append(c.Checkpoint, by.Line(head, testlog.Now-3600*hours)...)
	}
	policy, err := verifier.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(c)), Policy: policy, ID: w.me(), Now: now})
	if r.Err() != nil || len(r.Witnessed) != 3 || !r.AsOf.Equal(time.Unix(testlog.Now-3600, 0)) || !r.NobodyAsked {
		t.Errorf("%v: as of %s, %d witnesses", r.Err(), r.AsOf, len(r.Witnessed))
	}
}
