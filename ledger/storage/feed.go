package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
)

// Prefixes is Records with only Index, Value and Extra set, and at most the first extra bytes of
// each Extra. A follower of a log needs little of Extra, which makes up most of a leaf's bytes.
func (s *Storage) Prefixes(ctx context.Context, tree *trillian.Tree, start, n uint64, extra int) ([]Record, error) {
	num, o, err := s.span(ctx, tree, fmt.Sprintf("l.place, l.value, substr(l.extra, 1, %d)", extra), start, n)
	var rs []Record
	if err == nil && num > 0 {
		o.Fresh = func() { rs = nil }
		o.Scan = func(scan func(...any) error) error {
			var r Record
			var at int64
			err := scan(&at, &r.Value, &r.Extra)
			r.Index = uint64(at) & (MaxLeaves - 1)
			rs = append(rs, r)
			return err
		}
		err = s.Read(ctx, o)
	}
	for i, r := range rs {
		if r.Index != start+uint64(i) {
			err = fmt.Errorf("%w: leaf %d is missing", ErrCorrupt, start+uint64(i))
			break
		}
	}
	return rs, s.wrap(ctx, fmt.Sprintf("following leaves from %d on, at most %d", start, n), err)
}
