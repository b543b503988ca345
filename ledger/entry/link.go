package entry

import (
	"maps"
	"slices"
	"strings"

	"igledger/ledger/wire"
)

// Link is the body of a sealed entry: from now on two ids are held to be of one person, or no longer. It is filed under Sub, whose statements then show the
// history of Other too; so that it works in both directions the same organisation states it a second time with the two exchanged. One act on two people in
// one leaf (a cohort) would need a leaf form of its own for what two entries say as well.
type Link struct {
	Common
	Act    string   `json:"act"`    // see LinkActs
	Reason string   `json:"reason"` // why, for the person: "one person, two numbers after moving from England"
	SD     []string `json:"_sd"`

	Sub   string `json:"-"` // disclosure "sub": under whom it is filed
	Other string `json:"-"` // disclosure "other": the id that is hers too
}

// LinkActs are what can happen between two ids. The newest act of a history on an id counts, whoever's it is.
var LinkActs = []string{"linked", "unlinked"}

func (l *Link) digests() *[]string { return &l.SD }
func (l *Link) subject() *string   { return &l.Sub }

func (l *Link) claims() []claim {
	return []claim{{"other", l.Other != "", &l.Other, func() error { return CheckID(l.Other) }}}
}

func (l *Link) check() error {
	if !slices.Contains(LinkActs, l.Act) {
		return wire.Errorf(wire.BadClaim, "act", "want one of %s", strings.Join(LinkActs, ", "))
	}
	if l.Reason == "" || !wire.Plain(l.Reason, 512) {
		return wire.Errorf(wire.BadClaim, "reason", "is missing, longer than 512 bytes or with control characters")
	}
	// Whoever is shown whose entry it is must see what it is linked with: the statement cannot be checked otherwise.
	if (l.Sub == "") != (l.Other == "") {
		return wire.Errorf(wire.BadDisclosure, "link", "of its two ids one is shown and one is not")
	}
	if l.Sub != "" && l.Sub == l.Other {
		return wire.Errorf(wire.BadID, "link", "links an id with itself")
	}
	if IsRegister(l.Sub) || IsRegister(l.Other) {
		return wire.Errorf(wire.BadID, "link", "a register is no person's id")
	}
	return nil
}

// IsRegister reports whether an id names a register that stands in for a person: RegWithheld and its neighbours. It does not check that
// the id has one of the known forms; CheckID does.
func IsRegister(id string) bool { return strings.HasPrefix(id, "reg:") }

// MaxLinked is how many ids can be linked with one: a statement shows the history of each.
const MaxLinked = 256

// Links are the links of one history that hold: id -> index of the entry that says so. A nil map
// cannot be added to.
type Links map[string]uint64

// Add takes in the next link of the history, in order of index.
func (m Links) Add(index uint64, l *Link) {
	if l.Act == "linked" {
		m[l.Other] = index
	} else {
		delete(m, l.Other)
	}
}

// IDs returns the ids, ascending.
func (m Links) IDs() []string { return slices.Sorted(maps.Keys(m)) }

// ParseLink reads a link from its JWS and disclosures. It returns nil if they are an entry of another
// type, which is then not parsed further than that takes.
func ParseLink(compact string, disclosures []string) (*Link, error) {
	_, rest, _ := strings.Cut(compact, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	payload, err := wire.Decode64("entry payload", encoded)
	if err != nil {
		return nil, err
	}
	if t, err := typeOf(payload); err != nil || t != TypeLink {
		return nil, err
	}
	e, err := ParseParts(compact, disclosures)
	if err != nil {
		return nil, err
	}
	return e.Body.(*Link), nil
}
