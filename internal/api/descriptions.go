package api

import (
	"fmt"
	"strings"

	"igledger/ledger/entry"
)

// resultDescription says each result of a verdict as people are told it.
func resultDescription() string {
	var list []string
	for _, r := range []entry.VerdictResult{entry.Covered, entry.BreakGlass, entry.NotCovered} {
		list = append(list, fmt.Sprintf("`%s`: %s", r, said.Verdict(&entry.Verdict{Result: r})))
	}
	return strings.Join(list, " ")
}

// flagsDescription says each remark of the ledger as people are told it.
func flagsDescription() string {
	var list []string
	for _, f := range entry.Flags() {
		list = append(list, fmt.Sprintf("`%s`: %s", f, said.Flag(f)))
	}
	return "The ledger's remarks at append; not proved. " + strings.Join(list, "; ")
}

// described says what the fields of package entry's governing types mean, by "Type.member", as descriptions does of the others.
var described = map[string]string{
	"Opening.verdict":   "What policy says of the access; not proved, but anybody with the openings can compute it again",
	"Verdict.result":    resultDescription(),
	"Verdict.rules":     "Ids of the rules that decided, sorted; of not-covered those that failed",
	"Verdict.agreement": "Id of the agreement named, if it is in the log",
	"Verdict.version":   "Version of the agreement, as it was then",
	"Verdict.consent":   "Id of the consent record that decided, a permission or a refusal",
	"Verdict.policies":  "Version of the policy set; absent: the built-in one",

	"PlainVerdict.result":    resultDescription(),
	"PlainVerdict.rules":     "Ids of the rules that decided, sorted; of not-covered those that failed",
	"PlainVerdict.agreement": "Id of the agreement named, if it is in the log",
	"PlainVerdict.version":   "Version of the agreement, as it was then",
	"PlainVerdict.consent":   "Id of the consent record that decided, a permission or a refusal",
	"PlainVerdict.policies":  "Version of the policy set; absent: the built-in one",

	"AgreementText.id":            "Id of the agreement",
	"AgreementText.version":       "1, and one more with each amendment",
	"AgreementText.supersedes":    "Ids of other agreements that end when this comes into force",
	"AgreementText.under":         "Id of the agreement that this one works out, as an ISA its MoU",
	"AgreementText.title":         "Title",
	"AgreementText.tier":          "mou, isa or work-instruction",
	"AgreementText.parties":       "Organisations and what they are in it",
	"AgreementText.drivers":       "Business and legislative drivers",
	"AgreementText.purposes":      "Why data is shared",
	"AgreementText.article6":      "UK GDPR Article 6(1): a to f",
	"AgreementText.article9":      "UK GDPR Article 9(2): a to j; where special-category data is shared",
	"AgreementText.dpaCondition":  "Data Protection Act 2018 Schedule 1",
	"AgreementText.legalPower":    "The law that lets the parties share",
	"AgreementText.data":          "Kinds of data that are shared",
	"AgreementText.subjects":      "Whose data",
	"AgreementText.flows":         "Ways that the data takes",
	"AgreementText.roles":         "Who may see it, system|code or plain codes; absent: every role",
	"AgreementText.necessity":     "Why it is necessary and proportionate",
	"AgreementText.quality":       "Accuracy, and how mistakes are put right",
	"AgreementText.retention":     "How long the data is kept",
	"AgreementText.disposal":      "How it is disposed of",
	"AgreementText.security":      "How it is kept safe",
	"AgreementText.transfers":     "Countries outside the UK (ISO 3166-1 alpha-2); absent: no transfer",
	"AgreementText.dpia":          "Data protection impact assessment",
	"AgreementText.approvals":     "What other bodies have approved",
	"AgreementText.privacyNotice": "The text that people were told",
	"AgreementText.rightsContact": "Whom people ask about their rights: function and address",
	"AgreementText.breachContact": "Whom to tell of a breach: function and address",
	"AgreementText.start":         "First day, from its first moment UTC",
	"AgreementText.end":           "Last day, to its last moment UTC",
	"AgreementText.reviewDue":     "Day by which it is to be reviewed",
	"AgreementText.document":      "SHA-256 of the agreement as a file, base64url",

	"AgreementParty.organisation":    "Organisation id",
	"AgreementParty.role":            "controller, joint-controller, processor or recipient",
	"AgreementParty.icoRegistration": "Registration with the Information Commissioner",
	"AgreementParty.dpo":             "Data protection officer: post, no name",
	"AgreementParty.siro":            "Senior information risk owner: post, no name",
	"AgreementParty.caldicott":       "Caldicott Guardian: post, no name",
	"AgreementParty.contact":         "Contact for data subjects",
	"AgreementPurpose.text":          "In words",
	"AgreementPurpose.code":          "PurposeOfUse code (v3-ActReason), with all below it; others as system|code",
	"AgreementPurpose.dpv":           "IRI of a purpose of the W3C Data Privacy Vocabulary",
	"AgreementData.text":             "In words",
	"AgreementData.codes":            "system|code, or system|* for every code of a system; absent: not limited by code",
	"AgreementData.identifiable":     "About known persons",
	"AgreementFlow.from":             "Organisation id",
	"AgreementFlow.to":               "Organisation id",
	"AgreementFlow.how":              "By what way",
	"Assessment.reference":           "Reference",
	"Assessment.date":                "Day",
	"Assessment.opinion":             "Of the data protection officer",
	"Approval.body":                  "Who approved",
	"Approval.reference":             "Reference",
	"Approval.date":                  "Day",
	"Notice.url":                     "Where it stands",
	"Notice.hash":                    "SHA-256 of what stood there, base64url",
	"Notice.version":                 "Version",
	"Notice.language":                "BCP 47",
}
