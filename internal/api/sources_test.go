package api

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

func yesterday() string { return time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly) }

func (w *world) heartbeat(org, source, day string) *entry.Heartbeat {
	return &entry.Heartbeat{Common: entry.Common{Issuer: org, Audience: origin,
		ID: entry.HeartbeatID(origin, org, source, day)}, Source: source, Day: day, Interval: 3600, Receipts: true}
}

// Auditors, operators and registrars see all streams, a source only its own, a stranger none.
func TestSources(t *testing.T) {
	w := newWorld(t)
	w.append(w.submit["OTH"], w.access("OTH", person))
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.seq["SRC"] += 3
	last := w.append(w.submit["SRC"], w.access("SRC", person))
	w.append(w.submit["SRC"], w.heartbeat("SRC", "ehr", yesterday()))
	for _, c := range []struct {
		name string
		key  *wire.Signer
		org  string
		want []string
	}{
		{"auditor", w.audit["AUD"], "AUD", []string{"OTH ehr", "SRC ehr"}},
		{"operator", w.keys.Operator, "OPR", []string{"OTH ehr", "SRC ehr"}},
		{"registrar", w.registrar, "REG", []string{"OTH ehr", "SRC ehr"}},
		{"source, by its submit key", w.submit["SRC"], "SRC", []string{"SRC ehr"}},
		{"source, by its administrative key", w.admin["OTH"], "OTH", []string{"OTH ehr"}},
		{"an organisation that reports nothing", w.audit["CTL"], "CTL", nil},
	} {
		got, err := w.client(c.key, c.org).Sources(t.Context())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var names []string
		for _, s := range got.Sources {
			names = append(names, s.Organisation+" "+s.Source)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s sees %v, want %v", c.name, names, c.want)
		}
	}
	for name, auth := range map[string]string{"no caller": "",
		"a stranger": "Bearer " + w.token(w.newKey(), "AUD"), "another's key": "Bearer " + w.token(w.submit["SRC"], "AUD")} {
		if r := w.do("GET", "/v1/sources", "", "Authorization", auth); r.StatusCode != 401 || r.problem(t) != unauthorised {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	r := w.do("GET", "/v1/sources", "", "Authorization", "Bearer "+w.token(w.submit["SRC"], "SRC"))
	var got client.Sources
	w.ok(json.Unmarshal(r.body, &got))
	s := got.Sources[0]
	if s.Missing != 3 || !slices.Equal(s.Gaps, []client.Gap{{First: 2, Last: 4}}) || s.Last != 5 ||
		s.LastIndex != last.Index || s.Entries != 2 {
		t.Errorf("%+v", s)
	}
	if h := s.Heartbeats; h == nil || h.LastDay != yesterday() || h.Interval != 3600 || h.Days != 1 || len(h.Missing) > 0 {
		t.Errorf("heartbeats %+v", h)
	}
	if !slices.Equal(s.Faults, []stream.Fault{stream.FaultGaps}) {
		t.Errorf("faults %v", s.Faults)
	}
}
