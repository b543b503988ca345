// Package plain says in words what the ledger holds: what an access, another act, a verdict, a remark,
// an outcome, a purpose or a type of entry is called for people. Commands, the API, reports and the
// checker in a browser all take their words from here, so that one fact has one sentence.
//
// The texts are in one file per language, en.properties being the one that has them all, and are found
// by typed keys. What this package returns is text for people: programs read the codes of package entry,
// which never change with the language.
//
// The package promises that every text it returns from an entry is one line without control or direction
// characters, whatever a source wrote into the entry. It does not look anything up: names of
// organisations and the words of policy rules come from its callers. It is linked into the checker in a
// browser, so it imports nothing that weighs much.
package plain

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Language is a BCP 47 tag of a language that the catalogue may have.
type Language string

// English is the language of last resort: it has every text.
const English Language = "en"

//go:embed *.properties
var files embed.FS

// plurals names the form of a text that each language needs for a number, after the plural rules of the
// Unicode CLDR. A language needs an entry here and a file.
var plurals = map[Language]func(n uint64) string{
	English: func(n uint64) string {
		if n == 1 {
			return "one"
		}
		return "other"
	},
}

// Catalogue has the words of one language. It is safe for concurrent use.
type Catalogue struct {
	texts    map[Key]string
	plural   func(n uint64) string
	fallback *Catalogue // English, or nil
}

// Key names a text. The keys of codes, such as purpose.TREAT, are made by the methods that say them.
type Key string

// Texts that stand alone.
const (
	MarkEmergency      Key = "mark.emergency"
	MarkMachine        Key = "mark.machine"
	NoReason           Key = "why.none"
	Unreadable         Key = "absent.unreadable"
	Outside            Key = "absent.outside"
	Withheld           Key = "absent.withheld"
	WithheldSubject    Key = "absent.subject"
	WithheldStaff      Key = "absent.staff"
	DecisionAllowed    Key = "decision.allowed"
	DecisionNotAllowed Key = "decision.not-allowed"
	TotalHistory       Key = "total.history" // accesses, entries
)

// Texts by number.
const (
	TotalAccesses   Key = "total.accesses"
	TotalEntries    Key = "total.entries"  // of decides
	TotalReported   Key = "total.reported" // of decides
	TotalFindings   Key = "total.findings"
	TotalExceptions Key = "total.exceptions" // act
)

var english = sync.OnceValue(func() *Catalogue {
	c, err := load(English)
	if err != nil {
		panic(fmt.Sprintf("plain: %v", err)) // a test loads it
	}
	return c
})

// In returns the catalogue of a language; where there is none, of English. A region or script in the tag
// is not looked at.
func In(l Language) *Catalogue {
	base, _, _ := strings.Cut(strings.ToLower(string(l)), "-")
	if l = Language(base); l == English || plurals[l] == nil {
		return english()
	}
	c, err := load(l)
	if err != nil {
		panic(fmt.Sprintf("plain: %v", err)) // a test loads each
	}
	c.fallback = english()
	return c
}

func load(l Language) (*Catalogue, error) {
	data, err := files.ReadFile(string(l) + ".properties")
	if err != nil {
		return nil, err
	}
	return parse(string(data), plurals[l])
}

// parse reads the lines of a file as its head explains them.
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
			return nil, fmt.Errorf("line %d: want key = text", n)
		}
		if _, twice := c.texts[k]; twice {
			return nil, fmt.Errorf("line %d: %s is there already", n, k)
		}
		c.texts[k] = text
	}
	return c, nil
}

// Text returns the text of a key, with each {name} replaced by the value that follows name in args. A key
// without text is returned itself: a defect, which a test excludes for every key there is.
func (c *Catalogue) Text(k Key, args ...string) string {
	text, ok := c.lookup(k)
	if !ok {
		return string(k)
	}
	return fill(text, args)
}

// Count returns the text of a key by number, with n as {n} unless args have it.
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

// fill replaces in one pass, so what is filled in is never taken for a name. Of two values for a name the
// first is taken.
func fill(text string, args []string) string {
	pairs := make([]string, len(args))
	for i, a := range args {
		if pairs[i] = a; i%2 == 0 {
			pairs[i] = "{" + a + "}"
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (c *Catalogue) lookup(k Key) (string, bool) {
	for ; c != nil; c = c.fallback {
		if text, ok := c.texts[k]; ok {
			return text, true
		}
	}
	return "", false
}

// code returns the text of a code of a family; without one, the code itself.
func (c *Catalogue) code(family, code string) string {
	if text, ok := c.lookup(Key(family + "." + code)); ok {
		return text
	}
	return code
}
