package entry

import (
	"strings"

	"igledger/ledger/wire"
)

// Decision is the body of a sealed entry: a system asked whether an access would be allowed (OpenID
// AuthZEN), and was told. Denials are always logged, so that the person sees attempts; permits are
// logged on request. The operator signs it, because the ledger made the decision.
type Decision struct {
	Common
	Org         string   `json:"org"`                   // organisation that asked to access
	Holder      string   `json:"holder,omitempty"`      // organisation that holds the record; empty: not stated
	System      string   `json:"system,omitempty"`      // system through which it asked
	Action      string   `json:"action"`                // FHIR AuditEvent.action: C R U D E
	Data        []string `json:"data,omitempty"`        // as in Access
	Purpose     []string `json:"purpose,omitempty"`     //
	Role        []string `json:"role,omitempty"`        //
	Machine     bool     `json:"machine,omitzero"`      //
	Emergency   bool     `json:"emergency,omitzero"`    //
	Justified   bool     `json:"justified,omitzero"`    // a justification was given
	Agreement   string   `json:"agreement,omitempty"`   //
	Delegation  string   `json:"delegation,omitempty"`  //
	Decision    string   `json:"decision"`              // permit or deny
	Rules       []string `json:"rules,omitempty"`       // as in Verdict
	Obligations []string `json:"obligations,omitempty"` // that came with the permit
	Asked       string   `json:"asked"`                 // RFC 3339
	SD          []string `json:"_sd"`

	Sub   string `json:"-"` // disclosure "sub"
	Staff *Staff `json:"-"` // disclosure "staff": who asked
	Text  *Text  `json:"-"` // disclosure "text"
}

func (d *Decision) digests() *[]string { return &d.SD }
func (d *Decision) subject() *string   { return &d.Sub }

func (d *Decision) claims() []claim {
	return []claim{
		{"staff", d.Staff != nil, &d.Staff, func() error { return d.Staff.check() }},
		{"text", d.Text != nil, &d.Text, nil},
	}
}

// check checks the claims in their order, so that the first wrong one is reported.
func (d *Decision) check() error {
	if err := wire.CheckOrgID(d.Org); err != nil {
		return err
	}
	if d.Holder != "" && wire.CheckOrgID(d.Holder) != nil {
		return wire.Errorf(wire.BadClaim, "holder", "not an organisation id")
	}
	if err := checkShort("system", d.System, 512); err != nil {
		return err
	}
	if len(d.Action) != 1 || !strings.Contains("CRUDE", d.Action) {
		return wire.Errorf(wire.BadClaim, "action", "want one of C R U D E")
	}
	err := checkLists(codeList{"data", d.Data}, codeList{"purpose", d.Purpose}, codeList{"role", d.Role})
	if err != nil {
		return err
	}
	if err := checkShort("agreement", d.Agreement, 512); err != nil {
		return err
	}
	if d.Delegation != "" {
		if err := checkUUID("delegation", d.Delegation); err != nil {
			return err
		}
	}
	if d.Decision != "permit" && d.Decision != "deny" {
		return wire.Errorf(wire.BadClaim, "decision", "want permit or deny")
	}
	if err := checkLists(codeList{"rules", d.Rules}, codeList{"obligations", d.Obligations}); err != nil {
		return err
	}
	if _, err := ParseTime(d.Asked); err != nil {
		return wire.Errorf(wire.BadClaim, "asked", "not an RFC 3339 time with zone")
	}
	return nil
}
