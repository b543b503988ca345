package verifier_test

import (
	"encoding/base64"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A forge makes logs, statements about them and mutations of both, all from one source of chance.
type forge struct {
	*rand.Rand
	w       *world
	fife    *wire.Signer // of the organisation fife, with all purposes
	auditor *wire.Signer // of lothian, for reading only
	unknown *wire.Signer // that nobody registered

	policies []string // what readers ask for
}

func pick[T any](f *forge, list ...T) T { return list[f.IntN(len(list))] }

func (f *forge) chance(percent int) bool { return f.IntN(100) < percent }

func (f *forge) signer() *wire.Signer {
	return pick(f, f.w.Source, f.w.Second, f.w.Second, f.fife, f.auditor, f.unknown, f.w.Registrar, f.w.Enroller, f.w.Operator)
}

func (f *forge) id() string {
	return pick(f, f.w.IDs[0], f.w.IDs[0], f.w.IDs[0], f.w.IDs[1], f.w.IDs[2], entry.RegEveryone, "temp:fife:9")
}

func (f *forge) organisation() string {
	return pick(f, "lothian", "lothian", "fife", "registrar", "operator", "nobody")
}

// log returns a log to which things were added that are mostly, but not all, as they should be.
func (f *forge) log() *testlog.Log {
	l := f.w.log()
	for range f.IntN(6) {
		f.add(l)
	}
	for i := range l.Size() {
		if o := l.Openings[i]; o != nil && f.chance(20) {
			remarked := *o
			remarked.Flags = []entry.Flag{"late"}
			remarked.Verdict = &entry.Verdict{Result: "covered", Rules: []string{"a", "b"}, Agreement: "isa-1", Version: 1, Policies: 2}
			l.Openings[i] = &remarked
		}
	}
	return l
}

func (f *forge) add(l *testlog.Log) {
	me := f.w.me()
	switch f.IntN(17) {
	case 0, 1:
		l.AddSealed(f.w.Access("lothian", f.w.Second, me), me)
	case 2:
		l.AddSealed(f.w.Access("lothian", f.w.Second, entry.RegEveryone), entry.RegEveryone)
	case 3:
		l.AddSealed(f.w.Access(f.organisation(), f.signer(), f.id()), f.id())
	case 4:
		l.AddSealed(f.w.Access("lothian", f.w.Second, me), f.id())
	case 5: // again
		if e := l.Entries[uint64(f.IntN(int(l.Size())))]; e != nil && e.Type.Sealed() {
			l.AddSealed(e, f.id())
		}
	case 6:
		l.AddPublic(l.Revocation("lothian", pick(f, f.w.Second, f.w.Source, f.fife, f.unknown).KID))
	case 7:
		counter := pick(f, f.w.Enroller, f.w.Enroller, nil, f.w.Registrar, f.fife)
		l.AddPublic(l.Organisation(pick(f, "lothian", "fife", "third"), pick(f, f.w.Registrar, f.signer()), counter))
	case 8:
		key := pick(f, f.unknown, f.fife, testlog.Signer(wire.ES256))
		org := f.organisation()
		l.AddPublic(l.AddKey(org, key, pick(f, entry.PurposeSubmit, entry.PurposeAdminister)))
		l.AddSealed(f.w.Access(org, key, me), me)
	case 9, 10:
		f.link(l, pick(f, "linked", "linked", "unlinked"), me, pick(f, f.w.IDs[1], f.w.IDs[2], "temp:fife:9", "temp:lothian:1"))
	case 11:
		l.AddRandom(1 + f.IntN(3))
	case 12, 13:
		f.addMutated(l)
	case 14: // altered after it was signed
		e := f.w.Access("lothian", f.w.Second, me)
		f.addRawSealed(l, e, alterPayload(e.Compact, "08:59:30Z", "20:59:30Z"))
	case 15:
		size := l.Size() - uint64(f.IntN(3))
		if f.chance(60) {
			l.AddIndexRootAt(dayOf(11+f.IntN(13), int64(f.IntN(86400))))
			break
		}
		l.AddIndexRootOf(size, l.IndexAt(size).Root(), pick(f, f.w.Operator, f.signer()))
	default:
		other := testlog.New(pick(f, "sandbox.test/1", origin))
		l.AddSealed(other.Access("lothian", f.w.Second, me), me)
	}
}

func (f *forge) link(l *testlog.Log, act, sub, other string) {
	if sub == other {
		return
	}
	s := pick(f, f.w.Registrar, f.fife, f.signer())
	iss := "registrar"
	if s == f.fife {
		iss = "fife"
	}
	l.AddSealed(l.Link(iss, s, act, sub, other), sub)
}

// addMutated logs an entry whose payload was changed before it was signed, in the place of the one
// that it was.
func (f *forge) addMutated(l *testlog.Log) {
	var list []uint64
	for i, e := range l.Entries {
		if e != nil && i > 0 {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	e := l.Entries[pick(f, list...)]
	parts := strings.Split(e.Compact, ".")
	payload := parseTree(unbase64(parts[1]))
	mutateTree(f.Rand, payload, payload)
	s := pick(f, f.w.Second, f.w.Registrar, f.w.Operator, f.signer())
	jws, err := s.SignJWS(pick(f, wire.TypEntry, wire.TypEntry, wire.TypEntry, wire.TypKeyProof), payload.bytes())
	if err != nil {
		return
	}
	if f.chance(20) { // under the old signature
		jws = parts[0] + "." + strings.Split(jws, ".")[1] + "." + parts[2]
	}
	if f.chance(10) { // another spelling of the signature, or none
		jws = mutatedCompact(f, jws)
	}
	if e.Type.Sealed() {
		f.addRawSealed(l, e, jws)
		return
	}
	i := l.AddRaw(proof.PublicLeaf(jws))
	l.Entries[i] = e
}

func mutatedCompact(f *forge, jws string) string {
	at := f.IntN(len(jws))
	return jws[:at] + string(rune('A'+f.IntN(26))) + jws[at+1:]
}

// addRawSealed files jws, with the disclosures of e, as an honest ledger files e.
func (f *forge) addRawSealed(l *testlog.Log, e *entry.Entry, jws string) {
	i := l.AddSealed(e, e.ShownSub())
	o := *l.Openings[i]
	o.JWS = jws
	l.Openings[i] = &o
	leaf := proof.SealedLeaf(proof.TagCommit(o.TagSalt, o.Tag), proof.BodyCommit(o.BodySalt, jws))
	*l = *withLeaf(l, i, leaf)
}

// withLeaf returns the log with another leaf at the end.
func withLeaf(l *testlog.Log, last uint64, leaf []byte) *testlog.Log {
	e, o := l.Entries[last], l.Openings[last]
	out := l.Fork(last)
	i := out.AddRaw(leaf)
	out.Entries[i], out.Openings[i] = e, o
	return out
}

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// claim logs an index root, and says how the statement is made.
func (f *forge) claim(l *testlog.Log) testlog.Claim {
	m := l.Size()
	histories := l.Histories(m)
	if f.chance(5) { // an index of another size
		histories = l.Histories(m - 1)
	}
	if f.chance(5) { // without someone
		keys := slices.SortedFunc(maps.Keys(histories), func(a, b wire.Hash) int { return slices.Compare(a[:], b[:]) })
		delete(histories, pick(f, keys...))
	}
	root := testlog.IndexOf(histories).Root()
	for range f.IntN(3) { // what came meanwhile
		f.add(l)
	}
	stated := m
	if f.chance(4) {
		stated += uint64(f.IntN(4))
	}
	s := l.Operator
	if f.chance(6) {
		s = f.signer()
	}
	c := testlog.Claim{ID: f.w.me(), IndexRoot: l.AddIndexRootOf(stated, root, s), Histories: histories, Cosigners: f.w.everybody()}
	if f.chance(10) {
		l.AddRandom(1)
	}
	if f.chance(10) {
		c.ID = f.id()
	}
	if f.chance(20) {
		c.Period = f.period(l, m)
	}
	if f.chance(8) {
		c.Omit = map[uint64]bool{uint64(f.IntN(int(l.Size()))): true}
	}
	if f.chance(5) {
		c.Besides = f.id()
	}
	c.Alone = f.chance(4)
	if f.chance(5) {
		c.Linked = []string{f.id()}
	}
	if f.chance(15) {
		f.Shuffle(len(c.Cosigners), func(i, j int) { c.Cosigners[i], c.Cosigners[j] = c.Cosigners[j], c.Cosigners[i] })
		c.Cosigners = c.Cosigners[:f.IntN(5)]
	}
	if f.chance(15) {
		c.CosignedAt = testlog.Now + pick[int64](f, -3*86400, -86400, -1, 1, 3600, 3899, 3900, 3901, 86400)
	}
	return c
}

// period returns a period of some days, with positions that seldom are all of them.
func (f *forge) period(l *testlog.Log, m uint64) *bundle.Period {
	from := uint64(f.IntN(int(m)))
	p := &bundle.Period{From: from, To: from + 1 + uint64(f.IntN(int(m))),
		Days: asked(pick(f, "2026-11-12..2026-11-21", "2026-11-22..2026-11-22", "2026-11-23..2026-11-23"))}
	var roots []uint64
	for i := range l.Size() {
		if e := l.Entries[i]; e != nil && (e.Type == entry.TypeIndexRoot || f.chance(3)) && !e.Type.Sealed() {
			roots = append(roots, i)
		}
	}
	leaf := func(i uint64) *bundle.Leaf { return &bundle.Leaf{Index: i, Leaf: l.Leaves[i]} }
	if f.chance(50) {
		p.Before = leaf(pick(f, roots...))
		if root, ok := l.Entries[p.Before.Index].Body.(*entry.IndexRoot); ok {
			p.From = root.Size
		}
	} else if f.chance(50) {
		p.From = 0
	}
	if f.chance(50) {
		p.After = leaf(pick(f, roots...))
		p.To = p.After.Index
	} else if f.chance(80) {
		p.To = l.Size()
	}
	return p
}

// days returns what the reader of a claim's statement asks for.
func (f *forge) days(c testlog.Claim) string {
	if c.Period == nil || f.chance(10) {
		return ""
	}
	return c.Period.Days.String()
}

// mutateStatement changes a statement as the operator can that makes it.
func (f *forge) mutateStatement(l *testlog.Log, s *bundle.Statement) {
	h := pick(f, s.Histories()...)
	lists := []*bundle.Entries{&s.Entries, &s.Newer}
	if s.Everyone != nil {
		lists = append(lists, &s.Everyone.Entries, &s.Everyone.Newer)
	}
	list := pick(f, lists...)
	switch f.IntN(14) {
	case 0: // left out
		if len(*list) > 0 {
			i := f.IntN(len(*list))
			*list = append((*list)[:i:i], (*list)[i+1:]...)
		}
	case 1: // from one list into another
		if from := pick(f, lists...); len(*from) > 0 {
			*list = append(slices.Clone(*list), (*from)[f.IntN(len(*from))])
		}
	case 2:
		if len(*list) > 0 {
			i := f.IntN(len(*list))
			e := (*list)[i]
			(*list)[i] = bundle.HiddenEntry(e.Index, e.Hash(h.Tag))
		}
	case 3:
		if len(*list) > 0 {
			e := &(*list)[f.IntN(len(*list))]
			if n := len(e.Disclosures); n > 0 {
				i := f.IntN(n)
				e.Disclosures = append(slices.Clone(e.Disclosures[:i]), e.Disclosures[i+1:]...)
			}
		}
	case 4:
		if len(*list) > 0 {
			(*list)[f.IntN(len(*list))].Index += uint64(f.IntN(3))
		}
	case 5:
		if n := len(s.Chains); n > 0 {
			i := f.IntN(n)
			s.Chains = append(s.Chains[:i:i], s.Chains[i+1:]...)
		}
	case 6:
		if len(s.Chains) > 0 { // an earlier change may have dropped the last one
			c := &s.Chains[f.IntN(len(s.Chains))]
			c.Leaves = c.Leaves[:max(0, len(c.Leaves)-1)]
		}
	case 7:
		if n := len(s.Chains); n > 0 {
			a, b := f.IntN(n), f.IntN(n)
			s.Chains[a].Leaves = s.Chains[b].Leaves
		}
	case 8:
		s.Chains = with(s.Chains, l.Chain(pick(f, "genesis", "index-root", "org:fife", "key:x"), uint64(f.IntN(int(l.Size())))))
	case 9:
		i := uint64(f.IntN(int(l.Size())))
		if e := l.Entries[i]; e != nil && !e.Type.Sealed() {
			s.IndexRoot = bundle.Leaf{Index: i, Leaf: l.Leaves[i]}
		}
	case 10:
		if s.Period == nil {
			s.Period = &bundle.Period{}
		}
		s.Period.From, s.Period.To = uint64(f.IntN(12)), uint64(f.IntN(16))
	case 11:
		s.Checkpoint = mutatedNote(f, l, s.Checkpoint)
	case 12:
		if s.Everyone != nil {
			s.Everyone.Subject, s.Subject = s.Subject, s.Everyone.Subject
		}
	default:
		if len(s.Linked) > 0 {
			s.Linked = s.Linked[:len(s.Linked)-1]
		}
	}
	s.Subject.Count = uint64(len(s.Entries))
	if s.Everyone != nil {
		s.Everyone.Count = uint64(len(s.Everyone.Entries))
	}
}

// mutatedNote changes the lines of a checkpoint.
func mutatedNote(f *forge, l *testlog.Log, note string) string {
	text, lines, _ := strings.Cut(note, "\n\n")
	list := strings.SplitAfter(strings.TrimSuffix(lines, "\n"), "\n")
	size := l.Size() - uint64(f.IntN(2))
	head := proof.Checkpoint{Origin: l.Origin, Size: l.Size(), Root: l.Root(l.Size())}
	one := pick(f, f.w.everybody()...)
	switch f.IntN(8) {
	case 0:
		f.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	case 1:
		i := f.IntN(len(list))
		list = append(list[:i:i], list[i+1:]...)
	case 2:
		return note + one.Line(head, pick[int64](f, 0, 1, testlog.Now-200000, testlog.Now+3899, testlog.Now+3901, 1<<62, -1))
	case 3:
		return note + testlog.NewCosigner(one.Name).Line(head, testlog.Now)
	case 4:
		return note + list[f.IntN(len(list))]
	case 5:
		return string(l.Cosigned(size, 0, f.w.everybody()...))
	case 6:
		head.Size++
		return note + one.Line(head, testlog.Now)
	default:
		i := f.IntN(len(note))
		return strings.ToValidUTF8(note[:i], "") + string(rune(f.IntN(128))) + strings.ToValidUTF8(note[i+1:], "")
	}
	return text + "\n\n" + strings.Join(list, "") + "\n"
}
