package entry

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Every rule of form, broken once and by itself: the reader alone refuses, before any hash is made.
func TestStatementForm(t *testing.T) {
	s := newWorld(t).story()
	h := testHash("x")
	board := func(st *Statement) *StatementChain { // the chain with a leaf
		i := slices.IndexFunc(st.Chains, func(c StatementChain) bool { return c.Name == "org:north-board" })
		return &st.Chains[i]
	}
	const above = 1 << 53
	for name, c := range map[string]struct {
		code  Code
		alter func(*Statement)
	}{
		"genesis at 1":                 {BadStatement, func(st *Statement) { st.Genesis.Index = 1 }},
		"index root at 0":              {BadStatement, func(st *Statement) { st.IndexRoot.Index = 0 }},
		"index root above 2^53-1":      {BadClaim, func(st *Statement) { st.IndexRoot.Index = above }},
		"index root sealed":            {BadLeaf, func(st *Statement) { st.IndexRoot.Leaf = s.leaves[3] }},
		"checkpoint too large":         {BadStatement, func(st *Statement) { st.Checkpoint = strings.Repeat("x", 1<<16+1) }},
		"no checkpoint":                {BadStatement, func(st *Statement) { st.Checkpoint = "" }},
		"chain without name":           {BadStatement, func(st *Statement) { st.Chains[0].Name = "" }},
		"chain with a long name":       {BadStatement, func(st *Statement) { st.Chains = st.Chains[:1]; st.Chains[0].Name = strings.Repeat("k", 129) }},
		"chain named with a line feed": {BadStatement, func(st *Statement) { st.Chains = st.Chains[:1]; st.Chains[0].Name = "key:\n" }},
		"chain leaves out of order":    {BadStatement, func(st *Statement) { board(st).Leaves = StatementLeaves{s.leaf(6), s.leaf(1)} }},
		"chain leaf twice":             {BadStatement, func(st *Statement) { board(st).Leaves = StatementLeaves{s.leaf(1), s.leaf(1)} }},
		"chain leaf above 2^53-1":      {BadClaim, func(st *Statement) { board(st).Leaves[0].Index = above }},
		"chain twice":                  {BadStatement, func(st *Statement) { st.Chains[1] = st.Chains[0] }},
		"65 lines of text":             {TooLarge, func(st *Statement) { st.Text = make(EvidenceText, 65) }},
		"a line of 4097 bytes":         {BadStatement, func(st *Statement) { st.Text = EvidenceText{strings.Repeat("x", 4097)} }},
		"entry above 2^53-1":           {BadClaim, func(st *Statement) { st.Newer[0].Index = above }},
		"hidden with salt":             {BadStatement, func(st *Statement) { st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, TagSalt: &h} }},
		"hidden with body salt":        {BadStatement, func(st *Statement) { st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, BodySalt: &h} }},
		"hidden with jws":              {BadStatement, func(st *Statement) { st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, JWS: "x"} }},
		"hidden with disclosures": {BadStatement, func(st *Statement) {
			st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, Disclosures: []string{"x"}}
		}},
		"hidden with flags": {BadStatement, func(st *Statement) {
			st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, Flags: EntryFlags{FlagLate}}
		}},
		"hidden with time": {BadStatement, func(st *Statement) {
			st.Entries[0] = StatementEntry{Index: 3, LeafHash: &h, Received: "2026-11-22T08:15:01Z"}
		}},
		"neither opened nor hidden":     {BadStatement, func(st *Statement) { st.Entries[0] = StatementEntry{Index: 3} }},
		"no body salt":                  {BadStatement, func(st *Statement) { st.Entries[0].BodySalt = nil }},
		"no jws":                        {BadStatement, func(st *Statement) { st.Entries[0].JWS = "" }},
		"jws too large":                 {TooLarge, func(st *Statement) { st.Entries[0].JWS = strings.Repeat("x", maxJWS+1) }},
		"33 flags":                      {TooLarge, func(st *Statement) { st.Entries[0].Flags = slices.Repeat(EntryFlags{FlagLate}, 33) }},
		"empty flag":                    {BadStatement, func(st *Statement) { st.Entries[0].Flags = EntryFlags{""} }},
		"long flag":                     {BadStatement, func(st *Statement) { st.Entries[0].Flags = EntryFlags{Flag(strings.Repeat("x", 65))} }},
		"flag with an escape":           {BadStatement, func(st *Statement) { st.Entries[0].Flags = EntryFlags{"\x1b[2J"} }},
		"received is no time":           {BadStatement, func(st *Statement) { st.Entries[0].Received = "yesterday" }},
		"period beyond 2^53-1":          {BadStatement, func(st *Statement) { st.Period = &Period{0, above} }},
		"period from above to":          {BadStatement, func(st *Statement) { st.Period = &Period{9, 8} }},
		"hidden at the period's first":  {BadStatement, func(st *Statement) { st.Period = &Period{5, 9}; st.Entries[1] = HiddenStatementEntry(5, h) }},
		"hidden at the period's last":   {BadStatement, func(st *Statement) { st.Period = &Period{4, 6}; st.Entries[1] = HiddenStatementEntry(5, h) }},
		"hidden before the period":      {"", func(st *Statement) { st.Period = &Period{6, 9}; st.Entries[1] = HiddenStatementEntry(5, h) }},
		"hidden after the period":       {"", func(st *Statement) { st.Period = &Period{2, 5}; st.Entries[1] = HiddenStatementEntry(5, h) }},
		"newer hidden, whatever period": {BadStatement, func(st *Statement) { st.Period = &Period{2, 5}; st.Newer[0] = HiddenStatementEntry(9, h) }},
		"newer at the last covered":     {BadStatement, func(st *Statement) { st.Newer[0].Index = 7 }},
		"everyone out of order":         {BadStatement, func(st *Statement) { st.Everyone.Newer[0].Index = 8 }},
		"everyone outside the period":   {"", func(st *Statement) { st.Period = &Period{2, 8}; st.Everyone.Entries[0] = HiddenStatementEntry(8, h) }},
		"everyone hidden in the period": {BadStatement, func(st *Statement) { st.Period = &Period{2, 9}; st.Everyone.Entries[0] = HiddenStatementEntry(8, h) }},
		"everyone twice":                {BadStatement, func(st *Statement) { st.Everyone = st.Own() }},
		"linked outside the period": {"", func(st *Statement) {
			st.Period = &Period{6, 9}
			st.Linked = LinkedHistories{{otherSub, *s.history(otherSub, st.Period)}}
		}},
		"linked hidden in the period": {BadStatement, func(st *Statement) {
			st.Period = &Period{2, 9}
			st.Linked = LinkedHistories{{otherSub, *s.history(otherSub, &Period{6, 9})}}
		}},
		"linked out of order": {BadStatement, func(st *Statement) {
			st.Linked = LinkedHistories{{nobodySub, *s.history(nobodySub, nil)}, {otherSub, *s.history(otherSub, nil)}}
		}},
		"linked without VRF proof": {BadLength, func(st *Statement) {
			st.Linked = LinkedHistories{{otherSub, *s.history(otherSub, nil)}}
			st.Linked[0].VRFProof = nil
		}},
		"257 linked": {TooLarge, func(st *Statement) { st.Linked = make(LinkedHistories, MaxLinked+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			st := s.statement(testSub, nil)
			c.alter(st)
			b, err := encodeJSON(st)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseStatement(b); c.code == "" && err != nil || c.code != "" && !errors.Is(err, c.code) {
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
		if _, err := ParseStatement([]byte(strings.Replace(good, edit[0], edit[1], 1))); !errors.Is(err, BadJSON) {
			t.Errorf("%s: %v", name, err)
		}
	}
	last := strings.LastIndex(good, `,"newer":[`) // everyone's
	if _, err := ParseStatement([]byte(good[:last] + "}}")); !errors.Is(err, BadStatement) {
		t.Errorf("everyone without newer: %v", err)
	}
	for name, chain := range map[string]string{
		"no leaves":   `{"name":"a","proof":{"siblings":[]}}`,
		"no siblings": `{"name":"a","proof":{},"leaves":[]}`,
	} {
		if _, err := ParseStatement([]byte(strings.Replace(good, `"chains":[`, `"chains":[`+chain+`,`, 1))); !errors.Is(err, BadStatement) {
			t.Errorf("chain with %s: %v", name, err)
		}
	}
}
