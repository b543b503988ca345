package verifier_test

import (
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// TestOldStatement: a statement verifies years later, and the report says that it is old.
func TestOldStatement(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	data := testlog.StatementJSON(l.Statement(w.indexed(l)))
	for name, c := range map[string]struct {
		now   time.Time
		stale bool
	}{
		"fresh":        {time.Unix(testlog.Now, 0).Add(48 * time.Hour), false},
		"stale":        {time.Unix(testlog.Now, 0).Add(48*time.Hour + time.Second), true},
		"twenty years": {time.Unix(testlog.Now, 0).AddDate(20, 0, 0), true},
		"no clock":     {time.Time{}, false},
	} {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Now: c.now})
		if r.Err() != nil || !r.Complete || r.Stale != c.stale || !r.AsOf.Equal(time.Unix(testlog.Now, 0)) {
			t.Errorf("%s: %v, stale %v, as of %s", name, r.Err(), r.Stale, r.AsOf)
		}
		if strings.Contains(r.Lines.Fresh, "STALE") != c.stale {
			t.Errorf("%s: %q", name, r.Lines.Fresh)
		}
	}
}

// TestSlowClock: a reader whose clock is slow is told so, and not only that nobody vouches.
func TestSlowClock(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	c := w.indexed(l)
	c.Cosigners = w.everybody()
	data := testlog.StatementJSON(l.Statement(c))
	for _, slow := range []time.Duration{6 * time.Minute, 24 * time.Hour} {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(),
			Now: time.Unix(testlog.Now, 0).Add(-slow)})
		o, reason := r.Outcome()
		if o != verifier.Untrue || !strings.Contains(reason, "the clock of this machine is slow") {
			t.Errorf("%s: %s: %s", slow, o, reason)
		}
	}
}

// TestNobodyAsked: without cosigners the statement still holds, and the report says that
// completeness is the operator's word.
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
	if !r.NobodyAsked || r.AuditedEnough || len(r.Audited)+len(r.Witnessed) > 0 || !r.AsOf.IsZero() || r.Stale {
		t.Errorf("nobody asked %v, audited %v, as of %s", r.NobodyAsked, r.Audited, r.AsOf)
	}
}

// TestAgeWithoutQuorum: if a policy names cosigners and asks for none, the latest cosignature says
// how old the statement is.
func TestAgeWithoutQuorum(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	c := w.indexed(l)
	size := c.IndexRoot + 1
	head := proof.Checkpoint{Origin: origin, Size: size, Root: l.Root(size)}
	text := "log " + w.Key + "\nquorum none\n"
	c.Checkpoint = l.Checkpoint(size)
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
