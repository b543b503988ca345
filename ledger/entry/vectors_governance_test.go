package entry_test

import (
	"crypto/sha256"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// agreementText is a complete agreement between the north board and a university.
func agreementText() entry.AgreementText {
	return entry.AgreementText{
		ID: "isa-2026-17", Version: 1, Title: "Allergy records for the study of drug reactions", Tier: "isa",
		Parties: []entry.AgreementParty{
			{Org: "north-board", Role: "controller", DPO: "Data Protection Officer", SIRO: "Director of Digital",
				Caldicott: "Caldicott Guardian", Contact: "Information governance office, rights@north.example"},
			{Org: "university", Role: "recipient", Contact: "Research governance office"},
		},
		Purposes: []entry.AgreementPurpose{{Text: "to find out which medicines cause allergic reactions",
			Code: "HRESCH"}},
		Article6:  []string{"e"},
		Article9:  []string{"j"},
		Condition: "Part 1 paragraph 4",
		Power:     "National Health Service (Scotland) Act 1978 section 2",
		Data: []entry.AgreementData{{Text: "allergies",
			Codes: []string{"http://hl7.org/fhir/resource-types|AllergyIntolerance"}, Identifiable: true}},
		Subjects:  "patients of the board",
		Flows:     []entry.AgreementFlow{{From: "north-board", To: "university", How: "read in the board's safe haven"}},
		Roles:     []string{"researcher"},
		Retention: "five years after the study",
		Disposal:  "deletion in the safe haven",
		Security:  "safe haven, ISO/IEC 27001",
		DPIA:      entry.Assessment{Reference: "DPIA-88", Date: "2026-09-01"},
		Approvals: []entry.Approval{{Body: "PBPP", Reference: "2026-0042", Date: "2026-10-01"}},
		Notice:    entry.Notice{URL: "https://north.example/privacy", Hash: sha([]byte("notice"))},
		Rights:    "rights@north.example",
		Breach:    "Information security desk",
		Start:     "2026-12-01", End: "2028-11-30", ReviewDue: "2027-12-01",
	}
}

func (w *world) consentBody() *entry.Consent {
	return &entry.Consent{
		Common:     w.common("north-board"),
		Consent:    "0193b5a0-0000-7000-8000-000000000001",
		Act:        "given",
		Scope:      "research",
		Agreements: []string{"isa-2026-17"},
		Decided:    "2026-11-22T10:00:00Z",
		Updated:    "2026-11-22T10:01:00Z", Version: 3,
		Rule: &entry.ConsentRule{Decision: "permit", End: "2028-11-30T00:00:00Z", Purposes: []string{"HRESCH"},
			Recipients: []string{"university"},
			Except:     []entry.ConsentRule{{Decision: "deny", Data: []string{"http://snomed.info/sct|365866002"}}}},
		Expressed: entry.Expressed{How: "written", Verified: "2026-11-22T10:05:00Z", Language: "en-GB"},
		Notice:    &entry.Notice{URL: "https://north.example/privacy", Hash: sha([]byte("notice")), Version: "3"},
		Sub:       testSub,
		By: &entry.ConsentBy{Delegation: "0193b5a0-0000-7000-8000-000000000002", Name: "B. Tester",
			Relation: "HPOWATT"},
		Text: &entry.ConsentText{Evidence: "form 12"},
		FHIR: []byte(`{"language":"en"}`),
	}
}

func (w *world) delegationBody() *entry.Delegation {
	return &entry.Delegation{
		Common:     w.common("north-board"),
		Delegation: "0193b5a0-0000-7000-8000-000000000002",
		Act:        "granted",
		Kind:       "HPOWATT",
		Scope:      []string{"access", "consent"},
		Start:      "2026-11-01T00:00:00Z", End: "2029-11-01T00:00:00Z", Basis: "Adults with Incapacity (Scotland) Act 2000",
		Sub:      testSub,
		Delegate: &entry.Delegate{ID: "chi:0101201234", Name: "B. Tester"},
		Evidence: &entry.DelegationEvidence{Reference: "PG-1234", Office: "Office of the Public Guardian (Scotland)"},
	}
}

func (w *world) decisionBody() *entry.Decision {
	return &entry.Decision{
		Common:    w.common("operator"),
		Org:       "university",
		System:    "study-7",
		Action:    "R",
		Purpose:   []string{"HRESCH"},
		Role:      []string{"researcher"},
		Agreement: "isa-2026-17",
		Decision:  "deny",
		Rules:     []string{"consent-refused"},
		Asked:     "2026-11-22T11:00:00Z",
		Sub:       testSub,
		Staff:     &entry.Staff{ID: "r-1"},
	}
}

func (w *world) requestBody() *entry.SharingRequest {
	return &entry.SharingRequest{Common: w.common("university"), Request: "req-9",
		Holder: "north-board", Data: "allergies", Purpose: "study of drug reactions", Codes: []string{"HRESCH"},
		Necessity: "no other source", Power: "task in the public interest", By: "Principal investigator", Needed: "2026-12-24"}
}

// governanceVectors returns the vectors of the entries that govern accesses.
func (w *world) governanceVectors() map[string]madeFile {
	b, r := w.board, w.registrar
	one := func(name, e string, s *wire.Signer, code wire.Code) made {
		return made{name, entryIn{e, s.Public}, code}
	}
	file := func(about string, good *entry.Entry, s *wire.Signer, more []made, edits ...[3]string) madeFile {
		f := madeFile{about, append([]made{one("good", good.SDJWT(), s, "")}, more...)}
		for _, e := range edits {
			name, code, _ := strings.Cut(e[0], "|")
			f.cases = append(f.cases, one(name, w.edit(good, s, e[1], e[2]), s, wire.Code(code)))
		}
		return f
	}
	text := agreementText()
	agreement := w.sign(b, &entry.Agreement{Common: w.common("north-board"), Agreement: text})
	second := agreementText()
	second.Version = 2
	second.Supersedes = []string{"isa-2024-3"}
	second.Under = "mou-1"
	second.Tier = "work-instruction"
	second.Transfers = []string{"CH", "NO"}
	least := agreementText()
	least.Article9 = nil
	least.Condition = ""
	least.Roles = nil
	least.Approvals = nil
	least.Parties[0].DPO = ""
	signature := w.sign(b, &entry.AgreementSignature{Common: w.common("north-board"), Agreement: text.ID, Version: 1,
		Proposal: agreement.Identity()})
	act := func(a, reason string) *entry.Entry {
		return w.sign(b, &entry.AgreementAct{Common: w.common("north-board"), Agreement: text.ID, Version: 1, Act: a,
			Reason: reason})
	}
	request := w.sign(w.university, w.requestBody())
	answer := func(decision string, article6 ...string) *entry.Entry {
		return w.sign(b, &entry.SharingDecision{Common: w.common("north-board"), Request: "req-9", Decision: decision,
			Reasons: "it serves the public", Article6: article6, DPIA: "DPIA-88: low risk", By: "Caldicott Guardian",
			Agreement: ""})
	}
	policy := `@id("all") @plain("Everything is allowed.") permit(principal, action, resource);` + "\n"
	policies := w.sign(r, &entry.PolicySet{Common: w.common("registry"), Version: 1, Schema: entry.SchemaV1,
		Text: policy, Hash: sha256.Sum256([]byte(policy)), Reason: "first of our own"})
	ending := `"reason":"first of our own"`
	terminology := func(list ...byte) string {
		files := make([]string, len(list))
		for i, n := range list {
			files[i] = wire.Encode64(append([]byte{n}, make([]byte, 31)...))
		}
		return `,"terminology":["` + strings.Join(files, `","`) + `"]`
	}
	consent := w.sign(b, w.consentBody())
	withdrawn := w.consentBody()
	withdrawn.Act = "withdrawn"
	withdrawn.Rule = nil
	withdrawn.By = nil
	withdrawn.Text = nil
	withdrawn.FHIR = nil
	withdrawn.Notice = nil
	refused := w.consentBody()
	refused.Act, refused.Rule = "refused", &entry.ConsentRule{Decision: "deny"}
	deep := strings.Repeat(`,"except":[{"decision":"deny","except":[{"decision":"permit"`, 4) + strings.Repeat(`}]}]`,
		4)
	revoked := &entry.Delegation{Common: w.common("north-board"), Delegation: "0193b5a0-0000-7000-8000-000000000002",
		Act: "revoked", Sub: testSub}
	permit := w.decisionBody()
	permit.Decision = "permit"
	permit.Rules = []string{"agreement"}
	permit.Obligations = []string{"follow-up"}
	permit.Staff = nil
	placed := w.decisionBody()
	placed.Staff = &entry.Staff{ID: "r-1", System: "https://staff.example", Units: []string{"https://units.example|w4"}}
	return map[string]madeFile{
		"agreement": file("A version of a data-sharing agreement is proposed. Whether it may be is for package consent.", agreement, b, []made{
			one("second version with everything", w.sign(b, &entry.Agreement{Common: w.common("north-board"),
				Agreement: second}).Compact, b, ""),
			one("without what is optional", w.sign(b, &entry.Agreement{Common: w.common("north-board"),
				Agreement: least}).Compact, b, ""),
		}, [][3]string{
			{"id with a space|bad-claim", `"id":"isa-2026-17"`, `"id":"isa 17"`},
			{"version zero|bad-claim", `"version":1,`, `"version":0,`},
			{"title missing|bad-claim", `"title":"Allergy records for the study of drug reactions",`, ``},
			{"a title of 8193 bytes|bad-claim", `Allergy records`, strings.Repeat("A", 8193)},
			{"an escape character|bad-claim", `Allergy records`, `Allergy\u001b[2J`},
			{"a title that turns the direction of reading|bad-claim", `Allergy records`, "Allergy \u202esdrocer"},
			{"a contact with a zero-width space|bad-claim", `rights@north.example"},`, "rights@north.exa\u200bmple\"},"},
			{"a role with a soft hyphen|bad-claim", `"researcher"`, "\"resear\u00adcher\""},
			{"a variation selector beyond the BMP|bad-claim", `patients of the board`, "patients\U000e0101 of the board"},
			{"tier unknown|bad-claim", `"tier":"isa"`, `"tier":"deal"`},
			{"an unknown member|bad-json", `"tier":"isa"`, `"tier":"isa","officer":"A. Tester"`},
			{"a member null|bad-json", `"tier":"isa"`, `"under":null,"tier":"isa"`},
			{"one party twice|bad-claim", `"organisation":"university"`, `"organisation":"north-board"`},
			{"a party's role unknown|bad-claim", `"role":"recipient"`, `"role":"friend"`},
			{"no controller|bad-claim", `"role":"controller"`, `"role":"processor"`},
			{"a flow from nowhere|bad-claim", `"from":"north-board"`, `"from":"south-board"`},
			{"Article 6(1)(g)|bad-claim", `"article6":["e"]`, `"article6":["g"]`},
			{"Article 6 not sorted|bad-claim", `"article6":["e"]`, `"article6":["e","a"]`},
			{"no Article 6|bad-claim", `"article6":["e"]`, `"article6":[]`},
			{"Article 9(2)(k)|bad-claim", `"article9":["j"]`, `"article9":["k"]`},
			{"no data|bad-claim",
				`[{"text":"allergies","codes":["http://hl7.org/fhir/resource-types|AllergyIntolerance"],"identifiable":true}]`, `[]`},
			{"end before start|bad-claim", `"end":"2028-11-30"`, `"end":"2026-11-30"`},
			{"a day that is none|bad-claim", `"start":"2026-12-01"`, `"start":"2026-02-30"`},
			{"a day with time|bad-claim", `"start":"2026-12-01"`, `"start":"2026-12-01T00:00:00Z"`},
			{"notice without hash|bad-claim", text64(sha([]byte("notice"))), wire.Encode64(make([]byte, 32))},
			{"a country in words|bad-claim", `"dpia":`, `"transfers":["Norway"],"dpia":`},
			{"supersedes itself|bad-claim", `"title":`, `"supersedes":["isa-2026-17"],"title":`},
			{"a CHI in a text|personal-data", `patients of the board`, `patient 010101 1237`},
		}...),
		"agreement-signature": file("A party signs a version of an agreement: the identity (SHA-256 of header.payload) of the entry that proposed it.", signature, b,
			[]made{one("another version", w.sign(b, &entry.AgreementSignature{Common: w.common("north-board"),
				Agreement: text.ID, Version: 2, Proposal: agreement.Identity()}).Compact, b, ""),
				one("of another agreement", w.sign(b, &entry.AgreementSignature{Common: w.common("north-board"),
					Agreement: "mou-1", Version: 1, Proposal: agreement.Identity()}).Compact, b, "")},
			[][3]string{{"version missing|bad-claim", `,"version":1`, ``},
				{"proposal missing|bad-claim", `,"proposal":"` + text64(agreement.Identity()) + `"`, ``},
				{"agreement malformed|bad-claim", `"agreement":"isa-2026-17"`, `"agreement":""`}}...),
		"agreement-act": file("A party changes the state of an agreement.", act("review", "a breach was reported"), b,
			[]made{one("suspend", act("suspend", "until the breach is understood").Compact, b, ""),
				one("terminate", act("terminate", "the study\nis over").Compact, b, "")},
			[][3]string{{"act unknown|bad-claim", `"act":"review"`, `"act":"forget"`},
				{"reason missing|bad-claim", `"reason":"a breach was reported"`, `"reason":""`},
				{"a reason with a line separator|bad-claim", `a breach was reported`, "a breach\u2028was reported"},
				{"a CHI as reason|personal-data", `a breach was reported`, `0101011237`},
				{"version zero|bad-claim", `"version":1`, `"version":0`}}...),
		"sharing-request": file("An organisation asks another for data (ICO data sharing request).", request,
			w.university,
			[]made{one("with an agreement in place", w.edit(request, w.university, `"by":`,
				`"agreement":"isa-2026-17","by":`), w.university, ""), one("without a day",
				w.edit(request, w.university, `,"needed":"2026-12-24"`, ``), w.university, "")},
			[][3]string{{"of itself|bad-claim", `"holder":"north-board"`, `"holder":"university"`},
				{"no purpose code|bad-claim", `"codes":["HRESCH"]`, `"codes":[]`},
				{"by nobody|bad-claim", `"by":"Principal investigator"`, `"by":""`},
				{"a hidden character in a code|bad-claim", `"codes":["HRESCH"]`, "\"codes\":[\"HRE\u2060SCH\"]"},
				{"an NHS number|personal-data", `no other source`, `943 476 5919`},
				{"a month as day|bad-claim", `2026-12-24`, `2026-12`}}...),
		"sharing-decision": file("The holder answers a sharing request (ICO data sharing decision).",
			answer("agreed", "e"), b,
			[]made{one("refused", answer("refused").Compact, b, ""), one("in part",
				answer("agreed-in-part", "c", "e").Compact, b, "")},
			[][3]string{{"decision unknown|bad-claim", `"decision":"agreed"`, `"decision":"perhaps"`},
				{"agreed without basis|bad-claim", `"article6":["e"],`, ``},
				{"reasons missing|bad-claim", `"reasons":"it serves the public"`, `"reasons":""`}}...),
		"policy-set": file("A registrar puts policies in force. Whether they compile is for package policies.",
			policies, r,
			[]made{one("second version", w.edit(policies, r, `"version":1`, `"version":2`), r, ""),
				one("a longer reason", w.edit(policies, r, `first of our own`, `first\nof our own`), r, ""),
				one("with code systems", w.edit(policies, r, ending, ending+terminology(1, 2)), r, "")},
			[][3]string{{"version zero|bad-claim", `"version":1`, `"version":0`},
				{"another schema|bad-claim", `"schema":"igledger/1"`, `"schema":"igledger/9"`},
				{"a text that turns the direction of reading|bad-claim", `Everything`, "Every\u2066thing"},
				{"text exchanged|bad-claim", `Everything`, `Nothing`}, {"reason missing|bad-claim",
					`"reason":"first of our own"`, `"reason":""`},
				{"code systems out of order|bad-claim", ending, ending + terminology(2, 1)},
				{"a code system twice|bad-claim", ending, ending + terminology(1, 1)},
				{"nine code systems|too-large", ending, ending + terminology(1, 2, 3, 4, 5, 6, 7, 8, 9)},
				{"a short hash|bad-length", ending, ending + `,"terminology":["AAAA"]`}}...),
		"consent": file("Acts of consent, sealed. shown holds the disclosures' values as JSON text.", consent, b,
			[]made{one("withdrawn", w.sign(b, withdrawn).SDJWT(), b, ""),
				one("refused", w.sign(b, refused).SDJWT(), b, ""), one("nothing shown", consent.Compact, b, ""),
				one(
					"named staff and units",
					w.edit(consent, b, `"recipients"`, `"staff":["https://staff.example|n-7","n-8"],"units":["https://units.example|w4"],"recipients"`),
					b, "",
				),
				one("permissions besides", w.edit(consent, b, `"recipients"`, `"also":[{"decision":"permit","data":["http://snomed.info/sct|1"],`+
					`"except":[{"decision":"deny","roles":["nurse"]}]},{"decision":"permit","purposes":["TREAT"]}],"recipients"`), b, ""),
				one("neither version nor time of it", w.edit(consent, b, `"updated":"2026-11-22T10:01:00Z","version":3,`, ``), b, ""),
				one("several agreements", w.edit(consent, b, `["isa-2026-17"]`, `["isa-2026-17","mou-1"]`), b, ""),
				one("no agreement", w.edit(consent, b, `"agreements":["isa-2026-17"],`, ``), b, ""),
				one("an exception that restricts", w.edit(consent, b, `"decision":"deny"`, `"decision":"deny","restricts":true`), b, "")},
			[][3]string{{"record id no UUID|bad-claim", `"consent":"0193b5a0-0000-7000-8000-000000000001"`,
				`"consent":"7"`}, {"act unknown|bad-claim", `"act":"given"`, `"act":"granted"`},
				{"scope unknown|bad-claim", `"scope":"research"`, `"scope":"all"`},
				{"decided without zone|bad-claim", `"decided":"2026-11-22T10:00:00Z"`, `"decided":"2026-11-22"`},
				{"updated without zone|bad-claim", `"updated":"2026-11-22T10:01:00Z"`, `"updated":"2026-11-22"`},
				{"a version above 2^53-1|bad-claim", `"version":3,"rule"`, `"version":9007199254740992,"rule"`},
				{"an agreement twice|bad-claim", `["isa-2026-17"]`, `["isa-2026-17","isa-2026-17"]`},
				{"an agreement malformed|bad-claim", `["isa-2026-17"]`, `["isa 17"]`},
				{"given, and a rule that denies|bad-claim", `"rule":{"decision":"permit"`, `"rule":{"decision":"deny"`},
				{"a permission that restricts|bad-claim", `"rule":{"decision":"permit"`, `"rule":{"decision":"permit","restricts":true`},
				{"a refusal besides|bad-claim", `"recipients"`, `"also":[{"decision":"deny"}],"recipients"`},
				{"besides an exception|bad-claim", `"decision":"deny"`, `"decision":"deny","also":[{"decision":"permit"}]`},
				{"besides what is besides|bad-claim", `"recipients"`, `"also":[{"decision":"permit","also":[{"decision":"permit"}]}],"recipients"`},
				{"a unit that is none|bad-claim", `"recipients"`, `"units":[""],"recipients"`},
				{"a version that is no number|bad-json", `"version":3,"rule"`, `"version":"3","rule"`},
				{"a version below zero|bad-json", `"version":3,"rule"`, `"version":-1,"rule"`},
				{"withdrawn, and a rule|bad-claim", `"act":"given"`, `"act":"withdrawn"`},
				{"rule without decision|bad-claim", `"decision":"deny",`, ``},
				{"an exception that says the same|bad-claim", `"decision":"deny"`, `"decision":"permit"`},
				{"period the wrong way round|bad-claim", `"end":"2028-11-30T00:00:00Z"`,
					`"start":"2029-11-30T00:00:00Z","end":"2028-11-30T00:00:00Z"`},
				{"recipient malformed|bad-claim", `["university"]`, `["the university"]`},
				{"action unknown|bad-claim", `"recipients"`, `"actions":["X"],"recipients"`},
				{"nine levels|too-large",
					`"recipients":["university"],"except":[{"decision":"deny","data":["http://snomed.info/sct|365866002"]}]`, `"recipients":["university"]` + deep},
				{"how unknown|bad-claim", `"how":"written"`, `"how":"telepathy"`},
				{"sub as open claim|bad-json", `"scope":`, `"sub":"chi:0101011237","scope":`},
				{"notice without hash|bad-claim", text64(sha([]byte("notice"))), wire.Encode64(make([]byte, 32))}}...),
		"delegation": file("Somebody may act for a person, or no longer; sealed.", w.sign(b, w.delegationBody()), b,
			[]made{one("revoked", w.sign(b, revoked).SDJWT(), b, ""), one("nothing shown",
				w.sign(b, w.delegationBody()).Compact+"~", b, "")},
			[][3]string{{"id no UUID|bad-claim", `"delegation":"0193b5a0-0000-7000-8000-000000000002"`,
				`"delegation":""`}, {"act unknown|bad-claim", `"act":"granted"`, `"act":"lent"`},
				{"revoked, and more|bad-claim", `"act":"granted"`, `"act":"revoked"`},
				{"kind unknown|bad-claim", `"kind":"HPOWATT"`, `"kind":"FRIEND"`},
				{"scope not sorted|bad-claim", `["access","consent"]`, `["consent","access"]`},
				{"scope empty|bad-claim", `["access","consent"]`, `[]`},
				{"for ever|bad-claim", `"end":"2029-11-01T00:00:00Z",`, ``},
				{"ends before it starts|bad-claim", `2029-11-01`, `2025-11-01`}}...),
		"decision": file("An access was asked for and allowed or denied; sealed, signed by the operator.",
			w.sign(w.operator, w.decisionBody()), w.operator,
			[]made{one("permit", w.sign(w.operator, permit).SDJWT(), w.operator, ""),
				one("a user at a place", w.sign(w.operator, placed).SDJWT(), w.operator, ""),
				one("nothing shown", w.sign(w.operator, w.decisionBody()).Compact+"~", w.operator, "")},
			[][3]string{{"org missing|bad-claim", `"org":"university",`, ``},
				{"action unknown|bad-claim", `"action":"R"`, `"action":"Q"`},
				{"decision unknown|bad-claim", `"decision":"deny"`, `"decision":"maybe"`},
				{"asked without zone|bad-claim", `11:00:00Z`, `11:00:00`}}...),
	}
}

func text64(h wire.Hash) string { return wire.Encode64(h[:]) }
