package consent_test

import (
	"testing"
	"time"

	"igledger/consent"
)

func TestBorn(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for id, want := range map[string]string{
		"chi:0101501234": "1950-01-01", "chi:0101011237": "2001-01-01", "chi:0101101236": "2010-01-01",
		"chi:1503261220": "", // of this year, or a hundred years old
		"chi:0101501235": "", "chi:3201201234": "", "nhs:9434765919": "", "temp:SRC:7": "", "reg:everyone": "", "": "",
	} {
		born, ok := consent.Born(id, now)
		got := ""
		if ok {
			got = born.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestPresumedCapable(t *testing.T) {
	born := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	for end, want := range map[string]bool{"2032-03-01": false, "2032-03-02": true, "2027-01-01": false} {
		day, _ := time.Parse(time.DateOnly, end)
		if got := consent.PresumedCapable(born, day, 12); got != want {
			t.Errorf("until %s: %v", end, got)
		}
	}
}
