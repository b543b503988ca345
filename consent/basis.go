package consent

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// article6 has the legal bases of UK GDPR Article 6(1) in words.
var article6 = map[string]string{
	"a": "consent", "b": "a contract", "c": "a legal obligation",
	"d": "vital interests", "e": "a public task", "f": "legitimate interests",
}

// TrueBasis says in words on which legal basis an agreement rests, if that is not consent, and
// which right applies in place of withdrawing. If the basis is a public task or legitimate
// interests, it is objection (UK GDPR Article 21). Otherwise it is restriction (Article 18) and
// erasure (Article 17).
func TrueBasis(t *entry.AgreementText) string {
	var b strings.Builder
	b.WriteString("agreement " + t.ID + " rests on ")
	for i, a := range t.Article6 {
		if i > 0 {
			b.WriteString(" and ")
		}
		b.WriteString("Article 6(1)(" + a + ") (" + article6[a] + ")")
	}
	for _, a := range t.Article9 {
		b.WriteString(", Article 9(2)(" + a + ")")
	}
	b.WriteString(" of the UK GDPR and not on consent, so withdrawing would change nothing. The right that applies is ")
	if slices.Contains(t.Article6, "e") || slices.Contains(t.Article6, "f") {
		b.WriteString("to object (Article 21): state a refusal for this agreement")
	} else {
		b.WriteString("to have the use restricted (Article 18) and the data erased unless the law requires keeping it (Article 17): " +
			"ask the contact for rights that the agreement names")
	}
	return b.String()
}
