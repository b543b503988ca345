package audit

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// changed returns an event without what it has for these members, and with these instead.
func changed(members map[string]string) string {
	var all map[string]json.RawMessage
	json.Unmarshal(
		[]byte(event(byNurse, about(`{"identifier":{"system":"`+chiSystem+`","value":"`+aCHI+`"}}`), `"outcome":"0","action":"R"`)),
		&all,
	) //nolint:errcheck // a constant
	for name, v := range members {
		if delete(all, name); v != "" {
			all[name] = json.RawMessage(v)
		}
	}
	b, _ := json.Marshal(all)
	return string(b)
}

func (r read) said(code NoteCode) bool {
	return slices.ContainsFunc(r.notes, func(n Note) bool { return n.Code == code })
}

// A time in any form that has a meaning is taken, a date counts for the whole of it in the
// mapping's zone, and what came is what comes back.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		recorded, period          string // as the event has them
		wantRecorded, from, until string
		note                      NoteCode
	}{
		{`"2026-06-01T09:15:27Z"`, "", "2026-06-01T09:15:27Z", "", "", ""},
		{`"2026-06-01T09:15Z"`, "", "2026-06-01T09:15:00Z", "", "", ""},
		{`"2026-06-01 9:15:27+01"`, "", "2026-06-01T09:15:27+01:00", "", "", ""},
		{`"2026-06-01t09:15:27,5z"`, "", "2026-06-01T09:15:27.5Z", "", "", ""},
		{`"2026-06-01T09:15:27+0100"`, "", "2026-06-01T09:15:27+01:00", "", "", ""},
		{`"2026-06-01T09:15:27"`, "", "2026-06-01T09:15:27+01:00", "", "", NoZone},
		{`"2026-01-01T09:15:27.25"`, "", "2026-01-01T09:15:27.25Z", "", "", NoZone},
		{`"2026-06-01"`, "", "2026-06-01T00:00:00+01:00", "2026-06-01T00:00:00+01:00", "2026-06-01T23:59:59+01:00", PartialDate},
		{`"20260601"`, "", "2026-06-01T00:00:00+01:00", "2026-06-01T00:00:00+01:00", "2026-06-01T23:59:59+01:00", PartialDate},
		{
			`"2026-03-29T10:00:00Z"`, `{"start":"2026-03-29"}`, "2026-03-29T10:00:00Z", "2026-03-29T00:00:00Z",
			"2026-03-29T23:59:59+01:00", PartialDate,
		},
		{
			`"2026-07-03T10:00:00Z"`, `{"start":"2026-06"}`, "2026-07-03T10:00:00Z", "2026-06-01T00:00:00+01:00",
			"2026-06-30T23:59:59+01:00", PartialDate,
		},
		{`"2026-07-03T10:00:00Z"`, `{"start":"2025"}`, "2026-07-03T10:00:00Z", "2025-01-01T00:00:00Z", "2025-12-31T23:59:59Z", PartialDate},
		{
			`"2026-07-03T10:00:00Z"`, `{"start":"2026-06-01","end":"2026-06-02"}`, "2026-07-03T10:00:00Z",
			"2026-06-01T00:00:00+01:00", "2026-06-02T23:59:59+01:00", PartialDate,
		},
		{
			`"2026-07-03T10:00:00Z"`, `{"start":"2026-06-01T08:00:00Z","end":"2026-06-01"}`, "2026-07-03T10:00:00Z",
			"2026-06-01T08:00:00Z", "2026-06-01T23:59:59+01:00", PartialDate,
		},
		{`"2026-07-03T10:00:00Z"`, `{"start":"sometime in June"}`, "2026-07-03T10:00:00Z", "", "", UnknownValue},
		{
			``, `{"start":"2026-06-01T08:00:00Z","end":"2026-06-01T08:05:00Z"}`, "2026-06-01T08:05:00Z",
			"2026-06-01T08:00:00Z", "2026-06-01T08:05:00Z", NoTime,
		},
		{``, `{"start":"2026-06-01T08:00:00Z"}`, "2026-06-01T08:00:00Z", "2026-06-01T08:00:00Z", "", NoTime},
		{`"2026-02-30T09:15:27Z"`, "", "2026-11-27T12:00:00Z", "", "", NoTime},
		{`"yesterday"`, "", "2026-11-27T12:00:00Z", "", "", UnknownValue},
		{`7`, "", "2026-11-27T12:00:00Z", "", "", NoTime},
	} {
		in := changed(map[string]string{"recorded": c.recorded, "period": c.period})
		conv := caseConversion
		conv.Now = func() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }
		list, notes, err := conv.FromAuditEvent([]byte(in))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s %s: %v", c.recorded, c.period, err)
		}
		a := list[0]
		if a.Recorded != c.wantRecorded || a.Occurred != c.from || a.OccurredEnd != c.until {
			t.Errorf("%s %s: recorded %s, from %s until %s", c.recorded, c.period, a.Recorded, a.Occurred, a.OccurredEnd)
		}
		if has := (read{notes: notes}).said(c.note); has != (c.note != "") || c.note == "" && len(notes) > 0 {
			t.Errorf("%s %s: notes %v, want %s", c.recorded, c.period, notes, c.note)
		}
		roundTrip(t, conv, []byte(in))
	}
}

// If nothing else says when, the server's own note of when it took the event does.
func TestTimeOfMeta(t *testing.T) {
	in := changed(map[string]string{"recorded": "", "meta": `{"lastUpdated":"2026-11-20T09:00:00.5Z"}`})
	r := readAll(t, []byte(in))
	if r.accesses[0].Recorded != "2026-11-20T09:00:00.5Z" || !r.said(NoTime) {
		t.Errorf("%s %v", r.accesses[0].Recorded, r.notes)
	}
}

// The zone is the mapping's, and the residue of a time without one may not state another day.
func TestTimeContradicted(t *testing.T) {
	in := changed(map[string]string{"recorded": `"2026-06-01T09:15:27"`})
	a := readAll(t, []byte(in)).accesses[0]
	for claim, ok := range map[string]bool{"2026-06-01T09:15:27-05:00": true, "2026-06-03T09:15:27Z": false} {
		a.Recorded = claim
		if _, err := ToAuditEvent(a); ok != (err == nil) || err != nil && !errors.Is(err, BadResidue) {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

// An event that lacks what FHIR asks for is taken, and says so.
func TestMissingElements(t *testing.T) {
	for name, path := range map[string]string{
		"type": "AuditEvent.type", "agent": "AuditEvent.agent", "source": "AuditEvent.source.observer",
	} {
		in := changed(map[string]string{name: ""})
		r := readAll(t, []byte(in))
		if len(r.accesses) != 1 || !slices.Contains(r.notes, Note{path, MissingElement}) {
			t.Fatalf("without %s: %v", name, r.notes)
		}
		if a := r.accesses[0]; a.Machine || !strings.HasPrefix(a.Sub, "chi:") {
			t.Errorf("without %s: %+v", name, a)
		}
		roundTrip(t, caseConversion, []byte(in))
	}
}
