package verifier

import (
	"fmt"
	"time"
)

// Outcome is what a reader may do with a statement. The command's exit code and the JSON report
// take it from StatementReport.Outcome; the verifier in the browser must come to the same.
type Outcome string

// The outcomes.
const (
	// Good: authentic, complete for what was asked, cosigned as the policy asks, and recent.
	Good Outcome = "good"
	// Stale: as Good, but older than the reader takes, or its age is not known.
	Stale Outcome = "stale"
	// Partial: what is shown is true, but it is only a part of what was asked.
	Partial Outcome = "partial"
	// Untrue: a check failed. The reader must not rely on what is shown.
	Untrue Outcome = "failed"
)

// Outcome decides what the report amounts to, and says why in one line. The reason of Good is "".
func (r *StatementReport) Outcome() (o Outcome, reason string) {
	switch {
	case len(r.Failures) > 0:
		f := r.Failures[0]
		return Untrue, fmt.Sprintf("%s: %s", f.Check, f.Meaning)
	case !r.Authentic:
		return Untrue, "not everything could be checked"
	case r.Extract:
		return Partial, "the file is an extract: it shows chosen entries and does not prove that there are no others"
	case !r.Complete:
		return Partial, r.Partly
	case r.Checked.IsZero() || r.Dated().IsZero():
		return Stale, "nothing shows how old the statement is"
	case r.Stale:
		return Stale, fmt.Sprintf("the log was in this state at %s, %s ago: ask for a new statement",
			r.Dated().Format(time.RFC3339), count(int(r.Checked.Sub(r.Dated()).Hours()), "hour", "hours"))
	}
	return Good, ""
}

// Dated returns when the log was seen in the state of the statement; zero: not known.
func (r *StatementReport) Dated() time.Time {
	if r.AsOf.IsZero() {
		return r.SignedAt
	}
	return r.AsOf
}
