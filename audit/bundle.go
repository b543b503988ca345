package audit

import (
	"maps"
	"slices"
	"strconv"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// Version is a version of FHIR.
type Version string

// The versions that are written.
const (
	R4 Version = "fhir-r4"
	R5 Version = "fhir-r5"
)

// EntryURI is the url of the extension that says where in the ledger an event is recorded, on
// Bundle.entry, and on an event that has no form of its source's own. It has these extensions:
//
//	log       valueString  origin of the log
//	index     valueString  position in it, decimal
//	id        valueUuid    jti of the entry
//	issuer    valueString  organisation that signed it
//	flag      valueCode    each of the ledger's remarks (Bundle.entry only, as what follows)
//	verdict   valueCode    covered, break-glass or not-covered
//	rule      valueCode    each rule that decided
//	reason    valueString  each reason in words
const EntryURI = "urn:igledger:entry"

// A Recorded is an entry of a history, as its reader is shown it.
type Recorded struct {
	Index   uint64
	Entry   *entry.Entry // nil: its content cannot be decoded
	Flags   []entry.Flag
	Verdict *entry.Verdict // nil: none
	Plain   []string       // the verdict's reasons in words
}

// A Bundle collects a history as FHIR AuditEvents. Its zero value is empty. What cannot be an event
// is counted, and said in an OperationOutcome at the end.
type Bundle struct {
	Version   Version           // "": R4
	Searchset bool              // the answer to a search, not a collection
	Links     map[string]string // relation to URL
	Made      string            // RFC 3339, when it was put together; "": not stated
	State     string            // of the log for which it is true, in words; a tag of meta, "": not stated

	entries []any
	used    map[string]bool // fullUrl
	left    map[string]int  // by what it is
	issues  []any
}

// event returns what an entry is as an AuditEvent, a tree that the caller must not change: an
// access as its source reported it, in R4 or R5, or else, and a decision, by the BALP profile for
// it. It returns nil for what is not an event.
func (b *Bundle) event(r Recorded) object {
	if r.Entry == nil {
		b.leave("entries whose content cannot be shown")
		return nil
	}
	switch x := r.Entry.Body.(type) {
	case *entry.Access:
		if root := b.reported(x, strconv.FormatUint(r.Index, 10)); root != nil {
			return root
		}
		return withProof(native(x), r)
	case *entry.Decision:
		consent := ""
		if r.Verdict != nil {
			consent = r.Verdict.Consent
		}
		return withProof(decisionEvent(x, consent, "", r.Plain), r)
	}
	b.leave("entries of type " + string(r.Entry.Type))
	return nil
}

// reported returns the event that the source of an access reported, nil if there is none that can
// stand for the access.
func (b *Bundle) reported(x *entry.Access, index string) object {
	if len(x.FHIR) == 0 {
		return nil
	}
	root, err := sourceEvent(x)
	switch {
	case len(tree.Cuts(x.FHIR)) > 0:
		b.Note("warning", "too-long", "The event of entry "+index+" was too large for the ledger. It is written from what its "+
			"source signed; the source keeps the whole.")
		return nil
	case err != nil:
		b.Note("warning", "business-rule", "The event of entry "+index+" contradicts what its source signed. It is written from "+
			"what was signed.")
		return nil
	}
	must := []string{"type", "recorded", "agent", "source"}
	if isR5(root) {
		must[0] = "code"
	}
	if slices.ContainsFunc(must, func(name string) bool { return root[name] == nil }) {
		b.Note("warning", "required", "The event of entry "+index+" is as its source reported it, and lacks what FHIR requires.")
	}
	return root
}

func (b *Bundle) leave(what string) {
	if b.left == nil {
		b.left = map[string]int{}
	}
	b.left[what]++
}

// Add adds an entry of the history if it is an event and keep, which may be nil, wants it. keep is
// given the event in FHIR R4 and must not change it. Add reports whether the entry was added.
func (b *Bundle) Add(r Recorded, keep func(event map[string]any) bool) bool {
	root := b.event(r)
	if root == nil {
		return false
	}
	if keep != nil || b.Version != R5 {
		r4, err := inR4(cloneTree(root).(object))
		if err != nil {
			b.leave("entries whose content cannot be shown")
			return false
		}
		if keep != nil && !keep(r4) {
			return false
		}
		if b.Version != R5 {
			root = r4
		}
	}
	if b.Version == R5 {
		root = inR5(root)
	}
	url := "urn:uuid:" + r.Entry.ID
	if b.used[url] { // two issuers may have used one jti
		url = EntryURI + ":" + strconv.FormatUint(r.Index, 10)
	}
	if b.used == nil {
		b.used = map[string]bool{}
	}
	b.used[url] = true
	e := object{"fullUrl": url, "resource": root, "extension": []any{proofOf(r, true)}}
	if b.Searchset {
		e["search"] = object{"mode": "match"}
	}
	b.entries = append(b.entries, e)
	return true
}

// Len returns how many events were added.
func (b *Bundle) Len() int { return len(b.entries) }

// Note adds an issue to the OperationOutcome. Severity and code are FHIR's (issue-severity,
// issue-type).
func (b *Bundle) Note(severity, code, text string) {
	b.issues = append(b.issues, object{"severity": severity, "code": code, "details": object{"text": text}})
}

// withProof says in an event of our own making where it is recorded.
func withProof(root object, r Recorded) object {
	root["extension"] = append(list(root["extension"]), any(proofOf(r, false)))
	return root
}

func proofOf(r Recorded, whole bool) object {
	x := object{"url": EntryURI}
	extend(x, "log", "valueString", r.Entry.Audience)
	extend(x, "index", "valueString", strconv.FormatUint(r.Index, 10))
	extend(x, "id", "valueUuid", "urn:uuid:"+r.Entry.ID)
	extend(x, "issuer", "valueString", r.Entry.Issuer)
	if !whole {
		return x
	}
	for _, f := range r.Flags {
		extend(x, "flag", "valueCode", string(f))
	}
	if v := r.Verdict; v != nil {
		extend(x, "verdict", "valueCode", string(v.Result))
		for _, rule := range v.Rules {
			extend(x, "rule", "valueCode", rule)
		}
		for _, words := range r.Plain {
			extend(x, "reason", "valueString", words)
		}
	}
	return x
}

// Marshal returns the Bundle in JSON.
func (b *Bundle) Marshal() ([]byte, error) {
	kind := "collection"
	if b.Searchset {
		kind = "searchset"
	}
	root := object{"resourceType": "Bundle", "type": kind}
	if b.Made != "" {
		root["timestamp"] = b.Made
	}
	if b.State != "" {
		root["meta"] = object{"tag": []any{object{"system": "urn:igledger:export", "code": "export", "display": b.State}}}
	}
	for _, relation := range slices.Sorted(maps.Keys(b.Links)) {
		root["link"] = append(list(root["link"]), object{"relation": relation, "url": b.Links[relation]})
	}
	entries, issues := b.entries, slices.Clone(b.issues)
	for _, what := range slices.Sorted(maps.Keys(b.left)) {
		issues = append(issues, object{"severity": "information", "code": "informational", "details": object{
			"text": "Left out because they are no AuditEvents: " + what + ": " + strconv.Itoa(b.left[what]) + "."}})
	}
	if len(issues) > 0 {
		e := object{"fullUrl": "urn:igledger:outcome", "resource": object{"resourceType": "OperationOutcome", "issue": issues}}
		if b.Searchset {
			e["search"] = object{"mode": "outcome"}
		}
		entries = append(slices.Clip(entries), any(e))
	}
	if len(entries) > 0 { // FHIR has no empty lists
		root["entry"] = entries
	}
	return writeTree(root)
}
