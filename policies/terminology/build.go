package terminology

import (
	"fmt"
	"math"
	"slices"
)

// maxAbove bounds the pairs of a code and a code above it, over all codes of a system. SNOMED CT
// has 7 million.
const maxAbove = 200_000_000

// graph collects what is said of one code system.
type graph struct {
	numbers map[string]uint32
	parents [][]uint32
}

func newGraph() *graph { return &graph{numbers: map[string]uint32{}} }

// number returns the number of a code, a new one if it was not there.
func (g *graph) number(code string) uint32 {
	n, ok := g.numbers[code]
	if !ok {
		n = uint32(len(g.parents))
		g.numbers[code] = n
		g.parents = append(g.parents, nil)
	}
	return n
}

// put notes that a code lies below another.
func (g *graph) put(code, parent string) {
	n, p := g.number(code), g.number(parent)
	if !slices.Contains(g.parents[n], p) || len(g.parents[n]) > 64 { // doubles cost room only
		g.parents[n] = append(g.parents[n], p)
	}
}

// close computes everything above each code. A code above itself is an error.
func (g *graph) close() (*system, error) {
	n := len(g.parents)
	above, state := make([][]uint32, n), make([]byte, n)
	const open, done = 1, 2
	total := 0
	var stack []uint32
	for root := range n {
		stack = append(stack[:0], uint32(root))
		for len(stack) > 0 {
			c := stack[len(stack)-1]
			if state[c] == done {
				stack = stack[:len(stack)-1]
				continue
			}
			state[c] = open
			ready := true
			for _, p := range g.parents[c] {
				switch state[p] {
				case open:
					return nil, fmt.Errorf("a code lies below itself")
				case 0:
					stack, ready = append(stack, p), false
				}
			}
			if !ready {
				continue
			}
			list := slices.Clone(g.parents[c])
			for _, p := range g.parents[c] {
				list = append(list, above[p]...)
			}
			slices.Sort(list)
			above[c] = slices.Clip(slices.Compact(list))
			if total += len(above[c]); total > maxAbove {
				return nil, fmt.Errorf("more than %d pairs of a code and one above it", maxAbove)
			}
			state[c] = done
			stack = stack[:len(stack)-1]
		}
	}
	s := &system{numbers: g.numbers, from: make([]uint32, n+1), up: make([]uint32, 0, total)}
	if total > math.MaxUint32 {
		return nil, fmt.Errorf("too many codes")
	}
	for i, list := range above {
		s.up = append(s.up, list...)
		s.from[i+1] = uint32(len(s.up))
		above[i] = nil
	}
	return s, nil
}
