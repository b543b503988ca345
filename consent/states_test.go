package consent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// reach brings agreement isa-1 into a state and returns the version that is in it.
var reach = map[consent.State]func(w *world) uint64{
	consent.Proposed: func(w *world) uint64 { _, err := w.propose("north", isa("isa-1", 1)); w.ok(err); return 1 },
	consent.Approved: func(w *world) uint64 { w.agree(isa("isa-1", 1, starting("2026-12-01"))); return 1 },
	consent.InForce:  func(w *world) uint64 { w.agree(isa("isa-1", 1)); return 1 },
	consent.UnderReview: func(w *world) uint64 {
		w.agree(isa("isa-1", 1))
		w.ok(w.act("east", "isa-1", 1, "review"))
		return 1
	},
	consent.Suspended: func(w *world) uint64 {
		w.agree(isa("isa-1", 1))
		w.ok(w.act("south", "isa-1", 1, "suspend"))
		return 1
	},
	consent.Withdrawn: func(w *world) uint64 {
		_, err := w.propose("north", isa("isa-1", 1))
		w.ok(err)
		w.ok(w.act("north", "isa-1", 1, "withdraw"))
		return 1
	},
	consent.Terminated: func(w *world) uint64 {
		w.agree(isa("isa-1", 1))
		w.ok(w.act("north", "isa-1", 1, "terminate"))
		return 1
	},
	consent.Superseded: func(w *world) uint64 {
		w.agree(isa("isa-1", 1))
		w.agree(isa("isa-2", 1, func(t *entry.AgreementText) { t.Supersedes = []string{"isa-1"} }))
		return 1
	},
	consent.Expired: func(w *world) uint64 {
		w.agree(isa("isa-1", 1))
		w.clock = time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC)
		return 1
	},
}

// The whole machine: what each act does in each state, by an organisation that may do it wherever
// anybody may. "" is refused as impossible.
func TestEveryActInEveryState(t *testing.T) {
	S := func(s consent.State) consent.State { return s }
	table := map[consent.State]map[string]consent.State{
		consent.Proposed:    {"withdraw": S(consent.Withdrawn)},
		consent.Approved:    {"withdraw": S(consent.Withdrawn), "terminate": S(consent.Terminated)},
		consent.InForce:     {"review": S(consent.UnderReview), "suspend": S(consent.Suspended), "terminate": S(consent.Terminated)},
		consent.UnderReview: {"confirm": S(consent.InForce), "suspend": S(consent.Suspended), "terminate": S(consent.Terminated)},
		consent.Suspended:   {"suspend": S(consent.Suspended), "resume": S(consent.InForce), "terminate": S(consent.Terminated)},
		consent.Withdrawn:   {}, consent.Terminated: {}, consent.Superseded: {}, consent.Expired: {},
	}
	for _, state := range consent.States() {
		for _, act := range entry.AgreementActs {
			t.Run(string(state)+"/"+act, func(t *testing.T) {
				w := newWorld(t)
				version := reach[state](w)
				if got := w.rules.Agreements().StateOf("isa-1", version, w.clock); got != state {
					t.Fatalf("it is %s", got)
				}
				org := "north"
				if act == "resume" {
					org = "south" // who suspended it
				}
				want, possible := table[state][act]
				err := w.act(org, "isa-1", version, act)
				if !possible {
					w.want(err, register.BadTransition)
					want = state
				} else {
					w.ok(err)
				}
				if got := w.rules.Agreements().StateOf("isa-1", version, w.clock); got != want {
					t.Errorf("then it is %s, want %s", got, want)
				}
			})
		}
	}
}

func TestWhoMayAct(t *testing.T) {
	for _, c := range []struct {
		state    consent.State
		act      string
		may, not []string
	}{
		{consent.Proposed, "withdraw", []string{"north"}, []string{"south", "east", "stranger"}},
		{consent.Approved, "withdraw", []string{"north", "south"}, []string{"east", "stranger"}},
		{consent.InForce, "review", []string{"north", "south", "east"}, []string{"stranger"}},
		{consent.InForce, "suspend", []string{"north", "south", "east"}, []string{"stranger"}},
		{consent.InForce, "terminate", []string{"north", "south"}, []string{"east", "stranger"}},
		{consent.UnderReview, "confirm", []string{"north", "south"}, []string{"east", "stranger"}},
		{consent.Suspended, "resume", []string{"south"}, []string{"north", "east", "stranger"}},
	} {
		for _, org := range slices.Concat(c.may, c.not) {
			t.Run(string(c.state)+"/"+c.act+"/"+org, func(t *testing.T) {
				w := newWorld(t)
				v := reach[c.state](w)
				code := register.NotParty
				if slices.Contains(c.may, org) {
					code = ""
				}
				w.want(w.act(org, "isa-1", v, c.act), code)
			})
		}
	}
}

// Who suspended an agreement is not overruled by another's resuming.
func TestSuspendedByTwo(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	w.ok(w.act("south", "isa-1", 1, "suspend"))
	w.want(w.act("south", "isa-1", 1, "suspend"), register.BadTransition)
	w.ok(w.act("east", "isa-1", 1, "suspend"))
	w.ok(w.act("south", "isa-1", 1, "resume"))
	w.inState("isa-1", 1, consent.Suspended)
	w.ok(w.act("east", "isa-1", 1, "resume"))
	w.inState("isa-1", 1, consent.InForce)
}

func (w *world) inState(id string, version uint64, want consent.State) {
	w.Helper()
	v, got := w.rules.Agreements().State(id, w.clock)
	if v == nil || got != want || v.Text.Version != version {
		w.Errorf("%s: %+v is %s, want version %d %s", id, v, got, version, want)
	}
}

// Nothing is in force before the last signature, and each party signs once, the text that was
// proposed.
func TestSigning(t *testing.T) {
	w := newWorld(t)
	e, err := w.propose("south", isa("isa-1", 1))
	w.ok(err)
	for i, org := range []string{"north", "east", "south"} {
		w.inState("isa-1", 1, consent.Proposed)
		if missing := w.rules.Agreements().Get("isa-1").Versions[0].Missing(); len(missing) != 3-i || !slices.Contains(missing, org) {
			t.Errorf("missing %v", missing)
		}
		forged := w.signature(org, e)
		forged.Proposal[0] ^= 1
		_, err := w.admit(forged)
		w.want(err, register.VersionConflict)
		w.must(w.signature(org, e))
		_, err = w.admit(w.signature(org, e))
		w.want(err, register.BadTransition)
	}
	w.inState("isa-1", 1, consent.InForce)
	_, err = w.admit(w.signature("stranger", e))
	w.want(err, register.NotParty)
	_, err = w.admit(&entry.AgreementSignature{Common: w.by("north"), Agreement: "isa-1", Version: 2, Proposal: e.Identity()})
	w.want(err, register.UnknownAgreement)
	_, err = w.admit(&entry.AgreementSignature{Common: w.by("north"), Agreement: "isa-9", Version: 1, Proposal: e.Identity()})
	w.want(err, register.UnknownAgreement)
}

func TestLateSignature(t *testing.T) {
	w := newWorld(t)
	e, err := w.propose("north", isa("isa-1", 1))
	w.ok(err)
	w.clock = time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 1, consent.Expired)
	_, err = w.admit(w.signature("north", e))
	w.want(err, register.BadTransition)
	// What lapsed does not stand in the way of the next, and has not been in force for it to
	// supersede.
	w.agree(isa("isa-1", 2, starting("2027-11-01"), func(t *entry.AgreementText) { t.End, t.ReviewDue = "2028-10-31", "2028-06-01" }))
	w.inState("isa-1", 2, consent.InForce)
	if got := w.rules.Agreements().StateOf("isa-1", 1, w.clock); got != consent.Expired {
		t.Errorf("version 1 is %s", got)
	}
}

// What is no proposal any more is not signed: neither one that was withdrawn, nor one of an
// agreement that was terminated.
func TestSigningWhatIsNotOpen(t *testing.T) {
	w := newWorld(t)
	e, err := w.propose("north", isa("isa-1", 1))
	w.ok(err)
	w.ok(w.act("north", "isa-1", 1, "withdraw"))
	_, err = w.admit(w.signature("north", e))
	w.want(err, register.BadTransition)

	w = newWorld(t)
	w.agree(isa("isa-1", 1))
	e, err = w.propose("north", isa("isa-1", 2, starting("2026-12-01")))
	w.ok(err)
	w.ok(w.act("north", "isa-1", 1, "terminate"))
	_, err = w.admit(w.signature("north", e))
	w.want(err, register.BadTransition)
	// It stays terminated after its end would have come.
	w.clock = time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 1, consent.Terminated)
}

// A version whose start has come takes its predecessor's place only if every party signed it and it
// was not withdrawn.
func TestStartAloneSupersedesNothing(t *testing.T) {
	for name, before := range map[string]func(w *world){
		"signed by two of three": func(w *world) {
			e, err := w.propose("north", isa("isa-1", 2, starting("2026-12-01")))
			w.ok(err)
			w.must(w.signature("north", e))
			w.must(w.signature("south", e))
		},
		"withdrawn": func(w *world) {
			w.agree(isa("isa-1", 2, starting("2026-12-01")))
			w.ok(w.act("south", "isa-1", 2, "withdraw"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.agree(isa("isa-1", 1))
			before(w)
			w.inState("isa-1", 1, consent.InForce)
			w.clock = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
			w.inState("isa-1", 1, consent.InForce)
		})
	}
}

// An amendment leaves the version before it in force until it is signed by all and has started.
func TestAmendment(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	e, err := w.propose("south", isa("isa-1", 2, starting("2026-12-01")))
	w.ok(err)
	w.inState("isa-1", 1, consent.InForce)
	for _, org := range []string{"north", "south", "east"} {
		w.must(w.signature(org, e))
	}
	w.inState("isa-1", 1, consent.InForce)
	if got := w.rules.Agreements().StateOf("isa-1", 2, w.clock); got != consent.Approved {
		t.Errorf("version 2 is %s", got)
	}
	w.want(w.act("north", "isa-1", 2, "review"), register.VersionConflict) // not yet the current one
	w.clock = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 2, consent.InForce)
	if got := w.rules.Agreements().StateOf("isa-1", 1, w.clock); got != consent.Superseded {
		t.Errorf("version 1 is %s", got)
	}
	w.want(w.act("north", "isa-1", 1, "suspend"), register.VersionConflict)
	w.ok(w.act("north", "isa-1", 2, "terminate"))
	w.inState("isa-1", 2, consent.Terminated)
	_, err = w.propose("north", isa("isa-1", 3, starting("2027-01-01")))
	w.want(err, register.BadTransition)
}

func TestProposals(t *testing.T) {
	parties := func(orgs ...string) func(*entry.AgreementText) {
		return func(t *entry.AgreementText) {
			t.Parties, t.Flows = nil, []entry.AgreementFlow{{From: orgs[0], To: orgs[1], How: "by post"}}
			for _, o := range orgs {
				t.Parties = append(t.Parties, entry.AgreementParty{Org: o, Role: "controller", Contact: "Privacy office"})
			}
		}
	}
	for _, c := range []struct {
		name   string
		before func(w *world)
		by     string
		text   entry.AgreementText
		want   wire.Code
	}{
		{"first", nil, "north", isa("isa-1", 1), ""},
		{"by a joint controller", nil, "south", isa("isa-1", 1), ""},
		{"by a recipient", nil, "east", isa("isa-1", 1), register.NotParty},
		{"by a stranger", nil, "stranger", isa("isa-1", 1), register.NotParty},
		{"of a party that is not registered", nil, "north", isa("isa-1", 1, parties("north", "atlantis")), wire.UnknownOrg},
		{"begins with 2", nil, "north", isa("isa-1", 2), register.UnknownAgreement},
		{"over before it was proposed", nil, "north", isa("isa-1", 1, starting("2025-01-01"), func(t *entry.AgreementText) { t.End = "2026-11-21" }), register.PastPeriod},
		{"ended this moment", func(w *world) { w.clock = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }, "north",
			isa("isa-1", 1, starting("2025-01-01"), func(t *entry.AgreementText) { t.End = "2026-11-21" }), register.PastPeriod},
		{"ends today", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.End = "2026-11-22" }), ""},
		{"unknown purpose", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Purposes[0].Code = "CURIOSITY" }), wire.BadClaim},
		{"purpose of another system", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Purposes[0].Code = "https://x.example|care" }), ""},
		{"purpose of another system without a code", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Purposes[0].Code = "https://x.example|" }), wire.BadClaim},
		{"purpose of no system", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Purposes[0].Code = "|care" }), wire.BadClaim},
		{"data without a system", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Data[0].Codes = []string{"Observation"} }), wire.BadClaim},
		{"under an unknown one", nil, "north", isa("isa-1", 1, func(t *entry.AgreementText) { t.Under = "mou-1" }), register.UnknownAgreement},
		{"version taken", func(w *world) { w.agree(isa("isa-1", 1)) }, "north", isa("isa-1", 1), register.VersionConflict},
		{
			"version skipped", func(w *world) { w.agree(isa("isa-1", 1)) }, "north",
			isa("isa-1", 3, starting("2027-01-01")), register.VersionConflict,
		},
		{
			"while another is open", func(w *world) { reach[consent.Proposed](w) }, "north",
			isa("isa-1", 2, starting("2027-01-01")), register.VersionConflict,
		},
		{"after one was withdrawn", func(w *world) { reach[consent.Withdrawn](w) }, "north", isa("isa-1", 2), ""},
		{"overlaps: same start", func(w *world) { w.agree(isa("isa-1", 1)) }, "north", isa("isa-1", 2), register.VersionConflict},
		{"overlaps: earlier start", func(w *world) { w.agree(isa("isa-1", 1)) }, "north", isa("isa-1", 2, starting("2026-10-01")), register.VersionConflict},
		{"amended by a new party", func(w *world) { w.agree(isa("isa-1", 1)) }, "university", isa("isa-1", 2, starting("2027-01-01"), parties("university", "north")), register.NotParty},
		{"amended to add a party", func(w *world) { w.agree(isa("isa-1", 1)) }, "north", isa("isa-1", 2, starting("2027-01-01"), parties("north", "university")), ""},
		{"amended by a controller of a version that was withdrawn unsigned", func(w *world) {
			w.agree(isa("isa-1", 1))
			_, err := w.propose("north", isa("isa-1", 2, starting("2026-12-01"), parties("north", "university")))
			w.ok(err)
			w.ok(w.act("north", "isa-1", 2, "withdraw"))
		}, "university", isa("isa-1", 3, starting("2027-01-01"), parties("university", "north")), register.NotParty},
		{"amended by a controller of a version that was withdrawn signed", func(w *world) {
			w.agree(isa("isa-1", 1))
			w.agree(isa("isa-1", 2, starting("2026-12-01"), parties("north", "university")))
			w.ok(w.act("north", "isa-1", 2, "withdraw"))
		}, "university", isa("isa-1", 3, starting("2027-01-01"), parties("university", "north")), register.NotParty},
		{"amended by a controller of a version that lapsed unsigned", func(w *world) {
			w.agree(isa("isa-1", 1))
			_, err := w.propose("north", isa("isa-1", 2, starting("2026-12-01"), parties("north", "university"), func(t *entry.AgreementText) { t.End = "2026-12-31" }))
			w.ok(err)
			w.clock = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		}, "university", isa("isa-1", 3, starting("2027-02-01"), parties("university", "north")), register.NotParty},
		{"amended though superseded", func(w *world) { reach[consent.Superseded](w) }, "north", isa("isa-1", 2, starting("2027-01-01")), register.BadTransition},
		{"supersedes an unknown one", nil, "north", isa("isa-2", 1, func(t *entry.AgreementText) { t.Supersedes = []string{"isa-1"} }), register.UnknownAgreement},
		{"supersedes without a controller", func(w *world) { w.agree(isa("isa-1", 1)) }, "north",
			isa("isa-2", 1, parties("north", "university"), func(t *entry.AgreementText) { t.Supersedes = []string{"isa-1"} }), register.NotParty},
		{"supersedes without a recipient", func(w *world) { w.agree(isa("isa-1", 1)) }, "north",
			isa("isa-2", 1, parties("north", "south"), func(t *entry.AgreementText) { t.Supersedes = []string{"isa-1"} }), ""},
		{"supersedes in a circle", func(w *world) { w.agree(isa("isa-2", 1)); reachSuperseding(w, "isa-1", "isa-2") }, "north",
			isa("isa-2", 2, starting("2027-01-01"), func(t *entry.AgreementText) { t.Supersedes = []string{"isa-1"} }), register.BadTransition},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			_, err := w.propose(c.by, c.text)
			w.want(err, c.want)
		})
	}
}

func reachSuperseding(w *world, id, old string) {
	w.agree(isa(id, 1, starting("2026-12-15"), func(t *entry.AgreementText) { t.Supersedes = []string{old} }))
}

// An agreement that is to take another's place does so when it is in force, not before, and not if
// it was given up before.
func TestSuperseding(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	reachSuperseding(w, "isa-2", "isa-1")
	w.inState("isa-1", 1, consent.InForce)
	w.clock = time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 1, consent.Superseded)

	w = newWorld(t)
	w.agree(isa("isa-1", 1))
	reachSuperseding(w, "isa-2", "isa-1")
	w.ok(w.act("north", "isa-2", 1, "terminate"))
	w.clock = time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 1, consent.InForce)

	// Given up at its start, it has been in force.
	w = newWorld(t)
	w.agree(isa("isa-1", 1))
	reachSuperseding(w, "isa-2", "isa-1")
	w.clock = time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	w.ok(w.act("north", "isa-2", 1, "terminate"))
	w.inState("isa-1", 1, consent.Superseded)

	// A later version that does not say so supersedes nothing, though a version that was withdrawn
	// did.
	w = newWorld(t)
	w.agree(isa("isa-1", 1))
	reachSuperseding(w, "isa-2", "isa-1")
	w.ok(w.act("north", "isa-2", 1, "withdraw"))
	w.agree(isa("isa-2", 2, starting("2026-12-15")))
	w.clock = time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	w.inState("isa-2", 2, consent.InForce)
	w.inState("isa-1", 1, consent.InForce)
}

func TestSharingRequests(t *testing.T) {
	w := newWorld(t)
	ask := func(change ...func(*entry.SharingRequest)) error {
		r := &entry.SharingRequest{Common: w.by("university"), Request: "req-1", Holder: "north", Data: "Prescriptions", Purpose: "Research", Codes: []string{"HRESCH"},
			Necessity: "No other source", Power: "Charter", By: "Principal investigator"}
		for _, f := range change {
			f(r)
		}
		_, err := w.admit(r)
		return err
	}
	answer := func(org, id string) error {
		_, err := w.admit(&entry.SharingDecision{Common: w.by(org), Request: id, Decision: "refused", Reasons: "Too wide", DPIA: "Considered", By: "Caldicott Guardian"})
		return err
	}
	w.want(ask(func(r *entry.SharingRequest) { r.Holder = "atlantis" }), wire.UnknownOrg)
	w.want(ask(func(r *entry.SharingRequest) { r.Codes = []string{"CURIOSITY"} }), wire.BadClaim)
	w.want(ask(func(r *entry.SharingRequest) { r.Agreement = "isa-9" }), register.UnknownAgreement)
	w.ok(ask())
	w.want(ask(), register.BadTransition)
	w.want(answer("north", "req-2"), register.UnknownAgreement)
	w.want(answer("south", "req-1"), register.NotParty)
	_, err := w.admit(&entry.SharingDecision{Common: w.by("north"), Request: "req-1", Decision: "refused", Reasons: "Too wide", DPIA: "Considered", By: "Caldicott Guardian", Agreement: "isa-9"})
	w.want(err, register.UnknownAgreement)
	w.ok(answer("north", "req-1"))
	w.want(answer("north", "req-1"), register.BadTransition)
	w.want(ask(), register.BadTransition) // an answered one is not asked again under its id
	if r := w.rules.Requests().Get("req-1"); r == nil || r.Decision.Decision != "refused" || !slices.Equal(w.rules.Requests().IDs(), []string{"req-1"}) {
		t.Errorf("kept as %+v", r)
	}
}

// A controller that came in after another agreement was to take this one's place never agreed to
// that: its agreement goes on.
func TestSupersededOnlyByItsControllers(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	reachSuperseding(w, "isa-2", "isa-1")
	w.agree(isa("isa-1", 2, starting("2026-12-01"), func(t *entry.AgreementText) {
		t.Parties = append(t.Parties, entry.AgreementParty{Org: "university", Role: "controller", Contact: "Privacy office"})
	}))
	w.clock = time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC)
	w.inState("isa-1", 2, consent.InForce)
}

// Of two officers who amend one agreement at once the second is told what the first did.
func TestConflictSaysWhatThereIs(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	_, err := w.propose("south", isa("isa-1", 2, starting("2027-01-01")))
	w.ok(err)
	said := fmt.Sprintf("version 2 was proposed by south at index %d", w.index)
	_, err = w.propose("north", isa("isa-1", 2, starting("2027-02-01")))
	w.want(err, register.VersionConflict)
	if err == nil || !strings.Contains(err.Error(), said) {
		t.Errorf("%v does not say %q", err, said)
	}
}
