package entry_test

import (
	"slices"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

func sortedHashes(list []wire.Hash) []wire.Hash {
	slices.SortFunc(list, func(a, b wire.Hash) int { return slices.Compare(a[:], b[:]) })
	return list
}

func (w *world) statementVectors(s *story) madeFile {
	in := func(st *bundle.Statement) statementIn { return statementIn{marshalled(w.t, st), w.logKey} }
	whole := in(s.statement(testSub, nil))
	text := func(name, old, new string, code wire.Code) made {
		w.t.Helper()
		if !strings.Contains(whole.Statement, old) {
			w.t.Fatalf("%s: %s is not there", name, old)
		}
		i := whole
		i.Statement = strings.Replace(whole.Statement, old, new, 1)
		return made{name, i, code}
	}
	// change alters a statement without the checks of the writer.
	change := func(name string, code wire.Code, f func(*bundle.Statement)) made {
		st := s.statement(testSub, nil)
		st.Entries = slices.Clone(st.Entries)
		st.Newer = slices.Clone(st.Newer)
		st.Chains = slices.Clone(st.Chains)
		st.Nodes = slices.Clone(st.Nodes)
		f(st)
		b, err := wire.EncodeJSON(st)
		if err != nil {
			w.t.Fatal(err)
		}
		return made{name, statementIn{string(b), w.logKey}, code}
	}
	e64 := func(h wire.Hash) string { return wire.Encode64(h[:]) }
	h := testHash("x")
	return madeFile{"Statements: their form, all leaves under the checkpoint's root by the shared nodes, and the index roots that subject, everyone and chains lead to. Signatures of entries, keys, the VRF and cosignatures are further checks of section 12 that these vectors leave out. Where indexRoots and statedRoot differ, the statement is false.", []made{
		{"the whole history", whole, ""},
		{"a period: entries outside are hidden", in(s.statement(testSub, &bundle.Period{From: 4, To: 8})), ""},
		{"nobody looked", in(s.statement(nobodySub, nil)), ""},
		{"another person", in(s.statement(otherSub, nil)), ""},
		{"reads of everyone's data alone", in(s.statement(entry.RegEveryone, nil)), ""},
		change("a read of everyone's data dropped and counted so: the second index root is another", "",
			func(st *bundle.Statement) {
				st.Everyone.Entries, st.Everyone.Count = bundle.Entries{}, 0
				m, _ := st.LeafHashes()
				st.Nodes = s.nodes(m)
			}),
		change("an entry dropped and counted so: the index root is another", "", func(st *bundle.Statement) {
			st.Entries, st.Subject.Count = st.Entries[:2], 2
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		change("nothing shown where there is something: the index root is another", "", func(st *bundle.Statement) {
			st.Entries, st.Subject.Count = nil, 0
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		text("another format", bundle.FormatStatement, "igledger-statement/2", wire.BadStatement),
		text("an unknown member", `{`, `{"extra":1,`, wire.BadJSON),
		text("a member twice", `{`, `{"origin":"x",`, wire.BadJSON),
		text("the id inside", `"subject":{`, `"subject":{"id":"`+testSub+`",`, wire.BadJSON),
		text("null", `"newer":[`, `"period":null,"newer":[`, wire.BadJSON),
		text("newer missing", `"newer":[`, `"newe":[`, wire.BadJSON),
		text("an unknown member of everyone", `"everyone":{`, `"everyone":{"id":"reg:everyone",`, wire.BadJSON),
		change("everyone's count one more", wire.BadStatement, func(st *bundle.Statement) { st.Everyone.Count++ }),
		change("everyone is the subject again", wire.BadStatement,
			func(st *bundle.Statement) { st.Everyone = st.Own() }),
		change("a read of everyone's data hidden in a whole statement", wire.BadStatement, func(st *bundle.Statement) {
			st.Everyone.Entries[0] = bundle.HiddenEntry(8, proof.LeafHash(s.leaves[8]))
		}),
		change("a read of everyone's data among the newer hidden", wire.BadStatement, func(st *bundle.Statement) {
			st.Everyone.Newer[0] = bundle.HiddenEntry(11, proof.LeafHash(s.leaves[11]))
		}),
		change("everyone's VRF proof of 79 bytes", wire.BadLength,
			func(st *bundle.Statement) { st.Everyone.VRFProof = st.Everyone.VRFProof[:79] }),
		text("text missing", `,"text":["What this proves, in words."]`, ``, wire.BadStatement),
		text("a control character in text", "in words.", `in words.\u001b[2J`, wire.BadStatement),
		text("an origin with a space", `"origin":"log.`, `"origin":"log `, wire.BadClaim),
		text("no checkpoint", `"checkpoint":"`, `"checkpoint":"","text":["`, wire.BadJSON),
		text("count one less", `"count":3`, `"count":2`, wire.BadStatement),
		text("an index above 2^53", `"entries":[{"index":3`, `"entries":[{"index":9007199254740992`, wire.BadClaim),
		text("received without zone", "2026-11-22T08:15:01Z", "2026-11-22T08:15:01", wire.BadStatement),
		text("genesis elsewhere", `"genesis":{"index":0`, `"genesis":{"index":1`, wire.BadStatement),
		text("30 bytes before the nodes", `"nodes":"`, `"nodes":"`+wire.Encode64(h[:30]), wire.BadLength),
		change("entries out of order", wire.BadStatement, func(st *bundle.Statement) { slices.Reverse(st.Entries) }),
		change("an entry twice", wire.BadStatement, func(st *bundle.Statement) {
			st.Entries, st.Subject.Count = append(st.Entries, st.Entries[2]), 4
		}),
		change("an entry hidden in a whole statement", wire.BadStatement, func(st *bundle.Statement) {
			st.Entries[1] = bundle.HiddenEntry(st.Entries[1].Index, proof.LeafHash(s.leaves[st.Entries[1].Index]))
		}),
		change("an entry hidden inside the period", wire.BadStatement, func(st *bundle.Statement) {
			st.Period = &bundle.Period{From: 4, To: 8}
			st.Entries[1] = bundle.HiddenEntry(st.Entries[1].Index, proof.LeafHash(s.leaves[st.Entries[1].Index]))
		}),
		change("an entry half hidden", wire.BadStatement, func(st *bundle.Statement) { st.Entries[1].LeafHash = &h }),
		change("an entry without salt", wire.BadStatement, func(st *bundle.Statement) { st.Entries[1].TagSalt = nil }),
		change("a newer entry hidden", wire.BadStatement,
			func(st *bundle.Statement) { st.Newer[0] = bundle.HiddenEntry(9, proof.LeafHash(s.leaves[9])) }),
		change("a newer entry below the others", wire.BadStatement,
			func(st *bundle.Statement) { st.Newer[0].Index = 6 }),
		change("a period that ends before it begins", wire.BadStatement,
			func(st *bundle.Statement) { st.Period = &bundle.Period{From: 8, To: 8} }),
		change("VRF proof of 79 bytes", wire.BadLength,
			func(st *bundle.Statement) { st.Subject.VRFProof = st.Subject.VRFProof[:79] }),
		change("nine disclosures", wire.TooLarge,
			func(st *bundle.Statement) { st.Entries[0].Disclosures = make([]string, 9) }),
		change("a sealed leaf in a chain", wire.BadLeaf,
			func(st *bundle.Statement) { st.Chains[0].Leaves = bundle.Leaves{s.leaf(3)} }),
		change("chains out of order", wire.BadStatement, func(st *bundle.Statement) { slices.Reverse(st.Chains) }),
		change("two leaves at one position", wire.BadStatement,
			func(st *bundle.Statement) { st.Entries[2].Index = 6 }), // where the board's second key is
		change("another's entry among them: not that leaf", wire.BadProof, func(st *bundle.Statement) {
			st.Entries[1] = bundle.NewEntry(s.openings[4])
		}),
		change("a node exchanged", wire.BadProof, func(st *bundle.Statement) { st.Nodes[0] = h }),
		change("an index root that is another entry", wire.BadIndexRoot, func(st *bundle.Statement) {
			st.IndexRoot = s.leaf(6)
			m, _ := st.LeafHashes()
			st.Nodes = s.nodes(m)
		}),
		change("a subject's path with an empty end", wire.BadIndexProof, func(st *bundle.Statement) {
			st.Subject.Proof.Siblings = append(slices.Clone(st.Subject.Proof.Siblings), wire.Hash{})
		}),
		text("a checkpoint changed", `"checkpoint":"`+testOrigin+`\n13`, `"checkpoint":"`+testOrigin+`\n14`,
			wire.BadCheckpoint),
		text("a salt of another spelling", e64(*s.statement(testSub, nil).Entries[0].TagSalt),
			e64(*s.statement(testSub, nil).Entries[0].TagSalt)+"=", wire.BadBase64),
	}}
}

func (w *world) extractVectors(s *story) madeFile {
	in := func(x *bundle.Extract) extractIn { return extractIn{marshalled(w.t, x), w.logKey} }
	change := func(name string, code wire.Code, f func(*bundle.Extract)) made {
		x := s.extract(3, 5)
		f(x)
		b, err := wire.EncodeJSON(x)
		if err != nil {
			w.t.Fatal(err)
		}
		return made{name, extractIn{string(b), w.logKey}, code}
	}
	return madeFile{"Extracts: their form, and all leaves under the checkpoint's root by the shared nodes. The tag is not in them.", []made{
		{"two entries", in(s.extract(3, 5)), ""},
		{"one", in(s.extract(7)), ""},
		{"of two persons, one newer than the index root", in(s.extract(4, 9)), ""},
		change("staff withheld", "",
			func(x *bundle.Extract) { x.Entries[0].Disclosures = x.Entries[0].Disclosures[:1] }),
		change("none", wire.BadStatement, func(x *bundle.Extract) { x.Entries = nil }),
		change("a statement's format", wire.BadStatement,
			func(x *bundle.Extract) { x.Format = bundle.FormatStatement }),
		change("one twice", wire.BadStatement, func(x *bundle.Extract) { x.Entries[1] = x.Entries[0] }),
		change("content exchanged", wire.BadProof, func(x *bundle.Extract) { x.Entries[0].JWS = x.Entries[1].JWS }),
		change("link exchanged", wire.BadProof,
			func(x *bundle.Extract) { x.Entries[0].TagCommit = x.Entries[1].TagCommit }),
		change("at another position", wire.BadProof, func(x *bundle.Extract) { x.Entries[0].Index = 4 }),
		change("no content", wire.BadStatement, func(x *bundle.Extract) { x.Entries[0].JWS = "" }),
		change("a flag that would move a cursor", wire.BadStatement,
			func(x *bundle.Extract) { x.Entries[0].Flags = bundle.Flags{"\x1b[2J"} }),
		change("nine disclosures", wire.TooLarge, func(x *bundle.Extract) {
			x.Entries[0].Disclosures = make([]string,
				9)
		}),
	}}
}
