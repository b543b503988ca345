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

// Everybody returns how many reads of everyone's data this follower has read, and how many of them it
// keeps the content of.
func (f *Follower) Everybody() (read, kept int) {
	f.everybody.mu.Lock()
	defer f.everybody.mu.Unlock()
	for _, e := range f.everybody.entries {
		if e.content != nil {
			kept++
		}
	}
	return len(f.everybody.entries), kept
}

// ForgetEverybody drops the content of all of them, as if there were far too much.
func (f *Follower) ForgetEverybody() {
	f.everybody.mu.Lock()
	defer f.everybody.mu.Unlock()
	f.everybody.stored += keptEverybody
	f.everybody.forget()
	f.everybody.stored = 0
}
