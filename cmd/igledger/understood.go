package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/consent/fhir"
	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// What was not understood is of the same kinds in a consent as in an access, and has the same
// words.

// entered in error is all that such a resource says: nothing of it counts any more.
const errorPath = "Consent.status"

// notesOfConsent returns what of a consent was not understood. orgs are the organisations of the
// log, nil if they are not known.
func notesOfConsent(x *entry.Consent, m *mapping.Map, orgs []string) (list []audit.Note) {
	add := func(path string, code audit.NoteCode) {
		if n := (audit.Note{Path: path, Code: code}); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	switch {
	case strings.HasPrefix(x.Sub, "temp:"):
		add("Consent.patient", audit.TemporaryID)
	case !entry.CheckDigitOK(x.Sub):
		add("Consent.patient", audit.WrongCheckDigit)
	}
	var rule func(r *entry.ConsentRule, path string)
	rule = func(r *entry.ConsentRule, path string) {
		for _, p := range r.Purposes {
			if !purpose.Known(p) && m.Purpose(p) == "" && !m.Emergency(p) {
				add(path+".purpose", audit.UnknownPurpose)
			}
		}
		for _, org := range r.Recipients {
			if orgs != nil && !slices.Contains(orgs, org) {
				add(path+".actor", audit.ForeignOrganisation)
			}
		}
		for _, inner := range slices.Concat(r.Except, r.Also) {
			rule(&inner, path+".provision")
		}
	}
	if x.Rule != nil {
		rule(x.Rule, "Consent.provision")
	}
	return list
}

// notUnderstood says that something is not signed because of --strict.
func notUnderstood(notes []audit.Note, unenforced []fhir.Unenforced) error {
	var why []string
	for _, n := range notes {
		why = append(why, fmt.Sprintf("%s (%s)", n.Code, n.Path))
	}
	for _, u := range unenforced {
		if u.Path != errorPath && !slices.ContainsFunc(notes, func(n audit.Note) bool { return n.Path == u.Path }) {
			why = append(why, fmt.Sprintf("not-enforced (%s)", u.Path))
		}
	}
	if len(why) == 0 {
		return nil
	}
	slices.Sort(why)
	return refused("not wholly understood, so not signed: %s", strings.Join(slices.Compact(why), ", "))
}

// organisations returns the ids of the organisations of the log.
func (r *remote) organisations(c *cli.Context) ([]string, error) {
	reg, err := r.Register(c.Context)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, o := range reg.Organisations {
		ids = append(ids, o.ID)
	}
	return ids, nil
}

// understood says what of a consent that is typed was not understood or, with --strict, refuses it.
func (r *remote) understood(c *cli.Context, x *entry.Consent) error {
	var orgs []string
	if x.Rule != nil && len(x.Rule.Recipients) > 0 {
		var err error
		if orgs, err = r.organisations(c); err != nil {
			return err
		}
	}
	notes := notesOfConsent(x, nil, orgs)
	if c.Bool("strict") {
		if err := notUnderstood(notes, nil); err != nil {
			return err
		}
	}
	for _, n := range notes {
		if n.Code != audit.WrongCheckDigit { // which the ledger flags, with advice
			fmt.Fprintf(c.App.ErrWriter, "igledger: what you record %s (%s)\n", said.Note(string(n.Code)), n.Code)
		}
	}
	return nil
}
