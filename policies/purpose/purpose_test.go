package purpose

import "testing"

func TestSubsumes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"TREAT", "TREAT", true},
		{"TREAT", "ETREAT", true},
		{"TREAT", "BTG", true}, // two steps: a permission for treatment covers break-glass
		{"BTG", "TREAT", false},
		{"ETREAT", "COC", false},
		{"HOPERAT", "METAMGT", true},
		{"HRESCH", "PRECLINTRCH", true},
		{"HRESCH", "TREAT", false},
		{"CLINTRL", "CLINTRCH", false}, // care within a trial is not the research
		{"TREAT", "treat", false},
		{"TREAT", "NOSUCH", false},
		{"NOSUCH", "TREAT", false},
		{"https://example.org/why|x", "https://example.org/why|x", true},
		{"", "TREAT", false},
		{"TREAT", "", false},
		{"", "HMARKT", false}, // the widest codes have no parent; "" is not one
	} {
		if got := Subsumes(c.a, c.b); got != c.want {
			t.Errorf("Subsumes(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// The published tree has 7 widest codes; a typing error in a parent would cut a branch off and make
// permissions too narrow.
func TestTree(t *testing.T) {
	seen, roots := map[string]bool{}, 0
	for _, p := range All() {
		if seen[p.Code] {
			t.Errorf("%s is there twice", p.Code)
		}
		if p.Parent == "" {
			roots++
		} else if !seen[p.Parent] {
			t.Errorf("%s comes before its parent %s", p.Code, p.Parent)
		}
		seen[p.Code] = true
	}
	if roots != 7 || len(seen) != 59 {
		t.Errorf("%d roots of %d codes, want 7 of 59", roots, len(seen))
	}
	if Known("treat") || Known("") || !Known("BTG") {
		t.Error("Known takes what is not a code, or refuses one")
	}
}

// All returns a copy: a caller cannot widen a permission by writing into it.
func TestAllIsACopy(t *testing.T) {
	All()[0].Code = "TREAT2"
	if Known("TREAT2") {
		t.Error("the tree was changed through All")
	}
}

func TestEmergency(t *testing.T) {
	const query, override = "http://dicom.nema.org/resources/ontology/DCM|110112", "http://dicom.nema.org/resources/ontology/DCM|110127"
	for _, c := range []struct {
		claimed  bool
		events   []string
		purposes []string
		want     bool
	}{
		{false, nil, nil, false},
		{true, nil, nil, true},
		{false, nil, []string{"TREAT", "BTG"}, true},
		{false, []string{query, override}, []string{"TREAT"}, true},
		{false, []string{query}, []string{"ETREAT"}, false},
		{false, []string{"BTG"}, []string{override}, false},
	} {
		if got := Emergency(c.claimed, c.events, c.purposes); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestClosest(t *testing.T) {
	for written, want := range map[string]string{"TRAET": "TREAT", "HCOMLP": "HCOMPL", "treat": "TREAT", "TREATT": "TREAT",
		"nosiness": "", "": ""} {
		if got := Closest(written, []string{"TRAIN", "TREAT", "HCOMPL", "HRESCH"}); got != want {
			t.Errorf("Closest(%q) = %q, want %q", written, got, want)
		}
	}
}
