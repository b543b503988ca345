package entry

import (
	"fmt"
	"slices"

	"igledger/ledger/wire"
)

// sealedBody is the body of a sealed type. Its content is in two places: in the open claims, for
// everyone who holds the entry, and in disclosures, which can be withheld one by one. The
// disclosure "sub", the id under which the entry is filed, always exists.
type sealedBody interface {
	Body
	digests() *[]string // claim "_sd"
	subject() *string   // disclosure "sub"
	claims() []claim    // the other claims that are disclosed, at most SDDigests-1
}

// claim is one claim that travels as a disclosure.
type claim struct {
	name  string
	set   bool
	field any          // pointer to the field of the body
	check func() error // checks the value that was read; nil: any value of the field's type
}

// disclosed returns all claims of b that travel as disclosures.
func disclosed(b sealedBody) []claim {
	sub := b.subject()
	return append([]claim{{"sub", true, sub, func() error { return CheckID(*sub) }}}, b.claims()...)
}

// disclose makes the disclosures of the claims that are set, sets _sd, and returns them as they
// travel.
func disclose(b sealedBody) ([]string, error) {
	if err := CheckID(*b.subject()); err != nil {
		return nil, err
	}
	var discs []wire.Disclosure
	var encoded []string
	for _, c := range disclosed(b) {
		if !c.set {
			continue
		}
		d, err := wire.NewDisclosure(c.name, c.field)
		if err != nil {
			return nil, fmt.Errorf("making disclosures: %w", err)
		}
		discs = append(discs, d)
		encoded = append(encoded, d.Encoded)
	}
	sd, err := wire.Digests(discs)
	*b.digests() = sd
	return encoded, err
}

// readDisclosures matches encoded disclosures against the digests of b and fills its fields. Each
// value is read strictly as its field's type.
func readDisclosures(b sealedBody, encoded []string) ([]wire.Disclosure, error) {
	sd := *b.digests()
	if err := wire.CheckDigests(sd); err != nil {
		return nil, err
	}
	discs, err := wire.MatchDisclosures(sd, encoded)
	if err != nil {
		return nil, err
	}
	known := disclosed(b)
	of := func(d wire.Disclosure) int {
		return slices.IndexFunc(known, func(c claim) bool { return c.name == d.Name })
	}
	for _, d := range discs { // all names before any value: verifiers name the same fault first
		if of(d) < 0 {
			return nil, wire.Errorf(wire.BadDisclosure, "disclosure", "the entry's type has no disclosure of this name")
		}
		if len(d.Value) > wire.MaxText {
			return nil, wire.Errorf(wire.TooLarge, "disclosure "+d.Name,
				"%d bytes, at most %d", len(d.Value), wire.MaxText)
		}
	}
	for _, d := range discs {
		c := known[of(d)]
		if err := wire.DecodeJSON("disclosure "+d.Name, d.Value, c.field); err != nil {
			return nil, err
		}
		if c.check == nil {
			continue
		}
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	return discs, nil
}

// ShownSub returns the id that a sealed entry's disclosures show, or "" if they withhold it. For a
// public entry it returns "".
func (e *Entry) ShownSub() string {
	if b, ok := e.Body.(sealedBody); ok {
		return *b.subject()
	}
	return ""
}
