package statement

import "context"

// LinkedWhile returns the linked ids of a statement of id. After the histories were read for the
// first time, it calls meanwhile.
func (f *Follower) LinkedWhile(ctx context.Context, id string, meanwhile func()) (ids []string, err error) {
	p, err := f.past(id)
	if err != nil {
		return nil, err
	}
	memory := f.reserve()
	defer memory.release()
	g := &gathered{pasts: []*past{p}, memory: &memory}
	err = f.gather(ctx, g, func([]*past, uint64) (map[string]bool, error) {
		do := meanwhile
		meanwhile = func() {}
		do()
		return map[string]bool{}, nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range g.linked {
		ids = append(ids, p.id)
	}
	return ids, nil
}
