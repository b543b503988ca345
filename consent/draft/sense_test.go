package draft

import (
	"encoding/json"
	"errors"
	"slices"
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
		"# dpv: https://w3id.org":        {"dpv: w3id.org", "purposes[0].dpv", "must begin with https://"},
		"dpo@north.example":              {"dpo at north@example", "parties[0].dpo", "email address that is none"},
		"privacy@south.example":          {"privacy@@south.example", "parties[1].contact", "email address that is none"},
		"breach@north.example":           {"see www.north.example/breach", "breachContact", "without https://"},
		"Security Desk, North Board":     {"https:///desk", "breachContact", "web address that is none"},
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
	want := "title parties[0].organisation parties[0].icoRegistration parties[0].dpo parties[0].contact parties[1].organisation " +
		"parties[1].contact dpia.reference privacyNotice.url breachContact"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// own is the template as an officer of two boards fills it in, after changes of text by text.
func own(t *testing.T, oldnew ...string) string {
	t.Helper()
	s := strings.NewReplacer(`id: ""`, "id: isa-1", `hash: ""`, "hash: "+strings.Repeat("ab", 32), "north-board", "LOT", "south-board", "GGC",
		"North Board", "Lothian", "South Board", "Glasgow", "north.example", "lothian.scot", "south.example", "ggc.scot",
		"Z0000001", "Z1234567", "DPIA-2026-031", "DPIA-7", "Medicines and allergies across three boards", "Medicines of two boards",
	).Replace(string(Template()))
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(s, oldnew[i]) {
			t.Fatalf("the template has no %q", oldnew[i])
		}
		s = strings.Replace(s, oldnew[i], oldnew[i+1], 1)
	}
	return s
}

// What is left of the template, and what says that something is to be written, is named with its
// line before the agreement is proposed. Words that only look like it are not.
func TestLeftovers(t *testing.T) {
	for _, c := range []struct{ name, old, new, field string }{
		{"nothing", "", "", ""},
		{"a word that has one", "Patients of the boards", "Patients of a toddler clinic in Todoville", ""},
		{"the template's title", "Medicines of two boards", "Medicines and allergies across three boards", "title"},
		{"a name of the template in a sentence", "Over the clinical portal", "From the North Board's portal", "flows[0].how"},
		{"an address of nobody", "privacy@ggc.scot", "privacy@example.org", "parties[1].contact"},
		{"a note", "Each board disposes", "TODO ask Fiona. Each board disposes", "disposal"},
		{"a stopgap", "Patients of the boards", "tbc", "subjects"},
		{"dots", "Patients of the boards", "____", "subjects"},
		{"brackets", "Patients of the boards", "Patients of <which boards>", "subjects"},
	} {
		text := own(t, c.old, c.new)
		_, err := Check([]byte(text))
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		line := 1 + strings.Count(text[:strings.Index(text, c.new)], "\n")
		if p := wrong.Problems[0]; p.Field != c.field || p.Line != line {
			t.Errorf("%s: %+v, want %s in line %d", c.name, p, c.field, line)
		}
	}
}

// A person's number is named by its line, in every form a text can have, and is never repeated.
func TestLineOfNumber(t *testing.T) {
	block := own(t, "subjects: Patients of the boards", "subjects: |-\n  Patients\n  such as 010 101 1237\n  and others # 9434765919")
	folded := own(t, "subjects: Patients of the boards", "subjects: Patients 01010\n  11237") // two words, no number
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"a block":                {block, 1 + strings.Count(block[:strings.Index(block, "such as")], "\n")},
		"after one in a comment": {"# 0101011237\n" + own(t, "Patients of the boards", "943 476 5919"), 0},
	} {
		_, err := Read([]byte(c.text))
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		p := wrong.Problems[0]
		lines := strings.Split(c.text, "\n")
		if c.line != 0 && p.Line != c.line || c.line == 0 && !strings.Contains(lines[p.Line-1], "943 476 5919") || p.Field != "subjects" {
			t.Errorf("%s: %+v", name, p)
		}
		if strings.Contains(err.Error(), "1237") || strings.Contains(err.Error(), "5919") {
			t.Errorf("%s: the number is repeated", name)
		}
	}
	if _, err := Read([]byte(folded)); err == nil {
		t.Log("two words are no number")
	}
	a, err := Read([]byte(own(t)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(a, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "Patients of the boards", "0101011237", 1)
	var wrong *Error
	if _, err := Read([]byte(text)); !errors.As(err, &wrong) || wrong.Problems[0].Field != "subjects" ||
		wrong.Problems[0].Line != 1+strings.Count(text[:strings.Index(text, "0101011237")], "\n") {
		t.Errorf("JSON: %v", err)
	}
}

// A file is read as any editor saves it, and called by its encoding if it cannot be read.
func TestEncodings(t *testing.T) {
	text := own(t)
	want, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	block := strings.Replace(text, "subjects: Patients of the boards", "subjects: |-\n  Patients\n  of the boards", 1)
	for name, data := range map[string]string{"Windows": strings.ReplaceAll(text, "\n", "\r\n"), "a mark": "\ufeff" + text,
		"both": "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"), "Windows, with lines": strings.ReplaceAll(block, "\n", "\r\n")} {
		got, err := Read([]byte(data))
		if err != nil || got.Title != want.Title || strings.Contains(got.Subjects, "\r") {
			t.Errorf("%s: %v", name, err)
		}
	}
	utf16 := func(order ...int) string {
		var b []byte
		for _, r := range "\ufeff" + text {
			if r < 0x10000 {
				two := []byte{byte(r), byte(r >> 8)}
				b = append(b, two[order[0]], two[order[1]])
			}
		}
		return string(b)
	}
	for said, data := range map[string]string{"UTF-16 text (little-endian)": utf16(0, 1), "UTF-16 text (big-endian)": utf16(1, 0),
		"not UTF-8 text: line 4 has": strings.Replace(text, "# The agreement is", "\n# C\xe8ilidh\n", 1)} {
		if _, err := Read([]byte(data)); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%v, want %s", err, said)
		}
	}
	hiddenIn := strings.Replace(text, "Patients of the boards", "Patients of the \u202esdraob", 1)
	var wrong *Error
	if _, err := Read([]byte(hiddenIn)); !errors.As(err, &wrong) || wrong.Problems[0].Line == 0 || !slices.ContainsFunc(wrong.Problems,
		func(p Problem) bool {
			return p.Field == "subjects" && strings.Contains(p.Wrong, "character 17 is U+202E")
		}) {
		t.Errorf("%v", err)
	}
}
