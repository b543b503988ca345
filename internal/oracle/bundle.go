package oracle

import (
	"regexp"
	"slices"
)

// Section 14: statements and extracts, by their form.

const (
	maxStatement = 67108864
	formatOwn    = "igledger-statement/1"
	formatSome   = "igledger-extract/1"
)

var (
	publicLeafShape = object{"index": aNumber, "leaf": bytesOf(0)}
	chainShape      = object{"name": aText, "proof": indexProofShape.fits, "leaves": atMost(1024, aPublicLeaf)}
	shownShape      = remarkShape.and(object{
		"index": aNumber, "tagSalt": bytesOf(32), "bodySalt": bytesOf(32), "jws": aText, "disclosures": atMost(maxDisclosures, aText),
		"leafHash": bytesOf(32),
	})
	shownList    = atMost(1000000, shownShape.fits)
	subjectShape = object{"tag": bytesOf(32), "vrfProof": bytesOf(80), "proof": indexProofShape.fits, "count": aNumber}
	historyShape = subjectShape.and(object{"entries": shownList, "newer": shownList})
	daysShape    = object{"from": aText, "to": aText}
	sharedShape  = object{
		"format": aText, "origin": aText, "checkpoint": aText,
		"genesis": publicLeafShape.fits, "indexRoot": publicLeafShape.fits, "chains": atMost(4096, aChain),
		"nodes": bytesOf(0), "text": atMost(64, aText),
	}
	statementShape = sharedShape.and(object{
		"subject": subjectShape.fits, "period": object{
			"from": aNumber, "to": aNumber, "days": daysShape.fits, "before": publicLeafShape.fits, "after": publicLeafShape.fits,
		}.fits,
		"entries": shownList, "newer": shownList,
		"everyone": historyShape.fits, "linked": atMost(256, historyShape.and(object{"id": aText}).fits),
	})
	extractShape = sharedShape.and(object{"entries": atMost(1000000, remarkShape.and(object{
		"index": aNumber, "tagCommit": bytesOf(32), "bodySalt": bytesOf(32), "jws": aText, "disclosures": atMost(maxDisclosures, aText),
	}).fits)})
)

// A publicLeaf is a leaf of a public entry at its place.
type publicLeaf struct {
	index uint64
	raw   []byte
	entry *entry // once it was read
}

// A chain is the history of a public name.
type chain struct {
	name   string
	proof  indexProof
	leaves []publicLeaf
}

// A shownEntry is one entry of a list: opened, or hidden.
type shownEntry struct {
	index       uint64
	hidden      bool
	leaf        hash
	jws         string
	disclosures []string
	entry       *entry // once it was read
}

// A shownHistory is what a statement says about one id.
type shownHistory struct {
	id             string // of linked ids alone
	tag, vrfProof  []byte
	proof          indexProof
	count          uint64
	entries, newer []*shownEntry
}

// A bundle is a statement or an extract, well-formed.
type bundle struct {
	origin, checkpoint string
	genesis, indexRoot publicLeaf
	chains             []chain
	nodes              []hash

	subject, everyone *shownHistory // everyone may be nil
	linked            []*shownHistory
	period            *value
	before, after     *publicLeaf   // the index roots around the period; nil: none
	entries           []*shownEntry // of an extract
}

// readBundle reads a file of this format.
func readBundle(text, format string) *bundle {
	must(len(text) <= maxStatement, "too-large")
	v := parseJSON(text)
	shape := statementShape
	lists := []string{"chains", "nodes", "text", "entries", "newer", "linked"}
	if format == formatSome {
		shape, lists = extractShape, []string{"chains", "nodes", "text", "entries"}
	}
	shape.fits(v)
	for _, name := range lists {
		must(v.has(name), "bad-statement")
	}
	checkLists(v, format)
	must(v.str("format") == format, "bad-statement")
	b := &bundle{origin: v.str("origin"), checkpoint: v.str("checkpoint")}
	must(originForm.MatchString(b.origin), "bad-claim")
	must(b.checkpoint != "" && len(b.checkpoint) <= maxNote, "bad-statement")
	b.genesis, b.indexRoot = readPublicLeaf(v.get("genesis")), readPublicLeaf(v.get("indexRoot"))
	must(b.genesis.index == 0 && b.indexRoot.index > 0, "bad-statement")
	b.readChains(v)
	nodes := v.octets("nodes")
	must(len(nodes)%32 == 0, "bad-length")
	for n := range slices.Chunk(nodes, 32) {
		b.nodes = append(b.nodes, hash(n))
	}
	if format == formatSome {
		b.readExtract(v)
	} else {
		b.readStatement(v)
	}
	return b
}

// checkLists refuses a statement that lacks a list of one of its histories.
func checkLists(v *value, format string) {
	if format == formatSome {
		return
	}
	must(v.get("subject").get("proof").has("siblings"), "bad-statement")
	histories := v.items("linked")
	if e := v.get("everyone"); e != nil {
		histories = append(slices.Clone(histories), e)
	}
	for _, h := range histories {
		must(h.get("proof").has("siblings") && h.has("entries") && h.has("newer"), "bad-statement")
	}
}

// aPublicLeaf is an element of the leaves of a chain, which is checked as it is read.
func aPublicLeaf(v *value) {
	publicLeafShape.fits(v)
	readPublicLeaf(v)
}

func readPublicLeaf(v *value) publicLeaf {
	must(v.num("index") <= maxInteger, "bad-claim")
	raw := v.octets("leaf")
	must(leafKind(raw) == 1, "bad-leaf")
	return publicLeaf{index: v.num("index"), raw: raw}
}

// read reads the entry in the leaf.
func (p *publicLeaf) read() *entry {
	if p.entry == nil {
		p.entry = readPublic(string(p.raw[1:]))
	}
	return p.entry
}

var nameForm = regexp.MustCompile(`\A[\x21-\x7E]{1,128}\z`)

// aChain is an element of chains, which is checked as it is read.
func aChain(v *value) {
	chainShape.fits(v)
	readChain(v)
}

func readChain(v *value) chain {
	must(v.has("leaves") && v.get("proof").has("siblings"), "bad-statement")
	must(nameForm.MatchString(v.str("name")), "bad-statement")
	c := chain{name: v.str("name"), proof: readIndexProof(v.get("proof"))}
	for i, l := range v.items("leaves") {
		p := readPublicLeaf(l)
		must(i == 0 || p.index > c.leaves[i-1].index, "bad-statement")
		c.leaves = append(c.leaves, p)
	}
	return c
}

func (b *bundle) readChains(v *value) {
	for i, c := range v.items("chains") {
		b.chains = append(b.chains, readChain(c))
		must(i == 0 || b.chains[i-1].name < b.chains[i].name, "bad-statement")
	}
	for _, line := range v.texts("text") {
		must(len(line) <= 4096 && !isControl(line), "bad-statement")
	}
}

// readShownEntry reads an entry of a statement.
func readShownEntry(v *value) *shownEntry {
	must(v.num("index") <= maxInteger, "bad-claim")
	checkRemarks(v)
	e := &shownEntry{index: v.num("index"), jws: v.str("jws"), disclosures: v.texts("disclosures")}
	if v.has("leafHash") {
		salted := v.has("tagSalt") || v.has("bodySalt") || v.has("verdict")
		must(!salted && e.jws == "" && len(e.disclosures) == 0, "bad-statement")
		must(len(v.items("flags")) == 0 && v.str("received") == "", "bad-statement")
		e.hidden, e.leaf = true, v.hash("leafHash")
		return e
	}
	must(v.has("tagSalt") && v.has("bodySalt") && e.jws != "", "bad-statement")
	return e
}

// checkRemarks checks what the ledger adds and nothing proves.
func checkRemarks(v *value) {
	for _, f := range v.texts("flags") {
		must(len(f) >= 1 && len(f) <= 64 && !isControl(f), "bad-statement")
	}
	must(isOptional(v, "received", isTime), "bad-statement")
	if verdict := v.get("verdict"); verdict != nil {
		checkVerdict(verdict)
	}
}

// checkVerdict checks the form of a verdict (section 15).
func checkVerdict(v *value) {
	must(amongAll([]string{v.str("result")}, "covered", "break-glass", "not-covered", "attempt", "decision"), "bad-statement")
	must(v.num("version") <= maxInteger && v.num("policies") <= maxInteger, "bad-statement")
	rules := v.texts("rules")
	must(len(rules) <= 64, "bad-statement")
	for _, text := range append(rules, v.str("agreement"), v.str("consent")) {
		must(len(text) <= 128 && !isControl(text), "bad-statement")
	}
}

func (b *bundle) readStatement(v *value) {
	b.period = v.get("period")
	if b.period != nil {
		from, to := b.period.num("from"), b.period.num("to")
		must(from < to && to <= maxInteger, "bad-statement")
		b.readPeriod()
	}
	b.subject = &shownHistory{}
	var everyone *value
	if everyone = v.get("everyone"); everyone != nil {
		must(everyone.hash("tag") != v.get("subject").hash("tag"), "bad-statement")
		b.everyone = &shownHistory{}
	}
	tags := []string{v.get("subject").str("tag"), everyone.str("tag")}
	for i, l := range v.items("linked") {
		must(isID(l.str("id")), "bad-id")
		must(!slices.Contains(tags, l.str("tag")), "bad-statement")
		tags = append(tags, l.str("tag"))
		must(i == 0 || v.items("linked")[i-1].str("id") < l.str("id"), "bad-statement")
		b.linked = append(b.linked, &shownHistory{id: l.str("id")})
	}
	b.subject.read(v.get("subject"), v.get("entries"), v.get("newer"), b.period)
	if everyone != nil {
		b.everyone.read(everyone, everyone.get("entries"), everyone.get("newer"), b.period)
	}
	for i, l := range v.items("linked") {
		b.linked[i].read(l, l.get("entries"), l.get("newer"), b.period)
	}
}

// readPeriod reads what ties days to positions.
func (b *bundle) readPeriod() {
	if days := b.period.get("days"); days != nil {
		first, ok1 := day(days.str("from"))
		last, ok2 := day(days.str("to"))
		must(ok1 && ok2 && first.Unix() >= 0 && !last.Before(first), "bad-statement")
	}
	read := func(name string) *publicLeaf {
		if !b.period.has(name) {
			return nil
		}
		leaf := readPublicLeaf(b.period.get(name))
		return &leaf
	}
	b.before, b.after = read("before"), read("after")
	must(b.before == nil || b.after == nil || b.before.index < b.after.index, "bad-statement")
}

// read reads a history of a statement: v has its tag, proof and count.
func (h *shownHistory) read(v, entries, newer, period *value) {
	tag := v.hash("tag")
	h.tag, h.vrfProof = tag[:], v.octets("vrfProof")
	must(len(h.vrfProof) == 80, "bad-length")
	h.proof, h.count = readIndexProof(v.get("proof")), v.num("count")
	must(h.count == uint64(len(entries.list)), "bad-statement")
	h.entries, h.newer = h.readList(entries), h.readList(newer)
	for _, e := range h.entries {
		outside := period != nil && (e.index < period.num("from") || e.index >= period.num("to"))
		must(!e.hidden || outside, "bad-statement")
	}
	for _, e := range h.newer {
		must(!e.hidden, "bad-statement")
		must(len(h.entries) == 0 || e.index > h.entries[len(h.entries)-1].index, "bad-statement")
	}
}

func (h *shownHistory) readList(list *value) []*shownEntry {
	var out []*shownEntry
	for i, v := range list.list {
		e := readShownEntry(v)
		if !e.hidden {
			commit := tagCommit(v.octets("tagSalt"), h.tag)
			e.leaf = leafHash(sealedLeaf(commit, bodyCommit(v.octets("bodySalt"), e.jws)))
		}
		must(i == 0 || e.index > out[i-1].index, "bad-statement")
		out = append(out, e)
	}
	return out
}

func (b *bundle) readExtract(v *value) {
	list := v.items("entries")
	must(len(list) >= 1, "bad-statement")
	for i, v := range list {
		must(v.str("jws") != "", "bad-statement")
		must(v.num("index") <= maxInteger, "bad-claim")
		checkRemarks(v)
		e := &shownEntry{index: v.num("index"), jws: v.str("jws"), disclosures: v.texts("disclosures")}
		e.leaf = leafHash(sealedLeaf(v.octets("tagCommit"), bodyCommit(v.octets("bodySalt"), e.jws)))
		must(i == 0 || e.index > b.entries[i-1].index, "bad-statement")
		b.entries = append(b.entries, e)
	}
}

// histories returns those of the subject, of everyone and of the linked ids, in this order.
func (b *bundle) histories() []*shownHistory {
	out := []*shownHistory{b.subject}
	if b.everyone != nil {
		out = append(out, b.everyone)
	}
	return append(out, b.linked...)
}

// leaves returns the hash of each leaf in the file by its position.
func (b *bundle) leaves() map[uint64]hash {
	out := map[uint64]hash{}
	put := func(i uint64, h hash) {
		known, ok := out[i]
		must(!ok || known == h, "bad-statement")
		out[i] = h
	}
	public := []publicLeaf{b.genesis, b.indexRoot}
	for _, l := range []*publicLeaf{b.before, b.after} {
		if l != nil {
			public = append(public, *l)
		}
	}
	for _, c := range b.chains {
		public = append(public, c.leaves...)
	}
	for _, p := range public {
		put(p.index, leafHash(p.raw))
	}
	shown := b.entries
	if b.subject != nil {
		for _, h := range b.histories() {
			shown = slices.Concat(shown, h.entries, h.newer)
		}
	}
	for _, e := range shown {
		put(e.index, e.leaf)
	}
	return out
}
