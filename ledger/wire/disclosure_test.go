package wire_test

import (
	"errors"
	"strings"
	"testing"

	"igledger/ledger/wire"
)

// However a disclosure is spelled, it is read as the same, or refused for the same reason: the
// spelling that is read without a parser has no rules of its own.
func TestSpellingsOfDisclosures(t *testing.T) {
	const salt = "abcdefghijklmnopqrstuvw"
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for raw, want := range map[string]struct {
		name, value string
		code        wire.Code
	}{
		`["` + salt + `","sub","chi:1"]`:                       {"sub", `"chi:1"`, ""},
		` [ "` + salt + `" , "sub" , "chi:1" ] `:               {"sub", `"chi:1"`, ""},
		`["` + salt + `","s\u0075b","chi:1"]`:                  {"sub", `"chi:1"`, ""},
		`["` + salt + `","sub", "chi:1" ]`:                     {"sub", `"chi:1"`, ""},
		`["` + salt + `","sub",null]`:                          {"sub", `null`, ""},
		`["` + salt + `","sub",{"a":null}]`:                    {"sub", `{"a":null}`, ""},
		`["` + salt + `","",1]`:                                {"", `1`, ""},
		`["` + salt + `","fhir",` + deep(63) + `]`:             {"fhir", deep(63), ""},
		`["` + salt + `","fhir",` + deep(64) + `]`:             {code: wire.BadJSON},
		`["` + salt + `","sub",1,2]`:                           {code: wire.BadDisclosure},
		`["` + salt + `","sub"]`:                               {code: wire.BadDisclosure},
		`["` + salt + `","sub",]`:                              {code: wire.BadJSON},
		`["` + salt + `","sub","a"b"]`:                         {code: wire.BadJSON},
		`["` + salt + `","sub",{"a":1,"a":2}]`:                 {code: wire.BadJSON},
		`["` + salt + `","sub","` + "\xff" + `"]`:              {code: wire.BadJSON},
		`["` + salt + `","sub",1]]`:                            {code: wire.BadJSON},
		`["` + salt + `","sub",1][]`:                           {code: wire.BadJSON},
		`["` + salt[:21] + `","sub",1]`:                        {code: wire.BadDisclosure},
		`["` + strings.Replace(salt, "a", ".", 1) + `","s",1]`: {code: wire.BadDisclosure},
		`["` + salt + `",5,1]`:                                 {code: wire.BadDisclosure},
	} {
		d, err := wire.ParseDisclosure(wire.Encode64([]byte(raw)))
		switch {
		case want.code != "" && !errors.Is(err, want.code):
			t.Errorf("%s: got %v, want %s", raw, err, want.code)
		case want.code == "" && (err != nil || d.Name != want.name || string(d.Value) != want.value):
			t.Errorf("%s: got %q %s, %v", raw, d.Name, d.Value, err)
		}
	}
}
