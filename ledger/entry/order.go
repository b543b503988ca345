package entry

import (
	"cmp"
	"time"
)

// Order says when an act of consent was decided, as far as its issuer claims. Acts of one record
// count in this order and not in the order of the log, so that what arrives late revives nothing.
// The first part that differs decides. A part that is missing is before any other.
type Order struct {
	Decided time.Time `json:"d"`          // the date of the decision, or of the consent that ended
	Updated time.Time `json:"u,omitzero"` // when this version of the resource was made
	Version uint64    `json:"v,omitzero"` // its number
	// Stated is the position in the log, from 1, of an act that an officer stated and no other
	// system reported. Order leaves it 0. Officers state acts one after another, in the same second
	// too.
	Stated uint64 `json:"s,omitzero"`
}

// Order returns when the act was decided. No time in it is after the entry was signed: an act dated
// in the future would otherwise stand above everything that the person decides until then. The act
// must have been checked.
func (c *Consent) Order() Order {
	signed := time.Unix(c.IssuedAt+1, 0).UTC() // iat is in whole seconds
	read := func(s string) time.Time {
		t, err := ParseTime(s)
		if err != nil {
			return time.Time{}
		}
		if t = t.UTC(); t.After(signed) {
			return signed
		}
		return t
	}
	return Order{Decided: read(c.Decided), Updated: read(c.Updated), Version: c.Version}
}

// Compare returns a negative number if o was decided before p, a positive one if after, and 0 if
// the claims do not tell.
func (o Order) Compare(p Order) int {
	c := cmp.Or(o.Decided.Compare(p.Decided), o.Updated.Compare(p.Updated), cmp.Compare(o.Version, p.Version))
	if c == 0 && o.Stated > 0 && p.Stated > 0 {
		return cmp.Compare(o.Stated, p.Stated)
	}
	return c
}

// AsOf returns the time as of which the act says how things are: of a version of a resource, when
// it was made.
func (o Order) AsOf() time.Time {
	if o.Updated.After(o.Decided) {
		return o.Updated
	}
	return o.Decided
}

// Ends reports whether the act is an end of its record.
func (c *Consent) Ends() bool { return c.Act == "withdrawn" || c.Act == "expired" }
