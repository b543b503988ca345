package consent_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"igledger/consent"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

const (
	origin = "consent.test/2026"
	person = "chi:0101011237"
	other  = "chi:0202022236"
)

// now is when the story begins: the iat of acts, unless a test says otherwise.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world plays a log: it admits and judges as a ledger would, and keeps what it was told, so that it
// can be told again.
type world struct {
	testing.TB
	signer *wire.Signer
	reg    *register.Register
	rules  *consent.Rules
	index  uint64
	clock  time.Time
	states map[string][]byte
	log    []*entry.Entry
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, clock: now, states: map[string][]byte{}, rules: consent.New(), reg: register.New(origin), index: 10}
	seed := sha256.Sum256([]byte("igledger test key consent"))
	var err error
	if w.signer, err = wire.NewSigner(ed25519.NewKeyFromSeed(seed[:])); err != nil {
		t.Fatal(err)
	}
	w.founders()
	return w
}

// founders registers the organisations. Their keys do not matter here: entries reach these rules
// after Register.Verify.
func (w *world) founders() {
	w.Helper()
	signers := map[string]*wire.Signer{}
	public := func(id string) entry.PublicKey {
		seed := sha256.Sum256([]byte("igledger test key " + id))
		s, err := wire.NewSigner(ed25519.NewKeyFromSeed(seed[:]))
		w.ok(err)
		signers[id] = s
		return entry.PublicKey{JWK: s.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	}
	party := func(id string, role entry.Role) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: "The " + id, Kind: "regulator", Roles: []entry.Role{role}}, Key: public(id)}
	}
	g := &entry.Genesis{Registrar: party("registry", entry.RoleRegistrar), Enroller: party("guardian", entry.RoleEnroller), Operator: party("operator", entry.RoleOperator)}
	g.Issuer = "registry"
	w.ok(w.reg.Apply(&entry.Entry{JWS: &wire.JWS{KID: signers["registry"].KID}, Body: g}, 0))
	for i, id := range []string{"north", "south", "east", "university", "stranger", "NHSL", "NHSH", "UNI"} {
		m := entry.Member{ID: id, Name: "The " + id, Kind: "health-board", Roles: []entry.Role{entry.RoleController}}
		counter, err := entry.Countersign(signers["guardian"], entry.Countersignature{Issuer: "guardian", Audience: origin, IssuedAt: now.Unix(), Organisation: &m})
		w.ok(err)
		o := &entry.Organisation{Organisation: m, Counter: counter}
		o.Issuer = "registry"
		w.ok(w.reg.Apply(&entry.Entry{JWS: &wire.JWS{}, Body: o}, uint64(1+i)))
	}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) by(org string) entry.Common {
	w.index++
	return entry.Common{Issuer: org, Audience: origin, IssuedAt: w.clock.Unix(), ID: fmt.Sprintf("6ba7b810-9dad-41d1-80b4-%012x", w.index)}
}

func (w *world) sign(b entry.Body) *entry.Entry {
	w.Helper()
	e, err := entry.Sign(w.signer, b)
	w.ok(err)
	return e
}

// admit tells the rules of a public entry.
func (w *world) admit(b entry.Body) (*entry.Entry, error) {
	w.Helper()
	e := w.sign(b)
	next, err := w.rules.Admit(e, w.index, w.reg)
	if err == nil {
		w.rules = next.(*consent.Rules)
		w.log = append(w.log, e)
	}
	return e, err
}

func (w *world) must(b entry.Body) *entry.Entry {
	w.Helper()
	e, err := w.admit(b)
	w.ok(err)
	return e
}

func (w *world) judge(b entry.Body) (register.Judgement, error) {
	w.Helper()
	e := w.sign(b)
	j, err := w.rules.Judge(e, w.index, func(id string) []byte { return w.states[id] })
	if err == nil {
		w.log = append(w.log, e)
		if j.Person != nil {
			w.states[e.ShownSub()] = j.Person
		}
	}
	return j, err
}

func (w *world) mustJudge(b entry.Body) register.Judgement {
	w.Helper()
	j, err := w.judge(b)
	w.ok(err)
	return j
}

// want holds an error's code.
func (w *world) want(err error, code wire.Code) {
	w.Helper()
	var e *wire.Error
	if code == "" {
		w.ok(err)
	} else if !errors.As(err, &e) || e.Code != code {
		w.Errorf("got %v, want %s", err, code)
	}
}

// isa is an agreement between three boards for care, which a test may change.
func isa(id string, version uint64, change ...func(*entry.AgreementText)) entry.AgreementText {
	t := entry.AgreementText{
		ID: id, Version: version, Title: "Sharing for care", Tier: "isa",
		Parties: []entry.AgreementParty{
			{Org: "north", Role: "controller", Contact: "Privacy office, North"},
			{Org: "south", Role: "joint-controller", Contact: "Privacy office, South"},
			{Org: "east", Role: "recipient", Contact: "Privacy office, East"},
		},
		Purposes: []entry.AgreementPurpose{{Text: "Care", Code: "TREAT"}}, Article6: []string{"e"}, Article9: []string{"h"}, Power: "NHS (Scotland) Act 1978",
		Data:     []entry.AgreementData{{Text: "Medicines", Codes: []string{"http://hl7.org/fhir/resource-types|MedicationRequest"}, Identifiable: true}},
		Subjects: "Patients", Flows: []entry.AgreementFlow{{From: "north", To: "south", How: "over the portal"}},
		Retention: "As the record", Disposal: "As the record", Security: "As the boards' policies", DPIA: entry.Assessment{Reference: "DPIA-7", Date: "2026-01-05"},
		Notice: entry.Notice{URL: "https://north.example/privacy", Hash: wire.Hash{1}}, Rights: "Privacy office, North", Breach: "Security desk, North",
		Start: "2026-11-01", End: "2027-10-31", ReviewDue: "2027-06-01",
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

func starting(day string) func(*entry.AgreementText) {
	return func(t *entry.AgreementText) { t.Start = day }
}

func onConsent(t *entry.AgreementText) {
	t.Article6, t.Article9 = []string{"a"}, []string{"a"}
}

func (w *world) propose(org string, t entry.AgreementText) (*entry.Entry, error) {
	w.Helper()
	return w.admit(&entry.Agreement{Common: w.by(org), Agreement: t})
}

func (w *world) signature(org string, proposal *entry.Entry) *entry.AgreementSignature {
	t := proposal.Body.(*entry.Agreement).Agreement
	return &entry.AgreementSignature{Common: w.by(org), Agreement: t.ID, Version: t.Version, Proposal: proposal.Identity()}
}

// agree proposes a version and has every party sign it.
func (w *world) agree(t entry.AgreementText) *entry.Entry {
	w.Helper()
	e, err := w.propose(t.Parties[0].Org, t)
	w.ok(err)
	for _, org := range t.Organisations() {
		w.must(w.signature(org, e))
	}
	return e
}

func (w *world) act(org, id string, version uint64, act string) error {
	w.Helper()
	_, err := w.admit(&entry.AgreementAct{Common: w.by(org), Agreement: id, Version: version, Act: act, Reason: "as decided"})
	return err
}

func (w *world) access(change ...func(*entry.Access)) *entry.Access {
	a := &entry.Access{
		Common: w.by("north"), Source: "portal", Org: "south", Action: "R", Outcome: "0", Purpose: []string{"TREAT"}, Agreement: "isa-1",
		Data: []string{"http://hl7.org/fhir/resource-types|MedicationRequest"}, Recorded: w.clock.Format(time.RFC3339), Sub: person,
	}
	for _, f := range change {
		f(a)
	}
	return a
}

const record1 = "7d444840-9dc0-11d1-b245-5ffdce74fad2"

func (w *world) consent(act string, change ...func(*entry.Consent)) *entry.Consent {
	c := &entry.Consent{
		Common: w.by("north"), Consent: record1, Act: act, Scope: "patient-privacy", Sub: person,
		Decided:   w.clock.Add(time.Duration(w.index) * time.Nanosecond).Format(time.RFC3339Nano), // one after the other
		Expressed: entry.Expressed{How: "written"},
	}
	switch act {
	case "given", "amended", "reconfirmed":
		c.Rule = &entry.ConsentRule{Decision: "permit"}
	case "refused":
		c.Rule = &entry.ConsentRule{Decision: "deny"}
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func sum(text string) wire.Hash { return sha256.Sum256([]byte(text)) }
