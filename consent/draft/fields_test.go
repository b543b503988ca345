package draft_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent/draft"
	"igledger/ledger/entry"
)

func example(t *testing.T) *entry.AgreementText {
	t.Helper()
	text := strings.NewReplacer(`id: ""`, `id: isa-1`, `hash: ""`, `hash: "`+strings.Repeat("ab", 32)+`"`).Replace(string(draft.Template()))
	a, err := draft.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFields(t *testing.T) {
	list, err := draft.Fields(example(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []draft.Field{
		{"id", "id", 0, "Agreement id", "", "isa-1"},
		{"parties[1].role", "parties", 2, "Parties", "Role", "controller"},
		{"article6[0]", "article6", 1, "Article 6", "", "e"},
		{"data[0].identifiable", "data", 1, "Data", "About identifiable people", "true"},
	} {
		i := slices.IndexFunc(list, func(f draft.Field) bool { return f.Path == want.Path })
		if i < 0 {
			t.Errorf("no %s", want.Path)
		} else if got := list[i]; got.Name != want.Name || got.Number != want.Number || got.Value != want.Value || got.Title == "" ||
			(got.Part == "") != (want.Part == "") {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, f := range list {
		if f.Title == "" {
			t.Errorf("%s has no name in words", f.Path)
		}
	}
}

// What is written to be edited is what is read again.
func TestYAML(t *testing.T) {
	a := example(t)
	a.Title = `yes: "it's" # no comment, é 😀`
	text, err := draft.YAML(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := draft.Read(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if b.Title != a.Title || b.Start != a.Start || len(b.Data) != len(a.Data) {
		t.Errorf("%+v", b)
	}
}

func TestExplain(t *testing.T) {
	list, err := draft.Explain()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if x.Title == "" || x.Text == "" {
			t.Errorf("%s is not explained", x.Path)
		}
	}
	if list[0].Path != "id" || !slices.ContainsFunc(list, func(x draft.Explained) bool {
		return x.Path == "parties.role" && x.Required && slices.Contains(x.Values, "processor")
	}) {
		t.Errorf("%+v", list)
	}
}

func TestAmend(t *testing.T) {
	a := example(t)
	now := time.Date(2027, 5, 1, 23, 0, 0, 0, time.UTC)
	for _, c := range []struct{ start, end, review, wantStart, wantEnd, wantReview string }{
		{"2027-01-01", "2029-12-31", "2028-01-31", "2027-05-02", "2029-12-31", "2028-01-31"},
		{"2027-07-01", "2029-12-31", "2027-06-01", "2027-07-02", "2029-12-31", "2027-07-02"},
		{"2026-01-01", "2027-01-01", "2026-06-01", "2027-05-02", "2028-05-01", "2027-09-30"},
		{"2026-01-01", "2027-05-20", "2026-12-01", "2027-05-02", "2027-05-20", "2027-05-20"},
	} {
		a.Start, a.End, a.ReviewDue = c.start, c.end, c.review
		got := draft.Amend(a, []*entry.AgreementText{a}, now)
		if got.Version != a.Version+1 || got.Start != c.wantStart || got.End != c.wantEnd || got.ReviewDue != c.wantReview {
			t.Errorf("%+v: %d %s %s %s", c, got.Version, got.Start, got.End, got.ReviewDue)
		}
		text, err := draft.YAML(got)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := draft.Read(text); err != nil {
			t.Errorf("%+v: what is written does not pass: %v", c, err)
		}
	}
}
