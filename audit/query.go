package audit

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// maxSearched bounds the patients that are read from one search.
const maxSearched = 32

// searchedFor returns References to the patients that a search names (R4 http.html#search), in the
// form of a request line, a URL or a form that was posted: by a number of a system that is of
// people (known says which), by the identifier of a Patient, as the patient or subject of what was
// searched, or by the path.
func searchedFor(search string, known func(identifier object) bool) []object {
	var list []object
	for line := range strings.Lines(search) {
		path, query, _ := strings.Cut(strings.TrimSpace(line), "?")
		if f := strings.Fields(path); len(f) > 1 { // a method in front
			path = f[1]
		}
		if !strings.Contains(line, "?") && strings.Contains(path, "=") {
			path, query = "", path
		}
		query, _, _ = strings.Cut(query, " ")
		base, kind := cutPath(path)
		list = append(list, inPath(path)...)
		values, _ := url.ParseQuery(query) // what can be read of it
		for _, name := range slices.Sorted(maps.Keys(values)) {
			for _, v := range values[name] {
				for _, one := range strings.Split(v, ",") {
					if ref := parameter(base, kind, name, one, known); ref != nil && len(list) < maxSearched {
						list = append(list, ref)
					}
				}
			}
		}
	}
	return list
}

// cutPath splits the path of a search: [base/]Type or [base/]Type/_search.
func cutPath(path string) (base, kind string) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/"), "/_search")
	i := strings.LastIndexByte(path, '/')
	if kind = path[i+1:]; i < 0 || !isResource(kind) {
		return "", kind
	}
	if base = path[:i+1]; !strings.Contains(base, "://") { // a path of the server itself
		base = ""
	}
	return base, kind
}

// inPath returns a Reference to the Patient in a path: [base/]Patient/7/…
func inPath(path string) []object {
	parts := strings.Split(path, "/")
	for i, p := range parts[:len(parts)-1] {
		if id := parts[i+1]; p == "Patient" && id != "" && !strings.ContainsAny(id[:1], "_$") {
			ref := "Patient/" + id
			if base := strings.Join(parts[:i], "/"); strings.Contains(base, "://") {
				ref = base + "/" + ref
			}
			return []object{{"reference": ref}}
		}
	}
	return nil
}

// parameter returns a Reference to the patient that one value of a search parameter names, nil if
// it names none.
func parameter(base, kind, name, value string, known func(identifier object) bool) object {
	plain, modifier, _ := strings.Cut(name, ":")
	chain := strings.TrimPrefix(modifier, "Patient")
	plain, rest, _ := strings.Cut(plain, ".")
	patient := plain == "patient" || plain == "subject" && strings.HasPrefix(modifier, "Patient") || plain == "subject" && rest != ""
	system, number, token := strings.Cut(value, "|")
	identifier := object{"system": system, "value": number}
	if !token {
		identifier = object{"value": value}
	}
	switch {
	case value == "":
		return nil
	case token && known(identifier),
		kind == "Patient" && plain == "identifier",
		patient && (rest == "identifier" || modifier == "identifier" || chain == ".identifier"):
		return object{"type": "Patient", "identifier": identifier}
	case kind == "Patient" && plain == "_id",
		plain == "patient" && rest == "" && !strings.Contains(value, "/") && !strings.Contains(value, ":"),
		plain == "subject" && modifier == "Patient" && !strings.Contains(value, "/"):
		return object{"reference": base + "Patient/" + value}
	case (plain == "patient" || plain == "subject") && rest == "" && strings.Contains(value, "Patient/"):
		if !strings.Contains(value, "://") {
			value = base + value
		}
		return object{"reference": value}
	}
	return nil
}
