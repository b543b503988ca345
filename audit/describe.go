package audit

import (
	"igledger/audit/plain"
	"igledger/ledger/entry"
)

// Describe describes an access in words. Unlike plain.Catalogue.Access, it has the words for the
// user's role, if the source's event had any and they are not withheld.
func Describe(c *plain.Catalogue, a *entry.Access) plain.Summary {
	s := c.Access(a)
	if w := RoleWords(a); w != "" {
		s.Role = w
	}
	return s
}

// RoleWords returns the source's words for the user's role, "" if there are none. It reads the whole
// event.
func RoleWords(a *entry.Access) string { return plain.OneLine(roleWords(a)) }

func roleWords(a *entry.Access) string {
	if len(a.FHIR) == 0 {
		return ""
	}
	raw, err := ToAuditEvent(a)
	if err != nil {
		return ""
	}
	v, err := parseTree("AuditEvent", raw)
	if err != nil {
		return ""
	}
	root, _ := v.(object)
	u := user(scope{Root: root})
	if u < 0 {
		return ""
	}
	for _, c := range objects(objects(root, "agent")[u], "role") {
		if w := text(c, "text"); w != "" {
			return w
		}
		for _, coding := range objects(c, "coding") {
			if w := text(coding, "display"); w != "" {
				return w
			}
		}
	}
	return ""
}
