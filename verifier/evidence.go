package verifier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// evidence is the check of what statements and extracts have in common: the checkpoint and who stands behind it, leaf 0, the index root, and the
// public histories by which each signature is judged at its own position.
type evidence struct {
	rep     *Report
	doc     *bundle.Evidence
	policy  *Policy
	log     *cosign.PolicyLog
	head    proof.Checkpoint
	sigs    []Cosignature
	genesis *entry.Genesis
	root    *entry.IndexRoot
	acts    []act             // what was signed, to be judged in order of index
	first   map[string]uint64 // (iss, jti) and identity of what is shown -> its index
	late    map[uint64]bool   // newer entries whose key came later than the index root covers
	proved  map[string]bool   // public histories shown -> whole by the index
}

// act is a signed entry at its place.
type act struct {
	index  uint64
	entry  *entry.Entry
	public bool
}

// checkHead opens the checkpoint and counts its cosigners. false: nothing that follows can be judged.
func (v *evidence) checkHead(now time.Time) bool {
	if v.log = v.policy.Log(v.doc.Origin); v.log == nil {
		v.rep.Fail(&Failure{Check: CheckOrigin, Expected: "a log that your policy knows: " + originsOf(v.policy), Found: v.doc.Origin,
			Meaning: "the file is about another log than those you trust to be what they say"})
		return false
	}
	v.rep.Pass(CheckOrigin, nil, "%s", v.doc.Origin)
	signed := []byte(v.doc.Checkpoint)
	head, err := OpenCheckpoint(signed, v.log.Verifier)
	if err != nil {
		v.rep.Fail(asFailure(err, nil, CheckCheckpointSignature))
		return false
	}
	v.head = head
	v.rep.Pass(CheckCheckpointSignature, nil, "%s signed size %d, root %x", head.Origin, head.Size, head.Root)
	before := len(v.rep.Failures)
	v.sigs = OpenCosignatures(v.rep, signed, head, v.policy.Cosigners, now)
	if len(v.rep.Failures) == before {
		v.rep.Pass(CheckCosignature, nil, "%d by cosigners of your policy", len(v.sigs))
	}
	v.checkQuorum()
	return true
}

func originsOf(p *Policy) string {
	var names []string
	for _, l := range p.Logs {
		names = append(names, l.Verifier.Name())
	}
	return strings.Join(names, ", ")
}

// checkQuorum says by which named group the policy's quorum fails, if by one of them.
func (v *evidence) checkQuorum() {
	if v.policy.AsksNobody() {
		v.rep.Skip(CheckQuorum, nil, "your policy asks for no cosigner: that the log is the same for everybody, and its index true, is the operator's word")
		return
	}
	if _, ok := v.policy.Quorum().AsOf(v.sigs); ok {
		v.rep.Pass(CheckQuorum, nil, "%s", v.policy.Quorum().Want())
		return
	}
	named := false
	for _, g := range []struct {
		name           string
		check          Check
		what, whyItHas string
	}{
		{cosign.GroupWitnesses, CheckWitnesses, "witnesses", "too few saw this tree head: it may be one that is shown to you alone"},
		{cosign.GroupAuditors, CheckAuditors, "auditors", "too few stand behind the subject index: that nothing is missing would be the operator's word"},
	} {
		m := v.policy.Group(g.name)
		if m == nil {
			continue
		}
		if _, ok := m.AsOf(v.sigs); !ok {
			named = true
			v.rep.Fail(&Failure{Check: g.check, Expected: "cosignatures of " + m.Want(), Found: v.namesOf(m), Meaning: g.whyItHas})
		}
	}
	if !named {
		v.rep.Fail(&Failure{Check: CheckQuorum, Expected: "cosignatures of " + v.policy.Quorum().Want(), Found: v.namesOf(v.policy.Quorum()),
			Meaning: "too few of those you trust stand behind this tree head"})
	}
}

// namesOf lists who of m cosigned.
func (v *evidence) namesOf(m *cosign.Group) string {
	var names []string
	for _, s := range v.signersOf(m) {
		names = append(names, s.By.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (v *evidence) signersOf(m *cosign.Group) []Cosignature {
	if m == nil {
		return nil
	}
	members := m.Cosigners()
	return slices.DeleteFunc(slices.Clone(v.sigs), func(s Cosignature) bool { return !slices.Contains(members, s.By) })
}

// checkInclusion checks that every leaf shown stands where it is said to under the checkpoint.
func (v *evidence) checkInclusion(hashes map[uint64]wire.Hash, err error) {
	if err == nil {
		err = proof.VerifyMulti(hashes, v.doc.Nodes, v.head.Size, v.head.Root)
	}
	if err == nil {
		v.rep.Pass(CheckInclusion, nil, "all %d leaves shown are in the log of size %d, each at its place", len(hashes), v.head.Size)
		return
	}
	f := failure(err, nil, CheckInclusion)
	if f.Check == CheckInclusion {
		f.Expected = fmt.Sprintf("leaves that, with the nodes given, hash to the root %x of size %d", v.head.Root, v.head.Size)
		f.Meaning = "something shown is not what the log holds at that place: an entry's content, link or position was altered, or entries or nodes were taken out or added. Ask for the file again; if it stays so, keep it"
	}
	v.rep.Fail(f)
}

// checkGenesis reads leaf 0.
func (v *evidence) checkGenesis() bool {
	g, err := CheckGenesis(v.doc.Genesis.Leaf, v.log.Key)
	if err != nil {
		v.rep.Fail(asFailure(err, At(0), CheckGenesisLeaf))
		return false
	}
	v.genesis = g
	v.rep.Pass(CheckGenesisLeaf, At(0), "leaf 0 names this log key and the pseudonym key")
	e, err := entry.ParseParts(string(v.doc.Genesis.Leaf[1:]), nil) // read by CheckGenesis
	v.acts = append(v.acts, act{0, e, true})
	return err == nil
}

// checkIndexRoot reads the index root and where it stands: M <= j < N, at most the genesis' lag behind. Its signature is judged with all others.
func (v *evidence) checkIndexRoot() bool {
	j, n := v.doc.IndexRoot.Index, v.head.Size
	leaf, err := proof.ParseLeaf(v.doc.IndexRoot.Leaf)
	var e *entry.Entry
	if err == nil {
		e, err = leaf.Entry()
	}
	if err != nil {
		v.rep.Fail(failure(err, At(j), CheckIndexRoot))
		return false
	}
	r, ok := e.Body.(*entry.IndexRoot)
	if !ok {
		v.rep.Fail(&Failure{Check: CheckIndexRoot, Index: At(j), Expected: "an index root", Found: "an entry of type " + string(e.Type), Meaning: "the file leads to no word of the operator about the index: it proves nothing about what is missing"})
		return false
	}
	v.root = r
	v.acts = append(v.acts, act{j, e, false})
	if err := r.CheckPosition(j); err != nil {
		v.rep.Fail(failure(err, At(j), CheckIndexRoot))
		return false
	}
	if j >= n {
		f := beyond(j, n)
		f.Check = CheckIndexRoot
		v.rep.Fail(f)
		return false
	}
	v.rep.Pass(CheckIndexRoot, At(j), "covers the entries below %d, root %x", r.Size, r.Root)
	if lag := n - r.Size; lag > v.genesis.IndexLag {
		v.rep.Fail(&Failure{Check: CheckIndexLag, Index: At(j), Expected: fmt.Sprintf("an index root at most %d entries behind, as the genesis promises", v.genesis.IndexLag), Found: fmt.Sprintf("%d behind size %d", lag, n),
			Meaning: "the file rests on an old index root although newer ones are due: what came since would be missing from it. Ask for a new one; if there is none, the operator does not keep what the genesis promises"})
		return true
	}
	v.rep.Pass(CheckIndexLag, At(j), "%d entries behind size %d, at most %d allowed", n-r.Size, n, v.genesis.IndexLag)
	return true
}

// checkChains checks that the public histories are whole by the index and takes their entries up to be judged.
func (v *evidence) checkChains() {
	v.proved = map[string]bool{}
	for i := range v.doc.Chains {
		c := &v.doc.Chains[i]
		v.proved[c.Name] = false
		root, err := c.Root()
		if err != nil || root != v.root.Root {
			found := fmt.Sprintf("root %x", root)
			if err != nil {
				found = err.Error()
			}
			v.rep.Fail(&Failure{Check: CheckKeyHistory, Expected: fmt.Sprintf("the whole history of %s, which leads to the index root %x", c.Name, v.root.Root), Found: found, Err: err,
				Meaning: "entries about a key or organisation are missing or false, perhaps its revocation: what it signed cannot be judged"})
			continue
		}
		v.proved[c.Name] = true
		for _, l := range c.Leaves {
			leaf, err := proof.ParseLeaf(l.Leaf)
			var e *entry.Entry
			if err == nil {
				e, err = leaf.Entry()
			}
			if err == nil && (e.Name() != c.Name || l.Index >= v.root.Size) {
				err = &Failure{Check: CheckKeyHistory, Index: At(l.Index), Expected: "an entry about " + c.Name + " below the index root's size", Found: "another entry",
					Meaning: "the index files an entry under a name it does not belong to: the index is false, and no honest auditor cosigns it"}
			}
			if err != nil {
				v.rep.Fail(asFailure(err, At(l.Index), CheckEntryForm))
				continue
			}
			v.acts = append(v.acts, act{l.Index, e, true})
		}
	}
}

// judge replays what was signed in order of index, as the ledger did: each signature by the key as it stood there. It gives the register after the last.
func (v *evidence) judge() *register.Register {
	slices.SortStableFunc(v.acts, func(a, b act) int {
		switch {
		case a.index < b.index:
			return -1
		case a.index > b.index:
			return 1
		}
		return 0
	})
	reg := register.New(v.log.Verifier.Name())
	reg.Partial = true
	v.late = map[uint64]bool{}
	good, last := 0, -1
	for n, a := range v.acts {
		if last >= 0 && v.acts[last].index == a.index && a.public {
			v.rep.Fail(&Failure{Check: CheckKeyHistory, Index: At(a.index), Expected: "each entry in one history", Found: "the same index twice", Meaning: "one entry is shown as two: the index is false, or the file was altered"})
			continue
		}
		last = n
		err := reg.Verify(a.entry, a.index)
		if err == nil && a.public {
			err = reg.Apply(a.entry, a.index)
		}
		if errors.Is(err, wire.UnknownKey) && a.index >= v.root.Size && a.entry.Type.Sealed() { // its key may have come after M, where nothing is proved
			v.late[a.index] = true
			v.rep.Skip(CheckKeyStatus, At(a.index), "newer than the index, and so is its key: who signed is not proved yet")
			continue
		}
		if err != nil {
			v.rep.Fail(failure(err, At(a.index), CheckSignature))
			continue
		}
		good++
	}
	v.rep.Pass(CheckSignature, nil, "%d entries, public ones included, are signed as the register allows at their places", good)
	v.checkWhole(reg)
	return reg
}

// checkWhole asks for the history of every key that signed something, and of its organisation: without it nobody sees that it was not revoked.
func (v *evidence) checkWhole(reg *register.Register) {
	before, whole := len(v.rep.Failures), true
	asked := map[string]bool{}
	ask := func(name string) {
		if asked[name] {
			return
		}
		asked[name] = true
		if proved, shown := v.proved[name]; !shown {
			v.rep.Fail(&Failure{Check: CheckKeyHistory, Expected: "the whole history of " + name, Found: "none", Meaning: "the file does not show that the key that signed, or its organisation's role, was not taken away before: ask for a file that does"})
		} else if !proved {
			whole = false // checkChains has said so
		}
	}
	for _, a := range v.acts {
		if a.index == 0 || v.late[a.index] {
			continue
		}
		for _, kid := range signersOf(a.entry) {
			ask("key:" + kid)
			if k := reg.Key(kid); k != nil {
				ask("org:" + k.Org)
			}
		}
	}
	if whole && len(v.rep.Failures) == before {
		v.rep.Pass(CheckKeyHistory, nil, "whole histories of the %d keys and organisations that signed, below entry %d", len(asked), v.root.Size)
	}
}

// signersOf gives the keys behind an entry: its own and a countersigner's.
func signersOf(e *entry.Entry) []string {
	kids := []string{e.KID}
	var counter string
	switch b := e.Body.(type) {
	case *entry.Organisation:
		counter = b.Counter
	case *entry.Key:
		counter = b.Counter
	}
	if counter != "" {
		if jws, err := wire.ParseJWS("countersignature", counter, wire.TypCountersignature); err == nil {
			kids = append(kids, jws.KID)
		}
	}
	return kids
}

// checkContents checks of shown entries what needs no register: form, disclosures, audience, whom they are about ("" = not asked), and that none comes twice. It gives
// those that could be read, in order.
func (v *evidence) checkContents(shown []*bundle.Opening, id string, words historyWords) []*entry.Entry {
	list := make([]*entry.Entry, len(shown))
	if v.first == nil {
		v.first = map[string]uint64{}
	}
	failures := len(v.rep.Failures)
	for n, o := range shown {
		i := At(o.Index)
		e, err := entry.ParseParts(o.JWS, o.Disclosures)
		if err == nil && !e.Type.Sealed() {
			err = &Failure{Check: CheckLeafForm, Index: i, Expected: "an entry about a person", Found: "an entry of type " + string(e.Type), Meaning: "the operator hides what must be public"}
		}
		if err != nil {
			f := asFailure(err, i, CheckEntryForm)
			if errors.Is(err, wire.UnknownType) {
				f.Meaning = "this verifier is too old for the entry, or the type is invented: get a newer one before you judge"
			}
			v.rep.Fail(f)
			continue
		}
		list[n] = e
		if sub := e.ShownSub(); id != "" && sub != id {
			f := &Failure{Check: CheckSubject, Index: i, Expected: "an entry about " + words.about, Found: "an entry about somebody else",
				Meaning: "another person's entry is shown as this one's"}
			if sub == "" {
				f.Found, f.Meaning = "an entry that does not show whom it is about", "whether it belongs here cannot be checked: what cannot be opened counts as false"
			}
			v.rep.Fail(f)
		}
		for _, key := range []string{e.Issuer + " " + e.ID, string(sliceOf(e.Identity()))} {
			if at, again := v.first[key]; again {
				v.rep.Fail(&Failure{Check: CheckDuplicate, Index: i, Expected: "each act of an organisation once", Found: fmt.Sprintf("that of entry %d again", at),
					Meaning: "the operator logged one act twice, perhaps with a second spelling of its signature, or the source gave two acts one number"})
				break
			}
			v.first[key] = o.Index
		}
		v.acts = append(v.acts, act{o.Index, e, false})
	}
	if len(v.rep.Failures) == failures && len(shown) > 0 {
		v.rep.Pass(CheckDisclosures, nil, "%d %s read; each thing shown is part of what was signed", len(shown), words.entries)
		if id != "" {
			v.rep.Pass(CheckSubject, nil, "each is about %s", words.about)
		}
		v.rep.Pass(CheckDuplicate, nil, "no act comes twice")
	}
	return list
}

func sliceOf(h wire.Hash) []byte { return h[:] }
