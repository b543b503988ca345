package entry

import (
	"errors"
	"testing"

	"igledger/ledger/wire"
)

func TestDayNumber(t *testing.T) {
	for day, want := range map[string]uint64{"1970-01-01": 0, "2026-11-21": 20778, "9999-12-31": 2932896} {
		n, err := DayNumber(day)
		if err != nil || n != want || FormatDay(n) != day {
			t.Errorf("%s is %d (%v), back %s", day, n, err, FormatDay(n))
		}
	}
	for _, day := range []string{"", "2026-11-31", "1969-12-31", "2026-1-1", "20261121", "2026-11-21Z", "+026-11-21"} {
		if _, err := DayNumber(day); !errors.Is(err, wire.BadClaim) {
			t.Errorf("%q is a day: %v", day, err)
		}
	}
}

// Every sealed type has sub among its disclosures and eight digests at most; public types have neither.
func TestSealedTypes(t *testing.T) {
	for typ, newOf := range newBody {
		b, ok := newOf().(sealedBody)
		if ok != typ.Sealed() {
			t.Errorf("%s: sealed %v, its body %v", typ, typ.Sealed(), ok)
		}
		if !ok {
			continue
		}
		names := map[string]bool{}
		for _, c := range disclosed(b) {
			names[c.name] = true
		}
		if !names["sub"] || len(names) != len(disclosed(b)) || len(names) > wire.SDDigests {
			t.Errorf("%s discloses %v", typ, names)
		}
	}
	for _, typ := range []Type{TypeGenesis, TypeKey, TypeHeartbeat, TypeIndexRoot, "none"} {
		if typ.Sealed() {
			t.Errorf("%s is sealed", typ)
		}
	}
}
