package entry

import (
	"maps"
	"slices"
	"strings"

	"igledger/ledger/wire"
)

// Link is the body of a sealed entry: two ids belong to one person from now on, or no longer. It is
// filed under Sub, whose statements then show the history of Other too. To link in both directions,
// the same organisation states it a second time with the two ids exchanged. One leaf with both
// people (a cohort) would need a leaf form of its own and say no more than the two entries.
type Link struct {
	Common
	Act    string   `json:"act"`    // see LinkActs
	Reason string   `json:"reason"` // why, for the person: "one person, two numbers after moving from England"
	SD     []string `json:"_sd"`

	Sub   string `json:"-"` // disclosure "sub": the id under which it is filed
	Other string `json:"-"` // disclosure "other": the other id of the same person
}

// LinkActs are what can happen between two ids. The newest act of a history on an id decides,
// whichever organisation states it.
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
		return wire.Errorf(wire.BadClaim, "reason", "is missing, longer than 512 bytes or has control characters")
	}
	if err := seen("reason", l.Reason); err != nil {
		return err
	}
	// A reader who sees the one id must see the other, or they could not check the statement.
	if (l.Sub == "") != (l.Other == "") {
		return wire.Errorf(wire.BadDisclosure, "link", "shows one of its two ids without the other")
	}
	if l.Sub != "" && l.Sub == l.Other {
		return wire.Errorf(wire.BadID, "link", "links an id with itself")
	}
	if IsRegister(l.Sub) || IsRegister(l.Other) {
		return wire.Errorf(wire.BadID, "link", "a register cannot be linked")
	}
	return nil
}

// IsRegister reports whether id names a register used in place of a person, such as RegWithheld. It
// does not check that the id has one of the known forms; CheckID does.
func IsRegister(id string) bool { return strings.HasPrefix(id, "reg:") }

// MaxLinked is the maximum number of ids linked with one id: a statement shows the history of each.
const MaxLinked = 256

// Links are the current links of one history: from each linked id to the index of the entry that
// states the link. A nil map cannot be added to.
type Links map[string]uint64

// Add takes the next link of the history. Links are added in order of index.
func (m Links) Add(index uint64, l *Link) {
	if l.Act == "linked" {
		m[l.Other] = index
	} else {
		delete(m, l.Other)
	}
}

// IDs returns the linked ids, ascending.
func (m Links) IDs() []string { return slices.Sorted(maps.Keys(m)) }

// ParseLink reads a link from its JWS and disclosures. If they are an entry of another type, it
// returns nil and parses no further.
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
