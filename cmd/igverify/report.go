package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"

	"igledger/audit/plain"
	"igledger/verifier"
)

// report is what a command found, for people and for machines. Member names are stable.
type report struct {
	verifier.Report `json:"-"`

	Command string `json:"command"`
	Result  string `json:"result"`           // verified, failed, unreadable; also stale, partial
	Reason  string `json:"reason,omitempty"` // why it is not verified, in one line
	Exit    int    `json:"exit"`             // the exit code
	Log     struct {
		Origin string  `json:"origin"`
		Size   *uint64 `json:"size,omitempty"` // of the current checkpoint
		Root   string  `json:"root,omitempty"` // hexadecimal

		Genesis string `json:"genesis,omitempty"` // hash of leaf 0, hexadecimal; of a replay
	} `json:"log"`
	Checks   []verifier.Result `json:"checks"`
	Entry    []row             `json:"entry,omitempty"`    // who, what, why, when
	Accesses []shownAccess     `json:"accesses,omitempty"` // of a statement
	Everyone []shownAccess     `json:"everyone,omitempty"` // of a statement: reads of everyone's data
	Linked   []linkedHistory   `json:"linked,omitempty"`   // of a statement: under other numbers of the same person
	Doubtful []shownAccess     `json:"doubtful,omitempty"` // of a statement: entries that are not what they claim
	Findings *finding          `json:"findings,omitempty"` // of a statement
	Words    []string          `json:"words,omitempty"`    // of a statement's or extract's bytes: to compare on the telephone
	Totals   []row             `json:"totals,omitempty"`   // of a replay
	Notes    []string          `json:"notes,omitempty"`    // what else a reader must know
	Evidence []string          `json:"evidence,omitempty"` // signed notes that prove what failed
	Error    string            `json:"error,omitempty"`    // why it is unreadable

	undecided string                    // why nothing follows about what was asked, although no check failed; "": something does
	behind    string                    // why what was checked is not the newest, or is old; "": it is neither
	statement *verifier.StatementReport // nil: it is not about a statement
}

type row struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// finish sets the result and returns the exit code. A failed check outweighs something unreadable.
func (r *report) finish(err error) int {
	r.Checks = append([]verifier.Result{}, r.Results...)
	r.Result, r.Exit = "verified", exitGood
	switch {
	case len(r.Failures) > 0:
		f := r.Failures[0]
		r.Result, r.Reason, r.Exit = "failed", string(f.Check)+": "+f.Meaning, exitFailed
		if err != nil {
			r.Notes = append(r.Notes, "not everything could be checked: "+err.Error())
		}
	case err != nil:
		r.Result, r.Error, r.Exit = "unreadable", err.Error(), exitUnreadable
	case r.statement != nil:
		r.judge()
	case r.undecided != "":
		r.Result, r.Reason, r.Exit = string(verifier.Partial), r.undecided, exitPartial
	}
	if r.behind != "" && r.Exit == exitGood {
		r.Result, r.Reason, r.Exit = string(verifier.Stale), r.behind, exitPartial
	}
	return r.Exit
}

// judge sets the result of a statement in which no check failed.
func (r *report) judge() {
	outcome, reason := r.statement.Outcome()
	r.Reason = reason
	switch outcome {
	case verifier.Good:
	case verifier.Stale, verifier.Partial:
		r.Result, r.Exit = string(outcome), exitPartial
	default:
		r.Result, r.Exit = "failed", exitFailed
	}
	if outcome == verifier.Stale && r.behind != "" {
		r.Reason = r.behind
	}
}

// write prints the report. A reader who does not get all of it must not take the exit code for what
// it says.
func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return r.writeJSON(w)
	}
	var b bytes.Buffer
	r.writeText(&b)
	_, err := w.Write(b.Bytes())
	return err
}

// writeJSON escapes characters that could control a terminal or text renderer, because people look
// at JSON too.
func (r *report) writeJSON(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	var out strings.Builder
	for _, c := range b.String() {
		if unicode.IsPrint(c) || c == '\n' {
			out.WriteRune(c)
			continue
		}
		for _, u := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&out, "\\u%04x", u)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (r *report) writeText(w io.Writer) {
	for _, c := range r.Checks {
		at := ""
		if c.Index != nil {
			at = fmt.Sprintf("entry %d: ", *c.Index)
		}
		if c.Status != verifier.Failed {
			fmt.Fprintf(w, "%-8s %-20s  %s%s\n", c.Status, c.Check, at, clean(c.Note))
			continue
		}
		fmt.Fprintf(w, "%-8s %-20s  %s%s\n", "FAILED", c.Check, at, clean(c.Meaning))
		fmt.Fprintf(w, "%31sexpected %s\n%31sfound    %s\n", "", clean(c.Expected), "", clean(c.Found))
	}
	for _, rows := range [][]row{r.Entry, r.Totals} {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for i, row := range rows {
			if i == 0 {
				fmt.Fprintln(t)
			}
			fmt.Fprintf(t, "%s\t%s\n", row.Name, clean(row.Value))
		}
		t.Flush()
	}
	writeAccesses(w, "", r.Accesses)
	writeLinked(w, r.Linked)
	writeAccesses(w, "reads of everyone's data, which include this person's:\n", r.Everyone)
	writeAccesses(w, said.Text(plain.Doubtful)+":\n", r.Doubtful)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\nnote: %s\n", clean(n))
	}
	for i, e := range r.Evidence {
		fmt.Fprintf(w, "\nevidence %d:\n", i+1)
		for line := range strings.Lines(e) {
			fmt.Fprintf(w, "    %s\n", clean(strings.TrimSuffix(line, "\n")))
		}
	}
	if f := r.Findings; f != nil {
		fmt.Fprintf(w, "\nauthentic  %s\ncomplete   %s\n", clean(f.Lines.Authentic), clean(f.Lines.Complete))
		fmt.Fprintf(w, "cosigned   %s\nfresh      %s\n", clean(f.Lines.Cosigned), clean(f.Lines.Fresh))
	}
	if len(r.Words) > 0 {
		fmt.Fprintf(w, "\nsix words  %s\n", strings.Join(r.Words, " "))
	}
	switch {
	case r.Result == "unreadable":
	case r.Reason != "":
		fmt.Fprintf(w, "\n%s: %s\n", r.Result, clean(r.Reason))
	default:
		fmt.Fprintf(w, "\n%s\n", r.Result)
	}
}

// writeAccesses prints who, what and why of each access as a table below a title, and remarks below
// the table.
func writeAccesses(w io.Writer, title string, list []shownAccess) {
	if len(list) == 0 {
		return
	}
	fmt.Fprint(w, "\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "entry\twhen\twho\twhat\twhy\n")
	for _, a := range list {
		mark := ""
		if a.Newer {
			mark = " (newer)"
		}
		fmt.Fprintf(t, "%d%s\t%s\t%s\t%s\t%s\n", a.Index, mark, clean(a.When), clean(a.Who), clean(a.What), clean(a.Why))
	}
	t.Flush()
	for _, a := range list {
		if a.Verdict != "" {
			fmt.Fprintf(w, "entry %d: verdict: %s\n", a.Index, clean(a.Verdict))
		}
		for _, remark := range a.Remarks {
			fmt.Fprintf(w, "entry %d: %s\n", a.Index, clean(remark))
		}
	}
}

// clean replaces characters that could control a terminal or reverse text, because it may show what
// a hostile source wrote.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case r == '\n' || r == '\t':
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}
