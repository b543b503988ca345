package terminology

import (
	"bufio"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// resource is what is read of a Bundle, a CodeSystem or a ValueSet (FHIR R4 bundle.html,
// codesystem.html, valueset.html).
type resource struct {
	ResourceType string `json:"resourceType"`
	Entry        []struct {
		Resource jsontext.Value `json:"resource"`
	} `json:"entry"`

	URL              string    `json:"url"`
	Content          string    `json:"content"`
	HierarchyMeaning string    `json:"hierarchyMeaning"`
	Concept          []concept `json:"concept"`

	Compose   *compose `json:"compose"`
	Expansion *struct {
		Contains []contains `json:"contains"`
	} `json:"expansion"`
}

type concept struct {
	Code     string `json:"code"`
	Property []struct {
		Code        string `json:"code"`
		ValueCode   string `json:"valueCode"`
		ValueCoding struct {
			Code string `json:"code"`
		} `json:"valueCoding"`
	} `json:"property"`
	Concept []concept `json:"concept"`
}

type compose struct {
	Include []include `json:"include"`
	Exclude []include `json:"exclude"`
}

type include struct {
	System  string `json:"system"`
	Concept []struct {
		Code string `json:"code"`
	} `json:"concept"`
	Filter []struct {
		Property string `json:"property"`
		Op       string `json:"op"`
		Value    string `json:"value"`
	} `json:"filter"`
	ValueSet []string `json:"valueSet"`
}

type contains struct {
	System   string     `json:"system"`
	Code     string     `json:"code"`
	Abstract bool       `json:"abstract"`
	Contains []contains `json:"contains"`
}

// rawValueSet is a value set before the code systems are whole.
type rawValueSet struct {
	file     int
	compose  *compose
	contains []contains
}

func (b *builder) readFHIR(r *bufio.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxBundle+1))
	if err != nil {
		return b.fail(0, "cannot be read to its end")
	}
	if len(data) > maxBundle {
		return b.fail(0, "is larger than %d bytes", maxBundle)
	}
	n, err := b.readResource(data, 0)
	if err == nil && n == 0 {
		return b.fail(0, "holds no CodeSystem and no ValueSet")
	}
	return err
}

// readResource reads a resource, and counts the code systems and value sets in it.
func (b *builder) readResource(data []byte, depth int) (n int, err error) {
	var res resource
	if err := json.Unmarshal(data, &res); err != nil {
		return 0, b.fail(0, "is not FHIR in JSON, or a CodeSystem or ValueSet in it has a member of the wrong type")
	}
	switch res.ResourceType {
	case "Bundle":
		if depth > 2 {
			return 0, b.fail(0, "has Bundles nested deeper than 2")
		}
		for _, e := range res.Entry {
			if e.Resource == nil {
				continue
			}
			more, err := b.readResource(e.Resource, depth+1)
			if err != nil {
				return n, err
			}
			n += more
		}
		return n, nil
	case "CodeSystem":
		return 1, b.readCodeSystem(&res)
	case "ValueSet":
		if _, twice := b.sets[res.URL]; twice || res.URL == "" {
			return 0, b.fail(0, "holds a value set twice, or one without a url")
		}
		raw := rawValueSet{file: b.file, compose: res.Compose}
		if res.Expansion != nil {
			raw.contains = res.Expansion.Contains
			raw.compose = nil
		}
		b.sets[res.URL] = raw
		return 1, nil
	}
	return 0, nil
}

func (b *builder) readCodeSystem(res *resource) error {
	if res.Content == "supplement" {
		return nil
	}
	if res.URL == "" {
		return b.fail(0, "holds a code system without a url")
	}
	g, err := b.graph(res.URL)
	if err != nil {
		return err
	}
	nested := slices.Contains([]string{"", "is-a"}, res.HierarchyMeaning)
	return b.concepts(g, res.Concept, "", nested, 0)
}

// concepts reads concepts that stand within parent, "" for those at the top.
func (b *builder) concepts(g *graph, list []concept, parent string, nested bool, depth int) error {
	if depth > maxNesting {
		return b.fail(0, "has concepts nested deeper than %d", maxNesting)
	}
	for _, c := range list {
		if c.Code == "" || len(c.Code) > maxCode {
			return b.fail(0, "has a concept without a code, or with one of more than %d bytes", maxCode)
		}
		g.number(c.Code)
		if parent != "" && nested {
			g.put(c.Code, parent)
		}
		for _, p := range c.Property {
			other := p.ValueCode + p.ValueCoding.Code
			switch {
			case other == "" || len(other) > maxCode:
			case p.Code == "parent" || p.Code == "subsumedBy":
				g.put(c.Code, other)
			case p.Code == "child":
				g.put(other, c.Code)
			}
		}
		if err := b.concepts(g, c.Concept, c.Code, nested, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// readSets reads the value sets, now that x has the code systems. A set that is not understood as a
// whole is an error: a refusal of it would not reach what is missing.
func (b *builder) readSets(x *Index) error {
	for url, raw := range b.sets {
		b.file = raw.file
		set := &valueSet{members: map[string]bool{}}
		if raw.compose == nil {
			addExpansion(set, raw.contains)
		} else {
			for _, in := range raw.compose.Include {
				if err := b.include(x, set, in, true); err != nil {
					return err
				}
			}
			for _, out := range raw.compose.Exclude {
				if err := b.include(x, set, out, false); err != nil {
					return err
				}
			}
		}
		if len(set.members) == 0 {
			return b.fail(0, "holds a value set without codes")
		}
		x.sets[url] = set
	}
	return nil
}

func addExpansion(set *valueSet, list []contains) {
	for _, c := range list {
		if c.Code != "" && !c.Abstract {
			set.members[member(c.System, c.Code)] = true
		}
		addExpansion(set, c.Contains)
	}
}

func member(system, code string) string {
	if isSNOMED(system) {
		system = snomed
	}
	return system + "|" + code
}

// include adds the codes of one part of a definition to a set, or takes them out.
func (b *builder) include(x *Index, set *valueSet, in include, add bool) error {
	put := func(code string) {
		if add {
			set.members[member(in.System, code)] = true
		} else {
			delete(set.members, member(in.System, code))
		}
	}
	system, _ := split(member(in.System, ""))
	s := x.systems[system]
	switch {
	case len(in.ValueSet) > 0:
		return b.fail(0, "holds a value set that is made of others: give its expansion")
	case len(in.Concept) > 0 && len(in.Filter) > 0:
		return b.fail(0, "holds a value set with codes and a filter together: give its expansion")
	case len(in.Concept) > 0:
		for _, c := range in.Concept {
			put(c.Code)
		}
		return nil
	case s == nil:
		return b.fail(0, "holds a value set over a code system that was not given: give its expansion, or the code system")
	case len(in.Filter) > 1:
		return b.fail(0, "holds a value set with several filters: give its expansion")
	case len(in.Filter) == 0:
		for code := range s.numbers {
			put(code)
		}
		return nil
	}
	f := in.Filter[0]
	if f.Property != "concept" || f.Op != "is-a" && f.Op != "descendent-of" || !s.knows(f.Value) {
		return b.fail(0, "holds a value set with a filter other than concept is-a or descendent-of, or of an unknown code: give its expansion")
	}
	for code := range s.numbers {
		if s.below(code, f.Value) || code == f.Value && f.Op == "is-a" {
			put(code)
		}
	}
	return nil
}
