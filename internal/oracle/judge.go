package oracle

import (
	"cmp"
	"slices"
	"time"
)

// Section 12: the checks of a statement, in order.

// Asked is what the reader brings: nothing of it comes from the file.
type Asked struct {
	Policy string
	ID     string // not of extracts
	Days   string // "2026-11-12..2026-11-13"; "": the whole history
	Now    time.Time
}

// An Answer is what a reader learns from a file. It never names the person.
type Answer struct {
	First     string   `json:"check,omitempty"` // the first check that failed, "" if none did
	Authentic bool     `json:"authentic"`
	Complete  bool     `json:"complete"`
	Audited   []string `json:"audited,omitempty"`   // members of the policy's group auditors that cosigned, by name
	Witnessed []string `json:"witnessed,omitempty"` // the others
	AsOf      uint64   `json:"asOf,omitzero"`       // seconds since 1970; 0: not known
	Stale     bool     `json:"stale"`

	// Of authentic ones.
	Below  uint64 `json:"below,omitzero"` // M
	Shown  int    `json:"shown"`          // entries of all lists: opened below M,
	Hidden int    `json:"hidden"`         // hidden,
	Newer  int    `json:"newer"`          // and at or above M
}

// staleAfter is the age, in seconds, above which a statement is stale.
const staleAfter = 48 * 60 * 60

// onlyCompleteness are the checks that can fail although everything shown is true.
var onlyCompleteness = []string{"scope", "period", "history", "everyone", "linked", "anchor", "index-lag", "covered", "auditor-quorum"}

// quorumOf are the checks of the groups whose names have a meaning.
var quorumOf = map[string]string{"witnesses": "witness-quorum", "auditors": "auditor-quorum"}

// A walk is the state of the checks of one file.
type walk struct {
	asked    Asked
	policy   *policy
	bundle   *bundle
	failed   []string
	head     *checkpoint
	register *register
	judged   bool
	partial  bool            // a period is not covered
	acts     map[string]bool // (iss, jti) of the entries read
	signed   []signedEntry   // what has to be judged
	answer   Answer
}

// step makes a check. A failure is remembered under its name.
func (w *walk) step(name string, f func()) bool {
	if try(f) != nil {
		w.failed = append(w.failed, name)
		return false
	}
	return true
}

// byCode are the checks that a code names, whichever step refuses with it.
var byCode = map[Refusal]string{
	"wrong-audience": "audience", "bad-signature": "signature", "unknown-algorithm": "signature",
	"unknown-key": "key-status", "inactive-key": "key-status", "revoked-key": "key-status",
	"wrong-issuer": "authority", "wrong-purpose": "authority", "unknown-organisation": "authority",
	"not-countersigned": "register", "register-conflict": "register", "bad-genesis": "genesis",
	"personal-data": "entry-form", "bad-leaf": "leaf-form", "bad-id": "disclosures", "bad-disclosure": "disclosures",
	"unreferenced-digest": "disclosures", "duplicate-disclosure": "disclosures",
	"bad-checkpoint": "checkpoint-signature", "bad-proof": "inclusion", "bad-index-proof": "history",
	"bad-index-root": "index-root", "bad-statement": "statement-form", "bad-vrf": "filing",
}

// coded makes a check that is named by the code of its refusal, otherwise by name.
func (w *walk) coded(name string, f func()) bool {
	err := try(f)
	if err == nil {
		return true
	}
	if of, ok := byCode[err.(Refusal)]; ok {
		name = of
	}
	w.failed = append(w.failed, name)
	return false
}

// require records a failed check unless ok.
func (w *walk) require(ok bool, name string) {
	if !ok {
		w.failed = append(w.failed, name)
	}
}

// Statement judges a statement about asked.ID.
func Statement(file string, asked Asked) Answer { return judge(file, asked, formatOwn) }

// Extract judges an extract.
func Extract(file string, asked Asked) Answer { return judge(file, asked, formatSome) }

func judge(file string, asked Asked, format string) Answer {
	w := &walk{asked: asked, acts: map[string]bool{}}
	w.all(file, format)
	a := &w.answer
	if len(w.failed) > 0 {
		a.First = w.failed[0]
	}
	a.Authentic = w.judged && amongAll(w.failed, onlyCompleteness...)
	a.Complete = w.judged && len(w.failed) == 0 && format == formatOwn
	a.Complete = a.Complete && !w.partial
	if !a.Authentic {
		a.Below, a.Shown, a.Hidden, a.Newer = 0, 0, 0, 0
	}
	return *a
}

func (w *walk) all(file, format string) {
	own := format == formatOwn
	if !w.step("policy", func() { w.policy = readPolicy(w.asked.Policy) }) ||
		!w.step("statement-form", func() { w.bundle = readBundle(file, format) }) ||
		!w.checkScope(own) || !w.openHead() || !w.ground() || own && !w.checkTags() || !w.checkIndexRoot() {
		return
	}
	if own {
		w.checkHistories()
	} else {
		for _, e := range w.bundle.entries {
			w.count(e)
		}
		w.readEntries(w.bundle.entries, "")
	}
	whole := w.checkChains()
	if own {
		w.checkPeriod()
	}
	w.judgeSigners(whole)
}

// openHead opens the checkpoint under the policy.
func (w *walk) openHead() bool {
	b := w.bundle
	keys := w.logKeys()
	if len(keys) == 0 {
		w.failed = append(w.failed, "origin")
		return false
	}
	if !w.step("checkpoint-signature", func() { w.head = readCheckpoint(b.checkpoint, keys...) }) {
		return false
	}
	times, good := w.policy.cosignatures(w.head, w.asked.Now)
	w.require(good, "cosignature")
	w.judgeQuorum(times)
	return true
}

// logKeys returns the keys that the policy has for the origin of the file.
func (w *walk) logKeys() (keys []verifierKey) {
	for _, k := range w.policy.logs {
		if k.name == w.bundle.origin {
			keys = append(keys, k)
		}
	}
	return keys
}

func (w *walk) judgeQuorum(times map[string]uint64) {
	cosigned := func(m string) bool { return times[m] > 0 }
	for name := range times {
		if w.policy.within(name, "auditors") {
			w.answer.Audited = append(w.answer.Audited, name)
		} else {
			w.answer.Witnessed = append(w.answer.Witnessed, name)
		}
	}
	slices.Sort(w.answer.Audited)
	slices.Sort(w.answer.Witnessed)
	if !w.policy.met(w.policy.quorum, cosigned) {
		lacking := []string{}
		for _, name := range []string{"witnesses", "auditors"} {
			if w.policy.defined(name) && !w.policy.met(name, cosigned) {
				w.failed = append(w.failed, quorumOf[name])
				lacking = append(lacking, name)
			}
		}
		w.require(w.policy.met(w.policy.quorum, func(m string) bool {
			return cosigned(m) || slices.ContainsFunc(lacking, func(name string) bool { return w.policy.within(m, name) })
		}), "quorum")
	}
	w.answer.AsOf = w.policy.asOf(times)
	w.answer.Stale = w.answer.AsOf != 0 && uint64(w.asked.Now.Unix()) > w.answer.AsOf+staleAfter
}

// ground checks that all leaves are in the log, and leaf 0.
func (w *walk) ground() bool {
	b := w.bundle
	return w.coded("inclusion", func() {
		root, _ := multiRoot(b.leaves(), w.head.size, b.nodes)
		must(root == w.head.root, "bad-proof")
	}) && w.coded("genesis", func() {
		g := b.genesis.read()
		w.register = founded(g, 0, b.origin)
		w.register.partial = true
		k := readVerifierKey(g.claims.str("logKey"))
		own := slices.DeleteFunc(w.logKeys(), func(o verifierKey) bool { return o.alg != plainKey })
		same := func(o verifierKey) bool { return slices.Equal(o.key, k.key) }
		must(len(own) == 0 || slices.ContainsFunc(own, same), "bad-genesis")
	})
}

const everyoneID = "reg:everyone"

// checkTags checks under whom the histories are filed.
func (w *walk) checkTags() bool {
	b := w.bundle
	if !w.step("id", func() { must(isID(w.asked.ID), "bad-id") }) {
		return false
	}
	key := b.genesis.entry.claims.octets("vrfKey")
	check := func(h *shownHistory, id string) func() {
		return func() { checkTag(key, b.origin, id, h.tag, h.vrfProof) }
	}
	w.step("tag", check(b.subject, w.asked.ID))
	w.require((b.everyone == nil) == (w.asked.ID == everyoneID), "everyone")
	if b.everyone != nil {
		w.step("everyone", check(b.everyone, everyoneID))
	}
	for _, l := range b.linked {
		w.step("linked", check(l, l.id))
	}
	return true
}

// indexSize is M.
func (w *walk) indexSize() uint64 { return w.bundle.indexRoot.entry.claims.num("size") }

func (w *walk) checkIndexRoot() bool {
	r := &w.bundle.indexRoot
	if !w.coded("index-root", func() {
		r.read()
		must(r.entry.typ == "index-root" && w.indexSize() <= r.index && r.index < w.head.size, "bad-index-root")
	}) {
		return false
	}
	w.answer.Below = w.indexSize()
	w.require(r.index+1 == w.head.size, "anchor")
	lag := w.bundle.genesis.entry.claims.num("indexLag")
	w.require(w.head.size-w.indexSize() <= lag, "index-lag")
	return true
}

// checkHistories checks each history in turn: that it is whole, and what its entries say. What the
// subject's links hold decides which ids have to be linked.
func (w *walk) checkHistories() {
	b := w.bundle
	w.checkHistory(b.subject, w.asked.ID)
	if b.everyone != nil {
		w.checkHistory(b.everyone, everyoneID)
	}
	links := w.links()
	for _, l := range b.linked {
		w.require(links[l.id], "linked")
		delete(links, l.id)
		w.checkHistory(l, l.id)
	}
	w.require(len(links) == 0, "linked")
}

func (w *walk) checkHistory(h *shownHistory, id string) {
	for _, e := range slices.Concat(h.entries, h.newer) {
		w.count(e)
	}
	for _, e := range h.entries {
		w.require(e.index < w.indexSize(), "covered")
	}
	for _, e := range h.newer {
		w.require(e.index >= w.indexSize(), "covered")
	}
	root := hash(w.bundle.indexRoot.entry.claims.octets("root"))
	w.step("history", func() { must(h.indexRoot() == root, "bad-index-proof") })
	w.readEntries(slices.Concat(h.entries, h.newer), id)
}

// links returns the ids with which the subject is linked by its entries below M.
func (w *walk) links() map[string]bool {
	links := map[string]bool{}
	for _, e := range w.bundle.subject.entries {
		if e.entry == nil || e.entry.typ != "link" || e.index >= w.indexSize() || e.entry.disclosed("other") == nil {
			continue
		}
		other := e.entry.disclosed("other").text
		delete(links, other)
		if e.entry.claims.str("act") == "linked" {
			links[other] = true
		}
	}
	return links
}

func (w *walk) count(e *shownEntry) {
	switch {
	case e.index >= w.indexSize():
		w.answer.Newer++
	case e.hidden:
		w.answer.Hidden++
	default:
		w.answer.Shown++
	}
}

// readEntries reads what was opened, which has to be about id, unless it is "".
func (w *walk) readEntries(list []*shownEntry, id string) {
	for _, e := range list {
		if e.hidden || !w.coded("entry-form", func() { e.entry = readShown(e.jws, e.disclosures) }) {
			continue
		}
		sub := e.entry.disclosed("sub")
		w.require(id == "" || sub != nil && sub.text == id, "subject")
		act := e.entry.claims.str("iss") + " " + e.entry.claims.str("jti")
		w.require(!w.acts[act], "duplicate")
		w.acts[act] = true
		w.signed = append(w.signed, signedEntry{e.index, e.entry, false})
	}
}

// checkChains checks the histories of public names and returns those that the index proves whole.
func (w *walk) checkChains() map[string]bool {
	root := w.bundle.indexRoot.entry.claims.octets("root")
	whole := map[string]bool{}
	for _, c := range w.bundle.chains {
		whole[c.name] = w.step("key-history", func() { must(c.indexRoot() == hash(root), "bad-index-proof") })
		if !whole[c.name] {
			continue
		}
		for _, l := range c.leaves {
			if !w.coded("entry-form", func() { l.read() }) {
				continue
			}
			if l.index >= w.indexSize() || l.entry.kind.history(l.entry) != c.name {
				w.failed = append(w.failed, "key-history")
				continue
			}
			w.signed = append(w.signed, signedEntry{l.index, l.entry, true})
		}
	}
	return whole
}

// A signedEntry is one to be judged at its place.
type signedEntry struct {
	index  uint64
	entry  *entry
	public bool
}

// judgeSigners judges every signature at its place, in order of index, and then whether the history
// of each key that signed, and of its organisation, is among those that are whole.
func (w *walk) judgeSigners(whole map[string]bool) {
	w.judged = true
	r := w.bundle.indexRoot
	all := append(w.signed, signedEntry{r.index, r.entry, false})
	slices.SortStableFunc(all, func(a, b signedEntry) int { return cmp.Compare(a.index, b.index) })
	public := map[uint64]bool{0: true}
	needed := map[string]bool{}
	for _, s := range all {
		if s.public && public[s.index] {
			w.failed = append(w.failed, "key-history")
			continue
		}
		public[s.index] = public[s.index] || s.public
		w.coded("signature", func() { w.register.add(s.entry, s.index) })
		needed[s.entry.kid] = true
		if c := s.entry.claims.str("countersignature"); c != "" {
			needed[readCountersignature(c).kid] = true
		}
	}
	for kid := range needed {
		w.require(whole["key:"+kid], "key-history")
		if k := w.register.keys[kid]; k != nil {
			w.require(whole["org:"+k.organisation], "key-history")
		}
	}
}
