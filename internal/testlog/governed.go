package testlog

import (
	"crypto/sha256"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// Governed is a log in which boards "lothian" and "fife" share data for care under agreement
// "isa-1", which is terminated at the end. Person 0 refuses research. Person 1 consents to it, and
// person 2 acts for them.
type Governed struct {
	*Sample
	Lothian, Fife *wire.Signer // keys for agreements
	Proposal      *entry.Entry // of isa-1
	Shared        []uint64     // accesses of fife under it, one for each person while it is in force and one after it ended
	Ended         uint64       // index of the termination
	Consents      []uint64     // consents and delegations
}

// Common returns the common claims of an entry of org.
func (l *Log) Common(org string) entry.Common {
	return entry.Common{Issuer: org, Audience: l.Origin, IssuedAt: Now}
}

// AgreementText returns an agreement for care between lothian and fife.
func AgreementText(id string, version uint64) entry.AgreementText {
	return entry.AgreementText{
		ID: id, Version: version, Title: "Care across the Forth", Tier: "isa",
		Parties:  []entry.AgreementParty{{Org: "lothian", Role: "controller", Contact: "Privacy office"}, {Org: "fife", Role: "controller", Contact: "Privacy office"}},
		Purposes: []entry.AgreementPurpose{{Text: "Care", Code: "TREAT"}}, Article6: []string{"e"}, Power: "NHS (Scotland) Act 1978", Data: []entry.AgreementData{{Text: "Observations"}},
		Subjects: "Patients", Flows: []entry.AgreementFlow{{From: "lothian", To: "fife", How: "over the portal"}}, Retention: "As the record", Disposal: "As the record",
		Security: "The boards' policies", DPIA: entry.Assessment{Reference: "1", Date: "2026-01-05"}, Notice: entry.Notice{URL: "https://lothian.example/privacy", Hash: sha256.Sum256([]byte("notice"))},
		Rights: "Privacy office", Breach: "Security desk", Start: "2026-11-01", End: "2027-10-31", ReviewDue: "2027-06-01",
	}
}

// Sign signs an entry that a test has made.
func Sign(s *wire.Signer, b entry.Body) *entry.Entry { return must(entry.Sign(s, b)) }

// NewGoverned makes a governed log of a sample. It has no verdicts: see GiveVerdicts.
func NewGoverned(l *Log) *Governed {
	g := &Governed{Sample: NewSampleOn(l), Lothian: Signer(wire.EdDSA), Fife: Signer(wire.EdDSA)}
	g.AddPublic(g.Organisation("fife", g.Registrar, g.Enroller))
	g.AddPublic(g.AddKey("fife", g.Fife, entry.PurposeAgreements))
	g.AddPublic(g.AddKey("lothian", g.Lothian, entry.PurposeAgreements))
	g.Proposal = Sign(g.Lothian, &entry.Agreement{Common: g.Common("lothian"), Agreement: AgreementText("isa-1", 1)})
	g.AddPublic(g.Proposal)
	for _, org := range []string{"lothian", "fife"} {
		g.AddPublic(g.Signature(org, g.Proposal))
	}
	const record, deed = "7d444840-9dc0-11d1-b245-5ffdce74fad2", "7d444840-9dc0-11d1-b245-5ffdce74fad3"
	consent := func(id, act, decision string) {
		g.Consents = append(g.Consents, g.AddSealed(Sign(g.Lothian, &entry.Consent{Common: g.Common("lothian"), Consent: record, Act: act, Scope: "research", Decided: "2026-11-22T08:00:00Z",
			Rule: &entry.ConsentRule{Decision: decision}, Expressed: entry.Expressed{How: "written"}, Sub: id}), id))
	}
	consent(g.IDs[0], "refused", "deny")
	consent(g.IDs[1], "given", "permit")
	g.Consents = append(g.Consents, g.AddSealed(Sign(g.Lothian, &entry.Delegation{Common: g.Common("lothian"), Delegation: deed, Act: "granted", Kind: "POWATT", Scope: []string{"access"},
		Start: "2026-11-01T00:00:00Z", End: "2027-11-01T00:00:00Z", Sub: g.IDs[1], Delegate: &entry.Delegate{ID: g.IDs[2]}}), g.IDs[1]))
	share := func() {
		for _, id := range g.IDs {
			g.Shared = append(g.Shared, g.AddSealed(g.SharedAccess(id), id))
		}
	}
	share()
	g.Ended = g.AddPublic(g.Act("lothian", "terminate"))
	share()
	return g
}

// Signature returns org's signature of a proposal.
func (g *Governed) Signature(org string, proposal *entry.Entry) *entry.Entry {
	t := proposal.Body.(*entry.Agreement).Agreement
	return Sign(g.key(org), &entry.AgreementSignature{Common: g.Common(org), Agreement: t.ID, Version: t.Version, Proposal: proposal.Identity()})
}

// Act returns an act of org on isa-1.
func (g *Governed) Act(org, act string) *entry.Entry {
	return Sign(g.key(org), &entry.AgreementAct{Common: g.Common(org), Agreement: "isa-1", Version: 1, Act: act, Reason: "as decided"})
}

// SharedAccess returns an access of fife, reported by lothian, to the record of id under isa-1.
func (g *Governed) SharedAccess(id string) *entry.Entry {
	a := *g.Access("lothian", g.Second, id).Body.(*entry.Access)
	a.ID, a.SD, a.Org, a.Agreement = "", nil, "fife", "isa-1"
	return Sign(g.Second, &a)
}

func (g *Governed) key(org string) *wire.Signer {
	if org == "fife" {
		return g.Fife
	}
	return g.Lothian
}

// WithVerdicts makes a governed log whose index covers all its entries and verdicts, which rules
// give. A test may change the log before that.
func WithVerdicts(rules register.Rules, change ...func(g *Governed)) *Governed {
	g := NewGoverned(NewLag("ledger.test/2026", 40))
	for _, f := range change {
		f(g)
	}
	g.GiveVerdicts(rules)
	g.AddIndexRoot()
	return g
}

// ForgeVerdict says that access i is covered, as whoever holds the database and its keys can.
func (l *Log) ForgeVerdict(i uint64) {
	v := *l.Openings[i].Verdict
	v.Result, v.Rules = entry.Covered, []string{"agreement"}
	l.Openings[i].Verdict = &v
}

// GiveVerdicts sets the verdict of every opening as an honest ledger does, by telling rules, which
// are those of an empty log, of all entries in order. It skips public entries that the rules
// refuse.
func (l *Log) GiveVerdicts(rules register.Rules) {
	reg, states := register.New(l.Origin), map[string][]byte{}
	for i := range l.Size() {
		e, o := l.Entries[i], l.Openings[i]
		switch {
		case o != nil:
			if j, err := rules.Judge(e, i, func(id string) []byte { return states[id] }); err == nil {
				o.Verdict = j.Verdict
				if j.Person != nil {
					states[e.ShownSub()] = j.Person
				}
			}
		case e != nil:
			if reg.Apply(e, i) == nil {
				if next, err := rules.Admit(e, i, reg); err == nil {
					rules = next
				}
			}
		}
	}
}
