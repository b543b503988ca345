package ledger

import (
	"context"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// Screen parses the entries of one call, in their order. It looks at the key first: of an entry
// whose key is neither registered nor added by an earlier entry of the call, it parses no more than
// the header. So a stranger's disclosures cost nothing. It is not safe for concurrent use.
//
// Whether an entry may be appended is decided by Append.
type Screen struct {
	log   *Log
	reg   *register.Register
	fresh bool            // reg was read for this call: another replica may have registered a key
	added map[string]bool // kids of keys that entries of the call want to register
}

// Screen returns the screen of one call.
func (l *Log) Screen() *Screen {
	return &Screen{log: l, reg: l.reg.Load().Register, added: map[string]bool{}}
}

// Parse parses an entry as entry.Parse does. If its key is not known, it returns UnknownKey.
func (s *Screen) Parse(ctx context.Context, sdjwt string) (*entry.Entry, error) {
	kid, err := wire.HeaderKID("entry", sdjwt, wire.TypEntry)
	if err != nil {
		return entry.Parse(sdjwt) // which has a header that it refuses too, or something worse before it
	}
	if !s.known(ctx, kid) {
		_, err := s.reg.Active(kid, 0)
		return nil, err
	}
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return nil, err
	}
	if k, ok := e.Body.(*entry.Key); ok {
		s.added[k.Key.JWK.Thumbprint()] = true
	}
	return e, nil
}

func (s *Screen) known(ctx context.Context, kid string) bool {
	if s.reg.Key(kid) == nil && !s.added[kid] && !s.fresh {
		s.fresh = true
		if reg, err := s.log.Register(ctx); err == nil {
			s.reg = reg
		}
	}
	return s.reg.Key(kid) != nil || s.added[kid]
}
