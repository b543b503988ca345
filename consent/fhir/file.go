package fhir

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/fhir/tree"
)

// Found is one thing that a file holds: a Consent, the deletion of one, something that is passed
// over, or something that cannot be read.
type Found struct {
	At
	Number  int            // in the file, from 1
	Line    int            // of the file as it is uncompressed, from 1, on which the JSON value begins that holds it; 0: not known
	Raw     jsontext.Value // the Consent; nil: none
	Deleted string         // id of the Consent that was deleted
	Passed  string         // what is passed over: a resource type, or "entry without a resource"
	Err     error          // why it cannot be read; it holds nothing from the file but positions
}

// maxNesting bounds Bundles in Bundles. A batch-response of searchsets has two.
const maxNesting = 4

// ReadFile returns what a file holds: Consents one after another as in NDJSON, JSON arrays, and
// Bundles of any type, compressed by gzip or not. A line that is broken costs only itself. The
// versions in a history are returned oldest first. Its error is that of reading.
func ReadFile(from io.Reader) ([]Found, error) {
	r, err := tree.Uncompressed(from)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	var f file
	f.values(data)
	return f.found, err
}

// file is a file that is being read.
type file struct {
	found []Found
	line  int // on which the value begins that is being read
}

// lenient leaves it to the reader of each resource to refuse what is wrong within it.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// values reads JSON values one after another. After one that is broken it goes on with the next
// line that can begin a value.
func (f *file) values(data []byte) {
	f.line = 1
	for len(data) > 0 {
		d := jsontext.NewDecoder(bytes.NewReader(data), lenient...)
		counted := int64(0) // up to where f.line is
		to := func(at int64) {
			f.line, counted = f.line+bytes.Count(data[counted:at], []byte("\n")), at
		}
		v, err := d.ReadValue()
		for ; err == nil; v, err = d.ReadValue() {
			to(d.InputOffset() - int64(len(v)))
			f.value(v.Clone(), At{}, 0)
		}
		if err == io.EOF {
			return
		}
		read := data[:d.InputOffset()]
		skipped := len(data) - len(read) - len(bytes.TrimLeft(data[len(read):], " \t\r\n"))
		to(int64(len(read) + skipped))
		data = data[len(read)+skipped:]
		f.add(Found{Err: tree.Fail(tree.BadJSON, "Consent", "is not JSON")})
		next := nextLine(data)
		if next < 0 {
			return
		}
		f.line += bytes.Count(data[:next], []byte("\n"))
		data = data[next:]
	}
}

// nextLine returns where the next line begins that begins as an object or array does, -1 if there
// is none.
func nextLine(data []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		if i < len(data) && (data[i] == '{' || data[i] == '[') {
			return i
		}
	}
}

// bundle is what is read of a Bundle.
type bundle struct {
	ResourceType string `json:"resourceType"`
	Type         string `json:"type"`
	Timestamp    string `json:"timestamp"`
	Entry        []struct {
		FullURL  string         `json:"fullUrl"`
		Resource jsontext.Value `json:"resource"`
		Request  struct {
			Method string `json:"method"`
			URL    string `json:"url"`
		} `json:"request"`
		Response struct {
			LastModified string `json:"lastModified"`
			ETag         string `json:"etag"`
		} `json:"response"`
	} `json:"entry"`
}

func (f *file) value(v jsontext.Value, at At, level int) {
	var head struct {
		ResourceType string `json:"resourceType"`
	}
	switch {
	case v.Kind() == '[':
		var list []jsontext.Value
		if level >= maxNesting || json.Unmarshal(v, &list, lenient[0], lenient[1]) != nil {
			f.add(Found{Err: tree.Fail(NotConsent, "Consent", "is not a list of resources")})
			return
		}
		for _, e := range list {
			f.value(e, at, level+1)
		}
	case v.Kind() != '{' || json.Unmarshal(v, &head, lenient[0], lenient[1]) != nil:
		f.add(Found{Err: tree.Fail(NotConsent, "Consent", "is not a resource")})
	case head.ResourceType == "Bundle":
		f.bundle(v, level)
	case head.ResourceType == "Consent":
		f.add(Found{At: at, Raw: v})
	case tree.IsResource(head.ResourceType):
		f.add(Found{Passed: head.ResourceType})
	case head.ResourceType != "": // the name is not repeated: it may be anything
		f.add(Found{Passed: "resource of another type"})
	default:
		f.add(Found{Err: tree.Fail(NotConsent, "Consent", "is not a resource")})
	}
}

func (f *file) add(x Found) {
	x.Number, x.Line = len(f.found)+1, f.line
	f.found = append(f.found, x)
}

func (f *file) bundle(v jsontext.Value, level int) {
	var b bundle
	if err := json.Unmarshal(v, &b, lenient[0], lenient[1]); err != nil || level >= maxNesting {
		f.add(Found{Err: tree.Fail(BadValue, "Bundle", "is of another form, or nested deeper than %d", maxNesting)})
		return
	}
	all := &tree.Bundle{}
	for _, e := range b.Entry {
		if v, err := tree.Parse("Bundle.entry.resource", e.Resource); err == nil {
			o, _ := v.(object)
			all.Add(e.FullURL, o)
		}
	}
	first := len(f.found)
	for _, e := range b.Entry {
		at := At{
			Place:   tree.Place{URL: e.FullURL, Bundle: all},
			Updated: e.Response.LastModified, Version: versionOf(e.Response.ETag),
		}
		_, typ, id := tree.ParseReference(e.Request.URL)
		switch {
		case len(e.Resource) > 0 && e.Resource.Kind() != 'n':
			f.value(e.Resource, at, level+1)
		case e.Request.Method == "DELETE" && typ == "Consent" && id != "":
			f.add(Found{At: at, Deleted: id})
		case e.Request.Method == "DELETE" && strings.HasPrefix(e.Request.URL, "Consent"):
			f.add(Found{Err: tree.Fail(Missing, "Bundle.entry.request.url", "deletes a Consent that it does not name by its id")})
		default:
			f.add(Found{Passed: "entry without a resource"})
		}
	}
	if b.Type == "history" { // newest first (R4 http.html#history)
		slices.Reverse(f.found[first:])
		f.undone(first)
	}
	for i := first; i < len(f.found); i++ {
		if x := &f.found[i]; x.Deleted != "" {
			x.Updated = cmp.Or(x.Updated, b.Timestamp)
		}
	}
}

// undone passes over the deletions in a history, oldest first, that say no time and have a newer
// version after them: they would count as made when the history was taken, and end what is newer.
func (f *file) undone(first int) {
	created := map[string]bool{} // by id, after the place
	for i := len(f.found) - 1; i >= first; i-- {
		switch x := &f.found[i]; {
		case x.Deleted != "" && x.Updated == "" && created[x.Deleted]:
			*x = Found{Number: x.Number, Line: x.Line, Passed: "deletion before a newer version"}
		case x.Raw != nil:
			created[x.ID()] = true
		}
	}
}

// ID returns the id of the Consent, "" if it has none.
func (f Found) ID() string {
	var r struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(f.Raw, &r, lenient[0], lenient[1]) != nil {
		return ""
	}
	return r.ID
}

// versionOf returns the version in an ETag, such as W/"3".
func versionOf(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}

// Ended returns a Consent of which only an earlier version is known, as it is after its deletion:
// inactive since then.
func (f Found) Ended(earlier Found, taken time.Time) (Found, error) {
	v, err := tree.Parse("Consent", earlier.Raw)
	if err != nil {
		return Found{}, err
	}
	root, _ := v.(object)
	meta := tree.Clone(tree.Child(root, "meta")).(object)
	if meta == nil {
		meta = object{}
	}
	meta["lastUpdated"] = cmp.Or(f.Updated, rfc3339(taken.UTC()))
	delete(meta, "versionId")
	if f.Version != "" {
		meta["versionId"] = f.Version
	}
	root["meta"], root["status"] = meta, "inactive"
	raw, err := tree.Write(root)
	return Found{At: At{Place: earlier.Place, Taken: taken}, Raw: raw}, err
}
