package auditor

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies/readers"
	"igledger/verifier"
)

// Verdicts computes every verdict of a log again, from the openings of all its sealed leaves, and
// compares it with the one that the ledger shows. It takes all leaves in order, next to an Auditor,
// which checks the leaves and the feed. It is not safe for concurrent use, and uses all cores.
//
// It promises: after Flush, every opening taken belongs to its leaf (both commitments, the feed's
// tag) and is signed by a key that was valid at that index, unless it is among Wrong; each id is
// filed under one tag and each tag belongs to one id; every public entry obeys the rules; and every
// verdict that is not among Doubts is the one that follows from the entries below it. It stops an
// operator from showing a verdict that suits it better, and anyone who changes the database from
// doing so unnoticed.
//
// It does not promise that the tag is the VRF of the id, because bulk openings leave out the proof
// (see CheckOpening, for samples), nor that a source told the truth. It sees the openings as they
// were when it read them: only a new reading finds what was changed later.
//
// It needs 270 bytes of memory for each history, and memory for what the rules keep of people who
// consented or delegated, and for the public entries that govern.
type Verdicts struct {
	// OnSealed is called for each sealed entry that was opened and is signed, in order, for further
	// checks, unless it is nil.
	OnSealed func(index uint64, e *entry.Entry)

	state   register.State
	frozen  *register.Register // a copy of state's register as it is now, which never changes; nil: not made yet
	told    []told
	size    uint64
	pending []opened
	persons map[wire.Hash]*filed // by K
	ids     map[idHash]wire.Hash // K of each
	secret  [32]byte             // key of idHash
	stats   VerdictStats
	doubts  []Doubt
	wrong   []*verifier.Failure
	unable  error
}

// told is a public entry that the rules were told of.
type told struct {
	index uint64
	jws   string
}

// idHash is a keyed hash of a person's id: if two are equal, they belong to one person. Anyone who
// has the secret can try all ids.
type idHash [16]byte

// filed is what is known of a history about a person.
type filed struct {
	id     idHash
	unsure bool   // some of its content could not be read, so what follows from it may be wrong
	state  []byte // as the rules keep it
}

// opened is a sealed leaf with its opening. It waits to be judged by the rules and the register at
// its index.
type opened struct {
	index    uint64
	leaf     []byte
	rec      proof.FeedRecord
	opening  *bundle.Opening // nil: there is none
	rules    register.Rules
	register *register.Register
	entry    *entry.Entry      // once read
	failure  *verifier.Failure // why it was not read
}

// Doubt is something that the operator must explain, but that none of its signatures proves.
type Doubt struct {
	Index   uint64         `json:"index"`
	Kind    DoubtKind      `json:"kind"`
	Stored  *entry.Verdict `json:"stored,omitempty"` // the ledger's; nil: none
	Own     *entry.Verdict `json:"own,omitempty"`    // what follows from the entries below
	Refused string         `json:"refused,omitempty"`
}

// DoubtKind is the kind of a doubt.
type DoubtKind string

// The kinds.
const (
	VerdictDiffers   DoubtKind = "verdict"  // Stored is not Own
	EntryRefused     DoubtKind = "refused"  // the rules refuse the entry: Refused says why
	NotOpened        DoubtKind = "unopened" // the entry has no content, so nothing that follows from it can be computed
	UserNotShown     DoubtKind = "unnamed"  // Stored is not Own, but the opening shows no user, on whom the verdict depends
	ReadingForbidden DoubtKind = "reading"  // a reading of the ledger that readers.Table forbids: Refused says why
)

// VerdictStats holds numbers for reports.
type VerdictStats struct {
	Sealed   uint64 `json:"sealed"`   // sealed leaves whose opening was read
	Verdicts uint64 `json:"verdicts"` // verdicts compared
	Without  uint64 `json:"without"`  // accesses without a verdict: older than the log's first verdict
	Unsure   uint64 `json:"unsure"`   // verdicts that differ, but some entries of the person could not be opened
	Doubts   uint64 `json:"doubts"`
}

// maxDoubts bounds the memory for a ledger that is wrong everywhere. Further doubts are only
// counted.
const maxDoubts = 1000

// batch is how many leaves wait before they are judged: enough to be worth sharing between cores.
const batch = 1024

// NewVerdicts returns a Verdicts that begins at leaf 0 of the log origin, with the rules of an
// empty log.
func NewVerdicts(origin string, rules register.Rules) *Verdicts {
	v := &Verdicts{state: register.NewState(origin, rules), persons: map[wire.Hash]*filed{}, ids: map[idHash]wire.Hash{}}
	rand.Read(v.secret[:])
	return v
}

// Size returns the number of leaves taken.
func (v *Verdicts) Size() uint64 { return v.size }

// Rules returns what governs the log at Size.
func (v *Verdicts) Rules() register.Rules { return v.state.Rules }

// Stats returns numbers for reports.
func (v *Verdicts) Stats() VerdictStats { return v.stats }

// Unable returns a *register.UnableError if the rules could not judge an entry, because they were
// not given what they rest on. Nothing that is known of the verdicts from there on is of use.
func (v *Verdicts) Unable() error { return v.unable }

// Doubts returns the first 1,000 doubts, in order. They convict no one.
func (v *Verdicts) Doubts() []Doubt { return v.doubts }

// Wrong returns the openings that do not belong to their leaf, are not signed, or are filed under
// another person. The operator committed to each of them, or shows an auditor something other than
// what it committed to.
func (v *Verdicts) Wrong() []*verifier.Failure { return v.wrong }

// Public takes the public entry at Size, which has passed an Auditor (its OnPublic), before Add
// takes the leaf. If the rules do not allow the entry, Public returns a finding: anyone who replays
// the public entries finds the same.
func (v *Verdicts) Public(index uint64, e *entry.Entry) *Finding {
	if !register.Shared(e.Type) {
		return nil
	}
	if err := v.tell(index, e); err != nil {
		return &Finding{Convicts: true, Failure: verifier.StepFailure(err, verifier.At(index))}
	}
	v.told = append(v.told, told{index, e.Compact})
	return nil
}

func (v *Verdicts) tell(index uint64, e *entry.Entry) error {
	if e.Type.ChangesRegister() {
		v.frozen = nil
	}
	return v.state.StepSigned(e, index)
}

// Add takes the leaf at Size, its record of the feed, which an Auditor has checked, and its
// opening, which is nil for a public leaf.
func (v *Verdicts) Add(leaf []byte, rec proof.FeedRecord, o *bundle.Opening) {
	at := v.size
	v.size++
	if rec == (proof.FeedRecord{}) {
		if o != nil {
			v.accuse(&verifier.Failure{Check: verifier.CheckOpeningForm, Index: verifier.At(at),
				Expected: "no opening of a public entry", Found: "an opening",
				Meaning: "the operator shows the auditor something that is not in the log"})
		}
		return
	}
	if v.frozen == nil {
		v.frozen = v.state.Register.Clone()
	}
	v.pending = append(v.pending, opened{
		index:    at,
		leaf:     leaf,
		rec:      rec,
		opening:  o,
		rules:    v.state.Rules,
		register: v.frozen,
	})
	if len(v.pending) == batch {
		v.Flush()
	}
}

// Flush judges the leaves that wait.
func (v *Verdicts) Flush() {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(v.pending)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(v.pending)); i = next.Add(1) - 1 {
				if p := &v.pending[i]; p.content() {
					p.read()
					p.verify()
				}
			}
		})
	}
	wg.Wait()
	for i := range v.pending {
		v.judge(&v.pending[i])
	}
	clear(v.pending)
	v.pending = v.pending[:0]
}

func (v *Verdicts) accuse(f *verifier.Failure) {
	if len(v.wrong) < maxDoubts {
		v.wrong = append(v.wrong, f)
	}
}

func (v *Verdicts) doubt(d Doubt) {
	v.stats.Doubts++
	if len(v.doubts) < maxDoubts {
		v.doubts = append(v.doubts, d)
	}
}

// content reports whether there is something to read. An opening whose content was erased still has
// its link part, which is in the feed too.
func (p *opened) content() bool { return p.opening != nil && p.opening.JWS != "" }

func (p *opened) fail(c verifier.Check, err error, expected, meaning string) {
	found := err.Error()
	if f, ok := errors.AsType[*verifier.Failure](err); ok {
		found = f.Found
	}
	p.failure = &verifier.Failure{
		Check:    c,
		Index:    verifier.At(p.index),
		Expected: expected,
		Found:    found,
		Meaning:  meaning,
		Err:      err,
	}
}

// read opens the leaf.
func (p *opened) read() {
	o := p.opening
	if o.Index != p.index || o.Tag != p.rec.Tag || o.TagSalt != p.rec.TagSalt {
		p.fail(verifier.CheckTagCommitment, errors.New("another position or link"), "an opening with the link in the feed",
			"the operator gives auditors two links for one entry")
		return
	}
	e, err := verifier.OpenLeaf(o, p.leaf)
	switch {
	case errors.Is(err, wire.BadCommitment):
		p.fail(verifier.CheckBodyCommitment, err, "the content to which the leaf is committed",
			"the operator shows the auditor content that is not what was logged")
	case err != nil:
		p.fail(verifier.CheckEntryForm, err, "an entry about a person",
			"the operator logged something that is not an entry about a person, or this program is too old for it: get a newer "+
				"version before you judge")
	case e.ShownSub() == "":
		p.fail(verifier.CheckFiling, errors.New("one that does not"),
			"an opening that says whom the entry is about", withheld)
	default:
		p.entry = e
	}
}

// verify checks who signed.
func (p *opened) verify() {
	if p.failure != nil {
		return
	}
	if err := p.register.Verify(p.entry, p.index); err != nil {
		p.fail(verifier.CheckSignature, err,
			"a signature by a key that was valid at this index, of an organisation that was allowed to sign",
			"the operator logged an entry that was not signed by a party that was allowed to sign it")
	}
}

// judge compares the verdict of an entry with the one that follows from the entries below, and adds
// the entry to the state of its person.
func (v *Verdicts) judge(p *opened) {
	v.stats.Sealed++
	k := proof.TagKey(p.rec.Tag)
	f := v.persons[k]
	if f == nil {
		f = new(filed)
		v.persons[k] = f
	}
	switch {
	case !p.content():
		f.unsure = true
		v.doubt(Doubt{Index: p.index, Kind: NotOpened})
		return
	case p.failure != nil:
		f.unsure = true
		v.accuse(p.failure)
		return
	}
	e := p.entry
	if other := v.file(k, f, e.ShownSub()); other != "" {
		v.accuse(&verifier.Failure{Check: verifier.CheckFiling, Index: verifier.At(p.index),
			Expected: "an entry filed under the one tag of the person it is about", Found: other,
			Meaning: "the operator filed the entry under another person: it is missing from the person's statement, or shown " +
				"in another person's"})
		return
	}
	if v.OnSealed != nil {
		v.OnSealed(p.index, e)
	}
	v.checkReading(p)
	unsure := f.unsure
	j, err := p.rules.Judge(e, p.index, func(id string) []byte {
		if id == e.ShownSub() {
			return f.state
		}
		if g := v.persons[v.ids[v.hash(id)]]; g != nil {
			unsure = unsure || g.unsure
			return g.state
		}
		return nil
	})
	if errors.Is(err, register.ErrUnable) {
		v.unable = cmp.Or(v.unable, err)
		return
	}
	if err != nil {
		v.doubt(Doubt{Index: p.index, Kind: EntryRefused, Refused: err.Error()})
		return
	}
	if j.Person != nil {
		f.state = j.Person
	}
	v.compare(p.index, p.opening.Verdict, j, unsure)
}

// checkReading judges the entry of a reading of the ledger. The operator logs it and so knew who
// read what, but it does not convict, because an operator could have logged less.
func (v *Verdicts) checkReading(p *opened) {
	a, ok := p.entry.Body.(*entry.Access)
	if g := p.register.Genesis; !ok || g == nil || !readers.IsReading(g.Operator.ID, a) {
		return
	}
	var roles []entry.Role
	if org := p.register.Organisation(a.Accessor()); org != nil {
		roles = org.Roles
	}
	if err := readers.Check(a, roles); err != nil {
		v.doubt(Doubt{Index: p.index, Kind: ReadingForbidden, Refused: err.Error()})
	}
}

func (v *Verdicts) compare(index uint64, stored *entry.Verdict, j register.Judgement, unsure bool) {
	own := j.Verdict
	switch {
	case stored == nil && own == nil:
		return
	case stored == nil && v.stats.Verdicts == 0: // the ledger has run without rules so far
		v.stats.Without++
		return
	}
	v.stats.Verdicts++
	switch {
	case stored.Equal(own):
	case unsure:
		v.stats.Unsure++
	case j.ByName:
		v.doubt(Doubt{Index: index, Kind: UserNotShown, Stored: stored, Own: own})
	default:
		v.doubt(Doubt{Index: index, Kind: VerdictDiffers, Stored: stored, Own: own})
	}
}

// file notes that history k is about id. It returns what is wrong with that, or "".
func (v *Verdicts) file(k wire.Hash, f *filed, id string) string {
	h := v.hash(id)
	if before, ok := v.ids[h]; ok && before != k {
		return "the id has another tag in an earlier entry"
	}
	if f.id == (idHash{}) {
		f.id, v.ids[h] = h, k
	}
	if f.id != h {
		return "the tag belongs to another person in an earlier entry"
	}
	return ""
}

func (v *Verdicts) hash(id string) idHash {
	m := hmac.New(sha256.New, v.secret[:])
	m.Write([]byte(id))
	return idHash(m.Sum(nil))
}

// histories returns those about people, ascending by K.
func (v *Verdicts) histories() []wire.Hash {
	list := make([]wire.Hash, 0, len(v.persons))
	for k := range v.persons {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b wire.Hash) int { return slices.Compare(a[:], b[:]) })
	return list
}
