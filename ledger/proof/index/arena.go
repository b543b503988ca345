package index

const chunkSize = 1 << 12

// An arena holds values in chunks that never move. Growing copies nothing, so memory never peaks at
// twice the content. A chunk without pointers costs the garbage collector one look.
type arena[T any] struct {
	chunks []*[chunkSize]T
	len    int
}

func (a *arena[T]) at(i int) *T { return &a.chunks[i/chunkSize][i%chunkSize] }

// add makes room for one zero value and returns its position and address.
func (a *arena[T]) add() (int, *T) {
	if a.len == len(a.chunks)*chunkSize {
		a.chunks = append(a.chunks, new([chunkSize]T))
	}
	a.len++
	return a.len - 1, a.at(a.len - 1)
}
