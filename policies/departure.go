package policies

import (
	"slices"

	"igledger/policies/terminology"
)

// Departure is a code of an access that the agreement named does not list.
type Departure struct {
	Field string // purpose, data or role
	Code  string // "": none was stated, though the agreement limits the field
}

// Departures returns the codes of an access that the agreement does not list. codes says which code
// lies below which, as in Facts. The verdict uses the
// same functions (see Facts.agreement). So an access without departures never fails for its
// purpose, data or role, and an access with a departure in a field always fails on that field.
func (a *Agreement) Departures(purposes, data, roles []string, machine bool, codes *terminology.Index) []Departure {
	var list []Departure
	for _, f := range []struct {
		name     string
		unlisted []string
	}{
		{"purpose", a.unlistedPurposes(purposes)},
		{"data", a.unlistedData(data, codes)},
		{"role", a.unlistedRoles(roles, machine)},
	} {
		for _, code := range f.unlisted {
			list = append(list, Departure{f.name, code})
		}
	}
	return list
}

// unlistedPurposes returns the purposes that the agreement does not cover. Every purpose must be
// covered, and at least one must be stated: an access has to say why.
func (a *Agreement) unlistedPurposes(purposes []string) []string {
	return unlisted(a.Purposes, purposes, Covers)
}

// unlistedData returns the data codes that the agreement does not cover. An agreement that lists
// none covers all data. Otherwise each combination of a type, a code, a label and so on of the
// access must be of one of the kinds of data that the agreement lists, in every Dimension that the
// kind limits.
//
// Labels are apart: a kind covers data of normal confidentiality, or without label, and what else
// it covers it lists. So data that is labelled as restricted or sensitive never passes unlisted. A
// kind that lists labels only is about data with these labels.
func (a *Agreement) unlistedData(data []string, codes *terminology.Index) []string {
	if len(a.Data) == 0 {
		return nil
	}
	g := grids.Get().(*grid)
	defer g.free()
	g.lay(nil, data)
	labels := &g.axis[Labels]
	if labels.codes[0] != "" {
		labels.ghost = noLabel
		labels.full = firstElements(len(labels.codes) + 1)
		g.large = g.large || len(labels.codes) >= maxElements
	}
	q := Request{Codes: codes}
	for i, kind := range a.Data {
		g.nodes = append(g.nodes, node{record: i, end: i + 1})
		n := &g.nodes[i]
		for x := range g.axis {
			n.reaches[x] = g.axis[x].full
		}
		g.data(n, kind, &q, "")
		g.labels(n, kind)
	}
	count := g.classify()
	if g.large || count > maxCombinations {
		return orUnstated(data)
	}
	wrong, any := make([]bool, count), false
	g.each(func(n int, at *[axes]int) {
		wrong[n] = !slices.ContainsFunc(g.nodes, func(x node) bool { return x.has(at) })
		any = any || wrong[n] && !g.ghostly(at)
	})
	if !any {
		return nil
	}
	out := g.parts(data, func(n int) bool { return wrong[n] })
	if len(out) == 0 {
		return orUnstated(data)
	}
	return out
}

// labels corrects which labels a node for a kind of data of an agreement is about.
func (g *grid) labels(n *node, kind []string) {
	isLabel := func(c string) bool { return DimensionOf(c) == Labels }
	if !slices.ContainsFunc(kind, func(c string) bool { return !isLabel(c) }) {
		return // it lists labels only
	}
	a := &g.axis[Labels]
	if !slices.ContainsFunc(kind, isLabel) {
		n.reaches[Labels] = 0
	}
	for e, code := range a.codes {
		if l := level(code); code == "" || l >= 0 && l <= normal {
			n.reaches[Labels] |= 1 << e
		}
	}
	if a.ghost != noGhost {
		n.reaches[Labels] |= 1 << len(a.codes)
	}
}

// unlistedRoles returns the user's roles if none of them is listed: one listed role suffices. A
// machine has no role, and an agreement that lists no roles is for all.
func (a *Agreement) unlistedRoles(roles []string, machine bool) []string {
	if machine || len(a.Roles) == 0 || overlap(a.Roles, roles) {
		return nil
	}
	return unlisted(a.Roles, roles, func(listed, role string) bool { return listed == role })
}

// unlisted returns the codes that nothing listed covers. If no code is stated, it returns one empty
// code.
func unlisted(listed, codes []string, covers func(listed, code string) bool) []string {
	var out []string
	for _, code := range orUnstated(codes) {
		if code == "" || !slices.ContainsFunc(listed, func(l string) bool { return covers(l, code) }) {
			out = append(out, code)
		}
	}
	return out
}
