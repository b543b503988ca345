package entry_test

import (
	"slices"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// linkBody links a number that the board issued with a person.
func (w *world) linkBody() *entry.Link {
	return &entry.Link{Common: w.common("north-board"), Act: "linked",
		Reason: "registered under a number of ours before the CHI number was known", Sub: linkedSub, Other: testSub}
}

func (w *world) linkVectors() madeFile {
	b := w.board
	link := w.sign(b, w.linkBody())
	unlinked := w.linkBody()
	unlinked.Act, unlinked.Reason = "unlinked", "two persons after all"
	one := func(name, e string, code wire.Code) made { return made{name, entryIn{e, b.Public}, code} }
	// shown keeps only the disclosures with these names.
	shown := func(e *entry.Entry, names ...string) string {
		c := *e
		c.Disclosures = slices.DeleteFunc(slices.Clone(e.Disclosures),
			func(d wire.Disclosure) bool { return !slices.Contains(names, d.Name) })
		return c.SDJWT()
	}
	// told makes a link of any two ids, also ones that Sign would refuse.
	told := func(sub, other string) string {
		body := w.linkBody()
		var list []wire.Disclosure
		for _, c := range []struct{ name, id string }{{"sub", sub}, {"other", other}} {
			d, err := wire.NewDisclosure(c.name, c.id)
			if err != nil {
				w.t.Fatal(err)
			}
			list = append(list, d)
		}
		sd, err := wire.Digests(list)
		if err != nil {
			w.t.Fatal(err)
		}
		body.Type, body.SD = entry.TypeLink, sd
		payload, err := wire.EncodeJSON(body)
		if err != nil {
			w.t.Fatal(err)
		}
		compact, err := b.SignJWS(wire.TypEntry, payload)
		if err != nil {
			w.t.Fatal(err)
		}
		return compact + "~" + list[0].Encoded + "~" + list[1].Encoded + "~"
	}
	return madeFile{"Two ids are held to be of one person, or no longer; sealed, filed under sub. Who may is in register.json.", []made{
		one("linked", link.SDJWT(), ""),
		one("unlinked", w.sign(b, unlinked).SDJWT(), ""),
		one("neither id shown", link.Compact+"~", ""),
		one("act unknown", w.edit(link, b, `"act":"linked"`, `"act":"married"`), wire.BadClaim),
		one("reason missing", w.edit(link, b,
			`"reason":"registered under a number of ours before the CHI number was known",`, ``), wire.BadClaim),
		one("reason with an escape", w.edit(link, b, `registered under`, `\u001b[2J`), wire.BadClaim),
		one("an id as open claim", w.edit(link, b, `"act":`, `"other":"chi:0101011237","act":`), wire.BadJSON),
		one("other withheld", shown(link, "sub"), wire.BadDisclosure),
		one("sub withheld", shown(link, "other"), wire.BadDisclosure),
		one("an id with itself", told(testSub, testSub), wire.BadID),
		one("a register linked", told(testSub, entry.RegWithheld), wire.BadID),
		one("linked with a register", told(entry.RegEveryone, testSub), wire.BadID),
		one("other is no id", told(testSub, "chi:1"), wire.BadID),
	}}
}

// linkSigners are cases of register.json: who may link which ids.
func (w *world) linkSigners() []made {
	r := w.registrar
	key := func(iss string, admin, s *wire.Signer) string {
		return w.sign(admin, &entry.Key{Common: w.common(iss), Org: iss, Key: pk(s, entry.PurposeAgreements),
			Proof: w.prove(s, iss)}).Compact
	}
	log := replay{}.at(0, w.sign(r, w.genesisBody()).Compact).at(1, w.sign(r, w.boardBody()).Compact).at(2,
		w.sign(r, w.boardKeyBody()).Compact).
		at(3, key("north-board", w.board, w.boardNext)).at(4, key("registry", r, w.stranger))
	link := func(by *wire.Signer, iss, sub, other string) string {
		body := w.linkBody()
		body.Issuer, body.Sub, body.Other = iss, sub, other
		return w.sign(by, body).SDJWT()
	}
	one := func(name, e string, code wire.Code) made {
		return made{name, registerIn{testOrigin, log.at(5, e)}, code}
	}
	return []made{
		one("a board links a number of its own with a person", link(w.boardNext, "north-board", linkedSub, testSub),
			""),
		one("and the other way round", link(w.boardNext, "north-board", testSub, linkedSub), ""),
		one("a registrar links any two", link(w.stranger, "registry", testSub, nobodySub), ""),
		one("a board links two numbers of others", link(w.boardNext, "north-board", testSub, nobodySub),
			wire.WrongPurpose),
		one("a board links a number that another organisation gave", link(w.boardNext, "north-board", testSub,
			"temp:north-board-2:A-77"), wire.WrongPurpose),
		one("a key for other things links", link(w.board, "north-board", linkedSub, testSub), wire.WrongPurpose),
	}
}

// linkedStatements are cases of statement.json.
func (w *world) linkedStatements() []made {
	s := w.linkedStory()
	with := func(name string, code wire.Code, change func(*bundle.Statement)) made {
		st := s.statement(linkedSub, nil)
		change(st)
		if m, err := st.LeafHashes(); err == nil {
			st.Nodes = s.nodes(m)
		}
		b, err := wire.EncodeJSON(st)
		if err != nil {
			w.t.Fatal(err)
		}
		return made{name, statementIn{string(b), w.logKey}, code}
	}
	without := strings.TrimSuffix(marshalled(w.t, s.statement(testSub, nil)), `,"linked":[]}`) + "}"
	return []made{
		{"linked missing", statementIn{without, w.logKey}, wire.BadStatement},
		with("257 linked ids", wire.TooLarge, func(st *bundle.Statement) {
			st.Linked = slices.Repeat(st.Linked,
				entry.MaxLinked+1)
		}),
		with("a linked id", "", func(*bundle.Statement) {}),
		with("an entry under the linked id dropped and counted so: the third index root is another", "",
			func(st *bundle.Statement) {
				l := &st.Linked[0]
				l.Entries, l.Count = l.Entries[:2], 2
			}),
		with("what stands under the linked id left out: all roots agree, but the link names it", "",
			func(st *bundle.Statement) { st.Linked = bundle.LinkedHistories{} }),
		with("a linked id malformed", wire.BadID, func(st *bundle.Statement) { st.Linked[0].ID = "chi:1" }),
		with("a linked id twice", wire.BadStatement, func(st *bundle.Statement) {
			st.Linked = append(st.Linked,
				st.Linked[0])
		}),
		with("linked ids out of order", wire.BadStatement, func(st *bundle.Statement) {
			st.Linked = append(st.Linked, bundle.LinkedHistory{ID: "chi:0101010000",
				History: *s.history(otherSub, nil)})
		}),
		with("the subject again as linked", wire.BadStatement,
			func(st *bundle.Statement) { st.Linked[0] = bundle.LinkedHistory{ID: linkedSub, History: *st.Own()} }),
		with("everyone again as linked", wire.BadStatement,
			func(st *bundle.Statement) { st.Linked[0].History = *st.Everyone }),
		with("a linked id's count one more", wire.BadStatement, func(st *bundle.Statement) { st.Linked[0].Count++ }),
		with("a linked id's entry hidden in a whole statement", wire.BadStatement, func(st *bundle.Statement) {
			l := &st.Linked[0]
			l.Entries[0] = bundle.HiddenEntry(l.Entries[0].Index, proof.LeafHash(s.leaves[l.Entries[0].Index]))
		}),
	}
}
