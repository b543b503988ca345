package entry_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// No command signs a text with a character that nobody sees, and the API refuses it if another
// program signed it. The place is named. An access is taken whatever its text.
func TestHiddenIsNotSigned(t *testing.T) {
	w := newWorld(t)
	const hidden = "an \u202ehonest\u202c reason"
	text := agreementText()
	text.Retention = "five years\u200b"
	request, rule := w.requestBody(), "@id(\"a\") /* \u2066 */ permit(principal, action, resource);"
	request.Necessity = hidden
	for what, body := range map[string]entry.Body{
		"retention": &entry.Agreement{Common: w.common("north-board"), Agreement: text},
		"reason":    &entry.AgreementAct{Common: w.common("north-board"), Agreement: "isa-1", Version: 1, Act: "suspend", Reason: hidden},
		"necessity": request,
		"organisation name": &entry.Organisation{Common: w.common("registry"), Organisation: entry.Member{ID: "north", Name: "North\u00ad Board",
			Kind: "health-board", Roles: []entry.Role{entry.RoleSource}}},
		"text": &entry.PolicySet{Common: w.common("registry"), Version: 1, Schema: entry.SchemaV1, Text: rule,
			Hash: sha256.Sum256([]byte(rule)), Reason: "ours"},
	} {
		_, err := entry.Sign(w.board, body)
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.BadClaim || e.What != what || !strings.Contains(e.Detail, "U+") {
			t.Errorf("%s: %v", what, err)
		}
		p, err := entry.Prepare(w.board.Public, body)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := w.board.SignJWS(wire.TypEntry, p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Parse(compact); !errors.Is(err, wire.BadClaim) {
			t.Errorf("%s, signed elsewhere: %v", what, err)
		}
	}
	access := w.accessBody()
	access.Text = &entry.Text{Why: hidden}
	if _, err := entry.Sign(w.board, access); err != nil {
		t.Errorf("an access: %v", err)
	}
}
