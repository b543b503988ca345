package plain

import (
	"strconv"
	"strings"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// Type returns what entries of a type state.
func (c *Catalogue) Type(t entry.Type) string { return c.code("type", string(t)) }

// Outcome returns how an access ended: FHIR AuditEvent.outcome.
func (c *Catalogue) Outcome(code string) string { return c.code("outcome", code) }

// Purpose returns why a record was used, from a PurposeOfUse code. It returns false if the code is
// of another system.
func (c *Catalogue) Purpose(code string) (string, bool) {
	return c.lookup(Key("purpose." + purpose.Code(code)))
}

// Flag returns what a remark of the ledger means.
func (c *Catalogue) Flag(f entry.Flag) string { return c.code("flag", string(f)) }

// FlagAdvice returns a remark for the officer who submitted the entry, and what to do about it.
func (c *Catalogue) FlagAdvice(f entry.Flag) string {
	said := c.Text("remark", "flag", c.Flag(f))
	if advice, ok := c.lookup(Key("flag." + string(f) + ".advice")); ok {
		said += " " + advice
	}
	return said
}

// Note returns what was not understood of an event, from the code of a note (audit.NoteCode).
func (c *Catalogue) Note(code string) string { return c.code("note", code) }

// Fault returns what is wrong with the stream of a source (stream.Fault).
func (c *Catalogue) Fault(code string) string { return c.code("fault", code) }

// LedgersWord marks a remark or verdict that nothing proves.
func (c *Catalogue) LedgersWord(said string) string { return c.Text("word.ledger", "said", said) }

// Verdict returns what the policies say about an access and, if the access named an agreement,
// which one. The words of v.Rules give the reasons: see Rule.
func (c *Catalogue) Verdict(v *entry.Verdict) string {
	said := c.Text(Key("verdict." + string(v.Result)))
	if v.Agreement == "" {
		return said
	}
	return said + " " + c.Text("verdict.named", "agreement", v.Agreement, "version", strconv.FormatUint(v.Version, 10))
}

// VerdictWithReasons returns what the policies say about an access, then a sentence for each rule
// that decided. signed has the words of v.Rules in their order, as Rule takes them.
// consent.Rules.Reasons returns them.
func (c *Catalogue) VerdictWithReasons(v *entry.Verdict, signed []string) []string {
	list := []string{c.Verdict(v)}
	for i, id := range v.Rules {
		words := ""
		if i < len(signed) {
			words = signed[i]
		}
		list = append(list, c.Rule(id, words))
	}
	return list
}

// Rule returns why a rule decided. signed is what the policy set says about it (its annotation
// @plain). It is "" if the set has no such rule or is not available.
func (c *Catalogue) Rule(id, signed string) string {
	if signed != "" {
		return signed
	}
	if said, ok := c.lookup(Key("rule." + id)); ok {
		return said
	}
	return c.Text("rule", "rule", id)
}

// Obligation returns an obligation that comes with the answer to a question about an access. If the
// access is allowed, it says what is still to do; otherwise, what would make it allowed. codes are
// the data that Redact leaves out.
func (c *Catalogue) Obligation(id string, allowed bool, codes []string) string {
	family := Key("remedy")
	if allowed {
		family = "due"
	}
	text, ok := c.lookup(family + "." + Key(id))
	if !ok {
		return c.Text(family, "obligation", id)
	}
	return fill(text, []string{"codes", strings.Join(codes, ", ")})
}

// Checks returns what each check of a verifier is called, by its name in docs/FORMATS.md.
func (c *Catalogue) Checks() map[string]string {
	list := map[string]string{}
	for _, from := range []*Catalogue{c.fallback, c} {
		if from == nil {
			continue
		}
		for key, text := range from.texts {
			if name, ok := strings.CutPrefix(string(key), "check."); ok {
				list[name] = text
			}
		}
	}
	return list
}

// Check returns what a check of a statement confirms. A check without a title is called by its
// name.
func (c *Catalogue) Check(name string) string { return c.code("check", name) }
