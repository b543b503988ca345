package entry

import (
	"slices"
	"strings"
)

func sortedHashes(list []Hash) []Hash {
	slices.SortFunc(list, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	return list
}

func (w *world) statementVectors(s *story) madeFile {
	in := func(st *Statement) statementIn { return statementIn{marshalled(w.t, st), w.logKey} }
	whole := in(s.statement(testSub, nil))
	text := func(name, old, new string, code Code) made {
		w.t.Helper()
		if !strings.Contains(whole.Statement, old) {
			w.t.Fatalf("%s: %s is not there", name, old)
		}
		i := whole
		i.Statement = strings.Replace(whole.Statement, old, new, 1)
		return made{name, i, code}
	}
	// change alters what was made, past the checks that our own writer makes.
	change := func(name string, code Code, f func(*Statement)) made {
		st := s.statement(testSub, nil)
		st.Entries, st.Newer, st.Chains, st.Nodes = slices.Clone(st.Entries), slices.Clone(st.Newer), slices.Clone(st.Chains), slices.Clone(st.Nodes)
		f(st)
		b, err := encodeJSON(st)
		if err != nil {
			w.t.Fatal(err)
		}
		return made{name, statementIn{string(b), w.logKey}, code}
	}
	e64 := func(h Hash) string { return Encode64(h[:]) }
	h := testHash("x")
	return madeFile{"Statements: their form, all leaves under the checkpoint's root by the shared nodes, and the index roots that subject, everyone and chains lead to. Signatures of entries, keys, the VRF and cosignatures are further checks of section 12 that these vectors leave out. Where indexRoots and statedRoot differ, the statement is false.", []made{
		{"the whole history", whole, ""},
		{"a period: entries outside are hidden", in(s.statement(testSub, &Period{4, 8})), ""},
		{"nobody looked", in(s.statement(nobodySub, nil)), ""},
		{"another person", in(s.statement(otherSub, nil)), ""},
		{"reads of everybody's data alone", in(s.statement(RegEveryone, nil)), ""},
		change("a read of everybody's data dropped and counted so: the second index root is another", "", func(st *Statement) {
			st.Everyone.Entries, st.Everyone.Count = StatementEntries{}, 0
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		change("an entry dropped and counted so: the index root is another", "", func(st *Statement) {
			st.Entries, st.Subject.Count = st.Entries[:2], 2
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		change("nothing shown where there is something: the index root is another", "", func(st *Statement) {
			st.Entries, st.Subject.Count = nil, 0
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		text("another format", FormatStatement, "igledger-statement/2", BadStatement),
		text("an unknown member", `{`, `{"extra":1,`, BadJSON),
		text("a member twice", `{`, `{"origin":"x",`, BadJSON),
		text("the id inside", `"subject":{`, `"subject":{"id":"`+testSub+`",`, BadJSON),
		text("null", `"newer":[`, `"period":null,"newer":[`, BadJSON),
		text("newer missing", `"newer":[`, `"newe":[`, BadJSON),
		text("an unknown member of everyone", `"everyone":{`, `"everyone":{"id":"reg:everyone",`, BadJSON),
		change("everyone's count one more", BadStatement, func(st *Statement) { st.Everyone.Count++ }),
		change("everyone is the subject again", BadStatement, func(st *Statement) { st.Everyone = st.Own() }),
		change("a read of everybody's data hidden in a whole statement", BadStatement, func(st *Statement) {
			st.Everyone.Entries[0] = HiddenStatementEntry(8, LeafHash(s.leaves[8]))
		}),
		change("a read of everybody's data among the newer hidden", BadStatement, func(st *Statement) { st.Everyone.Newer[0] = HiddenStatementEntry(12, LeafHash(s.leaves[12])) }),
		change("everyone's VRF proof of 79 bytes", BadLength, func(st *Statement) { st.Everyone.VRFProof = st.Everyone.VRFProof[:79] }),
		text("text missing", `,"text":["What this proves, in words."]`, ``, BadStatement),
		text("a control character in text", "in words.", `in words.\u001b[2J`, BadStatement),
		text("an origin with a space", `"origin":"log.`, `"origin":"log `, BadClaim),
		text("no checkpoint", `"checkpoint":"`, `"checkpoint":"","text":["`, BadJSON),
		text("count one less", `"count":3`, `"count":2`, BadStatement),
		text("an index above 2^53", `"entries":[{"index":3`, `"entries":[{"index":9007199254740992`, BadClaim),
		text("received without zone", "2026-11-22T08:15:01Z", "2026-11-22T08:15:01", BadStatement),
		text("genesis elsewhere", `"genesis":{"index":0`, `"genesis":{"index":1`, BadStatement),
		text("30 bytes before the nodes", `"nodes":"`, `"nodes":"`+Encode64(h[:30]), BadLength),
		change("entries out of order", BadStatement, func(st *Statement) { slices.Reverse(st.Entries) }),
		change("an entry twice", BadStatement, func(st *Statement) {
			st.Entries, st.Subject.Count = append(st.Entries, st.Entries[2]), 4
		}),
		change("an entry hidden in a whole statement", BadStatement, func(st *Statement) {
			st.Entries[1] = HiddenStatementEntry(st.Entries[1].Index, LeafHash(s.leaves[st.Entries[1].Index]))
		}),
		change("an entry hidden inside the period", BadStatement, func(st *Statement) {
			st.Period = &Period{4, 8}
			st.Entries[1] = HiddenStatementEntry(st.Entries[1].Index, LeafHash(s.leaves[st.Entries[1].Index]))
		}),
		change("an entry half hidden", BadStatement, func(st *Statement) { st.Entries[1].LeafHash = &h }),
		change("an entry without salt", BadStatement, func(st *Statement) { st.Entries[1].TagSalt = nil }),
		change("a newer entry hidden", BadStatement, func(st *Statement) { st.Newer[0] = HiddenStatementEntry(10, LeafHash(s.leaves[10])) }),
		change("a newer entry below the others", BadStatement, func(st *Statement) { st.Newer[0].Index = 6 }),
		change("a period that ends before it begins", BadStatement, func(st *Statement) { st.Period = &Period{8, 8} }),
		change("VRF proof of 79 bytes", BadLength, func(st *Statement) { st.Subject.VRFProof = st.Subject.VRFProof[:79] }),
		change("nine disclosures", TooLarge, func(st *Statement) { st.Entries[0].Disclosures = make([]string, 9) }),
		change("a sealed leaf in a chain", BadLeaf, func(st *Statement) { st.Chains[0].Leaves = StatementLeaves{s.leaf(3)} }),
		change("chains out of order", BadStatement, func(st *Statement) { slices.Reverse(st.Chains) }),
		change("two leaves at one position", BadStatement, func(st *Statement) { st.Entries[2].Index = 6 }), // the board's second key stands there
		change("another's entry among them: not that leaf", BadProof, func(st *Statement) {
			st.Entries[1] = NewStatementEntry(s.openings[4])
		}),
		change("a node exchanged", BadProof, func(st *Statement) { st.Nodes[0] = h }),
		change("an index root that is another entry", BadIndexRoot, func(st *Statement) {
			st.IndexRoot = s.leaf(6)
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		change("a subject's path with an empty end", BadIndexProof, func(st *Statement) {
			st.Subject.Proof.Siblings = append(slices.Clone(st.Subject.Proof.Siblings), Hash{})
		}),
		text("a checkpoint changed", `"checkpoint":"`+testOrigin+`\n13`, `"checkpoint":"`+testOrigin+`\n14`, BadCheckpoint),
		text("a salt of another spelling", e64(*s.statement(testSub, nil).Entries[0].TagSalt), e64(*s.statement(testSub, nil).Entries[0].TagSalt)+"=", BadBase64),
	}}
}

func (w *world) extractVectors(s *story) madeFile {
	in := func(x *Extract) extractIn { return extractIn{marshalled(w.t, x), w.logKey} }
	change := func(name string, code Code, f func(*Extract)) made {
		x := s.extract(3, 5)
		f(x)
		b, err := encodeJSON(x)
		if err != nil {
			w.t.Fatal(err)
		}
		return made{name, extractIn{string(b), w.logKey}, code}
	}
	return madeFile{"Extracts: their form, and all leaves under the checkpoint's root by the shared nodes. The tag is not in them.", []made{
		{"two entries", in(s.extract(3, 5)), ""},
		{"one", in(s.extract(7)), ""},
		{"of two persons, one newer than the index root", in(s.extract(4, 10)), ""},
		change("staff withheld", "", func(x *Extract) { x.Entries[0].Disclosures = x.Entries[0].Disclosures[:1] }),
		change("none", BadStatement, func(x *Extract) { x.Entries = nil }),
		change("a statement's format", BadStatement, func(x *Extract) { x.Format = FormatStatement }),
		change("one twice", BadStatement, func(x *Extract) { x.Entries[1] = x.Entries[0] }),
		change("content exchanged", BadProof, func(x *Extract) { x.Entries[0].JWS = x.Entries[1].JWS }),
		change("link exchanged", BadProof, func(x *Extract) { x.Entries[0].TagCommit = x.Entries[1].TagCommit }),
		change("at another position", BadProof, func(x *Extract) { x.Entries[0].Index = 4 }),
		change("no content", BadStatement, func(x *Extract) { x.Entries[0].JWS = "" }),
		change("a flag that would move a cursor", BadStatement, func(x *Extract) { x.Entries[0].Flags = EntryFlags{"\x1b[2J"} }),
		change("nine disclosures", TooLarge, func(x *Extract) { x.Entries[0].Disclosures = make([]string, 9) }),
	}}
}
