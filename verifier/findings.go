package verifier

import (
	"fmt"
	"strings"
	"time"
)

// Findings answers the four questions of a statement's reader, one line each.
type Findings struct {
	Authentic string `json:"authentic"`
	Complete  string `json:"complete"`
	Cosigned  string `json:"cosigned"`
	Fresh     string `json:"fresh"`
}

// findings returns what a report says, in words. It decides nothing.
func findings(r *StatementReport) Findings {
	f := Findings{
		Authentic: authentic(r),
		Complete:  complete(r),
		Cosigned:  cosigned(r),
		Fresh:     "age unknown: no cosigner of your policy dates this checkpoint",
	}
	switch {
	case !r.AsOf.IsZero():
		f.Fresh = ageInWords(r.AsOf, r.Checked, r.Stale)
	case !r.SignedAt.IsZero():
		f.Fresh = sinceInWords("dated by the operator alone, "+r.SignedAt.Format(time.RFC3339), r.SignedAt, r.Checked, r.Stale)
	}
	return f
}

func authentic(r *StatementReport) string {
	switch {
	case !r.Authentic && len(r.Failures) > 0:
		return no(r)
	case !r.Authentic:
		return "not known"
	}
	return fmt.Sprintf("yes: everything shown is in the log %s and was signed by the organisations named, with keys "+
		"that were valid at the time", r.Head.Origin)
}

// no returns a line that names the first check that failed.
func no(r *StatementReport) string {
	return fmt.Sprintf("NO: %s: %s", r.Failures[0].Check, r.Failures[0].Meaning)
}

func complete(r *StatementReport) string {
	switch {
	case r.Extract:
		return "not known: an extract shows chosen entries and does not prove that there are no others"
	case !r.Authentic:
		return "NO: a list that is not authentic cannot be shown to be complete"
	case !r.Complete && len(r.Failures) > 0:
		return no(r)
	case !r.Complete:
		return "NO: only in part: " + r.Partly
	}
	text := completeOwn(r) + completeEveryone(r) + completeLinked(r)
	if !r.AuditedEnough {
		text += "; BY THE OPERATOR'S WORD ALONE: too few auditors that you name have confirmed the index"
	}
	return text
}

func completeOwn(r *StatementReport) string {
	n := tally(r.Entries)
	var text string
	switch {
	case r.Period != nil:
		text = fmt.Sprintf("yes, for what was logged from %s to %s (UTC), at positions %d to %d, %s: %d shown, none left out; "+
			"%d outside the period %s not shown",
			r.Asked.From, r.Asked.To, r.Period.From, min(r.Period.To, r.Head.Size)-1, asOf(r), n.shown,
			n.hidden, plural(n.hidden, "exists and is", "exist and are"))
	case n.shown == 0:
		text = fmt.Sprintf("yes, %s: no access on record", asOf(r))
	default:
		text = fmt.Sprintf("yes, %s: %s on record, %s",
			asOf(r), count(n.shown, "entry", "entries"), plural(n.shown, "shown", "all shown"))
	}
	if n.newer > 0 {
		text += fmt.Sprintf("; %s also shown, not covered by the proof", count(n.newer, "newer entry", "newer entries"))
	}
	return text
}

// asOf says what a complete list is as of: an entry, and the time at which the cosigners of the
// policy saw the log end with the index root over the entries below it. An operator can let many
// entries come before an index root that does not cover them, so it says how many did.
func asOf(r *StatementReport) string {
	text := fmt.Sprintf("as of entry %d", r.Below)
	if !r.AsOf.IsZero() {
		text += "; the log was seen in this state at " + r.AsOf.Format(time.RFC3339)
	}
	if n := r.Head.Size; n > r.Below+1 { // the last is the index root
		text += fmt.Sprintf("; %s of anyone came after that and %s not covered", count(int(n-1-r.Below), "entry", "entries"),
			plural(int(n-1-r.Below), "is", "are"))
	}
	return text
}

func completeEveryone(r *StatementReport) string {
	if !r.EveryoneShown {
		return ""
	}
	n := tally(r.Everyone)
	text := "; no reads of everyone's data on record"
	if n.shown+n.hidden > 0 {
		text = "; " + n.onRecord(count(n.shown+n.hidden, "read", "reads")+" of everyone's data on record")
	}
	if n.newer > 0 {
		text += fmt.Sprintf("; %s also shown, not covered by the proof", count(n.newer, "newer read", "newer reads"))
	}
	return text
}

func completeLinked(r *StatementReport) string {
	var text string
	if len(r.Linked) > 0 {
		var n rowCount
		for _, l := range r.Linked {
			more := tally(l.Entries)
			n.shown, n.hidden = n.shown+more.shown, n.hidden+more.hidden
		}
		entries, ids := count(n.shown+n.hidden, "entry", "entries"), count(len(r.Linked), "linked id", "linked ids")
		text = "; " + n.onRecord(entries+" under "+ids)
	}
	if tally(r.Entries).hidden > 0 {
		text += "; that no entry outside the period links a further id is the operator's word alone"
	}
	return text
}

// rowCount is the number of rows of each kind.
type rowCount struct{ shown, hidden, newer int }

func tally(rows []StatementEntry) (n rowCount) {
	for _, e := range rows {
		switch {
		case e.Newer:
			n.newer++
		case e.Hidden:
			n.hidden++
		default:
			n.shown++
		}
	}
	return n
}

// onRecord says how many of the rows that the index covers are shown. what counts and names them.
func (n rowCount) onRecord(what string) string {
	switch {
	case n.shown+n.hidden != 1:
		return fmt.Sprintf("all %s, %d of them shown", what, n.shown)
	case n.shown == 1:
		return what + ", shown"
	}
	return what + ", not shown"
}

func cosigned(r *StatementReport) string {
	list := func(sigs []Cosignature) string {
		if len(sigs) == 0 {
			return "nobody that you name"
		}
		var names []string
		for _, s := range sigs {
			names = append(names, s.By.Name+" ("+s.Time.Format(time.RFC3339)+")")
		}
		return strings.Join(names, ", ")
	}
	text := "audited by " + list(r.Audited) + "; witnessed by " + list(r.Witnessed)
	if r.NobodyAsked {
		text += "; your policy asks for no cosigners: that everyone sees the same log is the operator's word alone"
	}
	return text
}

// ageInWords says how old a checkpoint is that the cosigners of the policy saw at asOf.
func ageInWords(asOf, now time.Time, stale bool) string {
	return sinceInWords("seen by cosigners of your policy at "+asOf.Format(time.RFC3339), asOf, now, stale)
}

// sinceInWords says of what happened at that it is stale, or not.
func sinceInWords(what string, at, now time.Time, stale bool) string {
	if stale {
		hours := int(now.Sub(at).Hours())
		return fmt.Sprintf("STALE: %s, %s ago. It was true then; ask for a new one", what, count(hours, "hour", "hours"))
	}
	return what
}
