package oracle

import (
	"crypto/sha256"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Sections 5 and 6: entries and their disclosures.

// An entry is one entry as it travels, well-formed by itself.
type entry struct {
	*jws
	typ    string
	claims *value
	shown  []disclosure
	kind   *entryKind
}

type disclosure struct {
	name   string
	value  *value
	digest string
}

// An entryKind is what the text says about one type.
type entryKind struct {
	sealed  bool
	claims  object
	check   func(e *entry)
	history func(e *entry) string // of public types: the name of the history
	names   object                // of sealed types: the disclosures
}

var kinds = func() map[string]*entryKind {
	all := map[string]*entryKind{}
	for _, some := range []map[string]*entryKind{accessKinds, registerKinds, governingKinds, consentKinds} {
		maps.Copy(all, some)
	}
	return all
}()

var common = object{"type": aText, "iss": aText, "aud": aText, "iat": aTime, "jti": aText}

const maxDisclosures = 8

// readEntry reads h.p.s or h.p.s~d~…~.
func readEntry(text string) *entry {
	parts := strings.Split(text, "~")
	e := readBody(parts[0])
	e.open(text, parts[1:])
	e.checkClaims()
	return e
}

// readShown reads a sealed entry whose disclosures stand apart from it.
func readShown(jws string, disclosures []string) *entry {
	must(!strings.Contains(jws, "~"), "bad-base64")
	must(readBody(jws).kind.sealed, "bad-leaf")
	return readEntry(jws + "~" + strings.Join(append(slices.Clone(disclosures), ""), "~"))
}

// readPublic reads the entry in a public leaf.
func readPublic(text string) *entry {
	must(!strings.Contains(text, "~"), "bad-base64")
	e := readBody(text)
	must(!e.kind.sealed, "bad-leaf")
	e.open(text, nil)
	e.checkClaims()
	return e
}

// readBody reads header and payload as far as iss, aud, iat and jti.
func readBody(text string) *entry {
	e := &entry{jws: readJWS(text, typEntry)}
	e.claims = parseJSON(e.payload)
	must(e.claims.kind == '{', "bad-json")
	typ := e.claims.get("type")
	must(typ != nil, "unknown-type")
	aText(typ)
	e.typ = typ.text
	e.kind = kinds[e.typ]
	must(e.kind != nil, "unknown-type")
	shape := common.and(e.kind.claims)
	if e.kind.sealed {
		shape["_sd"] = listOf(aText)
	}
	shape.fits(e.claims)
	checkIssued(e.claims)
	must(uuidForm.MatchString(e.claims.str("jti")), "bad-claim")
	return e
}

// checkIssued checks iss, aud and iat, which countersignatures have too.
func checkIssued(claims *value) {
	must(organisationForm.MatchString(claims.str("iss")), "bad-claim")
	must(originForm.MatchString(claims.str("aud")), "bad-claim")
	iat := claims.num("iat")
	must(iat >= 1 && iat <= 1<<40, "bad-claim")
}

// open reads the disclosures. rest is what follows the first ~, split at each ~.
func (e *entry) open(text string, rest []string) {
	if !e.kind.sealed {
		must(len(rest) == 0, "bad-disclosure")
		must(len(text) <= 65534, "too-large")
		must(!holdsNumber(e.claims.str("iss")), "personal-data")
		return
	}
	digests := e.claims.texts("_sd")
	must(len(digests) == 8 && ascending(digests), "bad-claim")
	for _, d := range digests {
		must(isThumbprint(d), "bad-claim")
	}
	if len(rest) > 0 {
		must(rest[len(rest)-1] == "", "bad-disclosure")
		rest = rest[:len(rest)-1]
	}
	must(len(rest) <= maxDisclosures, "bad-disclosure")
	seen := map[string]bool{}
	for _, text := range rest {
		d := readDisclosure(text)
		must(e.kind.names[d.name] != nil, "bad-disclosure")
		must(slices.Contains(digests, d.digest), "unreferenced-digest")
		must(!seen[d.digest] && !seen[d.name], "duplicate-disclosure")
		seen[d.digest], seen[d.name] = true, true
		e.shown = append(e.shown, d)
	}
	for _, d := range e.shown {
		e.kind.names[d.name](d.value)
	}
}

func (e *entry) checkClaims() {
	if e.kind.check != nil {
		e.kind.check(e)
	}
}

// disclosed returns the value that is shown under this name, or nil.
func (e *entry) disclosed(name string) *value {
	for _, d := range e.shown {
		if d.name == name {
			return d.value
		}
	}
	return nil
}

var saltForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{22,}\z`)

func readDisclosure(text string) disclosure {
	must(len(text) <= 131072, "too-large")
	v := parseJSON(string(unbase64url(text)))
	must(v.kind == '[', "bad-json")
	must(len(v.list) == 3, "bad-disclosure")
	must(v.list[0].kind == '"' && saltForm.MatchString(v.list[0].text), "bad-disclosure")
	must(v.list[1].kind == '"', "bad-disclosure")
	must(len(v.list[2].raw) <= 65536, "bad-disclosure")
	h := sha256.Sum256([]byte(text))
	return disclosure{name: v.list[1].text, value: v.list[2], digest: base64url(h[:])}
}

// anID is the value of sub.
func anID(v *value) {
	aText(v)
	must(isID(v.text), "bad-id")
}

// texts is an object of optional strings.
func texts(names ...string) shape {
	o := object{}
	for _, n := range names {
		o[n] = aText
	}
	return o.fits
}

// aDocument is an object of at most 32 levels, with anything in it.
func aDocument(v *value) {
	must(v.kind == '{' && v.depth() <= 32, "bad-disclosure")
}
