package entry

import (
	"errors"
	"testing"
	"time"

	"igledger/ledger/wire"
)

func TestParseTime(t *testing.T) {
	at := time.Date(2026, 3, 1, 7, 8, 9, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"2026-03-01T07:08:09Z":           at,
		"2026-03-01T07:08:09+00:00":      at,
		"2026-03-01T09:08:09+02:00":      at,
		"2026-03-01T07:08:09.5Z":         at.Add(time.Second / 2),
		"2026-03-01T07:08:09.000000001Z": at.Add(1),
		"2024-02-29T00:00:00Z":           time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),

		"2026-03-01T7:08:09Z":             {}, // time.Parse accepts these two
		"2026-03-01T07:08:09,5Z":          {},
		"2026-03-01T07:08:09.0000000001Z": {},
		"2026-03-01T07:08:09":             {},
		"2026-03-01t07:08:09z":            {},
		"2026-03-01 07:08:09Z":            {},
		"2026-03-01T07:08Z":               {},
		"2026-03-01T07:08:60Z":            {},
		"2026-03-01T24:00:00Z":            {},
		"2026-02-29T07:08:09Z":            {},
		"2026-03-01T07:08:09+24:00":       {},
		"2026-03-01":                      {},
		"":                                {},
	} {
		got, err := ParseTime(s)
		var e *wire.Error
		if want.IsZero() {
			if !errors.As(err, &e) || e.Code != wire.BadClaim || !got.IsZero() {
				t.Errorf("%q: %v, %v", s, got, err)
			}
		} else if err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", s, got, err, want)
		}
	}
}
