package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"

	"igledger/audit/plain"
	"igledger/internal/command"
	"igledger/verifier"
)

// report is what a command found, for people and for machines. Member names are stable.
type report struct {
	verifier.Report `json:"-"`

	Command string `json:"command"`
	Result  string `json:"result"`           // verified, failed, refused, unreadable; also stale, partial
	Reason  string `json:"reason,omitempty"` // why it is not verified, in one line
	Exit    int    `json:"exit"`             // the exit code
	Log     struct {
		Origin string  `json:"origin"`
		Size   *uint64 `json:"size,omitempty"` // of the current checkpoint
		Root   string  `json:"root,omitempty"` // hexadecimal

		Genesis string `json:"genesis,omitempty"` // hash of leaf 0, hexadecimal; of a replay
	} `json:"log"`
	Checks   []verifier.Result `json:"checks"`
	Entry    []row             `json:"entry,omitempty"`       // who, what, why, when
	Accesses []shownAccess     `json:"accesses,omitempty"`    // of a statement
	Everyone []shownAccess     `json:"everyone,omitempty"`    // of a statement: reads of everyone's data
	Linked   []linkedHistory   `json:"linked,omitempty"`      // of a statement: under other numbers of the same person
	Doubtful []shownAccess     `json:"doubtful,omitempty"`    // of a statement: entries that are not what they claim
	Findings *finding          `json:"findings,omitempty"`    // of a statement
	Words    []string          `json:"words,omitempty"`       // of a statement's or extract's bytes: to compare on the telephone
	Totals   []row             `json:"totals,omitempty"`      // of a replay
	Audit    string            `json:"audit,omitempty"`       // of a round of an audit that reached its end: passed, failed
	Cosigned string            `json:"cosignature,omitempty"` // of an audit that passed: delivered, undelivered, none
	Notes    []string          `json:"notes,omitempty"`       // what else a reader must know
	Evidence []string          `json:"evidence,omitempty"`    // signed notes that prove what failed
	Error    string            `json:"error,omitempty"`       // why it is unreadable or refused

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
	case command.Forbidden(err):
		r.Result, r.Error, r.Exit = "refused", err.Error(), exitFailed
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
func (r *report) write(w command.Screen, asJSON bool) error {
	if asJSON {
		return r.writeJSON(w)
	}
	var b bytes.Buffer // which takes everything, so errors of writing are those of w alone
	r.writeText(command.Screen{Writer: &b, Width: w.Width, Colour: w.Colour})
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

func (r *report) writeText(w command.Screen) {
	for _, c := range r.Checks {
		at := ""
		if c.Index != nil {
			at = fmt.Sprintf("entry %d: ", *c.Index)
		}
		name := fmt.Sprintf(" %-20s  ", c.Check)
		if c.Status != verifier.Failed {
			w.Text(w.Good(fmt.Sprintf("%-8s", c.Status))+name, at+command.Plain(c.Note))
			continue
		}
		w.Text(w.Bad("FAILED  ")+name, at+command.Plain(c.Meaning))
		w.Text(fmt.Sprintf("%31sexpected ", ""), command.Plain(c.Expected))
		w.Text(fmt.Sprintf("%31sfound    ", ""), command.Plain(c.Found))
	}
	for _, rows := range [][]row{r.Entry, r.Totals} {
		var pairs [][2]string
		for i, row := range rows {
			if i == 0 {
				fmt.Fprintln(w)
			}
			pairs = append(pairs, [2]string{row.Name, command.Plain(row.Value)})
		}
		w.Pairs("", pairs)
	}
	writeAccesses(w, "", r.Accesses)
	writeLinked(w, r.Linked)
	writeAccesses(w, "reads of everyone's data, which include this person's:\n", r.Everyone)
	writeAccesses(w, said.Text(plain.Doubtful)+":\n", r.Doubtful)
	for _, n := range r.Notes {
		fmt.Fprintln(w)
		w.Text("note: ", command.Plain(n))
	}
	for i, e := range r.Evidence {
		fmt.Fprintf(w, "\nevidence %d:\n", i+1)
		for line := range strings.Lines(e) { // signed notes: never wrapped
			fmt.Fprintf(w, "    %s\n", command.Plain(strings.TrimSuffix(line, "\n")))
		}
	}
	if f := r.Findings; f != nil {
		fmt.Fprintln(w)
		w.Text("authentic  ", command.Plain(f.Lines.Authentic))
		w.Text("complete   ", command.Plain(f.Lines.Complete))
		w.Text("cosigned   ", command.Plain(f.Lines.Cosigned))
		w.Text("fresh      ", command.Plain(f.Lines.Fresh))
	}
	if len(r.Words) > 0 {
		fmt.Fprintf(w, "\nsix words  %s\n", strings.Join(r.Words, " "))
	}
	result := w.Bad
	if r.Exit == exitGood {
		result = w.Good
	}
	switch {
	case r.Error != "": // which is on standard error
	case r.Reason != "":
		fmt.Fprintln(w)
		w.Text(result(r.Result)+": ", command.Plain(r.Reason))
	default:
		fmt.Fprintf(w, "\n%s\n", result(r.Result))
	}
}

// writeAccesses shows accesses as a table below a title.
func writeAccesses(w command.Screen, title string, list []shownAccess) {
	if len(list) == 0 {
		return
	}
	fmt.Fprint(w, "\n", title)
	var rows []command.Shown
	for _, a := range list {
		row := command.Shown{Index: a.Index, When: a.at, Told: a.told}
		if a.Verdict != nil {
			row.Verdict = a.Verdict.Plain
		}
		rows = append(rows, row)
	}
	w.History(rows)
}
