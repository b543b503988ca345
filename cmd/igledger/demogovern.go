package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"igledger/audit/demodata"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

//go:embed demo-agreement.yaml
var demoAgreement string

// govern shows what agreements and consents do. Three boards agree, each with its own key, and an
// access under the agreement is covered. A citizen's refusal ends the cover for the study, and a
// termination ends it for everything.
func (d *demo) govern(ctx context.Context, person demodata.Person) error {
	t, err := demoText(time.Now().UTC())
	if err != nil {
		return err
	}
	d.say("\nThree boards make a data-sharing agreement, %s, each signing with its own key:", t.ID)
	g := &governing{demo: d, agreement: t, person: person}
	for _, org := range t.Organisations() {
		r, err := d.remote(org, d.keys[org])
		if err != nil {
			return err
		}
		g.boards = append(g.boards, r)
	}
	for _, step := range []func(context.Context) error{g.agree,
		g.access("a nurse of nhs-highland reads the medicines, for care", 1, "TREAT"),
		g.access("nhs-greater-glasgow reads them, for the study", 2, "HRESCH"),
		g.refuse,
		g.access("nhs-greater-glasgow reads them again, for the study", 2, "HRESCH"),
		g.restrict,
		g.access("the nurse of nhs-highland reads them, for care", 1, "TREAT"),
		g.access("and once more, in an emergency", 1, "BTG"),
		g.terminate,
		g.access("the nurse of nhs-highland reads them again, for care", 1, "TREAT"),
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type governing struct {
	*demo
	agreement *entry.AgreementText
	boards    []*remote // in the agreement's order; the first holds the records
	person    demodata.Person
	seq       uint64
}

func (g *governing) agree(ctx context.Context) error {
	e, err := entry.Sign(g.boards[0].signer, &entry.Agreement{Common: g.boards[0].common(), Agreement: *g.agreement})
	if err != nil {
		return err
	}
	if err := g.put(ctx, g.boards[0], e); err != nil {
		return err
	}
	g.say("  proposed by %s", g.boards[0].org)
	for _, r := range g.boards {
		if _, err := r.submit(ctx, &entry.AgreementSignature{Common: r.common(), Agreement: g.agreement.ID,
			Version: 1, Proposal: e.Identity()}); err != nil {
			return err
		}
		a, err := r.Agreement(ctx, g.agreement.ID)
		if err != nil {
			return err
		}
		g.say("  signed by %s: %s", r.org, a.State)
	}
	return nil
}

func (g *governing) put(ctx context.Context, r *remote, e *entry.Entry) error {
	results, err := r.Submit(ctx, []string{e.SDJWT()})
	if err != nil {
		return err
	}
	if p := results[0].Problem; p != nil {
		return refused("the ledger refused: %w", p)
	}
	_, err = r.receipts.Check(ctx, e, results[0].Receipt)
	return err
}

// access reports, as the holder, that board read the person's medicines under the agreement, and
// prints the verdict.
func (g *governing) access(what string, board int, purpose string) func(context.Context) error {
	return func(ctx context.Context) error {
		g.seq++
		seq := g.seq
		holder := g.boards[0]
		a := &entry.Access{Common: holder.common(), Source: "sharing-portal", Org: g.boards[board].org,
			Event:  []string{"http://hl7.org/fhir/restful-interaction|read"},
			Action: "R", Data: []string{"http://hl7.org/fhir/resource-types|MedicationRequest"},
			Purpose: []string{purpose}, Agreement: g.agreement.ID, Outcome: "0",
			Recorded: time.Now().UTC().Format(time.RFC3339), Sub: g.person.ID, Seq: &seq}
		switch purpose {
		case "TREAT":
			a.Role = []string{"nurse"}
		case "BTG":
			a.Role, a.Emergency = []string{"nurse"}, true
			a.Text = &entry.Text{Justification: "brought in unconscious"}
		default:
			a.Machine = true
		}
		res, err := holder.submit(ctx, a)
		if err != nil {
			return err
		}
		return g.tell(ctx, what, res.Index)
	}
}

// tell prints the verdict on an access as the person sees it, and what those are told of it who may
// not learn what the person chose.
func (d *demo) tell(ctx context.Context, what string, index uint64) error {
	o, err := d.log.Opening(ctx, index)
	if err != nil {
		return err
	}
	rules, err := d.log.Rules(ctx)
	if err != nil {
		return err
	}
	r, err := consent.From(rules)
	if err != nil {
		return err
	}
	if o.Verdict == nil {
		return fmt.Errorf("an access has no verdict")
	}
	text := func(v *entry.Verdict) string {
		return line(strings.Join(said.VerdictWithReasons(v, r.Reasons(v)), " "))
	}
	whole, blind := text(o.Verdict), text(r.Blind(o.Verdict))
	d.say("  %-55s → %s", what, whole)
	if blind != whole {
		d.say("  %-55s   %s", "    who used the record is told no more than:", blind)
	}
	return nil
}

func (g *governing) refuse(ctx context.Context) error {
	r := g.boards[0]
	now := time.Now().UTC().Format(time.RFC3339)
	_, err := r.submit(ctx, &entry.Consent{Common: r.common(), Consent: uuid.NewString(), Act: "refused",
		Scope: "research", Agreements: []string{g.agreement.ID}, Decided: now,
		Rule:      &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}},
		Expressed: entry.Expressed{How: "verbal", Verified: now}, Sub: g.person.ID})
	if err == nil {
		g.say("%s says no to research", g.person.Name)
	}
	return err
}

// restrict records that the person wants no nurse to read their record, not even for care.
func (g *governing) restrict(ctx context.Context) error {
	r := g.boards[0]
	now := time.Now().UTC().Format(time.RFC3339)
	_, err := r.submit(ctx, &entry.Consent{Common: r.common(), Consent: uuid.NewString(), Act: "refused",
		Scope: "patient-privacy", Decided: now,
		Rule:      &entry.ConsentRule{Decision: "deny", Restricts: true, Roles: []string{"nurse"}},
		Expressed: entry.Expressed{How: "verbal", Verified: now}, Sub: g.person.ID})
	if err == nil {
		g.say("%s restricts the record: no nurse, not even for care", g.person.Name)
	}
	return err
}

func (g *governing) terminate(ctx context.Context) error {
	r := g.boards[1]
	_, err := r.submit(ctx, &entry.AgreementAct{Common: r.common(), Agreement: g.agreement.ID, Version: 1,
		Act: "terminate", Reason: "the demonstration continues"})
	if err == nil {
		g.say("%s terminates the agreement", r.org)
	}
	return err
}

// reportUncovered shows the newest accesses that no rule covers, as in an officer's report: without
// the person whose record it was.
func (d *demo) reportUncovered(ctx context.Context) error {
	got, err := d.auditor.Report(ctx, client.ReportRequest{Kind: client.Uncovered})
	if err != nil {
		return err
	}
	d.say("\nThe report of uncovered accesses names no person. It has %d of %d accesses; the last five are\n",
		len(got.Accesses), got.Seen)
	rows := [][]string{{"ENTRY", "BY", "HOLDER", "PURPOSE", "AGREEMENT", "IN WORDS"}}
	for _, a := range got.Accesses[max(0, len(got.Accesses)-5):] {
		rows = append(rows, []string{fmt.Sprint(a.Index), a.Organisation, a.Holder, strings.Join(a.Purpose, " "),
			a.Verdict.Agreement, verdictReasons(&a.Verdict)})
	}
	return command.Screen{Writer: d.out}.Table(rows)
}

// findForged logs one access as a dishonest operator would, with a favourable verdict. It then
// computes all verdicts again, as anyone who holds the openings can, and must find the one that
// does not follow from the log.
func (d *demo) findForged(ctx context.Context, cfg ledger.Config, person demodata.Person) error {
	forger := cfg
	forger.Rules = lenient{cfg.Rules}
	log, err := ledger.Open(ctx, forger)
	if err != nil {
		return err
	}
	e, err := entry.Sign(d.keys["nhs-lothian"],
		&entry.Access{Common: entry.Common{Issuer: "nhs-lothian", Audience: log.Origin()}, Source: "sharing-portal",
			Org: "police-demo", Action: "R",
			Purpose: []string{"HMARKT"}, Outcome: "0", Recorded: time.Now().UTC().Format(time.RFC3339), Sub: person.ID})
	if err != nil {
		return err
	}
	if err := log.Append(ctx, e)[0].Err; err != nil {
		return err
	}
	if err := log.Close(ctx); err != nil {
		return err
	}
	r, err := ledger.Recompute(ctx, cfg, nil) // the log is being served
	if err != nil {
		return err
	}
	d.say("\nSuppose the operator recorded an access for marketing as covered. Computing every verdict again from the log:")
	d.say("  %d verdicts; different from the database: %d, at entry %s", r.Verdicts, len(r.Differing),
		positions(r.Differing))
	if len(r.Differing) != 1 {
		return refused("found %d forged verdicts, want 1", len(r.Differing))
	}
	return nil
}

// lenient wraps rules so that they find every access covered, as a dishonest operator's would. The
// demonstration and tests log an access under them and then detect it.
type lenient struct{ register.Rules }

func (l lenient) Admit(e *entry.Entry, index uint64, reg *register.Register) (register.Rules, error) {
	next, err := l.Rules.Admit(e, index, reg)
	if err != nil {
		return nil, err
	}
	return lenient{next}, nil
}

func (l lenient) Judge(e *entry.Entry, index uint64, person func(id string) []byte) (register.Judgement, error) {
	j, err := l.Rules.Judge(e, index, person)
	if err == nil && j.Verdict != nil {
		v := *j.Verdict
		v.Result, v.Rules = entry.Covered, []string{"agreement"}
		j.Verdict = &v
	}
	return j, err
}
