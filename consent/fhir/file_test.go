package fhir

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent/fhir/tree"
)

// What a file holds, one line each: a Consent by its id, what is passed over, or "broken".
func contents(t *testing.T, text string) []string {
	t.Helper()
	found, err := ReadFile(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range found {
		switch {
		case f.Err != nil:
			list = append(list, "broken")
		case f.Passed != "":
			list = append(list, f.Passed)
		case f.Deleted != "":
			list = append(list, "deleted "+f.Deleted)
		default:
			v, err := tree.Parse("Consent", f.Raw)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, tree.Text(v.(object), "id"))
		}
	}
	return list
}

func TestReadFile(t *testing.T) {
	c := func(id string) string { return `{"resourceType":"Consent","id":"` + id + `"}` }
	bundle := func(typ string, entries ...string) string {
		return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(entries, ",") + `]}`
	}
	entry := func(resource string) string { return `{"resource":` + resource + `}` }
	for _, x := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"one", c("a"), []string{"a"}},
		{"lines", c("a") + "\n\n" + c("b") + "\r\n", []string{"a", "b"}},
		{"an array", "[" + c("a") + "," + c("b") + "]", []string{"a", "b"}},
		{"a broken line", c("a") + "\n{\"resourceType\":\"Consent\",\"id\":\n" + c("b") + "\nnonsense\n" + c("c"), []string{"a", "broken", "b", "broken", "c"}},
		{"broken off", c("a") + "\n" + `{"resourceType":"Consent"`, []string{"a", "broken"}},
		{"a line of several lines that is broken", "{\n  \"resourceType\": x\n  {}\n}\n" + c("b"), []string{"broken", "b"}},
		{"no resource", `{"a":1} 7`, []string{"broken", "broken"}},
		{"a searchset", bundle("searchset", entry(`{"resourceType":"OperationOutcome"}`), entry(c("a")), entry(`{"resourceType":"Patient"}`), `{}`),
			[]string{"OperationOutcome", "a", "Patient", "entry without a resource"}},
		{"a bundle without entries", `{"resourceType":"Bundle"}`, nil},
		{"a bundle of another form", `{"resourceType":"Bundle","entry":3}`, []string{"broken"}},
		{"bundles in a bundle", bundle("batch-response", entry(bundle("searchset", entry(c("a")))), entry(c("b"))), []string{"a", "b"}},
		{"a member twice costs itself", bundle("collection", entry(`{"resourceType":"Patient","id":"1","id":"2"}`), entry(c("a"))), []string{"Patient", "a"}},
		{"a history, newest first", bundle("history",
			`{"request":{"method":"DELETE","url":"Consent/a"},"response":{"lastModified":"2026-03-05T10:00:00Z"}}`, entry(c("a")), entry(c("b"))),
			[]string{"b", "a", "deleted a"}},
		{"a history with a deletion without time before a newer version", bundle("history", entry(c("a")), `{"request":{"method":"DELETE","url":"Consent/a"}}`, entry(c("a")),
			`{"request":{"method":"DELETE","url":"Consent/a"},"response":{"lastModified":"2026-03-05T10:00:00Z"}}`, `{"request":{"method":"DELETE","url":"Consent/b"}}`),
			[]string{"deleted b", "deleted a", "a", "deletion before a newer version", "a"}},
		{"a deletion that names none", bundle("transaction", `{"request":{"method":"DELETE","url":"Consent?identifier=7"}}`), []string{"broken"}},
		{"another deletion", bundle("transaction", `{"request":{"method":"DELETE","url":"Patient/7"}}`), []string{"entry without a resource"}},
	} {
		if got := contents(t, x.text); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(c("a"))) //nolint:errcheck // to memory
	z.Close()               //nolint:errcheck // to memory
	if got := contents(t, packed.String()); !slices.Equal(got, []string{"a"}) {
		t.Errorf("gzip: %v", got)
	}
	if found, err := ReadFile(bytes.NewReader(packed.Bytes()[:packed.Len()-4])); err == nil || len(found) != 1 {
		t.Errorf("gzip that breaks off: %v, %v", found, err)
	}
}

// A deleted Consent is the last version that is known of it, inactive from then on.
func TestDeletedConsentEnds(t *testing.T) {
	const patient = `"subject":{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9434765919"}}`
	found, err := ReadFile(strings.NewReader(`{"resourceType":"Bundle","type":"history","entry":[
		{"fullUrl":"http://ehr.example/Consent/c7","request":{"method":"DELETE","url":"Consent/c7"},"response":{"lastModified":"2026-04-05T10:00:00Z","etag":"W/\"3\""}},
		{"fullUrl":"http://ehr.example/Consent/c7","resource":{"resourceType":"Consent","id":"c7","status":"active","decision":"permit","date":"2026-01-05",` + patient + `},
		 "response":{"lastModified":"2026-01-05T10:00:00Z","etag":"W/\"2\""}}]}`))
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	given, err := testConversion.ReadAt(found[0].Raw, found[0].At)
	if err != nil {
		t.Fatal(err)
	}
	ended, err := found[1].Ended(found[0], time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	over, err := testConversion.ReadAt(ended.Raw, ended.At)
	if err != nil {
		t.Fatal(err)
	}
	x, y := given.Consent, over.Consent
	if x.Version != 2 || x.Updated != "2026-01-05T10:00:00Z" || x.Act != "given" {
		t.Errorf("got %+v", x)
	}
	if y.Act != "withdrawn" || y.Consent != x.Consent || y.Sub != x.Sub || y.Version != 3 || y.Updated != "2026-04-05T10:00:00Z" {
		t.Errorf("got %+v", y)
	}
}
