package api

import (
	"bytes"
	"testing"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// Page after page, an auditor gets the opening of each sealed leaf, with its verdict, and null for
// public ones. Beyond the end there is nothing.
func TestOpeningsOpenEveryLeaf(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	var list []*entry.Entry
	for range client.MaxOpenings + 10 {
		list = append(list, b.sign(b.submit["SRC"], b.shared(person)))
	}
	for _, r := range b.log.Append(t.Context(), list...) {
		b.ok(r.Err)
	}
	c := b.client(b.audit["AUD"], "AUD")
	if _, err := c.Openings(t.Context(), 0); err != nil { // the first reading is itself a leaf
		t.Fatal(err)
	}
	size, at, pages := b.size(), uint64(0), 0
	for at < size {
		page, err := c.Openings(t.Context(), at)
		b.ok(err)
		if len(page) == 0 || len(page) > client.MaxOpenings {
			t.Fatalf("%d openings from %d on", len(page), at)
		}
		for _, o := range page {
			leaf := b.leaf(at)
			switch {
			case leaf.Public != (o == nil):
				t.Fatalf("leaf %d: public %v, opening %v", at, leaf.Public, o)
			case o != nil:
				e, err := verifier.OpenLeaf(o, sealed(leaf))
				b.ok(err)
				if e.Type == entry.TypeAccess && e.Issuer == "SRC" &&
					(o.Verdict == nil || o.Verdict.Result != entry.Covered || o.Received == "" || o.VRFProof != nil) {
					t.Fatalf("leaf %d: %+v", at, o)
				}
			}
			at++
		}
		pages++
	}
	if pages != 2 || at != size || b.size() != size {
		t.Errorf("%d pages to %d of %d; the log has %d now", pages, at, size, b.size())
	}
	for _, from := range []uint64{size, size + 1, 1 << 60} {
		if page, err := c.Openings(t.Context(), from); err != nil || len(page) != 0 {
			t.Errorf("from %d: %d openings, %v", from, len(page), err)
		}
	}
	if n, list, err := b.log.History(t.Context(), entry.RegEveryone, ^uint64(0), 2); err != nil || n != 1 {
		t.Errorf("%d readings of everyone's data are logged: %v %v", n, list, err)
	}
}

func sealed(l proof.Leaf) []byte { return proof.SealedLeaf(l.TagCommit, l.BodyCommit) }

// A page ends where it grows large, and the next one goes on.
func TestOpeningsInSmallPages(t *testing.T) {
	b := newBoard(t)
	var list []*entry.Entry
	for range 3*openingsAtOnce + 1 {
		a := b.access("SRC", person)
		a.FHIR = append(append([]byte(`{"x":"`), bytes.Repeat([]byte("x"), 60<<10)...), `"}`...)
		a.Parties = []entry.Party{{Name: string(bytes.Repeat([]byte("y"), 60<<10))}}
		a.Text = &entry.Text{Why: string(bytes.Repeat([]byte("z"), 60<<10))}
		list = append(list, b.sign(b.submit["SRC"], a))
	}
	for _, r := range b.log.Append(t.Context(), list...) {
		b.ok(r.Err)
	}
	c := b.client(b.audit["AUD"], "AUD")
	from := b.size() - uint64(len(list))
	page, err := c.Openings(t.Context(), from)
	b.ok(err)
	if len(page) >= len(list) || len(page) == 0 {
		t.Errorf("%d openings of 180 KiB on one page", len(page))
	}
	rest, err := c.Openings(t.Context(), from+uint64(len(page)))
	if err != nil || rest[0] == nil || rest[0].Index != from+uint64(len(page)) {
		t.Errorf("the next page: %v", err)
	}
}

func TestOpeningsCallers(t *testing.T) {
	b := newBoard(t)
	for name, auth := range map[string]string{"a controller": "Bearer " + b.token(b.audit["CTL"], "CTL"), "no caller": ""} {
		before := b.size()
		if r := b.do("GET", "/v1/openings?from=0", "", "Authorization", auth); r.problem(t) == "" || b.size() != before {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	for _, query := range []string{"", "?from=", "?from=x", "?from=007", "?from=0&purpose="} {
		if code := b.do("GET", "/v1/openings"+query, "", "Authorization",
			"Bearer "+b.token(b.audit["AUD"], "AUD")).problem(t); code != badRequest {
			t.Errorf("%q: %s", query, code)
		}
	}
	b.append(b.submit["SRC"], b.access("SRC", person))
	b.append(b.registrar, &entry.KeyRevocation{Common: common("REG"), Org: "OPR", KID: b.world.keys.Operator.KID, Reason: "retired"})
	r := b.do("GET", "/v1/openings?from=0&purpose=HCOMPL", "", "Authorization", "Bearer "+b.token(b.audit["AUD"], "AUD"))
	if code := r.problem(t); code != keyMismatch || bytes.Contains(r.body, []byte("tagSalt")) {
		t.Errorf("a reading that cannot be logged: %s", code)
	}
}
