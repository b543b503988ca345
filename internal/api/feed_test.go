package api

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// The feed opens every sealed leaf, in order and to the end, and shows nothing of public ones. The
// histories computed from it are those of the ledger.
func TestFeedOpensEveryLeaf(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{person, "nhs:9434765919", person} {
		w.append(w.submit["SRC"], w.access("SRC", id))
	}
	c := w.client(w.audit["AUD"], "AUD")
	if _, err := c.Feed(t.Context(), 0); err != nil { // the first reading is itself in the feed
		t.Fatal(err)
	}
	size := w.size()
	records, err := c.Feed(t.Context(), 0)
	w.ok(err)
	if uint64(len(records)) != size {
		t.Fatalf("%d records, want %d", len(records), size)
	}
	people := map[wire.Hash]int{}
	for i, rec := range records {
		leaf := w.leaf(uint64(i))
		if err := rec.Check(leaf, uint64(i)); err != nil {
			t.Error(err)
		}
		if leaf.Public != (rec == proof.FeedRecord{}) {
			t.Errorf("record %d: public %v, zero %v", i, leaf.Public, rec == proof.FeedRecord{})
		}
		people[rec.Tag]++
	}
	for id, n := range map[string]int{person: 2, "nhs:9434765919": 1, entry.RegEveryone: 1} {
		if tag, _, _ := w.log.Tag(id); people[tag] != n {
			t.Errorf("%d records under one tag, want %d", people[tag], n)
		}
	}
	for from, want := range map[uint64]uint64{size - 2: 2, size: 0, size + 1: 0, ^uint64(0): 0} {
		tail, err := c.Feed(t.Context(), from)
		if w.ok(err); uint64(len(tail)) != want || want > 0 && !slices.Equal(tail, records[from:]) {
			t.Errorf("from %d: %d records, want the last %d", from, len(tail), want)
		}
	}
}

// A page ends at 4096 records, and the next begins where it ended.
func TestFeedPages(t *testing.T) {
	testneeds.Time(t, "a log of more than 4096 entries")
	w := newWorld(t)
	var list []*entry.Entry
	for range proof.MaxFeedRecords + 10 {
		list = append(list, w.sign(w.submit["SRC"], w.access("SRC", person)))
	}
	for part := range slices.Chunk(list, 1000) {
		for _, r := range w.log.Append(t.Context(), part...) {
			w.ok(r.Err)
		}
	}
	c := w.client(w.audit["AUD"], "AUD")
	first, err := c.Feed(t.Context(), 3)
	w.ok(err)
	rest, err := c.Feed(t.Context(), 3+uint64(len(first)))
	w.ok(err)
	if len(first) != proof.MaxFeedRecords || 3+uint64(len(first)+len(rest)) != w.size() {
		t.Errorf("pages of %d and %d records of a log of %d", len(first), len(rest), w.size())
	}
	at := 3 + uint64(len(first))
	if err := rest[0].Check(w.leaf(at), at); err != nil {
		t.Error(err)
	}
}

// An auditor's first bulk read of a day is an access to everyone's record, once for all replicas
// and the rest of the day.
func TestFeedIsLoggedOnceADay(t *testing.T) {
	w := newWorld(t)
	w.enrol("AU2", entry.RoleAuditor)
	second := w.addKey("AU2", entry.PurposeAudit)
	now := time.Now()
	var replicas []*httptest.Server
	for range 2 {
		s := httptest.NewServer(New(Config{Log: w.log, Now: func() time.Time { return now }}))
		t.Cleanup(s.Close)
		replicas = append(replicas, s)
	}
	read := func(key *wire.Signer, org string) {
		t.Helper()
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				c := &client.Client{Base: replicas[i%2].URL, Purpose: []string{"HCOMPL"},
					Token: func() (string, error) { return register.SignCaller(key, origin, org, "auditor", now) }}
				if _, err := c.Feed(t.Context(), 0); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	logged := func(want int) *entry.Access {
		t.Helper()
		n, list, err := w.log.History(t.Context(), entry.RegEveryone, ^uint64(0), 10)
		w.ok(err)
		if int(n) != want {
			t.Fatalf("%d readings of everyone's data are logged, want %d", n, want)
		}
		e, err := entry.ParseParts(list[0].JWS, list[0].Disclosures)
		w.ok(err)
		return e.Body.(*entry.Access)
	}
	read(w.audit["AUD"], "AUD")
	if x := logged(1); x.Org != "AUD" || x.System != "auditor" || !slices.Equal(x.Purpose, []string{"HCOMPL"}) || x.Issuer != "OPR" {
		t.Errorf("logged as an access of %q through %q for %q", x.Org, x.System, x.Purpose)
	}
	read(second, "AU2")
	logged(2)
	now = now.Add(24 * time.Hour)
	if _, err := w.client(w.audit["AUD"], "AUD").Feed(t.Context(), 0); err != nil { // by the true clock: still the same day
		t.Fatal(err)
	}
	logged(2)
}

func TestFeedCallers(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		auth   string
		status int
	}{
		"no caller":                 {"", 401},
		"a controller":              {"Bearer " + w.token(w.audit["CTL"], "CTL"), 403},
		"a key for submitting":      {"Bearer " + w.token(w.submit["SRC"], "SRC"), 403},
		"an auditor's other key":    {"Bearer " + w.token(w.admin["AUD"], "AUD"), 403},
		"an organisation's of none": {"Bearer " + w.token(w.audit["PRC"], "PRC"), 403},
	} {
		before := w.size()
		r := w.do("GET", "/v1/feed/0", "", "Authorization", c.auth)
		if r.problem(t); r.StatusCode != c.status || w.size() != before {
			t.Errorf("%s: status %d, want %d; the log grew by %d", name, r.StatusCode, c.status, w.size()-before)
		}
	}
	for _, path := range []string{"x", "007", "-1", "1/", "18446744073709551616"} {
		r := w.do("GET", "/v1/feed/"+path, "", "Authorization", "Bearer "+w.token(w.audit["AUD"], "AUD"))
		if code := r.problem(t); code != badRequest {
			t.Errorf("feed from %q: %s", path, code)
		}
	}
}

// What cannot be logged is not shown.
func TestFeedIsRefusedIfItCannotBeLogged(t *testing.T) {
	w := newWorld(t)
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.append(w.registrar, &entry.KeyRevocation{Common: entry.Common{Issuer: "REG", Audience: origin},
		Org: "OPR", KID: w.keys.Operator.KID, Reason: "retired"})
	r := w.do("GET", "/v1/feed/0?purpose=HCOMPL", "", "Authorization", "Bearer "+w.token(w.audit["AUD"], "AUD"))
	if code := r.problem(t); code != keyMismatch || bytes.Contains(r.body, []byte("octet")) {
		t.Errorf("answered with %s", code)
	}
}

func (w *world) leaf(index uint64) proof.Leaf {
	w.Helper()
	b, err := w.log.EntryBundle(w.Context(), index>>8, int(min(w.size()-index>>8<<8, 256)))
	w.ok(err)
	leaf, err := proof.ParseLeaf(leafAt(b, index&0xff))
	w.ok(err)
	return leaf
}
