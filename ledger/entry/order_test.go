package entry_test

import (
	"errors"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// If two claims are wrong, the one that comes first in the format is reported, every time.
func TestFirstWrongClaim(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 600)
	access := []struct {
		name  string
		wrong func(*entry.Access)
	}{
		{"source", func(a *entry.Access) { a.Source = "" }},
		{"org", func(a *entry.Access) { a.Org = "a b" }},
		{"system", func(a *entry.Access) { a.System = long }},
		{"event", func(a *entry.Access) { a.Event = []string{""} }},
		{"action", func(a *entry.Access) { a.Action = "X" }},
		{"data", func(a *entry.Access) { a.Data = make([]string, 65) }},
		{"purpose", func(a *entry.Access) { a.Purpose = []string{"\a"} }},
		{"role", func(a *entry.Access) { a.Role = []string{long} }},
		{"agreement", func(a *entry.Access) { a.Agreement = "\x1b" }},
		{"decision", func(a *entry.Access) { a.Decision = long }},
		{"delegation", func(a *entry.Access) { a.Delegation = long }},
		{"outcome", func(a *entry.Access) { a.Outcome = "5" }},
		{"occurred", func(a *entry.Access) { a.Occurred = "noon" }},
		{"occurredEnd", func(a *entry.Access) { a.OccurredEnd = "2026-02-30T00:00:00Z" }},
		{"recorded", func(a *entry.Access) { a.Recorded = "" }},
	}
	for i, first := range access {
		for _, second := range access[i:] {
			a := w.accessBody()
			second.wrong(a)
			first.wrong(a)
			wantFirst(t, func() error { return entry.CheckBody(a) }, first.name, first.name+" and "+second.name)
		}
	}
	decision := []struct {
		name  string
		wrong func(*entry.Decision)
	}{
		{"organisation id", func(d *entry.Decision) { d.Org = "a b" }},
		{"holder", func(d *entry.Decision) { d.Holder = "a b" }},
		{"system", func(d *entry.Decision) { d.System = long }},
		{"action", func(d *entry.Decision) { d.Action = "" }},
		{"data", func(d *entry.Decision) { d.Data = []string{""} }},
		{"purpose", func(d *entry.Decision) { d.Purpose = make([]string, 65) }},
		{"role", func(d *entry.Decision) { d.Role = []string{"\n"} }},
		{"agreement", func(d *entry.Decision) { d.Agreement = long }},
		{"delegation", func(d *entry.Decision) { d.Delegation = long }},
		{"decision", func(d *entry.Decision) { d.Decision = "perhaps" }},
		{"rules", func(d *entry.Decision) { d.Rules = []string{""} }},
		{"obligations", func(d *entry.Decision) { d.Obligations = []string{""} }},
		{"asked", func(d *entry.Decision) { d.Asked = "7:00" }},
	}
	for i, first := range decision {
		for _, second := range decision[i:] {
			d := w.decisionBody()
			second.wrong(d)
			first.wrong(d)
			wantFirst(t, func() error { return entry.CheckBody(d) }, first.name, first.name+" and "+second.name)
		}
	}
}

// wantFirst checks a hundred times, since a map with two wrong members often happens to begin with
// the right one.
func wantFirst(t *testing.T, check func() error, want, wrong string) {
	t.Helper()
	for range 100 {
		var e *wire.Error
		if err := check(); !errors.As(err, &e) || e.What != want {
			t.Fatalf("%s wrong: %v, want it of %s", wrong, err, want)
		}
	}
}
