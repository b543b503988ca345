package verifier

import "igledger/ledger/bundle"

// CheckExtract checks that each entry of an extract is in the log and was signed by a key that was valid, and, if ev.ID is given,
// that each says it is about that person. It shows nothing about what else there is, nor under whom the ledger filed the
// entries: Complete is never true.
func CheckExtract(ev StatementEvidence) *StatementReport {
	c := newCheck(ev.Policy, ev.Now)
	c.extract(ev)
	return c.report()
}

func (c *check) extract(ev StatementEvidence) {
	x, err := bundle.ParseExtract(ev.Statement)
	if err != nil {
		c.Fail(failure(err, nil, CheckStatementForm))
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
	c.readChains(&x.Evidence)
	if ev.ID == "" {
		c.Skip(CheckSubject, nil, "no id was given, so it was not checked whom the entries are about")
	}
	var shown []*bundle.Opening
	for i := range x.Entries {
		e := &x.Entries[i]
		shown = append(shown, &bundle.Opening{Index: e.Index, BodySalt: e.BodySalt, JWS: e.JWS, Disclosures: e.Disclosures,
			Flags: e.Flags, Received: e.Received})
	}
	for i, e := range c.readContents(shown, ev.ID, ownWords) {
		c.own = append(c.own, StatementEntry{Index: shown[i].Index, Opening: shown[i], Entry: e, Newer: shown[i].Index >= c.root.Size})
	}
	c.judge()
}
