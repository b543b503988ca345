// Package plain has the words for what the ledger holds: what an access, another act, a verdict, a
// remark, an outcome, a purpose or a type of entry is called for people. Commands, the API, reports
// and pages all take their words from here, so that one fact has one sentence.
//
// The texts are in one file per language and are found by typed keys. en.properties is the file
// that has them all. What this package returns is text for people. Programs read the codes of
// package entry, which never change with the language.
//
// The package promises that every text it returns from an entry is one line without control or
// direction characters, whatever a source wrote into the entry. It does not look anything up:
// callers pass the names of organisations and the words of policy rules. igverify links it, so it
// imports only small packages.
package plain

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Language is a BCP 47 tag of a language that the catalogue may have.
type Language string

// English is the fallback language: it has every text.
const (
	English Language = "en"
	Gaelic  Language = "gd" // Scottish Gaelic
)

//go:embed *.properties
var files embed.FS

// plurals chooses the form of a text that each language needs for a number, after the plural rules
// of the Unicode CLDR.
var plurals = map[Language]func(n uint64) string{
	English: func(n uint64) string {
		if n == 1 {
			return "one"
		}
		return "other"
	},
	Gaelic: func(n uint64) string {
		switch {
		case n == 1 || n == 11:
			return "one"
		case n == 2 || n == 12:
			return "two"
		case n >= 3 && n <= 19:
			return "few"
		}
		return "other"
	},
}

// Catalogue has the words of one language. It is safe for concurrent use.
type Catalogue struct {
	language Language
	texts    map[Key]string
	plural   func(n uint64) string
	fallback *Catalogue // English, or nil
}

// Key names a text. Methods make the keys of codes, such as purpose.TREAT.
type Key string

// Texts that stand alone.
const (
	MarkEmergency       Key = "mark.emergency"
	MarkMachine         Key = "mark.machine"
	MarkRestricts       Key = "mark.restricts" // act
	Doubtful            Key = "mark.doubtful"
	NoReason            Key = "why.none"
	Unreadable          Key = "absent.unreadable"
	Outside             Key = "absent.outside"
	Withheld            Key = "absent.withheld"
	WithheldSubject     Key = "absent.subject"
	WithheldStaff       Key = "absent.staff"
	UnknownOrganisation Key = "organisation.unknown" // .named has the source's words
	DecisionAllowed     Key = "decision.allowed"
	DecisionNotAllowed  Key = "decision.not-allowed"
	TotalHistory        Key = "total.history" // accesses, entries
	TotalOwn            Key = "total.own"     // accesses
)

// Texts by number.
const (
	TotalAccesses   Key = "total.accesses"
	TotalEntries    Key = "total.entries"  // of decides
	TotalReported   Key = "total.reported" // of decides
	TotalAttempts   Key = "total.attempts"
	TotalFindings   Key = "total.findings"
	TotalExceptions Key = "total.exceptions" // act
)

var english = sync.OnceValue(func() *Catalogue { return must(Load(English, files)) })

var others = sync.OnceValue(func() map[Language]*Catalogue {
	m := map[Language]*Catalogue{}
	for l := range plurals {
		if l != English {
			m[l] = must(Load(l, files))
		}
	}
	return m
})

func must(c *Catalogue, err error) *Catalogue {
	if err != nil {
		panic(fmt.Sprintf("plain: %v", err)) // a test loads each
	}
	return c
}

// In returns the catalogue of a language, or of English if there is none. A region or script in the
// tag is ignored.
func In(l Language) *Catalogue {
	base, _, _ := strings.Cut(strings.ToLower(string(l)), "-")
	if Language(base) == English {
		return english()
	}
	if c := others()[Language(base)]; c != nil {
		return c
	}
	return english()
}

// Load returns the catalogue of a language from the files <language>.properties of folders, of which
// English must be in each. If several have a text, the first one's is used. A text that is in no file
// of the language is in English.
func Load(l Language, from ...fs.FS) (*Catalogue, error) {
	c := &Catalogue{language: l, texts: map[Key]string{}, plural: plurals[l]}
	if c.plural == nil {
		return nil, fmt.Errorf("language %q has no plural rule", l)
	}
	for _, folder := range slices.Backward(from) {
		data, err := fs.ReadFile(folder, string(l)+".properties")
		if errors.Is(err, fs.ErrNotExist) && l != English {
			continue
		}
		if err != nil {
			return nil, err
		}
		parsed, err := parse(string(data), c.plural)
		if err != nil {
			return nil, fmt.Errorf("%s.properties: %w", l, err)
		}
		maps.Copy(c.texts, parsed.texts)
	}
	if l == English {
		return c, nil
	}
	var err error
	c.fallback, err = Load(English, from...)
	return c, err
}

// Language returns the language that the catalogue is of.
func (c *Catalogue) Language() Language { return c.language }

// Has reports whether the catalogue or its fallback has the text, or a form of it for a number.
func (c *Catalogue) Has(k Key) bool {
	_, one := c.lookup(k)
	_, many := c.lookup(k + ".other")
	return one || many
}

// Own reports whether the catalogue has the text in its own language.
func (c *Catalogue) Own(k Key) bool {
	_, ok := c.texts[k]
	return ok
}

// OwnCount reports whether the catalogue has the text for a number in its own language.
func (c *Catalogue) OwnCount(k Key, n uint64) bool {
	return c.Own(k+"."+Key(c.plural(n))) || c.Own(k+".other")
}

// Strays returns what is wrong with a translation: keys that English lacks, and texts that do not
// have the same {names} as the English one. It returns nothing for English.
func (c *Catalogue) Strays() (list []Key) {
	if c.fallback == nil {
		return nil
	}
	for k, text := range c.texts {
		original, ok := c.fallback.texts[k]
		if i := strings.LastIndexByte(string(k), '.'); !ok && i > 0 {
			original, ok = c.fallback.texts[k[:i]+".other"]
		}
		if !ok || !slices.Equal(names(text), names(original)) {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

var name = regexp.MustCompile(`\{[a-z]+\}`)

// names returns the names that a text has something filled in for.
func names(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(name.FindAllString(text, -1))))
}

// parse reads the lines of a file, whose head explains them.
func parse(data string, plural func(n uint64) string) (*Catalogue, error) {
	c := &Catalogue{texts: map[Key]string{}, plural: plural}
	n := 0
	for line := range strings.Lines(data) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, text, found := strings.Cut(line, "=")
		k, text := Key(strings.TrimSpace(key)), strings.TrimSpace(text)
		if !found || k == "" || text == "" {
			return nil, fmt.Errorf("line %d: want \"key = text\"", n)
		}
		if _, twice := c.texts[k]; twice {
			return nil, fmt.Errorf("line %d: %s is there twice", n, k)
		}
		c.texts[k] = text
	}
	return c, nil
}

// Text returns the text of a key, with each {name} replaced by the value that follows name in args.
// If the key has no text, it returns the key. That is a defect, which a test excludes for every
// key.
func (c *Catalogue) Text(k Key, args ...string) string {
	text, ok := c.lookup(k)
	if !ok {
		return string(k)
	}
	return fill(text, args)
}

// Count returns the form of a key's text for the number n. {n} is n unless args have it.
func (c *Catalogue) Count(k Key, n uint64, args ...string) string {
	args = append(args[:len(args):len(args)], "n", strconv.FormatUint(n, 10))
	for ; c != nil; c = c.fallback {
		for _, form := range []string{c.plural(n), "other"} {
			if text, ok := c.texts[k+"."+Key(form)]; ok {
				return fill(text, args)
			}
		}
	}
	return string(k)
}

// fill replaces all names in one pass, so that a value is never taken for a name. If a name has two
// values, the first is used.
func fill(text string, args []string) string {
	before, rest, more := strings.Cut(text, "{")
	if !more {
		return text
	}
	var b strings.Builder
	for ; more; before, rest, more = strings.Cut(rest, "{") {
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		at := valueOf(args, name)
		if !closed || at < 0 {
			b.WriteByte('{')
			continue
		}
		b.WriteString(args[at])
		rest = after
	}
	b.WriteString(before)
	return b.String()
}

// valueOf returns where in args the value of a name is, or -1.
func valueOf(args []string, name string) int {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return i + 1
		}
	}
	return -1
}

func (c *Catalogue) lookup(k Key) (string, bool) {
	for ; c != nil; c = c.fallback {
		if text, ok := c.texts[k]; ok {
			return text, true
		}
	}
	return "", false
}

// code returns the text of a code of a family. If there is none, it returns the code.
func (c *Catalogue) code(family, code string) string {
	if text, ok := c.lookup(Key(family + "." + code)); ok {
		return text
	}
	return code
}
