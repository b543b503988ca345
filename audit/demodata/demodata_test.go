package demodata

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// The numbers belong to no person: they are valid, for a leap day, and have a check digit that a
// date gets only when its Modulus 11 numbers have run out.
func TestNumbersBelongToNoPerson(t *testing.T) {
	for _, p := range people {
		scheme, n, _ := strings.Cut(p.ID, ":")
		switch {
		case entry.CheckID(p.ID) != nil || !entry.CheckDigitOK(p.ID):
			t.Errorf("%s: not a valid id", p.Name)
		case scheme == "nhs" && n[:3] != "999":
			t.Errorf("%s: not in the test range", p.Name)
		case scheme == "chi" && (n[:4] != "2902" || entry.CheckDigitOK("nhs:"+n)): // an NHS number's check is Modulus 11 too
			t.Errorf("%s: could be a real person's number", p.Name)
		}
	}
}

// The events contain everything that the demonstration shows.
func TestEvents(t *testing.T) {
	signer, err := wire.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Conversion{Issuer: "NSS", Audience: "demo.example"}
	orgs := map[string]bool{}
	for _, o := range Organisations() {
		if wire.CheckOrgID(o.ID) != nil {
			t.Errorf("%s is not an organisation id", o.ID)
		}
		orgs[o.ID] = true
	}
	first := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)
	count, accesses := 0, map[string]int{}
	seen := map[string]bool{}
	err = audit.Events(bytes.NewReader(Events()), func(e audit.Event) error {
		count++
		list, _, err := c.FromAuditEvent(e.Raw)
		if err != nil {
			return err
		}
		for _, a := range list {
			accesses[a.Sub]++
			if a.Org != "" && !orgs[a.Org] {
				t.Errorf("event %d: an organisation that is not listed", e.Number)
			}
			if when := a.Time(); when.Before(first) || when.After(last) {
				t.Errorf("event %d is outside the period", e.Number)
			}
			if a.Sub == people[0].ID {
				s := audit.Describe(plain.In(plain.English), a)
				for name, is := range map[string]bool{
					"break-glass": s.Emergency && s.Justification != "",
					"machine":     s.Machine,
					"refused":     a.Outcome == "8",
					"police":      a.Org == "police-demo" && a.Agreement == Agreement,
					"own":         strings.Contains(s.Why, "you asked"),
					"several":     len(list) == 4,
				} {
					seen[name] = seen[name] || is
				}
			}
			if _, err := entry.Sign(signer, a); err != nil {
				t.Errorf("event %d: %v", e.Number, err)
			}
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if count < 140 || len(accesses) != len(people)+1 || len(seen) != 6 {
		t.Errorf("%d events about %d people and registers", count, len(accesses))
	}
	for _, p := range People() {
		if accesses[p.ID] < 5 {
			t.Errorf("%s has %d accesses", p.Name, accesses[p.ID])
		}
	}
	for name, is := range seen {
		if !is {
			t.Errorf("the first person has no %s", name)
		}
	}
}

// A demonstration in any year shows accesses of the last weeks.
func TestEventsUntil(t *testing.T) {
	now := time.Date(2031, 3, 1, 0, 30, 0, 0, time.UTC)
	var days []string
	for _, f := range recorded.FindAllSubmatch(EventsUntil(now), -1) {
		days = append(days, string(f[1]))
	}
	if len(days) != bytes.Count(Events(), []byte("\n")) || days[0] != "2031-01-26" || days[len(days)-1] != "2031-02-28" {
		t.Errorf("%d events from %s to %s", len(days), days[0], days[len(days)-1])
	}
}
