package audit

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A search says which resource types it returned only in its request, and there are many ways to
// write one: GET with parameters, POST to _search with a form (R4 http.html#search), a compartment
// (compartmentdefinition.html), an operation on a type, one resource or its versions, with a base
// or without, base64 or plain text, and with a method and headers or the URL alone. All are read to
// the same types, so that the same search is judged the same.
//
// Data is what was returned, so these count as well:
//
//   - the types of _type;
//   - of _revinclude the source type, of _include the target type if it is written, or if the
//     parameter has the name of a type ("Observation:encounter"); of others nobody can tell;
//   - the types of _has: whom a search finds by them tells what they hold.
//
// What returns a whole record ($everything, Patient/1/*, $export) states no type, unless _type
// does: whatever the person refused may be in it.

// methods are those of request lines. What begins with one is a request, wherever it stands.
var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}

// whole are the operations that return more than the type or resource on which they are called.
var whole = []string{"$everything", "$export", "$summary", "$graphql", "$graph", "$docref", "$patient-everything"}

// searched is what requests say of the data that they return.
type searched struct {
	types []string
	all   bool // everything there is about the person
}

func (s *searched) add(names ...string) {
	for _, name := range names {
		if isResource(name) && !slices.Contains(s.types, name) {
			s.types = append(s.types, name)
		}
	}
}

// readRequests reads the requests in a text: the first line, and each that begins with a method.
// What follows after an empty line is a form, and what follows directly are headers.
func (s *searched) readRequests(text string) {
	lines := strings.FieldsFunc(strings.ReplaceAll(text, "\r\n", "\n"), func(r rune) bool { return r == '\r' })
	lines = strings.Split(strings.Join(lines, "\n"), "\n")
	for i := 0; i < len(lines); {
		line, form := lines[i], strings.Builder{}
		i++
		body := false
		for ; i < len(lines) && !isRequest(lines[i]); i++ {
			if body {
				form.WriteString(strings.TrimSpace(lines[i]))
			}
			body = body || strings.TrimSpace(lines[i]) == ""
		}
		s.readRequest(line, form.String())
	}
}

// isRequest reports whether a text begins with a request line.
func isRequest(text string) bool {
	method, rest, ok := strings.Cut(strings.TrimSpace(text), " ")
	return ok && slices.Contains(methods, method) && strings.TrimSpace(rest) != ""
}

// readRequest reads a request line, perhaps without its method and version, and the form after it.
func (s *searched) readRequest(line, form string) {
	words := strings.Fields(line)
	if len(words) > 1 && slices.Contains(methods, words[0]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	if n := len(words) - 1; n > 0 && strings.HasPrefix(words[n], "HTTP/") {
		words = words[:n]
	}
	path, query, isURL := strings.Cut(strings.Join(words, "%20"), "?")
	path, _, _ = strings.Cut(path, "#")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	if before, rest, ok := strings.Cut(path, "?"); ok && !isURL { // the URL as a whole was encoded
		path, query = before, rest
	}
	if !strings.Contains(path, "/") && !isURL && strings.Contains(path, "=") { // parameters alone
		path, query = "", path
	}
	asked := parameters(query, form)
	all := s.readPath(path)
	stated := s.readParameters(asked)
	s.all = s.all || all && !stated
}

// parameters returns the parameters of queries. What cannot be decoded stays as it is.
func parameters(queries ...string) url.Values {
	asked := url.Values{}
	for _, q := range queries {
		for _, p := range strings.FieldsFunc(q, func(r rune) bool { return r == '&' || r == ';' }) {
			name, value, _ := strings.Cut(p, "=")
			for _, part := range []*string{&name, &value} {
				if decoded, err := url.QueryUnescape(*part); err == nil {
					*part = decoded
				}
			}
			asked.Add(name, value)
		}
	}
	return asked
}

// readPath reads the path of a request: base, then a type, a resource, a compartment or an
// operation. It is read from its end, since a base may be anything. It reports whether a whole
// record comes back.
func (s *searched) readPath(path string) (all bool) {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	last := func() string {
		if len(parts) == 0 {
			return ""
		}
		return parts[len(parts)-1]
	}
	pop := func() { parts = parts[:len(parts)-1] }
	if strings.HasPrefix(last(), "$") {
		all = slices.Contains(whole, last())
		pop()
	}
	if n := len(parts); n >= 2 && parts[n-2] == "_history" {
		pop()
	}
	if last() == "_search" || last() == "_history" {
		pop()
	}
	n := len(parts)
	switch {
	case last() == "*":
		return true
	case isResource(last()):
		s.add(last())
		if n >= 2 && isResource(parts[n-2]) { // Patient/List: a type, or a resource with such an id
			s.add(parts[n-2])
		}
	case n >= 2:
		s.add(parts[n-2])
	}
	return all
}

// readParameters reads the parameters that say what comes back. It reports whether they say which
// types a whole record is limited to.
func (s *searched) readParameters(asked url.Values) (limited bool) {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		base, _, _ := strings.Cut(name, ":")
		for _, v := range asked[name] {
			parts := strings.Split(v, ":")
			switch base {
			case "_type":
				for _, t := range strings.Split(v, ",") {
					s.add(strings.TrimSpace(t))
					limited = limited || isResource(strings.TrimSpace(t))
				}
			case "_include":
				s.add(includedType(parts)...)
			case "_revinclude":
				s.add(parts[0])
			case "_has":
				if has := strings.Split(name, ":"); len(has) > 1 {
					s.add(has[1])
				}
			}
		}
	}
	return limited
}

// includedType returns the type that _include=source:parameter:target brings.
func includedType(parts []string) []string {
	switch {
	case len(parts) > 2:
		return parts[2:3]
	case len(parts) == 2 && parts[1] != "":
		return []string{strings.ToUpper(parts[1][:1]) + parts[1][1:]}
	}
	return nil
}

// requestOf returns the text of AuditEvent.entity.query: base64 in one of its forms, or the text
// itself, as some sources write it. It returns "" if it is neither.
func requestOf(query string) string {
	plain := strings.Join(strings.Fields(query), "")
	for _, form := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if raw, err := form.DecodeString(plain); err == nil && isText(string(raw)) {
			return string(raw)
		}
	}
	if isText(query) && strings.ContainsAny(query, "/?=") {
		return query
	}
	return ""
}

// isText reports whether s is text of the kind that requests are.
func isText(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune("\r\n\t", r)
	})
}

// requests reads what an entity says was asked: its query, and whatever else begins with a method.
// The words beside a query are read as a request too, if there is none. The first query that is
// text becomes Text.Query.
func (b *builder) requests(e object, isQuery bool) {
	query := requestOf(text(e, "query"))
	if query != "" {
		if len(patientsIn(query)) > 0 {
			b.asked.add("Patient")
		}
		if !strings.HasPrefix(strings.TrimSpace(query), "{") {
			b.asked.readRequests(query)
		}
		if short(query, 8<<10) && b.text().Query == "" {
			b.a.Text.Query = query
			b.r.Member(e, "query", "={text/query64}")
			b.r.Member(e, "query", "={text/query}")
		}
	}
	if ref := text(child(e, "what"), "reference"); referenceType(b.in, child(e, "what")) == "" &&
		!strings.HasPrefix(ref, "#") && !strings.HasPrefix(ref, "urn:") && !strings.HasPrefix(ref, "Patient?") {
		b.asked.readRequests(ref) // a type alone, or a search
	}
	said := []string{text(e, "description"), text(e, "name")}
	for _, d := range objects(e, "detail") {
		said = append(said, text(d, "valueString"), requestOf(text(d, "valueBase64Binary")))
	}
	for _, s := range said {
		if isRequest(s) || isQuery && query == "" && strings.ContainsAny(s, "/?") && !strings.Contains(s, " ") {
			b.asked.readRequests(s)
		}
	}
}
