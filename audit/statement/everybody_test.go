package statement

import (
	"slices"
	"testing"

	"igledger/ledger/wire"
)

// Of a text only one that says nothing but why is shown to everyone. One that cannot be read as the
// format has it is left out, whatever another reader of JSON would make of it.
func TestForEverybody(t *testing.T) {
	encode := func(name, value string) string {
		return wire.Encode64([]byte(`["0123456789012345678901","` + name + `",` + value + `]`))
	}
	sub := encode("sub", `"reg:everyone"`)
	for value, shown := range map[string]bool{
		`{}`:                                     true,
		`{"why":"a study"}`:                      true,
		`{"why":"a study","justification":"an"}`: true,
		`{"why":"a study","query":"name=X"}`:     false,
		`{"why":"a study","outcome":"X found"}`:  false,
		`{"why":"a study","Query":"name=X"}`:     false,
		`{"why":"a study","note":"X"}`:           false,
		`{"why":null,"other":"X"}`:               false,
		`"X"`:                                    false,
	} {
		text := encode("text", value)
		want := []string{sub}
		if shown {
			want = append(want, text)
		}
		if got := forEverybody([]string{encode("staff", `{"id":"n-1"}`), sub, text, "%"}); !slices.Equal(got, want) {
			t.Errorf("%s: %d disclosures are shown, want %d", value, len(got), len(want))
		}
	}
}
