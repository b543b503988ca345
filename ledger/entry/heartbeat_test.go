package entry

import (
	"errors"
	"testing"

	"igledger/ledger/wire"
)

func TestDayNumber(t *testing.T) {
	for day, want := range map[string]uint64{"1970-01-01": 0, "2026-11-21": 20778, "9999-12-31": 2932896} {
		n, err := wire.DayNumber(day)
		if err != nil || n != want || wire.FormatDay(n) != day {
			t.Errorf("%s is %d (%v), back %s", day, n, err, wire.FormatDay(n))
		}
	}
	for _, day := range []string{"", "2026-11-31", "1969-12-31", "2026-1-1", "20261121", "2026-11-21Z", "+026-11-21"} {
		if _, err := wire.DayNumber(day); !errors.Is(err, wire.BadClaim) {
			t.Errorf("%q is a day: %v", day, err)
		}
	}
}
