package entry

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"igledger/ledger/wire"
)

// SharingRequest is the body of a public entry by which an organisation asks another for data (ICO
// data sharing request form).
type SharingRequest struct {
	Common
	Request   string   `json:"request"`   // id, see CheckAgreementID
	Holder    string   `json:"holder"`    // organisation that is asked
	Data      string   `json:"data"`      // what is asked for
	Purpose   string   `json:"purpose"`   // in words
	Codes     []string `json:"codes"`     // PurposeOfUse
	Necessity string   `json:"necessity"` // why it is needed
	Power     string   `json:"legalPower"`
	Agreement string   `json:"agreement,omitempty"` // id of an agreement already in place
	By        string   `json:"by"`                  // post of the person who asks
	Needed    string   `json:"needed,omitempty"`    // day by which it is needed
}

// SharingDecision is the body of a public entry with the holder's answer to a request (ICO data
// sharing decision form).
type SharingDecision struct {
	Common
	Request   string   `json:"request"`
	Decision  string   `json:"decision"` // agreed, agreed-in-part or refused
	Reasons   string   `json:"reasons"`
	Article6  []string `json:"article6,omitempty"` // if agreed
	Article9  []string `json:"article9,omitempty"`
	Condition string   `json:"dpaCondition,omitempty"`
	DPIA      string   `json:"dpia"` // whether it was considered, and the outcome
	Opinion   string   `json:"dpoOpinion,omitempty"`
	Retention string   `json:"retention,omitempty"`
	Security  string   `json:"security,omitempty"`
	Rights    string   `json:"rights,omitempty"`   // how individuals' rights are met
	Interval  string   `json:"interval,omitempty"` // once, or how often
	By        string   `json:"by"`                 // post of the person who decided
	Agreement string   `json:"agreement,omitempty"`
}

// PoliciesHistory is the name of the public history of all policy sets.
const PoliciesHistory = "policies"

// PolicySet is the body of a public entry by which a registrar puts a set of policies in force for
// all later entries.
type PolicySet struct {
	Common
	Version uint64    `json:"version"` // from 1, and 1 more each time; 0 is the set built into the software
	Schema  string    `json:"schema"`  // of the facts that the policies use: "igledger/1"
	Text    string    `json:"text"`    // Cedar
	Hash    wire.Hash `json:"hash"`    // SHA-256 of text, for people to compare
	Reason  string    `json:"reason"`  // in words

	// Terminology is the SHA-256 of each file of code systems that verdicts rest on, ascending, at
	// most 8: which code lies below which. Whoever computes a verdict needs these files.
	Terminology []wire.Hash `json:"terminology,omitempty"`
}

// maxTerminology is the most files of code systems that a policy set names.
const maxTerminology = 8

// maxPolicyText is the maximum size of a policy set in bytes. Together with the other claims, it
// must fit into a leaf of 65,535 bytes in base64.
const maxPolicyText = 40 << 10

func (r *SharingRequest) check() error {
	err := first(
		func() error { return CheckAgreementID(r.Request) },
		r.checkHolder,
		text("data", r.Data),
		text("purpose", r.Purpose),
		r.checkCodes,
		text("necessity", r.Necessity),
		text("legalPower", r.Power),
		func() error { return checkOptionalID(r.Agreement) },
		text("by", r.By),
		r.checkNeeded,
	)
	if err != nil {
		return err
	}
	return refusePersonNumbers(append(slices.Clone(r.Codes), r.Request, r.Holder, r.Agreement, r.Data, r.Purpose, r.Necessity,
		r.Power, r.By)...)
}

func (r *SharingRequest) checkHolder() error {
	if wire.CheckOrgID(r.Holder) != nil || r.Holder == r.Issuer {
		return wire.Errorf(wire.BadClaim, "holder", "not the id of another organisation")
	}
	return nil
}

func (r *SharingRequest) checkCodes() error {
	if len(r.Codes) == 0 {
		return wire.Errorf(wire.BadClaim, "codes", "is empty")
	}
	return checkSignedCodes("codes", r.Codes)
}

func (r *SharingRequest) checkNeeded() error {
	if r.Needed == "" {
		return nil
	}
	return isDay("needed", r.Needed)()
}

// Late reports whether the day by which the data is needed is over, in UTC as the days of
// agreements are. The format does not ask: nobody could import what was asked for long ago.
func (r *SharingRequest) Late(now time.Time) bool {
	day, err := time.Parse(time.DateOnly, r.Needed)
	return err == nil && day.AddDate(0, 0, 1).Before(now)
}

// checkOptionalID checks the id of an agreement that may be missing.
func checkOptionalID(id string) error {
	if id == "" {
		return nil
	}
	return CheckAgreementID(id)
}

func (d *SharingDecision) check() error {
	err := first(
		func() error { return CheckAgreementID(d.Request) },
		d.checkDecision,
		text("reasons", d.Reasons),
		d.checkArticle6,
		func() error { return checkArticles("article9", d.Article9, 'j') },
		optional("dpaCondition", d.Condition),
		text("dpia", d.DPIA),
		optional("dpoOpinion", d.Opinion),
		optional("retention", d.Retention),
		optional("security", d.Security),
		optional("rights", d.Rights),
		optional("interval", d.Interval),
		text("by", d.By),
		func() error { return checkOptionalID(d.Agreement) },
	)
	if err != nil {
		return err
	}
	return refusePersonNumbers(d.Request, d.Agreement, d.Reasons, d.DPIA, d.By,
		d.Condition, d.Opinion, d.Retention, d.Security, d.Rights, d.Interval)
}

func (d *SharingDecision) checkDecision() error {
	if !slices.Contains([]string{"agreed", "agreed-in-part", "refused"}, d.Decision) {
		return wire.Errorf(wire.BadClaim, "decision", "want agreed, agreed-in-part or refused")
	}
	return nil
}

func (d *SharingDecision) checkArticle6() error {
	if d.Decision != "refused" && len(d.Article6) == 0 {
		return wire.Errorf(wire.BadClaim, "article6", "must not be empty unless the decision is refused")
	}
	return checkArticles("article6", d.Article6, 'f')
}

// SchemaV1 is the name of the schema of the facts that policies use.
const SchemaV1 = "igledger/1"

func (p *PolicySet) check() error {
	if p.Version == 0 || p.Version > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "version", "want 1 or more")
	}
	if p.Schema != SchemaV1 {
		return wire.Errorf(wire.BadClaim, "schema", "want %s", SchemaV1)
	}
	if p.Text == "" || len(p.Text) > maxPolicyText {
		return wire.Errorf(wire.BadClaim, "text", "is empty or longer than %d bytes", maxPolicyText)
	}
	if err := seen("text", p.Text); err != nil {
		return err
	}
	if len(p.Terminology) > maxTerminology {
		return wire.Errorf(wire.TooLarge, "terminology", "%d files, at most %d", len(p.Terminology), maxTerminology)
	}
	for i := range p.Terminology {
		if i > 0 && bytes.Compare(p.Terminology[i-1][:], p.Terminology[i][:]) >= 0 {
			return wire.Errorf(wire.BadClaim, "terminology", "the files are not in ascending order, or one is there twice")
		}
	}
	if p.Hash != sha256.Sum256([]byte(p.Text)) {
		return wire.Errorf(wire.BadClaim, "hash", "is not the SHA-256 of the text")
	}
	if err := words(claimText{"reason", p.Reason, false}); err != nil {
		return err
	}
	return refusePersonNumbers(p.Text, p.Reason)
}
