// Package reading checks a statement or extract and returns the result for people: flat values and
// sentences that a page can show as they are.
//
// It promises:
//
//   - Read never panics, whatever it is given, and always returns a Report, which says what is
//     wrong.
//   - No string in a Report has line breaks, control or direction characters, or is longer than a
//     page can show, so that a name cannot pass itself off as something else.
//   - The id is not in the Report, unless a text in the statement contains it. Numbers that are
//     linked with the id are in the Report.
//
// It does not judge: every finding comes from package verifier.
package reading

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/audit/plain"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// Report is what the page shows and what verifyStatement returns to JavaScript, with the names in
// the tags. Times are RFC 3339.
type Report struct {
	Kind    string  `json:"kind"`    // "statement", "extract", or "" if nothing could be checked
	Problem string  `json:"problem"` // why nothing could be checked; otherwise ""
	Hint    string  `json:"hint"`    // a mistake that the reader may have made, or ""
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"` // why the verdict is not "complete", in one line

	// Authentic says that everything shown is in the log and was signed by a party that was allowed
	// to sign it.
	Authentic bool `json:"authentic"`
	// Complete says that, in addition, nothing is missing about the id among the first CompleteAsOf
	// entries, within the scope.
	Complete     bool    `json:"complete"`
	CompleteAsOf *uint64 `json:"completeAsOf"` // null: completeness is not proved
	Scope        string  `json:"scope"`        // what the reader asked for: "whole" or "period"
	Period       string  `json:"period"`       // the days, "2026-03-01..2026-03-31", or ""

	AuditedBy   []Word `json:"auditedBy"`   // cosigners of the policy's group "auditors"
	WitnessedBy []Word `json:"witnessedBy"` // all other cosigners of the policy
	// OperatorAlone says that completeness is the operator's word alone: too few auditors of the
	// policy confirmed the index.
	OperatorAlone bool   `json:"operatorAlone"`
	AsOf          string `json:"asOf"`     // when the cosigners of the policy saw the checkpoint; "" if unknown
	SignedAt      string `json:"signedAt"` // if the policy asks for no cosigners: when the operator says it was; else ""
	Fresh         Age    `json:"fresh"`

	Says    verifier.Findings `json:"says"` // the four findings in words, as igverify prints them
	Origin  string            `json:"origin"`
	Size    uint64            `json:"size"` // of the log, by the checkpoint; 0 if unknown
	Checks  []Check           `json:"checks"`
	Entries []Entry           `json:"entries"` // in order of the log, oldest first, without hidden ones
	Hidden  int               `json:"hidden"`  // number of entries outside the period: they exist, but are not shown

	Everyone       []Entry `json:"everyone"` // reads of everyone's data, which include the reader's, likewise
	EveryoneHidden int     `json:"everyoneHidden"`

	// Doubtful are entries in the log that are not what they claim: the first of their remarks says
	// why. They are in no other list, and DoubtfulTitle is the heading for them.
	Doubtful      []Entry `json:"doubtful"`
	DoubtfulTitle string  `json:"doubtfulTitle"` // "" without them

	Linked []Linked `json:"linked"` // what is on record under other numbers of the same person, by number
}

// Linked is what is on record under another number of the same person, by a link in the log.
type Linked struct {
	ID       string  `json:"id"`
	Link     uint64  `json:"link"`     // index of the link
	OneSided bool    `json:"oneSided"` // no link back is shown: that number's statement would lack the reader's entries
	Entries  []Entry `json:"entries"`  // as in Report
	Hidden   int     `json:"hidden"`
}

// Verdict is the report in one word. All but Unreadable are verifier.StatementReport.Outcome.
type Verdict string

// The verdicts.
const (
	Unreadable Verdict = "unreadable" // nothing could be checked
	Refused    Verdict = "refused"    // a check failed: the reader must not rely on anything shown
	Incomplete Verdict = "incomplete" // what is shown is true, but only a part of what the reader asked for
	Old        Verdict = "stale"      // true and complete on its day, or of unknown age
	Whole      Verdict = "complete"   // true, complete for what the reader asked for, and recent
)

var verdicts = map[verifier.Outcome]Verdict{
	verifier.Good: Whole, verifier.Stale: Old, verifier.Partial: Incomplete, verifier.Untrue: Refused,
}

// Age says whether a statement is recent.
type Age string

// The ages.
const (
	Fresh      Age = "fresh"
	Stale      Age = "stale" // older than verifier.StaleAfter
	UnknownAge Age = "unknown"
)

// Word is a cosignature.
type Word struct {
	Name string `json:"name"` // in the policy
	At   string `json:"at"`   // by the cosigner's clock
}

// Check is one check.
type Check struct {
	Name     string          `json:"name"`  // verifier.Check, stable
	Title    string          `json:"title"` // for citizens
	Status   verifier.Status `json:"status"`
	Entry    *uint64         `json:"entry"` // position in the log; null: not about one entry
	Note     string          `json:"note"`
	Expected string          `json:"expected"`
	Found    string          `json:"found"`
	Meaning  string          `json:"meaning"`
}

// Input is the input of Read. All of it comes from the reader.
type Input struct {
	Statement []byte
	Policy    string // C2SP tlog-policy, or a log's verifier key alone; line ends may be those of a text field
	ID        string // e.g. "chi:0101011237"; may be "" for an extract
	Period    string // the days asked for, "2026-03-01..2026-03-31"; "": the whole history
	Now       time.Time
}

// Read checks a statement or extract.
func Read(in Input) (rep *Report) {
	defer func() {
		if recover() != nil { // a defect in this program: the reader must not take it for a good or a bad statement
			rep = Unread("The checker itself failed on this file. That says nothing about the statement, good or bad. Check " +
				"it with igverify, and report this to its makers.")
		}
	}()
	policy, err := parsePolicy(in.Policy)
	if err != nil {
		return Unread("The trust policy cannot be used: " + err.Error())
	}
	kind := kindOf(in.Statement)
	if len(in.Statement) == 0 {
		return Unread("The file is empty.")
	}
	if f := wire.EditorFault(in.Statement); !f.IsZero() {
		return Unread("The file cannot be read as it is: " + f.String() + ".")
	}
	if nesting(in.Statement) > maxNesting {
		return Unread("The file is nested deeper than any statement. It was made to harm the program that reads it.")
	}
	if kind == "" {
		return Unread("The file is neither a statement nor an extract in this ledger's format.")
	}
	if kind == "statement" || in.ID != "" {
		if err := entry.CheckID(in.ID); err != nil {
			return Unread("No number was given, or it is not of a kind that this ledger knows. A CHI or NHS number has " +
				"10 digits.")
		}
	}
	ev := verifier.StatementEvidence{Statement: in.Statement, Policy: policy, ID: in.ID, Now: in.Now}
	if in.Period != "" {
		days, err := bundle.ParseDays(in.Period)
		if err != nil {
			return Unread("The period must have a first and a last day, and the first must not be after the last.")
		}
		ev.Period = &days
	}
	check := verifier.CheckStatement
	if kind == "extract" {
		check = verifier.CheckExtract
	}
	rep = report(check(ev))
	rep.Kind = kind
	if in.Now.IsZero() {
		rep.Fresh = UnknownAge
	}
	if in.ID != "" && !entry.CheckDigitOK(in.ID) {
		rep.Hint = "The last digit of the number you entered does not fit the others. The number may have a typing error."
	}
	return rep
}

// Unread returns the report for a file of which nothing could be checked.
func Unread(problem string) *Report {
	const unknown = "not known"
	return &Report{
		Verdict: Unreadable,
		Problem: clean(problem, maxSentence),
		Fresh:   UnknownAge,
		Says:    verifier.Findings{Authentic: unknown, Complete: unknown, Cosigned: unknown, Fresh: unknown},
	}
}

// parsePolicy parses a policy from a text field or a file.
func parsePolicy(text string) (*verifier.Policy, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("none was given")
	}
	text = strings.TrimPrefix(text, "\ufeff") // what is pasted or read from a file may begin with a mark
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if key := strings.TrimSpace(text); len(strings.Fields(key)) == 1 {
		return verifier.PolicyForLog(key)
	}
	return verifier.ParsePolicy([]byte(strings.TrimRight(text, "\n") + "\n"))
}

// maxNesting is far above what statements need and far below what exhausts a browser's stack, which
// is smaller than Go's.
const maxNesting = 64

// nesting returns how deeply objects and arrays are nested in data, which may be JSON.
func nesting(data []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '[' || b == '{':
			depth++
			deepest = max(deepest, depth)
		case b == ']' || b == '}':
			depth--
		}
	}
	return deepest
}

// kindOf returns the kind of file, which its first member states.
func kindOf(data []byte) string {
	d := jsontext.NewDecoder(strings.NewReader(string(data[:min(len(data), 256)])))
	for _, want := range []string{"{", "format"} {
		if t, err := d.ReadToken(); err != nil || t.String() != want {
			return ""
		}
	}
	t, err := d.ReadToken()
	if err != nil {
		return ""
	}
	switch t.String() {
	case bundle.FormatStatement:
		return "statement"
	case bundle.FormatExtract:
		return "extract"
	}
	return ""
}

func report(r *verifier.StatementReport) *Report {
	rep := &Report{
		Authentic:   r.Authentic,
		Complete:    r.Complete,
		AuditedBy:   words(r.Audited),
		WitnessedBy: words(r.Witnessed),
		Origin:      clean(r.Head.Origin, maxName),
		Size:        r.Head.Size,
		Says: verifier.Findings{
			Authentic: clean(r.Lines.Authentic, maxSentence),
			Complete:  clean(r.Lines.Complete, maxSentence),
			Cosigned:  clean(r.Lines.Cosigned, maxSentence),
			Fresh:     clean(r.Lines.Fresh, maxSentence),
		},
	}
	outcome, reason := r.Outcome()
	rep.Verdict, rep.Reason = verdicts[outcome], clean(reason, maxSentence)
	if r.Complete {
		rep.CompleteAsOf = &r.Below
	}
	rep.Scope = "whole"
	if r.Asked != nil {
		rep.Scope, rep.Period = "period", r.Asked.String()
	}
	rep.OperatorAlone = r.Complete && !r.AuditedEnough
	rep.Fresh = UnknownAge
	if !r.AsOf.IsZero() {
		rep.AsOf, rep.Fresh = r.AsOf.Format(time.RFC3339), Fresh
	}
	if !r.SignedAt.IsZero() {
		rep.SignedAt, rep.Fresh = r.SignedAt.Format(time.RFC3339), Fresh
	}
	if r.Stale {
		rep.Fresh = Stale
	}
	for _, c := range r.Results {
		rep.Checks = append(rep.Checks, Check{
			Name:     string(c.Check),
			Title:    said.Check(string(c.Check)),
			Status:   c.Status,
			Entry:    c.Index,
			Note:     clean(c.Note, maxSentence),
			Expected: clean(c.Expected, maxSentence),
			Found:    clean(c.Found, maxSentence),
			Meaning:  clean(c.Meaning, maxSentence),
		})
	}
	rep.Entries, rep.Hidden = rows(r.Entries, r.Register)
	rep.Everyone, rep.EveryoneHidden = rows(r.Everyone, r.Register)
	rep.Doubtful, _ = rows(r.Doubtful, r.Register)
	if len(rep.Doubtful) > 0 {
		rep.DoubtfulTitle = said.Text(plain.Doubtful)
	}
	for _, l := range r.Linked {
		shown, hidden := rows(l.Entries, r.Register)
		rep.Linked = append(rep.Linked, Linked{
			ID:       clean(l.ID, maxName),
			Link:     l.Link,
			OneSided: l.OneSided,
			Entries:  shown,
			Hidden:   hidden,
		})
	}
	return rep
}

func rows(list []verifier.StatementEntry, reg *register.Register) (shown []Entry, hidden int) {
	for i := range list {
		if list[i].Hidden {
			hidden++
			continue
		}
		shown = append(shown, row(&list[i], reg))
	}
	return shown, hidden
}

func words(list []verifier.Cosignature) []Word {
	var out []Word
	for _, c := range list {
		out = append(out, Word{clean(c.By.Name, maxName), c.Time.Format(time.RFC3339)})
	}
	return out
}
