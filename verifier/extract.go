package verifier

import "igledger/ledger/bundle"

// CheckExtract checks that each entry of an extract is in the log and was signed by a key that was
// valid at that index. If ev.ID is given, it also checks that each entry says it is about that
// person. It proves nothing about other entries, nor under which person the ledger filed these.
// Complete is never true.
func CheckExtract(ev StatementEvidence) *StatementReport {
	c := newCheck(ev.Policy, ev.Now)
	c.ask(ev)
	c.extract(ev)
	return c.report()
}

func (c *check) extract(ev StatementEvidence) {
	x, err := bundle.ParseExtract(ev.Statement)
	if err != nil {
		c.Fail(malformed(err))
		return
	}
	c.chosen = true
	c.Pass(CheckStatementForm, nil, "%s of %s", x.Format, count(len(x.Entries), "entry", "entries"))
	if !c.checkHead(&x.Evidence) {
		return
	}
	hashes, err := x.LeafHashes()
	c.checkInclusion(&x.Evidence, hashes, err)
	if !c.checkGenesis(&x.Evidence) || !c.checkIndexRoot(&x.Evidence) {
		return
	}
	if ev.ID == "" {
		c.Skip(CheckSubject, nil, "no id was given, so whom the entries are about was not checked")
	}
	var shown []*bundle.Opening
	for i := range x.Entries {
		e := &x.Entries[i]
		shown = append(shown, &bundle.Opening{Index: e.Index, BodySalt: e.BodySalt, JWS: e.JWS, Disclosures: e.Disclosures,
			Flags: e.Flags, Received: e.Received, Verdict: e.Verdict})
	}
	for i, e := range c.readContents(shown, ev.ID, ownWords) {
		newer := shown[i].Index >= c.root.Size
		c.own = append(c.own, StatementEntry{Index: shown[i].Index, Opening: shown[i], Entry: e, Newer: newer})
	}
	c.readChains(&x.Evidence)
	c.judge()
}
