package verifier

import "igledger/ledger/bundle"

// CheckExtract checks that each entry of an extract stands in the log and was signed by a key that counted, and, if ev.ID is given, that each says it is about that
// person. It shows nothing about what else there is, nor under whom the ledger filed the entries: Complete is never true.
func CheckExtract(ev StatementEvidence) *StatementReport {
	r := &StatementReport{asked: !ev.Policy.AsksNobody()}
	x, err := bundle.ParseExtract(ev.Statement)
	if err != nil {
		return r.stop(failure(err, nil, CheckStatementForm))
	}
	r.Pass(CheckStatementForm, nil, "%s of %d entries", x.Format, len(x.Entries))
	v := &evidence{rep: &r.Report, doc: &x.Evidence, policy: ev.Policy}
	if !r.head(v, ev.Now) {
		return r.finishExtract(ev)
	}
	v.checkInclusion(x.LeafHashes())
	if !v.checkGenesis() || !v.checkIndexRoot() {
		return r.finishExtract(ev)
	}
	r.Below = v.root.Size
	v.checkChains()
	var shown []*bundle.Opening
	for i := range x.Entries {
		e := &x.Entries[i]
		o := &bundle.Opening{Index: e.Index, BodySalt: e.BodySalt, JWS: e.JWS, Disclosures: e.Disclosures, Flags: e.Flags, Received: e.Received}
		shown = append(shown, o)
		r.Entries = append(r.Entries, StatementEntry{Index: e.Index, Opening: o, Newer: e.Index >= r.Below})
	}
	if ev.ID == "" {
		r.Skip(CheckSubject, nil, "no id was given, so it was not checked whom the entries are about")
	}
	for i, e := range v.checkContents(shown, ev.ID, ownWords) {
		r.Entries[i].Entry = e
	}
	r.judge(v)
	return r.finishExtract(ev)
}

func (r *StatementReport) finishExtract(ev StatementEvidence) *StatementReport {
	r.finish(ev.Now)
	r.Complete, r.Lines.Complete = false, "not said: an extract shows chosen entries, not that there are no others"
	return r
}
