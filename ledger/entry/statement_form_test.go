package entry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Every rule of form is broken once, by itself. The reader alone refuses the file, before it
// computes a hash.
func TestStatementForm(t *testing.T) {
	s := newWorld(t).story()
	h := testHash("x")
	board := func(st *bundle.Statement) *bundle.Chain { // the chain with a leaf
		i := slices.IndexFunc(st.Chains, func(c bundle.Chain) bool { return c.Name == "org:north-board" })
		return &st.Chains[i]
	}
	const above = 1 << 53
	for name, c := range map[string]struct {
		code  wire.Code
		alter func(*bundle.Statement)
	}{
		"genesis at 1":            {wire.BadStatement, func(st *bundle.Statement) { st.Genesis.Index = 1 }},
		"index root at 0":         {wire.BadStatement, func(st *bundle.Statement) { st.IndexRoot.Index = 0 }},
		"index root above 2^53-1": {wire.BadClaim, func(st *bundle.Statement) { st.IndexRoot.Index = above }},
		"index root sealed":       {wire.BadLeaf, func(st *bundle.Statement) { st.IndexRoot.Leaf = s.leaves[3] }},
		"checkpoint too large": {wire.BadStatement,
			func(st *bundle.Statement) { st.Checkpoint = strings.Repeat("x", proof.MaxCheckpoint+1) }},
		"no checkpoint":      {wire.BadStatement, func(st *bundle.Statement) { st.Checkpoint = "" }},
		"chain without name": {wire.BadStatement, func(st *bundle.Statement) { st.Chains[0].Name = "" }},
		"chain with a long name": {wire.BadStatement,
			func(st *bundle.Statement) { st.Chains = st.Chains[:1]; st.Chains[0].Name = strings.Repeat("k", 129) }},
		"chain named with a line feed": {wire.BadStatement,
			func(st *bundle.Statement) { st.Chains = st.Chains[:1]; st.Chains[0].Name = "key:\n" }},
		"chain leaves out of order": {wire.BadStatement,
			func(st *bundle.Statement) { board(st).Leaves = bundle.Leaves{s.leaf(6), s.leaf(1)} }},
		"chain leaf twice": {wire.BadStatement,
			func(st *bundle.Statement) { board(st).Leaves = bundle.Leaves{s.leaf(1), s.leaf(1)} }},
		"chain leaf above 2^53-1": {wire.BadClaim,
			func(st *bundle.Statement) { board(st).Leaves[0].Index = above }},
		"chain twice":      {wire.BadStatement, func(st *bundle.Statement) { st.Chains[1] = st.Chains[0] }},
		"65 lines of text": {wire.TooLarge, func(st *bundle.Statement) { st.Text = make(bundle.Text, 65) }},
		"a line of 4097 bytes": {wire.BadStatement,
			func(st *bundle.Statement) { st.Text = bundle.Text{strings.Repeat("x", 4097)} }},
		"entry above 2^53-1": {wire.BadClaim, func(st *bundle.Statement) { st.Newer[0].Index = above }},
		"hidden with salt": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, TagSalt: &h} }},
		"hidden with body salt": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, BodySalt: &h} }},
		"hidden with jws": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, JWS: "x"} }},
		"hidden with disclosures": {wire.BadStatement, func(st *bundle.Statement) {
			st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, Disclosures: []string{"x"}}
		}},
		"hidden with flags": {wire.BadStatement, func(st *bundle.Statement) {
			st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, Flags: bundle.Flags{entry.FlagLate}}
		}},
		"hidden with time": {wire.BadStatement, func(st *bundle.Statement) {
			st.Entries[0] = bundle.Entry{Index: 3, LeafHash: &h, Received: "2026-11-22T08:15:01Z"}
		}},
		"neither opened nor hidden": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0] = bundle.Entry{Index: 3} }},
		"no body salt": {wire.BadStatement, func(st *bundle.Statement) { st.Entries[0].BodySalt = nil }},
		"no jws":       {wire.BadStatement, func(st *bundle.Statement) { st.Entries[0].JWS = "" }},
		"jws too large": {wire.TooLarge,
			func(st *bundle.Statement) { st.Entries[0].JWS = strings.Repeat("x", wire.MaxJWS+1) }},
		"33 flags": {wire.TooLarge,
			func(st *bundle.Statement) { st.Entries[0].Flags = slices.Repeat(bundle.Flags{entry.FlagLate}, 33) }},
		"empty flag": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0].Flags = bundle.Flags{""} }},
		"long flag": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0].Flags = bundle.Flags{entry.Flag(strings.Repeat("x", 65))} }},
		"flag with an escape": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0].Flags = bundle.Flags{"\x1b[2J"} }},
		"received is no time": {wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[0].Received = "yesterday" }},
		"period beyond 2^53-1": {wire.BadStatement,
			func(st *bundle.Statement) { st.Period = &bundle.Period{From: 0, To: above} }},
		"period from above to": {wire.BadStatement,
			func(st *bundle.Statement) { st.Period = &bundle.Period{From: 9, To: 8} }},
		"hidden at the period's first": {wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 5, To: 9}
			st.Entries[1] = bundle.HiddenEntry(5, h)
		}},
		"hidden at the period's last": {wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 4, To: 6}
			st.Entries[1] = bundle.HiddenEntry(5, h)
		}},
		"hidden before the period": {"", func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 6, To: 9}
			st.Entries[1] = bundle.HiddenEntry(5, h)
		}},
		"hidden after the period": {"", func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 2, To: 5}
			st.Entries[1] = bundle.HiddenEntry(5, h)
		}},
		"newer hidden, whatever period": {wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 2, To: 5}
			st.Newer[0] = bundle.HiddenEntry(9, h)
		}},
		"newer at the last covered": {wire.BadStatement, func(st *bundle.Statement) { st.Newer[0].Index = 7 }},
		"everyone out of order":     {wire.BadStatement, func(st *bundle.Statement) { st.Everyone.Newer[0].Index = 8 }},
		"everyone outside the period": {"", func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 2, To: 8}
			st.Everyone.Entries[0] = bundle.HiddenEntry(8, h)
		}},
		"everyone hidden in the period": {wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 2, To: 9}
			st.Everyone.Entries[0] = bundle.HiddenEntry(8, h)
		}},
		"everyone twice": {wire.BadStatement, func(st *bundle.Statement) { st.Everyone = st.Own() }},
		"linked outside the period": {"", func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 6, To: 9}
			st.Linked = bundle.LinkedHistories{{ID: otherSub, History: *s.history(otherSub, st.Period)}}
		}},
		"linked hidden in the period": {wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 2, To: 9}
			st.Linked = bundle.LinkedHistories{{ID: otherSub, History: *s.history(otherSub,
				&bundle.Period{From: 6, To: 9})}}
		}},
		"linked out of order": {wire.BadStatement, func(st *bundle.Statement) {
			st.Linked = bundle.LinkedHistories{{ID: nobodySub, History: *s.history(nobodySub, nil)},
				{ID: otherSub, History: *s.history(otherSub, nil)}}
		}},
		"linked without VRF proof": {wire.BadLength, func(st *bundle.Statement) {
			st.Linked = bundle.LinkedHistories{{ID: otherSub, History: *s.history(otherSub, nil)}}
			st.Linked[0].VRFProof = nil
		}},
		"257 linked": {wire.TooLarge, func(st *bundle.Statement) {
			st.Linked = make(bundle.LinkedHistories,
				entry.MaxLinked+1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			st := s.statement(testSub, nil)
			c.alter(st)
			b, err := wire.EncodeJSON(st)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bundle.ParseStatement(b); c.code == "" && err != nil || c.code != "" && !errors.Is(err,
				c.code) {
				t.Errorf("read: %v, want %q", err, c.code)
			}
			if _, err := st.Marshal(); c.code == "" && err != nil || c.code != "" && !errors.Is(err, c.code) {
				t.Errorf("written: %v, want %q", err, c.code)
			}
		})
	}
	good := marshalled(t, s.statement(testSub, nil))
	for name, edit := range map[string][2]string{
		"chain without leaves":      {`"leaves":[`, `"leavez":[`},
		"siblings of the subject":   {`"subject":{`, `"subject":{"proof":{},`},
		"chain's proof is an empty": {`"proof":{"siblings":[`, `"proof":{"siblingz":[`},
	} {
		if _, err := bundle.ParseStatement([]byte(strings.Replace(good, edit[0], edit[1], 1))); !errors.Is(err,
			wire.BadJSON) {
			t.Errorf("%s: %v", name, err)
		}
	}
	last := strings.LastIndex(good, `,"newer":[`) // that of everyone
	if _, err := bundle.ParseStatement([]byte(good[:last] + "}}")); !errors.Is(err, wire.BadStatement) {
		t.Errorf("everyone without newer: %v", err)
	}
	for name, chain := range map[string]string{
		"no leaves":   `{"name":"a","proof":{"siblings":[]}}`,
		"no siblings": `{"name":"a","proof":{},"leaves":[]}`,
	} {
		if _, err := bundle.ParseStatement([]byte(strings.Replace(good, `"chains":[`, `"chains":[`+chain+`,`,
			1))); !errors.Is(err, wire.BadStatement) {
			t.Errorf("chain with %s: %v", name, err)
		}
	}
}
