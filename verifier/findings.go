package verifier

import (
	"fmt"
	"strings"
	"time"
)

// Findings are the four things that a statement's reader wants to know, one line each.
type Findings struct {
	Authentic string `json:"authentic"`
	Complete  string `json:"complete"`
	Cosigned  string `json:"cosigned"`
	Fresh     string `json:"fresh"`
}

// findings puts what a report says into words. It decides nothing.
func findings(r *StatementReport) Findings {
	f := Findings{Authentic: authentic(r), Complete: complete(r), Cosigned: cosigned(r), Fresh: "age unknown: no witness says when"}
	if !r.AsOf.IsZero() {
		f.Fresh = ageInWords(r.AsOf, r.Checked, r.Stale)
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
	text := fmt.Sprintf("yes: what is shown stands in the log %s, signed by those named, whose keys counted", r.Head.Origin)
	if n := r.Unproved; n > 0 {
		text += fmt.Sprintf("; not so %s, of whose %s nothing is proved yet",
			count(n, "newer entry", "newer entries"), plural(n, "signer", "signers"))
	}
	return text
}

// no names the first check that failed.
func no(r *StatementReport) string {
	return fmt.Sprintf("NO: %s: %s", r.Failures[0].Check, r.Failures[0].Meaning)
}

func complete(r *StatementReport) string {
	switch {
	case r.Extract:
		return "not said: an extract shows chosen entries, not that there are no others"
	case !r.Authentic:
		return "NO: what is not authentic cannot be complete"
	case !r.Complete && len(r.Failures) > 0:
		return no(r)
	case !r.Complete:
		return fmt.Sprintf("NO: the period begins at entry %d, the index covers entries below %d only", r.Period.From, r.Below)
	}
	text := completeOwn(r) + completeEveryone(r) + completeLinked(r)
	if !r.AuditedEnough {
		text += "; BY THE OPERATOR'S WORD ALONE: no auditors you name stand behind the index"
	}
	return text
}

func completeOwn(r *StatementReport) string {
	n := tally(r.Entries)
	var text string
	switch {
	case r.Period != nil:
		text = fmt.Sprintf("yes, for entries %d to %d as of entry %d: %d shown, none left out; %d outside the period %s not shown",
			r.Period.From, min(r.Period.To, r.Below)-1, r.Below, n.shown, n.hidden, plural(n.hidden, "exists and is", "exist and are"))
	case n.shown == 0:
		text = fmt.Sprintf("yes, as of entry %d: no access on record", r.Below)
	default:
		text = fmt.Sprintf("yes, as of entry %d: %s on record, %s",
			r.Below, count(n.shown, "entry", "entries"), plural(n.shown, "shown", "all shown"))
	}
	if n.newer > 0 {
		text += fmt.Sprintf("; %d newer shown besides, outside the proof", n.newer)
	}
	return text
}

func completeEveryone(r *StatementReport) string {
	if !r.EveryoneShown {
		return ""
	}
	n := tally(r.Everyone)
	text := "; no reads of everybody's data on record"
	if n.shown+n.hidden > 0 {
		text = "; " + n.onRecord(count(n.shown+n.hidden, "read", "reads")+" of everybody's data on record")
	}
	if n.newer > 0 {
		text += fmt.Sprintf("; %d newer of these outside the proof", n.newer)
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
		text += "; that none of those outside the period links a further id is the operator's word"
	}
	return text
}

// rowCount is how many rows there are of each kind.
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

// onRecord says how many of all that the index covers are shown; what names and counts these.
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
			return "nobody you name"
		}
		var names []string
		for _, s := range sigs {
			names = append(names, s.By.Name+" ("+s.Time.Format(time.RFC3339)+")")
		}
		return strings.Join(names, ", ")
	}
	text := "audited by " + list(r.Audited) + "; witnessed by " + list(r.Witnessed)
	if r.NobodyAsked {
		text += "; your policy asks for nobody: one log for everybody is the operator's word"
	}
	return text
}

// ageInWords says how old a checkpoint is that cosigners saw at asOf.
func ageInWords(asOf, now time.Time, stale bool) string {
	at := "seen by the cosigners that count at " + asOf.Format(time.RFC3339)
	if stale {
		return fmt.Sprintf("STALE: %s, %d hours ago: true of that day; ask for a new one", at, int(now.Sub(asOf).Hours()))
	}
	return at
}
