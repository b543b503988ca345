package entry

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// Agreement is the body of a public entry by which a party proposes a version of a data-sharing
// agreement. It is in force once every party has signed it (AgreementSignature) and its start has
// come. Package consent derives that.
type Agreement struct {
	Common
	Agreement AgreementText `json:"agreement"`
}

// AgreementText is what the parties sign: the contents that the ICO's data sharing code and the
// Scottish information sharing agreement template ask for. Officers are given by function
// ("Caldicott Guardian"), never by name. A text has at most 8192 bytes.
type AgreementText struct {
	ID         string             `json:"id"`                   // see CheckAgreementID
	Version    uint64             `json:"version"`              // from 1, and 1 more with each amendment
	Supersedes []string           `json:"supersedes,omitempty"` // agreements that end when this comes into force
	Under      string             `json:"under,omitempty"`      // agreement that this one details: the MoU of an ISA
	Title      string             `json:"title"`
	Tier       string             `json:"tier"` // mou, isa or work-instruction
	Parties    []AgreementParty   `json:"parties"`
	Drivers    string             `json:"drivers,omitempty"` // business and legislative drivers
	Purposes   []AgreementPurpose `json:"purposes"`
	Article6   []string           `json:"article6"`               // UK GDPR Article 6(1): "a" to "f"
	Article9   []string           `json:"article9,omitempty"`     // UK GDPR Article 9(2): "a" to "j"
	Condition  string             `json:"dpaCondition,omitempty"` // DPA 2018 Schedule 1, e.g. "Part 1 paragraph 2"
	Power      string             `json:"legalPower"`             // the law that allows the parties to share
	Data       []AgreementData    `json:"data"`
	Subjects   string             `json:"subjects"` // whose data
	Flows      []AgreementFlow    `json:"flows"`
	Roles      []string           `json:"roles,omitempty"` // "system|code" or plain codes of who may see it; empty: any
	Necessity  string             `json:"necessity,omitempty"`
	Quality    string             `json:"quality,omitempty"` // accuracy, and how mistakes are corrected
	Retention  string             `json:"retention"`
	Disposal   string             `json:"disposal"`
	Security   string             `json:"security"`
	Transfers  []string           `json:"transfers,omitempty"` // countries outside the UK (ISO 3166-1); empty: none
	DPIA       Assessment         `json:"dpia"`
	Approvals  []Approval         `json:"approvals,omitempty"`
	Notice     Notice             `json:"privacyNotice"`
	Rights     string             `json:"rightsContact"`      // function and address
	Breach     string             `json:"breachContact"`      // function and address
	Start      string             `json:"start"`              // day, "2027-01-31": from its first moment, UTC
	End        string             `json:"end"`                // day: to its last moment, UTC
	ReviewDue  string             `json:"reviewDue"`          // day
	Document   *wire.Hash         `json:"document,omitempty"` // SHA-256 of the agreement as a file
}

// AgreementParty is an organisation and its part in an agreement. The functions are titles or
// posts, without a person's name.
type AgreementParty struct {
	Org          string `json:"organisation"` // id in the register
	Role         string `json:"role"`         // controller, joint-controller, processor or recipient
	Registration string `json:"icoRegistration,omitempty"`
	DPO          string `json:"dpo,omitempty"`       // data protection officer
	SIRO         string `json:"siro,omitempty"`      // senior information risk owner
	Caldicott    string `json:"caldicott,omitempty"` // Caldicott Guardian
	Contact      string `json:"contact"`             // for data subjects
}

// AgreementPurpose is a purpose for which data is shared.
type AgreementPurpose struct {
	Text string `json:"text"`
	Code string `json:"code"`          // PurposeOfUse (v3-ActReason); covers the codes below it too
	DPV  string `json:"dpv,omitempty"` // IRI of a purpose of the W3C Data Privacy Vocabulary
}

// AgreementData is a kind of data that is shared.
type AgreementData struct {
	Text         string   `json:"text"`
	Codes        []string `json:"codes,omitempty"`       // SNOMED CT, LOINC, FHIR types: "system|code"; empty: any
	Identifiable bool     `json:"identifiable,omitzero"` // about identifiable people
}

// AgreementFlow is one route that the data takes.
type AgreementFlow struct {
	From string `json:"from"` // organisation id
	To   string `json:"to"`
	How  string `json:"how"`
}

// Assessment is a data protection impact assessment.
type Assessment struct {
	Reference string `json:"reference"`
	Date      string `json:"date"`              // day
	Opinion   string `json:"opinion,omitempty"` // of the data protection officer
}

// Approval is an approval by another body.
type Approval struct {
	Body      string `json:"body"` // e.g. PBPP, research ethics committee
	Reference string `json:"reference"`
	Date      string `json:"date"` // day
}

// Notice identifies the exact text that people were told.
type Notice struct {
	URL      string    `json:"url"`
	Hash     wire.Hash `json:"hash"` // SHA-256 of the text at URL
	Version  string    `json:"version,omitempty"`
	Language string    `json:"language,omitempty"` // BCP 47
}

// AgreementSignature is the body of a public entry by which a party signs a version of an agreement
// with its own key.
type AgreementSignature struct {
	Common
	Agreement string    `json:"agreement"` // id
	Version   uint64    `json:"version"`
	Proposal  wire.Hash `json:"proposal"` // identity (wire.JWS.Identity) of the Agreement entry that is signed
}

// AgreementAct is the body of a public entry by which a party changes the state of an agreement.
type AgreementAct struct {
	Common
	Agreement string `json:"agreement"` // id
	Version   uint64 `json:"version"`   // the one that is meant: two officers may act at the same time
	Act       string `json:"act"`       // see AgreementActs
	Reason    string `json:"reason"`    // in words
}

// AgreementActs are the acts on an agreement. A proposal is withdrawn. An agreement in force is put
// under review (and stays in force), confirmed after a review, suspended, resumed or terminated.
var AgreementActs = []string{"withdraw", "review", "confirm", "suspend", "resume", "terminate"}

// Organisations returns the ids of the parties in their order.
func (t *AgreementText) Organisations() []string {
	ids := make([]string, len(t.Parties))
	for i, p := range t.Parties {
		ids[i] = p.Org
	}
	return ids
}

// ConsentBasis reports whether the agreement is based on consent: Article 6(1)(a), or 9(2)(a) if no
// other condition of Article 9 is named.
func (t *AgreementText) ConsentBasis() bool {
	return slices.Contains(t.Article6, "a") || slices.Equal(t.Article9, []string{"a"})
}

// CheckAgreementID returns BadClaim unless id can name an agreement or a sharing request. The form
// is that of an organisation id.
func CheckAgreementID(id string) error {
	if wire.CheckOrgID(id) != nil {
		return wire.Errorf(wire.BadClaim, "agreement id",
			"want 1-64 of A-Z a-z 0-9 . _ - beginning with a letter or digit")
	}
	return nil
}

// maxWords is the maximum size in bytes of one text of a public entry. Its leaf has at most 65,535
// bytes.
const maxWords = 8192

// words checks texts that people sign: present unless optional, not too long, no hidden characters,
// no control characters other than line feeds.
func words(list ...claimText) error {
	for _, c := range list {
		switch {
		case c.text == "" && !c.optional:
			return wire.Errorf(wire.BadClaim, c.name, "is missing")
		case len(c.text) > maxWords:
			return wire.Errorf(wire.BadClaim, c.name, "is longer than %d bytes", maxWords)
		}
		if err := seen(c.name, c.text); err != nil {
			return err
		}
		if strings.Contains(c.text, "\t") {
			return wire.Errorf(wire.BadClaim, c.name, "has a tab; write a space")
		}
	}
	return nil
}

// seen checks that people see what they sign. Accesses are not checked so: what happened is taken,
// with whatever text, and cleaned where it is shown.
func seen(name string, texts ...string) error {
	for _, s := range texts {
		if why := wire.Hidden(s); why != "" {
			return wire.Errorf(wire.BadClaim, name, "%s", why)
		}
	}
	return nil
}

type claimText struct {
	name, text string
	optional   bool
}

// day returns the first moment of the day s ("2006-01-02"), UTC.
func day(name, s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || len(s) != len(time.DateOnly) {
		return t, wire.Errorf(wire.BadClaim, name, "want a day such as 2027-01-31")
	}
	return t, nil
}

// StartTime returns the first moment at which the agreement can be in force.
func (t *AgreementText) StartTime() time.Time { s, _ := day("start", t.Start); return s }

// EndTime returns the first moment after the end of the agreement.
func (t *AgreementText) EndTime() time.Time { e, _ := day("end", t.End); return e.AddDate(0, 0, 1) }

// ReviewTime returns the first moment at which the review is overdue.
func (t *AgreementText) ReviewTime() time.Time {
	r, _ := day("reviewDue", t.ReviewDue)
	return r.AddDate(0, 0, 1)
}

func checkCodes(name string, list []string) error {
	if len(list) > 256 {
		return wire.Errorf(wire.BadClaim, name, "%d codes, at most 256", len(list))
	}
	for _, s := range list {
		if s == "" || !wire.Plain(s, 512) {
			return wire.Errorf(wire.BadClaim, name, "a code is empty, longer than 512 bytes or has control characters")
		}
	}
	return nil
}

// checkSignedCodes checks the codes of a public entry.
func checkSignedCodes(name string, list []string) error {
	return first(
		func() error { return checkCodes(name, list) },
		func() error { return seen(name, list...) },
	)
}

// checkArticles checks that list holds distinct letters from a to last, sorted.
func checkArticles(name string, list []string, last byte) error {
	for i, s := range list {
		if len(s) != 1 || s[0] < 'a' || s[0] > last || i > 0 && list[i-1] >= s {
			return wire.Errorf(wire.BadClaim, name, "want distinct letters a to %c, sorted", last)
		}
	}
	return nil
}

var (
	partyRoles = []string{"controller", "joint-controller", "processor", "recipient"}
	tiers      = []string{"mou", "isa", "work-instruction"}
	country    = regexp.MustCompile(`^[A-Z]{2}$`)
)

func (a *Agreement) check() error { return a.Agreement.Check() }

func (s *AgreementSignature) check() error {
	if err := CheckAgreementID(s.Agreement); err != nil {
		return err
	}
	if s.Version == 0 || s.Version > wire.MaxInt || s.Proposal == (wire.Hash{}) {
		return wire.Errorf(wire.BadClaim, "version or proposal", "is missing")
	}
	return refusePersonNumbers(s.Agreement)
}

func (a *AgreementAct) check() error {
	if err := CheckAgreementID(a.Agreement); err != nil {
		return err
	}
	if a.Version == 0 || a.Version > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "version", "want 1 or more")
	}
	if !slices.Contains(AgreementActs, a.Act) {
		return wire.Errorf(wire.BadClaim, "act", "want one of %s", strings.Join(AgreementActs, ", "))
	}
	if err := words(claimText{"reason", a.Reason, false}); err != nil {
		return err
	}
	return refusePersonNumbers(a.Agreement, a.Reason)
}

// checkUUID checks that s is a UUID in lower case, its only spelling here.
func checkUUID(name, s string) error {
	if u, err := uuid.Parse(s); err != nil || u.String() != s {
		return wire.Errorf(wire.BadClaim, name, "not a UUID in lower case with hyphens")
	}
	return nil
}
