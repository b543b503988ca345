package policies

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"igledger/policies/purpose"
)

// An access states lists: purposes, and codes in each dimension of data. It does not say which of
// its types was read under which label for which purpose, so every combination of them may have
// been. A grid holds these combinations, and what each rule says of them.
//
// Elements of one axis of which every rule says the same are one class, so an ordinary access has
// few combinations, however long its lists are.

// The axes of a grid: the dimensions of data, by their numbers, and the purpose.
const (
	purposeAxis = dimensions
	axes        = dimensions + 1
)

// maxCombinations bounds what a decision costs. If the rules tell apart more combinations of an
// access, every refusal that could be about one of them counts, and no permission does. The lists
// of an access have at most 64 codes together in all dimensions, so that takes a person with dozens
// of rules about codes, and an access that names dozens.
const maxCombinations = 4096

// elements is a set of elements of one axis.
type elements uint64

// maxElements is the most elements of an axis. The lists of an access are not longer, but a ghost
// may come on top: then the access has too many combinations.
const maxElements = 64

func (s elements) has(i int) bool { return s>>i&1 != 0 }
func (s elements) first() int     { return bits.TrailingZeros64(uint64(s)) }

// firstElements returns the first n elements.
func firstElements(n int) elements {
	if n >= maxElements {
		return ^elements(0)
	}
	return 1<<n - 1
}

// axis is what an access states in one respect: codes, or one "" if it states none. Behind them may
// be a ghost, which stands for what the access leaves open: only refusals reach it.
type axis struct {
	codes []string // canonical
	ghost ghost
	full  elements // all of them
}

// ghost is a label that an access may have left out.
type ghost int

const (
	noGhost  ghost = iota
	noLevel        // it states no confidentiality
	noReason       // it states a confidentiality above normal, but not which sensitivity is the reason
	noLabel        // see unlistedData
)

// unstated is an axis of which nothing is stated.
var unstated = []string{""}

// grid is the combinations of one access.
type grid struct {
	axis    [axes]axis
	wider   [][]string // of each purpose: it, and all that it is a kind of
	large   bool       // an axis has too many elements
	nodes   []node
	classes [axes][]elements
	at      [axes]int // of each

	nodesHere   [16]node // nodes begins here, classes there: an ordinary decision allocates neither
	classesHere [axes][2]elements
	widerHere   [2][]string
	chainHere   [8]string
}

// grids holds grids that are not in use. Each is empty.
var grids = sync.Pool{New: func() any { return new(grid) }}

// free empties a grid and gives it back.
func (g *grid) free() {
	*g = grid{}
	grids.Put(g)
}

// node is a rule that applies as far as everything but the combination is concerned. The nodes of
// its exceptions follow it.
type node struct {
	deny, restricts bool
	held            bool // it applies only because the access does not name the user, see Rule.Staff
	record          int
	end             int            // index after its last exception's
	reaches         [axes]elements // which elements it is about
}

// lay lays out the axes of an access.
func (g *grid) lay(purposes, data []string) {
	g.axis[purposeAxis].codes = orUnstated(purposes)
	g.wider = g.widerHere[:0]
	chain := g.chainHere[:0]
	for _, code := range purposes {
		from := len(chain)
		for code != "" {
			chain = append(chain, code)
			p, _ := purpose.Lookup(code)
			code = p.Parent
		}
		g.wider = append(g.wider, chain[from:len(chain):len(chain)])
	}
	if len(purposes) == 0 {
		g.wider = append(g.wider, nil)
	}
	levelled, reasoned, above := false, false, false
	for _, code := range data {
		if code == "" {
			continue
		}
		d, code := place(code)
		g.axis[d].codes = append(g.axis[d].codes, code)
		if d == Labels {
			c := isConfidentiality(code)
			levelled, reasoned = levelled || c, reasoned || !c
			above = above || c && (level(code) < 0 || level(code) > normal)
		}
	}
	switch {
	case reasoned && !levelled:
		g.axis[Labels].ghost = noLevel
	case above && !reasoned:
		g.axis[Labels].ghost = noReason
	}
	for i := range g.axis {
		a := &g.axis[i]
		if len(a.codes) == 0 {
			a.codes = unstated
		}
		n := len(a.codes)
		if a.ghost != noGhost {
			n++
		}
		g.large = g.large || n > maxElements
		a.full = firstElements(n)
	}
	g.nodes = g.nodesHere[:0]
}

// add adds a rule of a record, which applies, and its exceptions as far as they do. deny says
// whether r forbids.
func (g *grid) add(r *Rule, q *Request, holder string, record int, deny, held bool) {
	at := len(g.nodes)
	g.nodes = append(g.nodes, node{deny: deny, restricts: r.Restricts, held: held, record: record})
	n := &g.nodes[at]
	for i := range g.axis {
		n.reaches[i] = g.axis[i].full
	}
	if len(r.Purposes) > 0 {
		g.purposes(n, r.Purposes)
	}
	if len(r.Data) > 0 {
		g.data(n, r.Data, q, holder)
	}
	for i := range r.Except {
		x := &r.Except[i]
		xDeny := !deny || x.Deny // an exception to a refusal that itself says deny stays a refusal
		if applies, held := x.meets(q, holder, xDeny); applies {
			g.add(x, q, holder, record, xDeny, held)
		}
	}
	g.nodes[at].end = len(g.nodes)
}

func (g *grid) purposes(n *node, listed []string) {
	n.reaches[purposeAxis] = 0
	for i, wider := range g.wider {
		if len(wider) == 0 && n.deny || overlap(listed, wider) {
			n.reaches[purposeAxis] |= 1 << i
		}
	}
}

// data fills in which data a node is about.
func (g *grid) data(n *node, listed []string, q *Request, holder string) {
	var limited [dimensions]bool
	for _, l := range listed {
		d, l := place(l)
		if !limited[d] {
			limited[d] = true
			n.reaches[d] = 0
		}
		a := &g.axis[d]
		for e, code := range a.codes {
			switch {
			case code == "" && n.deny,
				code != "" && reaches(l, code, n.deny, q.Codes) && (n.deny || d < Records || q.known(code, holder)):
				n.reaches[d] |= 1 << e
			}
		}
		if n.deny && a.ghost != noGhost && (a.ghost == noLevel) == isConfidentiality(l) {
			n.reaches[d] |= 1 << len(a.codes)
		}
	}
	if limited[Authors] && n.deny {
		g.authors(n, listed)
	}
}

// authors adds the authors of whom it cannot be told that a refusal does not mean them, because the
// rule lists none of their kind: see comparable.
func (g *grid) authors(n *node, listed []string) {
	var names []string
	for _, l := range listed {
		if name, ok := strings.CutPrefix(l, AuthorSystem+"|"); ok {
			names = append(names, name)
		}
	}
	for e, code := range g.axis[Authors].codes {
		if name, ok := strings.CutPrefix(code, AuthorSystem+"|"); ok && !slices.Contains(names, "*") && !comparable(names, []string{name}) {
			n.reaches[Authors] |= 1 << e
		}
	}
}

// classify groups the elements of each axis that no rule tells apart, and returns the number of
// combinations of classes, or one more than are allowed.
func (g *grid) classify() int {
	count := 1
	for i := range g.axis {
		a := &g.axis[i]
		stated := firstElements(len(a.codes))
		classes := append(g.classesHere[i][:0], stated)
		if a.ghost != noGhost {
			classes = append(classes, a.full&^stated)
		}
		for n := 0; n < len(g.nodes) && a.full != 1; n++ {
			reached := g.nodes[n].reaches[i]
			if reached == a.full {
				continue
			}
			for c, size := 0, len(classes); c < size; c++ {
				if in, out := classes[c]&reached, classes[c]&^reached; in != 0 && out != 0 {
					classes[c] = in
					classes = append(classes, out)
				}
			}
		}
		g.classes[i] = classes
		count = min(count*len(classes), maxCombinations+1)
	}
	return count
}

// each calls f for every combination of classes, with its number and the first element of each
// class. The combinations of one choice of data, one for each class of purposes, are consecutive.
func (g *grid) each(f func(n int, at *[axes]int)) {
	var class [axes]int
	at := &g.at
	for i := range at {
		at[i] = g.classes[i][0].first()
	}
	for n := 0; ; n++ {
		f(n, at)
		i := axes - 1
		for ; i >= 0; i-- {
			if class[i]++; class[i] == len(g.classes[i]) {
				class[i] = 0
			}
			at[i] = g.classes[i][class[i]].first()
			if class[i] > 0 {
				break
			}
		}
		if i < 0 {
			return
		}
	}
}

// ghostly reports whether a combination has an element that the access only left open.
func (g *grid) ghostly(at *[axes]int) bool { return at[Labels] >= len(g.axis[Labels].codes) }

// has reports whether the node is about a combination.
func (n *node) has(at *[axes]int) bool {
	for a := range at {
		if !n.reaches[a].has(at[a]) {
			return false
		}
	}
	return true
}

// says returns what the node and its exceptions say of a combination: Permit, Deny, restrict, or ""
// if it does not apply. Among exceptions that apply a refusal wins, and a restriction over others.
// With named, what applies only because the user was not named does not.
func (g *grid) says(i int, at *[axes]int, named bool) string {
	n := &g.nodes[i]
	if named && n.held || !n.has(at) {
		return ""
	}
	decided := ""
	for x := i + 1; x < n.end; x = g.nodes[x].end {
		switch g.says(x, at, named) {
		case restrict:
			return restrict
		case Deny:
			decided = Deny
		case Permit:
			decided = cmp.Or(decided, Permit)
		}
	}
	switch {
	case decided != "":
		return decided
	case n.deny && n.restricts:
		return restrict
	case n.deny:
		return Deny
	}
	return Permit
}

// parts returns which codes of an access to leave out so that no combination is left that is bad,
// by its number, for any purpose. If nothing helps, or nothing would be left, it returns nil.
//
// A code is left out if it is bad in every combination. What is bad only together with something
// else is left out by its single resources, else by its codes, its labels and so on.
func (g *grid) parts(data []string, bad func(n int) bool) []string {
	var gone [dimensions]elements
	// sorted returns the elements that are in a bad combination, and those in a good one, as far as
	// they are not gone.
	sorted := func() (wrong, right [dimensions]elements) {
		purposes, anyBad := len(g.classes[purposeAxis]), false
		g.each(func(n int, at *[axes]int) {
			anyBad = anyBad && n%purposes != 0 || bad(n)
			if n%purposes != purposes-1 || anyBad && g.ghostly(at) {
				return
			}
			for i := range dimensions {
				if gone[i].has(at[i]) {
					return
				}
			}
			into := &right
			if anyBad {
				into = &wrong
			}
			for i := range dimensions {
				into[i] |= 1 << at[i]
			}
		})
		return wrong, right
	}
	wrong, right := sorted()
	for i := range gone {
		gone[i] = wrong[i] &^ right[i]
	}
	wrong, right = sorted()
	for _, d := range []Dimension{Records, Codes, Labels, Types, Context, Authors} {
		if wrong[d] != 0 && right[d]&^wrong[d] != 0 {
			gone[d] |= wrong[d]
			wrong = [dimensions]elements{}
			break
		}
	}
	if wrong[0] != 0 || right[0] == 0 {
		return nil
	}
	var out []string
	for _, code := range data {
		if code == "" {
			continue
		}
		d, own := place(code)
		if e := slices.Index(g.axis[d].codes, own); gone[d].has(g.firstOf(d, e)) {
			out = append(out, code)
		}
	}
	return out
}

// firstOf returns the first element of the class that an element is in.
func (g *grid) firstOf(d Dimension, element int) int {
	i := slices.IndexFunc(g.classes[d], func(c elements) bool { return c.has(element) })
	return g.classes[d][i].first()
}
