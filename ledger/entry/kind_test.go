package entry

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"igledger/ledger/wire"
)

// Every constant of Type has exactly one row, and every row is that of a constant.
func TestKindsAndConstants(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "entry.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[Type]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Type" {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			constants[Type(name)] = true
		}
		return true
	})
	rows := map[Type]int{}
	for _, k := range kinds {
		rows[k.name]++
		if rows[k.name] != 1 || !constants[k.name] {
			t.Errorf("%s: %d rows, a constant: %v", k.name, rows[k.name], constants[k.name])
		}
		if k.purpose == "" {
			t.Errorf("%s: any key may sign it", k.name)
		}
	}
	for name := range constants {
		if rows[name] == 0 {
			t.Errorf("%s has no row", name)
		}
	}
	if len(constants) < 18 {
		t.Errorf("found %d constants", len(constants))
	}
}

// The functions of a row agree with its columns: the body it makes is of its own type only, sealed
// types disclose sub and at most eight claims, public ones none.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		b := k.new()
		for _, other := range kinds {
			if other.is(b) != (other.name == k.name) {
				t.Errorf("the body of %s is taken for one of %s", k.name, other.name)
			}
		}
		s, ok := b.(sealedBody)
		if ok != k.sealed || ok != k.name.Sealed() || ok != (k.history == nil) {
			t.Errorf("%s: sealed %v, its body %v, a public history %v", k.name, k.sealed, ok, k.history != nil)
		}
		if k.sealed && k.effect != states {
			t.Errorf("%s is sealed, and said to change what public entries change", k.name)
		}
		if !ok {
			continue
		}
		names := map[string]bool{}
		for _, c := range disclosed(s) {
			names[c.name] = true
		}
		if !names["sub"] || len(names) != len(disclosed(s)) || len(names) > wire.SDDigests {
			t.Errorf("%s discloses %v", k.name, names)
		}
	}
	none := Type("none")
	purpose, _ := none.Authority()
	if none.Sealed() || none.ChangesRegister() || none.Governs() || purpose != "" {
		t.Error("an unknown type has properties")
	}
}

// Who may sign what, and what it changes: docs/FORMATS.md sections 7 and 15 a second time, since a
// slip in the table would let another organisation or another key speak.
func TestKindsAsDocumented(t *testing.T) {
	want := map[Type]string{
		TypeGenesis:            "administer registrar changesRegister",
		TypeOrganisation:       "administer registrar changesRegister",
		TypeKey:                "administer - changesRegister",
		TypeKeyRevocation:      "administer - changesRegister",
		TypeIndexRoot:          "submit operator states",
		TypeHeartbeat:          "submit source states",
		TypeAgreement:          "agreements - governs",
		TypeAgreementSignature: "agreements - governs",
		TypeAgreementAct:       "agreements - governs",
		TypeSharingRequest:     "agreements - governs",
		TypeSharingDecision:    "agreements - governs",
		TypePolicySet:          "administer registrar governs",
		TypeAccess:             "submit source states",
		TypeConsent:            "agreements - states",
		TypeDelegation:         "agreements - states",
		TypeDecision:           "submit operator states",
		TypeLink:               "agreements - states",
		TypeSourceCount:        "submit source states",
	}
	for name := range want {
		purpose, role := name.Authority()
		does := "states"
		switch {
		case name.ChangesRegister():
			does = "changesRegister"
		case name.Governs():
			does = "governs"
		}
		if got := string(purpose) + " " + cmp.Or(string(role), "-") + " " + does; got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
	}
	if len(kinds) != len(want) {
		t.Errorf("%d types, %d here", len(kinds), len(want))
	}
}

type stranger struct{ Common }

func (*stranger) check() error { return nil }

// A body without a row is refused: it would be signed as an entry of no type.
func TestSignUnknownBody(t *testing.T) {
	s, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(s, new(stranger)); !isCode(err, wire.UnknownType) {
		t.Errorf("signed a body that no type has: %v", err)
	}
}

func isCode(err error, want wire.Code) bool {
	e, ok := err.(*wire.Error)
	return ok && e.Code == want
}
