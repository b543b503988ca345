package audit

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// AuditEvent.action and .outcome have required codes, and sources write other things there. A word
// or status whose meaning is plain is read as the code that it means. What is not understood is
// read as if it were not stated: an access happened, and succeeded.

var actionWords = map[string]string{
	"c": "C", "create": "C", "created": "C", "insert": "C",
	"r": "R", "read": "R", "view": "R", "vread": "R", "access": "R", "print": "R", "export": "R",
	"u": "U", "update": "U", "updated": "U", "patch": "U", "modify": "U",
	"d": "D", "delete": "D", "deleted": "D",
	"e": "E", "execute": "E", "search": "E", "query": "E",
}

var outcomeWords = map[string]string{
	"0": "0", "success": "0", "successful": "0", "succeeded": "0", "ok": "0", "permit": "0", "permitted": "0", "allowed": "0",
	"4": "4", "minor failure": "4",
	"8": "8", "serious failure": "8", "failure": "8", "failed": "8", "error": "8",
	"deny": "8", "denied": "8", "access denied": "8", "refused": "8", "forbidden": "8", "unauthorized": "8", "unauthorised": "8",
	"not authorized": "8", "not authorised": "8", "permission denied": "8",
	"12": "12", "major failure": "12", "fatal": "12",
}

// scalar returns a string, or the spelling of a number.
func scalar(o object, name string) string {
	if n, ok := o[name].(jsontext.Value); ok {
		return string(n)
	}
	return text(o, name)
}

// plainWords returns text in lower case, with single blanks for everything that is no letter or
// digit.
func plainWords(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f)
	}), " ")
}

// statedAction returns the code of what an event states as its action, "" if that is none.
func statedAction(root object) string { return actionWords[plainWords(scalar(root, "action"))] }

// statedOutcome returns the code of what an event states as its outcome, "" if that is none.
func statedOutcome(root object) string {
	s := plainWords(scalar(root, "outcome"))
	if code := outcomeWords[s]; code != "" {
		return code
	}
	return statusOutcome(s)
}

// statusOutcome returns the outcome that the status of an HTTP answer means: R4's 4 is a failure by
// the user's fault, and who may not do something was refused.
func statusOutcome(s string) string {
	switch {
	case len(s) != 3 || strings.Trim(s, "0123456789") != "":
		return ""
	case slices.Contains([]string{"401", "403", "407", "451"}, s), s[0] == '5':
		return "8"
	case s[0] == '4':
		return "4"
	case s[0] == '2', s[0] == '3':
		return "0"
	}
	return ""
}

var statusLine = regexp.MustCompile(`^(?:http (?:[0-9] )*)?([1-5][0-9][0-9])(?: (?:forbidden|unauthori[sz]ed|not found|bad request|` +
	`internal server error|proxy authentication required|unavailable for legal reasons|service unavailable))?$`)

// refusals are the outcomes that words beside an event without an outcome may state.
var refusals = []string{
	"deny", "denied", "access denied", "refused", "forbidden", "unauthorized", "unauthorised", "not authorized",
	"not authorised", "permission denied",
}

// impliedOutcome returns the outcome of an event that states none. That is a refusal or failure
// only if the words for it, up to the first mark, are nothing but a refusal or the status of an
// HTTP answer. Otherwise it succeeded.
func impliedOutcome(root object) string {
	said := []string{text(root, "outcomeDesc")}
	for _, e := range objects(root, "entity") {
		for _, d := range objects(e, "detail") {
			if slices.Contains([]string{"status", "http status", "status code", "http status code", "response", "outcome"},
				plainWords(text(d, "type"))) {
				said = append(said, text(d, "valueString"))
			}
		}
	}
	for _, s := range said {
		if i := strings.IndexAny(s, ":;,("); i > 0 {
			s = s[:i]
		}
		s = plainWords(s)
		if m := statusLine.FindStringSubmatch(s); m != nil {
			s = m[1]
		}
		if slices.Contains(refusals, s) {
			return "8"
		}
		if code := statusOutcome(s); code != "" {
			return code
		}
	}
	return "0"
}

// deeds reads what was done, and how it ended.
func (b *builder) deeds(root object) {
	b.take(root, "action", "action")
	b.take(root, "outcome", "outcome")
	a := b.a
	a.Action, a.Outcome = statedAction(root), statedOutcome(root)
	if a.Action == "" {
		b.noteValue(root, "action")
		a.Action = impliedAction(a.Event)
	}
	if a.Outcome == "" {
		b.noteValue(root, "outcome")
		a.Outcome = impliedOutcome(root)
	}
}

// noteValue notes that the value of an element, if there is one, was not understood.
func (b *builder) noteValue(root object, name string) {
	if _, ok := root[name]; ok {
		b.n.add("AuditEvent."+name, UnknownValue)
	}
}
