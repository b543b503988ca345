package api

import (
	"fmt"
	"strings"

	"igledger/ledger/entry"
)

// resultDescription lists the results of a verdict in plain words.
func resultDescription() string {
	var list []string
	for _, r := range entry.Results() {
		list = append(list, fmt.Sprintf("`%s`: %s", r, said.Verdict(&entry.Verdict{Result: r})))
	}
	return strings.Join(list, " ")
}

// flagsDescription lists the flags that the ledger sets, in plain words.
func flagsDescription() string {
	var list []string
	for _, f := range entry.Flags() {
		list = append(list, fmt.Sprintf("`%s`: %s", f, said.Flag(f)))
	}
	return "What the ledger remarked when it took the entry; not proved. " + strings.Join(list, "; ")
}

// described continues descriptions with the governing types of package entry.
var described = map[string]string{
	"Opening.verdict": "What policy says about the access; not proved, but anyone with the openings can recompute it",

	"Verdict.result":    resultDescription(),
	"Verdict.rules":     "Ids of the rules that decided, sorted; for not-covered, the rules that failed",
	"Verdict.agreement": "Id of the agreement that the access names, if it is in the log",
	"Verdict.version":   "Version of the agreement at the time",
	"Verdict.consent":   "Id of the consent record that decided, a permission or a refusal",
	"Verdict.policies":  "Version of the policy set; absent for the built-in one",

	"PlainVerdict.result":    resultDescription(),
	"PlainVerdict.rules":     "Ids of the rules that decided, sorted; for not-covered, the rules that failed",
	"PlainVerdict.agreement": "Id of the agreement that the access names, if it is in the log",
	"PlainVerdict.version":   "Version of the agreement at the time",
	"PlainVerdict.consent":   "Id of the consent record that decided, a permission or a refusal",
	"PlainVerdict.policies":  "Version of the policy set; absent for the built-in one",

	"AgreementText.id":            "Id of the agreement",
	"AgreementText.version":       "1 for the first text; each amendment adds 1",
	"AgreementText.supersedes":    "Ids of other agreements that end when this one comes into force",
	"AgreementText.under":         "Id of the agreement that this one details, such as the MoU of an ISA",
	"AgreementText.title":         "Title",
	"AgreementText.tier":          "mou, isa or work-instruction",
	"AgreementText.parties":       "Organisations and their roles in the agreement",
	"AgreementText.drivers":       "Business and legislative drivers",
	"AgreementText.purposes":      "Why data is shared",
	"AgreementText.article6":      "UK GDPR Article 6(1): a to f",
	"AgreementText.article9":      "UK GDPR Article 9(2): a to j, if special-category data is shared",
	"AgreementText.dpaCondition":  "Data Protection Act 2018 Schedule 1",
	"AgreementText.legalPower":    "The law that allows the parties to share",
	"AgreementText.data":          "Kinds of data that are shared",
	"AgreementText.subjects":      "Whose data is shared",
	"AgreementText.flows":         "From which organisation to which the data goes, and how",
	"AgreementText.roles":         "Who may see the data, system|code or plain codes; absent for every role",
	"AgreementText.necessity":     "Why sharing is necessary and proportionate",
	"AgreementText.quality":       "How accurate the data is, and how mistakes are corrected",
	"AgreementText.retention":     "How long the data is kept",
	"AgreementText.disposal":      "How the data is disposed of",
	"AgreementText.security":      "How the data is kept safe",
	"AgreementText.transfers":     "Countries outside the UK that receive data (ISO 3166-1 alpha-2); absent if none",
	"AgreementText.dpia":          "Data protection impact assessment",
	"AgreementText.approvals":     "What other bodies have approved",
	"AgreementText.privacyNotice": "The notice that tells people about the sharing",
	"AgreementText.rightsContact": "Whom people ask about their rights: function and address",
	"AgreementText.breachContact": "Whom to tell of a breach: function and address",
	"AgreementText.start":         "First day, starting at 00:00 UTC",
	"AgreementText.end":           "Last day, ending at 24:00 UTC",
	"AgreementText.reviewDue":     "Day by which a review is due",
	"AgreementText.document":      "SHA-256 of the agreement as a file, base64url",

	"AgreementParty.organisation":    "Organisation id",
	"AgreementParty.role":            "controller, joint-controller, processor or recipient",
	"AgreementParty.icoRegistration": "Registration with the Information Commissioner",
	"AgreementParty.dpo":             "Data protection officer: the post, not a name",
	"AgreementParty.siro":            "Senior information risk owner: the post, not a name",
	"AgreementParty.caldicott":       "Caldicott Guardian: the post, not a name",
	"AgreementParty.contact":         "Contact for data subjects",
	"AgreementPurpose.text":          "The purpose in words",
	"AgreementPurpose.code":          "PurposeOfUse code (v3-ActReason) with all codes below it; others as system|code",
	"AgreementPurpose.dpv":           "IRI of a purpose in the W3C Data Privacy Vocabulary",
	"AgreementData.text":             "The data in words",
	"AgreementData.codes":            "system|code, or system|* for every code of a system; absent if not limited by code",
	"AgreementData.identifiable":     "Whether the data identifies persons",
	"AgreementFlow.from":             "Organisation that sends, by id",
	"AgreementFlow.to":               "Organisation that receives, by id",
	"AgreementFlow.how":              "How the data is sent",
	"Assessment.reference":           "Reference of the assessment",
	"Assessment.date":                "Day of the assessment",
	"Assessment.opinion":             "Opinion of the data protection officer",
	"Approval.body":                  "Body that approved",
	"Approval.reference":             "Reference of the approval",
	"Approval.date":                  "Day of the approval",
	"Notice.url":                     "Where the notice is published",
	"Notice.hash":                    "SHA-256 of the notice as published, base64url",
	"Notice.version":                 "Version of the notice",
	"Notice.language":                "Language of the notice (BCP 47)",
}
