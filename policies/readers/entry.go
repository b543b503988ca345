package readers

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// The code system of the category of data that the entry of a reading states: its extent.
const system = "urn:igledger:reading|"

// AuditLogUsed is DICOM's "Audit Log Used" (PS3.16 CID 400), the event of every reading.
const AuditLogUsed = "http://dicom.nema.org/resources/ontology/DCM|110101"

// Source is the source name of the entries that readings become. They have no sequence number,
// because the replicas that write them share no counter.
const Source = "igledger-api"

// Code returns the extent as a category of data.
func (x Extent) Code() string { return system + string(x) }

// In which a reader who signed in reads (HL7 v3-RoleClass): the person whose history it is, or
// someone who acts for them under a delegation.
const (
	AsPerson   = "http://terminology.hl7.org/CodeSystem/v3-RoleClass|PAT"
	AsDelegate = "http://terminology.hl7.org/CodeSystem/v3-RoleClass|AGNT"
)

// BySignIn reports whether an access is a reading by someone who signed in as the person, or under
// a delegation for them. Nobody else's names no organisation.
func BySignIn(operator string, a *entry.Access) bool {
	return IsReading(operator, a) && a.Org == "" && !a.Foreign && a.Identity == entry.BySignIn &&
		(slices.Equal(a.Role, []string{AsPerson}) && a.Delegation == "" ||
			slices.Equal(a.Role, []string{AsDelegate}) && a.Delegation != "")
}

// IsReading reports whether an access is a reading of the ledger, as its operator logs them.
func IsReading(operator string, a *entry.Access) bool {
	return operator != "" && a.Issuer == operator && slices.Contains(a.Event, AuditLogUsed)
}

// ExtentOf returns the extent that an access states, or Nothing if it states none.
func ExtentOf(a *entry.Access) Extent {
	for _, d := range a.Data {
		if x, ok := strings.CutPrefix(d, system); ok && (Extent(x) == Own || Extent(x) == Whole) {
			return Extent(x)
		}
	}
	return Nothing
}

// Check returns Denied if the table does not permit a reading that the operator logged, where roles
// are those of the reader's organisation at that index. The entry does not say which key the
// reader's token was signed with, nor which kind of data was read, so Check asks whether the table
// permits the reading to any key of such an organisation.
func Check(a *entry.Access, roles []entry.Role) error {
	kinds := []Kind{History, Opening}
	switch {
	case a.Sub == entry.RegEveryone:
		kinds = []Kind{Bulk, Report, Note, Register}
	case entry.IsRegister(a.Sub):
		kinds = []Kind{Register}
	}
	keys := []entry.Purpose{entry.PurposeAudit, entry.PurposeFrontDesk}
	if BySignIn(a.Issuer, a) {
		keys = []entry.Purpose{SignIn}
	}
	asked := Asked{Purpose: a.Purpose, Request: a.Request, Identity: a.Identity}
	var why error
	for _, kind := range kinds {
		for i := range roles {
			r, extent, err := May(kind, keys, roles[i:i+1], asked)
			if err == nil && extent == ExtentOf(a) {
				return nil
			}
			if r != nil {
				err = BadExtent
			}
			if why == nil || why == NoReader {
				why = err
			}
		}
	}
	if why == nil {
		why = NoReader
	}
	return why
}

// BadExtent is why a reading is not permitted that showed more than its reader may have, or does
// not say how much it showed.
const BadExtent Denied = "the reading is not limited to what its reader may have"
