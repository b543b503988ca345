package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/command"
	"igledger/internal/words"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/verifier"
)

var statementCommand = spec{
	name: "statement", usage: "check that a list of accesses is true and complete, offline", argsUsage: "STATEMENT", args: 1,
	offline: true,
	description: "Is every access in this statement real, and is none missing? Needs only the file, your policy and the " +
		"id of the person. The command asks for the id with --ask-id, or reads it from --id-file or standard input. The id " +
		"never leaves this machine.\n\n" +
		"You say what you asked for: the whole history, or with --period what was logged on some days (UTC, both included). " +
		"A file about anything else fails. The days are those of logging: an access that was reported late is on the day " +
		"of its report, so do not take the list of a day for what happened on it.\n\n" +
		"Prints each check, who did what and why, separately what is on record under linked ids and reads of everyone's " +
		"data, and four findings: whether the list is authentic, complete, cosigned (by whom) and fresh. Then six words by " +
		"which two people on the telephone know that they hold the same file; true or false they do not say. The last line is " +
		"the result, with the reason unless it is \"verified\". With --log-key instead of --policy, what only witnesses " +
		"and auditors can confirm is the operator's word alone.\n\n" +
		"With --ask-witnesses, also asks the witnesses in the policy what they have seen of the log: an old state that is " +
		"shown as new is found, and a log that shows others another history. This uses the network.\n\n" +
		"With --state, the command keeps in a directory what it saw of this person, without the id and without content. " +
		"If a later statement lacks an entry, or the log went back, that is found.\n\n" +
		"Exit code 0: authentic, complete for what you asked, cosigned as your policy asks, and not older than --max-age. " +
		"1: a check failed, or the file is about something else. 4: everything shown is true, but the statement is " +
		"old (stale), or covers only a part of what you asked (partial), as an extract always does.\n\n" +
		"Examples:\n  igverify statement statement.json --ask-id --policy policy.txt --state ~/.igverify\n" +
		"  igverify statement march.json --ask-id --policy policy.txt --period 2026-03-01..2026-03-31",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "period", Usage: "`FROM..TO`, two days: what you asked for, if not the whole history"},
		maxAgeFlag,
		&cli.StringFlag{Name: "state", Usage: "`DIR` that remembers what you saw of each person, for the next time"},
		&cli.StringFlag{Name: "id-file", Usage: "`FILE` with the id of the person (- for stdin, the default)"},
		askIDFlag,
		idFlag,
		askWitnessesFlag,
	},
	check: checkStatement,
}

func checkStatement(s *session) error {
	asking, err := s.asks()
	if err != nil {
		return err
	}
	ev := verifier.StatementEvidence{Policy: s.policy, Genesis: s.pinned, Now: time.Now(), MaxAge: s.c.Duration("max-age")}
	if text := s.c.String("period"); text != "" {
		days, err := bundle.ParseDays(text)
		if err != nil {
			return usage("--period must be FROM..TO, two days such as 2026-01-31")
		}
		ev.Period = &days
	}
	data, err := s.readKind("statement", s.c.Args().First(), bundle.MaxSize)
	if err != nil {
		return err
	}
	ev.Statement = data
	isExtract := strings.Contains(string(data[:min(len(data), 64)]), bundle.FormatExtract)
	ev.ID, err = s.personID()
	if err != nil {
		return err
	}
	if ev.ID == "" && !isExtract {
		if s.c.Args().First() == "-" {
			return usage("the statement is read from standard input, so give --id-file or --ask-id")
		}
		ev.ID, err = s.idFrom("-")
		if err != nil {
			return err
		}
	}
	bars := &stages{session: s}
	ev.OnProgress = bars.at
	var r *verifier.StatementReport
	if isExtract {
		r = verifier.CheckExtract(ev)
	} else {
		r = verifier.CheckStatement(ev)
	}
	bars.done()
	if asking.witnesses != nil && r.Head.Size > 0 {
		log := s.policy.Log(r.Head.Origin)
		asking.ask(s.ctx, verifier.View{Signed: []byte(r.Signed), Head: r.Head, Log: log, AsOf: r.Dated(), MaxAge: ev.MaxAge,
			Tiles: logTiles(s.ctx, log)})
		r.AddWitnesses(asking.Report, asking.behind)
		asking.Report = verifier.Report{}
	}
	var unread error
	if dir := s.c.String("state"); dir != "" {
		unread = s.compareSeen(dir, ev.ID, r)
	}
	s.report.Add(r.Report)
	s.report.take(asking)
	s.report.statement = r
	s.report.Log.Origin = r.Head.Origin
	if r.Head.Size > 0 {
		s.report.Log.Size, s.report.Log.Root = &r.Head.Size, fmt.Sprintf("%x", r.Head.Root)
	}
	s.report.Findings = findings(r)
	s.report.Words = words.Of(data)
	s.report.Accesses, s.report.Everyone = accesses(r.Entries, r.Register), accesses(r.Everyone, r.Register)
	s.report.Linked = linkedHistories(r)
	s.report.Doubtful = accesses(r.Doubtful, r.Register)
	s.report.Notes = append(s.report.Notes, statementNotes...)
	if r.Asked != nil {
		s.report.Notes = append(s.report.Notes, periodNote)
	}
	return unread
}

// stages shows a progress bar for each stage of a check.
type stages struct {
	*session
	bar *command.Progress
	of  uint64
}

func (b *stages) at(at, of uint64) {
	if at == 0 || of != b.of {
		b.done()
		b.bar, b.of = command.NewProgress(b.c, "checking the statement", of), of
	}
	b.bar.At(at)
}

func (b *stages) done() {
	if b.bar != nil {
		b.bar.Done()
		b.bar = nil
	}
}

// statementNotes says what no statement proves. It is in every report because the text in the file
// is the operator's.
var statementNotes = []string{
	"complete means: among what sources submitted under this id. The list does not show accesses that no source " +
		"reported, or that were filed under another id of the same person without a link, and there may be entries that " +
		"are lawfully withheld",
	"times are the sources' claims; the order in the log is proved. Remarks, verdicts and times of receipt are the " +
		"ledger's own word; an auditor with openings can compute every verdict again",
}

const periodNote = "the days are those on which the ledger logged an entry, by the dates of index roots outside them. An " +
	"access that was reported late is on the day of its report, and the list may begin a little earlier and end a little " +
	"later than the days. That no entry outside the days links a further id is the operator's word alone"

// finding holds the four findings for machines and, in Lines, for people.
type finding struct {
	Authentic bool              `json:"authentic"`
	Complete  bool              `json:"complete"`         // for the scope
	Scope     string            `json:"scope"`            // what was asked: whole, period
	Period    *periodFinding    `json:"period,omitempty"` // if scope is period
	Partly    string            `json:"partly,omitempty"` // why only a part of the scope is covered
	Hidden    int               `json:"hidden"`           // entries that are counted and proved, and not shown
	Below     uint64            `json:"completeBelow"`    // entry index
	Audited   []string          `json:"auditedBy"`
	Enough    bool              `json:"enoughAuditors"` // by the policy; false: completeness is the operator's word alone
	Witnessed []string          `json:"witnessedBy"`
	AsOf      string            `json:"asOf,omitempty"`     // RFC 3339, by the cosigners
	SignedAt  string            `json:"signedAt,omitempty"` // RFC 3339, by the operator alone, if no cosigner is asked
	Stale     bool              `json:"stale"`
	MaxAge    string            `json:"maxAge"`
	Lines     verifier.Findings `json:"inWords"`
}

// periodFinding is what a statement for a period covers.
type periodFinding struct {
	From  string  `json:"from"` // days, both included
	To    string  `json:"to"`
	First *uint64 `json:"first,omitempty"` // positions of the log, both included; absent if the file is about another period
	Last  *uint64 `json:"last,omitempty"`
}

func findings(r *verifier.StatementReport) *finding {
	f := &finding{
		Authentic: r.Authentic,
		Complete:  r.Complete,
		Below:     r.Below,
		Audited:   names(r.Audited),
		Enough:    r.AuditedEnough,
		Witnessed: names(r.Witnessed),
		Stale:     r.Stale,
		Scope:     "whole",
		Partly:    r.Partly,
		Hidden:    r.Hidden,
		MaxAge:    r.MaxAge.String(),
		Lines:     r.Lines,
	}
	if r.Asked != nil {
		f.Scope, f.Period = "period", &periodFinding{From: r.Asked.From, To: r.Asked.To}
		if p := r.Period; r.Complete {
			last := min(p.To, r.Head.Size) - 1
			f.Period.First, f.Period.Last = &p.From, &last
		}
	}
	if !r.SignedAt.IsZero() {
		f.SignedAt = r.SignedAt.Format(time.RFC3339)
	}
	if !r.AsOf.IsZero() {
		f.AsOf = r.AsOf.Format(time.RFC3339)
	}
	return f
}

func names(sigs []verifier.Cosignature) []string {
	list := []string{}
	for _, s := range sigs {
		list = append(list, s.By.Name)
	}
	return list
}

// shownAccess is one line of the table of accesses. Its words are those of the person's page and of
// the API.
type shownAccess struct {
	Index   uint64        `json:"index"`
	When    string        `json:"when,omitempty"` // RFC 3339
	Who     string        `json:"who,omitempty"`
	Act     string        `json:"act,omitempty"` // of an access: access, attempt or decision
	What    string        `json:"what,omitempty"`
	Why     string        `json:"why,omitempty"`
	Result  string        `json:"result,omitempty"`
	Newer   bool          `json:"newer,omitempty"`
	Hidden  bool          `json:"hidden,omitempty"`
	Verdict *shownVerdict `json:"verdict,omitempty"`
	Remarks []string      `json:"remarks,omitempty"`
	Details []row         `json:"details,omitempty"`

	at   time.Time
	told plain.Told
}

// shownVerdict is a verdict in codes and, in Plain, in words: the first sentence states the result,
// the others why. It is the ledger's word.
type shownVerdict struct {
	*entry.Verdict
	Plain []string `json:"plain"`
}

// accesses returns what a statement shows, the newest first.
func accesses(rows []verifier.StatementEntry, reg *register.Register) []shownAccess {
	var list []shownAccess
	for _, e := range rows {
		a := shownAccess{Index: e.Index, Newer: e.Newer, Hidden: e.Hidden, Remarks: e.Remarks}
		switch {
		case e.Hidden:
			a.told.Who = said.Text(plain.Outside)
		case e.Entry == nil:
			a.told.Who = said.Text(plain.Unreadable)
		default:
			a.Details = accessRows(e.Entry, e.Opening, reg)
			s := said.Describe(e.Entry)
			if access, ok := e.Entry.Body.(*entry.Access); ok {
				s = audit.Describe(said, access)
			}
			a.told = said.Told(s, reg.Called(s.Organisation), e.Opening.Flags)
			a.at, a.When, a.Act = s.When, s.When.UTC().Format(time.RFC3339), string(s.Act)
			if v := e.Opening.Verdict; v != nil {
				a.Verdict = &shownVerdict{v, said.VerdictWithReasons(v, consent.New().Reasons(v))}
			}
		}
		a.told.Remarks = append(a.told.Remarks, a.Remarks...)
		a.Who, a.What, a.Why, a.Result, a.Remarks = a.told.Who, a.told.What, a.told.Why, a.told.Result, a.told.Remarks
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b shownAccess) int { return command.Newest(a.at, b.at, a.Index, b.Index) })
	return list
}
