package draft

import (
	"errors"
	"strings"
	"testing"
)

// What the ledger would take and no reader could use is told to who writes it, with the line.
func TestSense(t *testing.T) {
	whole := strings.NewReplacer(`id: ""`, "id: isa-1", `hash: ""`, "hash: "+strings.Repeat("ab", 32)).Replace(string(Template()))
	for from, c := range map[string]struct{ to, field, wrong string }{
		"reviewDue: 2028-01-31":          {"reviewDue: 2030-01-01", "reviewDue", "after the last day"},
		"url: https://north.example":     {"url: north.example", "privacyNotice.url", "must begin with https://"},
		"url: https://north.example/":    {"url: javascript://north.example/", "privacyNotice.url", "must begin with https://"},
		"url: https://north.example/p":   {"url: https:///p", "privacyNotice.url", "must begin with https://"},
		"how: Over the clinical portal,": {"how: 0101011237,", "flows[0].how", "CHI or NHS number"},
	} {
		text := strings.Replace(whole+" ", strings.TrimSuffix(from, " "), strings.TrimSuffix(c.to, " "), 1)
		line := 1 + strings.Count(text[:strings.Index(text, strings.TrimSuffix(c.to, " "))], "\n")
		_, err := Read([]byte(text))
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 {
			t.Fatalf("%s: %v", c.to, err)
		}
		if p := wrong.Problems[0]; p.Field != c.field || p.Line != line || !strings.Contains(p.Wrong, c.wrong) {
			t.Errorf("%s: %+v, want line %d", c.to, p, line)
		}
	}
}

// What is still an example is found, wherever it was moved to; what two boards can rightly have in
// common is not.
func TestExamples(t *testing.T) {
	text := strings.NewReplacer(`id: ""`, "id: isa-1", `hash: ""`, "hash: "+strings.Repeat("ab", 32),
		"rightsContact: Information Governance, North Board, privacy@north.example", "rightsContact: Rights Office, Lothian").
		Replace(string(Template()))
	a, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	list, err := Examples(a)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range list {
		paths = append(paths, f.Path)
	}
	want := "title parties[0].icoRegistration parties[0].contact parties[1].contact dpia.reference privacyNotice.url breachContact"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
