package verifier

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// signedEntry is an entry at its place in the log. Its signature is judged by the register as it
// was there.
type signedEntry struct {
	index  uint64
	entry  *entry.Entry
	public bool // of a public history
}

// readChains checks against the index that the public histories are whole, and keeps their entries
// to be judged.
func (c *check) readChains(ev *bundle.Evidence) {
	for i := range ev.Chains {
		chain := &ev.Chains[i]
		c.proved[chain.Name] = false
		root, err := chain.Root()
		if err != nil || root != c.root.Root {
			found := fmt.Sprintf("root %x", root)
			if err != nil {
				found = err.Error()
			}
			c.Fail(&Failure{Check: CheckKeyHistory,
				Expected: fmt.Sprintf("the complete history of %s, which leads to the index root %x", chain.Name, c.root.Root),
				Found:    found, Err: err,
				Meaning: "entries about a key or organisation are missing or false, perhaps its revocation: what it signed " +
					"cannot be judged"})
			continue
		}
		c.proved[chain.Name] = true
		for _, l := range chain.Leaves {
			c.readChainLeaf(chain.Name, l)
		}
	}
}

func (c *check) readChainLeaf(name string, l bundle.Leaf) {
	e, err := readPublic(l.Leaf)
	if err != nil {
		c.Fail(failure(err, At(l.Index), CheckEntryForm))
		return
	}
	if e.Name() != name || l.Index >= c.root.Size {
		c.Fail(&Failure{Check: CheckKeyHistory, Index: At(l.Index),
			Expected: "an entry about " + name + " below the index root's size", Found: "another entry",
			Meaning: "the index lists an entry under the wrong name: the index is false, and no honest auditor cosigns it"})
		return
	}
	c.signed = append(c.signed, signedEntry{l.Index, e, true})
}

// judge replays every signed entry in order of index, as the ledger did. It verifies each signature
// with the key as it was at that index.
func (c *check) judge() {
	slices.SortStableFunc(c.signed, func(a, b signedEntry) int { return cmp.Compare(a.index, b.index) })
	c.register = register.New(c.head.Origin)
	c.register.Partial = true
	good := 0
	for n, s := range c.signed {
		c.onProgress(uint64(n), uint64(len(c.signed)))
		if s.public && n > 0 && c.signed[n-1].index == s.index {
			c.Fail(&Failure{Check: CheckKeyHistory, Index: At(s.index),
				Expected: "each entry in one history", Found: "the same index twice",
				Meaning: "one entry is shown as two: the index is false, or the file was altered"})
			continue
		}
		if c.judgeEntry(s) {
			good++
		}
	}
	c.Pass(CheckSignature, nil, "%s, including public ones, %s signed by a key that was valid at that index",
		count(good, "entry", "entries"), plural(good, "was", "were each"))
	c.checkWhole()
	for _, rows := range c.histories() {
		for i := range rows {
			c.remark(&rows[i])
		}
	}
}

// judgeEntry reports whether an entry was signed by a key that was valid at that index.
func (c *check) judgeEntry(s signedEntry) bool {
	state := register.State{Register: c.register}
	err := state.Step(s.entry, s.index)
	switch {
	case err == nil:
		return true
	case errors.Is(err, wire.UnknownKey) && s.index >= c.root.Size && s.entry.Type.Sealed():
		// The key may have been registered at or above M, where nothing is proved. An honest ledger
		// shows the entry when it can prove the key.
		c.late[s.index] = true
		c.Fail(&Failure{Check: CheckKeyStatus, Index: At(s.index),
			Expected: "a key that the index has, or the genesis", Found: "a key of which the file shows nothing", Err: err,
			Meaning: "the entry is newer than the index, and nothing shows that the key which signed it was ever registered, " +
				"or that it had not been revoked: the operator can have made the entry up"})
	default:
		c.Fail(failure(err, At(s.index), CheckSignature))
	}
	return false
}

// checkWhole requires the history of every key that signed something, and of its organisation.
// Without it, a reader could not see that the key was revoked.
func (c *check) checkWhole() {
	names := map[string]bool{}
	whole := true
	ask := func(name string) {
		if names[name] {
			return
		}
		names[name] = true
		proved, shown := c.proved[name]
		whole = whole && proved
		if !shown { // a history that is shown but not proved has failed in readChains
			c.Fail(&Failure{Check: CheckKeyHistory, Expected: "the complete history of " + name, Found: "none",
				Meaning: "the file does not show whether the key that signed had been revoked, or its organisation had " +
					"lost its role: ask for a file that does"})
		}
	}
	for _, s := range c.signed {
		if s.index == 0 || c.late[s.index] {
			continue
		}
		for _, kid := range signerKeys(s.entry) {
			ask("key:" + kid)
			if k := c.register.Key(kid); k != nil {
				ask("org:" + k.Org)
			}
		}
	}
	if whole {
		c.Pass(CheckKeyHistory, nil, "the histories of the keys and organisations that signed (%d) are complete "+
			"below entry %d", len(names), c.root.Size)
	}
}

// signerKeys returns the ids of the keys that signed an entry: its own and a countersigner's.
func signerKeys(e *entry.Entry) []string {
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

// histories returns the rows of all histories that the file shows.
func (c *check) histories() [][]StatementEntry {
	all := [][]StatementEntry{c.own, c.everyone}
	for _, l := range c.linked {
		all = append(all, l.Entries)
	}
	return all
}

// remark adds what a reader must know about an entry, even though it is in the log.
func (c *check) remark(row *StatementEntry) {
	if row.Hidden {
		return
	}
	if row.Newer {
		row.Remarks = append(row.Remarks, fmt.Sprintf("newer than the index (entry %d): it is in the log, but this list "+
			"may lack other new entries and a revocation of its key", c.root.Size))
	}
	if row.Entry == nil {
		return
	}
	if k := c.register.Key(row.Entry.KID); k != nil && k.SuspectFrom != nil && row.Index >= *k.SuspectFrom {
		row.Remarks = append(row.Remarks, fmt.Sprintf("the key that signed it was later declared suspect from entry %d on",
			*k.SuspectFrom))
	}
}
