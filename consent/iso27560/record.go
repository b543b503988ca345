package iso27560

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const profile = "https://w3id.org/dpv/schema/dpv-27560#"

// Record returns the consent record. Its processing is that of the newest act with a rule, and all
// acts are events. It names the person by their id, so it is only for readers who may see that.
// Errors are *Error.
func Record(s Source) ([]byte, error) {
	r, err := record(s)
	if err != nil {
		return nil, err
	}
	r["@context"] = context()
	return write(r)
}

// Receipt returns the receipt of the newest act, to be given to the person. It holds the whole
// record. created is the time when it is made. Errors are *Error.
func Receipt(s Source, created time.Time) ([]byte, error) {
	r, err := record(s)
	if err != nil {
		return nil, err
	}
	newest := slices.MaxFunc(s.Acts, func(a, b *entry.Consent) int { return a.Order().Compare(b.Order()) })
	name := "urn:igledger:consent-receipt:" + newest.Audience + ":" + newest.Issuer + ":" + newest.ID
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
	return write(object{
		"@context":                context(),
		"@id":                     "urn:uuid:" + id,
		"@type":                   "dpv:ConsentReceipt",
		"dct:identifier":          id,
		"dct:conformsTo":          profile + "receipt",
		"dct:created":             typed("xsd:dateTime", created.UTC().Format(time.RFC3339)),
		"dct:publisher":           object{"@id": organisationIRI(newest.Issuer)},
		"schema:recipient":        object{"@id": "dpv:DataSubject"},
		"dpv:hasRecordOfActivity": r,
	})
}

func write(v object) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
}

func typed(kind, v string) object { return object{"@type": kind, "@value": v} }

func record(s Source) (object, error) {
	ruling, err := s.check()
	if err != nil {
		return nil, err
	}
	first := s.Acts[0]
	var processes, entities []any
	var notice object
	named := map[string]bool{}
	for _, a := range s.Agreements {
		u := under{s, a}
		if notice == nil {
			notice, err = u.notice()
			if err != nil {
				return nil, err
			}
		}
		process, err := u.process(ruling)
		if err != nil {
			return nil, err
		}
		processes = append(processes, process)
		found, err := u.entities(ruling)
		if err != nil {
			return nil, err
		}
		for _, e := range found { // an organisation is what the first agreement with it says
			if id := e["dpv:hasIdentifier"].(string); !named[id] {
				named[id] = true
				entities = append(entities, e)
			}
		}
	}
	if s.objects(ruling) {
		said, found, err := s.objection(ruling)
		if err != nil {
			return nil, err
		}
		processes, entities = []any{said}, found
		u := under{s, &entry.AgreementText{}}
		if given, err := u.notice(); err == nil { // a refusal does not depend on what was told
			notice = given
		}
	}
	var process any = processes
	if len(processes) == 1 {
		process = processes[0]
	}
	events := make([]any, len(s.Acts))
	for i, x := range s.Acts {
		events[i] = event(x, ruling)
	}
	out := object{
		"@id":                  "urn:uuid:" + first.Consent,
		"@type":                "dpv:ConsentRecord",
		"dct:identifier":       first.Consent,
		"dct:conformsTo":       profile + "record",
		"dpv:hasDataSubject":   object{"@type": "dpv:Patient", "dct:identifier": first.Sub},
		"dpv:hasProcess":       process,
		"dpv:hasEntity":        entities,
		"dpv:hasConsentStatus": events,
	}
	if notice != nil {
		out["dpv:hasNotice"] = notice
	}
	return out, nil
}

// check checks that the acts are of one record under its agreements, and returns the last decision.
// It puts the acts in the order in which they were decided.
func (s *Source) check() (*entry.Consent, error) {
	var ruling *entry.Consent
	acts := slices.Clone(s.Acts)
	slices.SortStableFunc(acts, func(a, b *entry.Consent) int { return a.Order().Compare(b.Order()) })
	s.Acts = acts
	for _, x := range s.Acts {
		if x.Consent != s.Acts[0].Consent || x.Sub != s.Acts[0].Sub {
			return nil, &Error{BadSource, "record_id", "the acts belong to several records or several people"}
		}
		if x.Rule != nil {
			ruling = x
		}
	}
	switch {
	case len(s.Acts) == 0:
		return nil, &Error{BadSource, "record_id", "there is no act"}
	case s.Acts[0].Sub == "":
		return nil, missing("pii_principal_id", "the person's id is withheld")
	case ruling == nil:
		return nil, missing("purpose", "no act says what was decided")
	case len(s.Agreements) == 0 && !s.objects(ruling):
		return nil, missing("pii_controllers", "the consent names no agreement")
	case s.Jurisdiction == "":
		return nil, missing("jurisdiction", "the ledger has none configured")
	}
	asked := Asked(s.Acts)
	for _, a := range s.Agreements {
		switch {
		case !slices.Contains(asked, a.ID):
			return nil, &Error{BadSource, "pii_controllers", "the consent was asked for another agreement"}
		case a.Retention == "":
			return nil, missing("retention_period", "the agreement does not state it")
		case a.Rights == "":
			return nil, missing("withdrawal_method", "the agreement does not say who to contact")
		}
	}
	if len(s.Agreements) < len(asked) {
		return nil, missing("pii_controllers", "an agreement that the consent was asked for is not given")
	}
	return ruling, nil
}

// Asked returns the agreements that a record's consent was asked for: those of the last decision
// that names any.
func Asked(acts []*entry.Consent) []string {
	var last *entry.Consent
	for _, x := range acts {
		if x.Rule != nil && len(x.Agreements) > 0 && (last == nil || x.Order().Compare(last.Order()) >= 0) {
			last = x
		}
	}
	if last == nil {
		return nil
	}
	return last.Agreements
}

// notice returns the newest notice that the person was given, else the agreement's.
func (s under) notice() (object, error) {
	n, language := &s.Agreement.Notice, ""
	for _, x := range slices.Backward(s.Acts) {
		if language == "" {
			language = x.Expressed.Language
		}
		if x.Notice != nil {
			n = x.Notice
			break
		}
	}
	if n.Language != "" {
		language = n.Language
	}
	if n.URL == "" {
		return nil, missing("privacy_notice", "neither the consent nor the agreement has one")
	}
	if language == "" { // BCP 47: undetermined
		language = "und"
	}
	o := object{
		"@id": n.URL, "@type": "dpv:ConsentNotice", "dct:language": language,
		"dct:identifier": "sha-256:" + wire.Encode64(n.Hash[:]),
	}
	if n.Version != "" {
		o["dct:hasVersion"] = n.Version
	}
	return o, nil
}

// process returns what is done with the data: what the agreement says, within what the person
// decided.
func (s under) process(x *entry.Consent) (object, error) {
	a := s.Agreement
	purposes, data := s.purposes(x.Rule), s.data(x.Rule)
	if len(purposes) == 0 {
		return nil, missing("purpose", "neither the rule nor the agreement has one")
	}
	if len(data) == 0 {
		return nil, missing("pii_information", "neither the rule nor the agreement says which data")
	}
	var bases, places []any
	for _, letter := range a.Article6 {
		bases = append(bases, object{"@id": "eu-gdpr:A6-1-" + letter})
	}
	for _, letter := range a.Article9 {
		bases = append(bases, object{"@id": "eu-gdpr:A9-2-" + letter})
	}
	if a.ConsentBasis() {
		bases = append(bases, object{"@id": consentTypes[x.Expressed.How]})
	}
	// Except for the transfers that the agreement names, the data stays in the UK.
	for _, country := range append([]string{"GB"}, a.Transfers...) {
		places = append(places, object{"@id": "loc:" + country})
	}
	parties := map[string][]any{}
	for _, p := range a.Parties {
		ref := object{"@id": organisationIRI(p.Org)}
		if p.Role == "controller" || p.Role == "joint-controller" {
			parties["dpv:hasDataController"] = append(parties["dpv:hasDataController"], ref)
		} else if p.Role == "processor" {
			parties["dpv:hasDataProcessor"] = append(parties["dpv:hasDataProcessor"], ref)
		}
	}
	var recipients []any
	for _, id := range s.recipients(x.Rule) {
		recipients = append(recipients, object{"@id": organisationIRI(id)})
	}
	rights := make([]any, 0, 6)
	for _, r := range s.rights() {
		rights = append(rights, object{"@type": []any{"dpv:DataSubjectRight", r}, "dpv:isExercisedAt": a.Rights})
	}
	dpia := object{"@type": "dpv:DPIA", "dct:identifier": a.DPIA.Reference, "dct:date": typed("xsd:date", a.DPIA.Date)}
	o := object{
		"@type":               "dpv:Process",
		"dct:isPartOf":        object{"@id": "urn:igledger:agreement:" + a.ID, "dct:hasVersion": a.Version, "dct:title": a.Title},
		"dpv:hasPurpose":      purposes,
		"dpv:hasLegalBasis":   bases,
		"dpv:hasPersonalData": data,
		"dpv:hasRecipient":    recipients,
		"dpv:hasRule":         s.rule(x.Rule),
		"dpv:hasStorageCondition": []any{
			object{"@type": "dpv:StorageLocation", "dpv:hasLocation": places},
			object{"@type": "dpv:StorageDuration", "dct:description": a.Retention},
			object{"@type": "dpv:StorageDeletion", "dct:description": a.Disposal},
		},
		"dpv:hasJurisdiction":   object{"@id": "loc:" + s.Jurisdiction},
		"dpv:hasApplicableLaw":  []any{object{"@id": "gb:law-GDPR"}, object{"@id": "gb:law-DPA"}},
		"dpv:hasConsentControl": object{"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": a.Rights},
		"dpv:hasRight":          rights,
		"dpv:hasAssessment":     dpia,
	}
	if !a.ConsentBasis() { // there is nothing to withdraw; the right that applies is among the rights
		o["dpv:hasConsentControl"] = object{
			"@type": "dpv:ConsentControl", "dpv:isExercisedAt": a.Rights,
			"dct:description": "Consent is not the legal basis; object to the processing instead.",
		}
	}
	for name, list := range parties {
		o[name] = list
	}
	return o, nil
}

// rights returns the rights that people have under the UK GDPR on the agreement's basis: withdrawal
// and portability if it is consent, else objection.
func (s under) rights() []string {
	always := []string{"eu-gdpr:A15", "eu-gdpr:A16", "eu-gdpr:A17", "eu-gdpr:A18"}
	if s.Agreement.ConsentBasis() {
		return append([]string{"eu-gdpr:A7-3"}, append(always, "eu-gdpr:A20")...)
	}
	return append(always, "eu-gdpr:A21")
}

// entities returns all organisations that the record names.
func (s under) entities(x *entry.Consent) ([]object, error) {
	ids := s.Agreement.Organisations()
	for _, id := range s.recipients(x.Rule) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	var out []object
	for _, id := range ids {
		m := slices.IndexFunc(s.Organisations, func(m entry.Member) bool { return m.ID == id })
		if m < 0 || s.Organisations[m].Name == "" || s.Organisations[m].Kind == "" {
			return nil, missing("party_name", "organisation "+id+" is not registered, or has no name or kind")
		}
		o := object{
			"@id": organisationIRI(id), "dpv:hasIdentifier": id, "dpv:hasName": s.Organisations[m].Name,
			"schema:additionalType": s.Organisations[m].Kind,
		}
		types := []any{"dpv:Organisation"}
		p := slices.IndexFunc(s.Agreement.Parties, func(p entry.AgreementParty) bool { return p.Org == id })
		if p < 0 { // a recipient that the person named
			o["@type"] = append(types, partyTerms["recipient"])
			out = append(out, o)
			continue
		}
		if s.Agreement.Parties[p].Contact == "" {
			return nil, missing("party_contact", "organisation "+id+" has no contact in the agreement")
		}
		party := s.Agreement.Parties[p]
		o["@type"] = append(types, partyTerms[party.Role])
		// The agreement has one text for how data subjects reach a party; the vocabulary has no
		// other place for an address.
		o["schema:contactPoint"] = object{
			"@type": "schema:ContactPoint", "schema:contactType": "data subjects", "schema:description": party.Contact,
		}
		if party.Registration != "" {
			o["dct:identifier"] = party.Registration
		}
		out = append(out, o)
	}
	return out, nil
}

// event returns one act. It is valid until the rule ends. If the rule has no end, it is valid until
// the person withdraws it. An act without a rule is valid for ever.
func event(x, ruling *entry.Consent) object {
	duration := object{"@type": "dpv:EndlessDuration"}
	switch {
	case x.Rule != nil && x.Rule.End != "":
		duration = object{"@type": "dpv:UntilTimeDuration", "rdf:value": typed("xsd:dateTime", utc(x.Rule.End))}
	case x.Rule != nil:
		duration = object{"@type": "dpv:UntilEventDuration", "rdf:value": "withdrawal or change by the person"}
	}
	by := object{"@id": "dpv:DataSubject"}
	if x.By != nil {
		by = object{"@type": "dpv:Representative"}
		if t := byTerms[x.By.Relation]; t != "" {
			by["@type"] = t
		}
		if x.By.Delegation != "" {
			by["dct:identifier"] = "urn:uuid:" + x.By.Delegation
		}
	}
	if x.Act == "expired" { // by time: the organisation that keeps the record says so
		by = object{"@id": organisationIRI(x.Issuer)}
	}
	at := utc(x.Decided)
	if x.Ends() { // of a resource, the date of the consent that ended
		at = x.Order().AsOf().UTC().Format(time.RFC3339Nano)
	}
	o := object{
		"@type":                   []any{state(x), consentTypes[x.Expressed.How]},
		"dct:identifier":          x.ID,
		"dpv:isIndicatedAtTime":   typed("xsd:dateTime", at),
		"dpv:isIndicatedBy":       by,
		"dpv:hasDuration":         duration,
		"dpv:hasIndicationMethod": x.Expressed.How,
	}
	return o
}

// utc returns a checked RFC 3339 time in UTC, as ISO/IEC TS 27560 requires for event times.
func utc(s string) string {
	t, err := entry.ParseTime(s)
	if err != nil {
		return s
	}
	return t.UTC().Format(time.RFC3339Nano)
}
