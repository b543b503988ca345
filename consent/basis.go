package consent

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// article6 says in words what each legal basis of UK GDPR Article 6(1) is.
var article6 = map[string]string{
	"a": "consent", "b": "a contract", "c": "a legal obligation", "d": "vital interests", "e": "a public task", "f": "legitimate interests",
}

// TrueBasis says on what an agreement that does not rest on consent does rest, and which right applies in place of withdrawing: objection (UK GDPR Article
// 21) where the basis is a public task or legitimate interests; restriction (Article 18) and erasure (Article 17) otherwise.
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
	b.WriteString(" of the UK GDPR and not on consent, so withdrawing would change nothing; the right that applies is ")
	if slices.Contains(t.Article6, "e") || slices.Contains(t.Article6, "f") {
		b.WriteString("to object (Article 21): state a refusal for this agreement")
	} else {
		b.WriteString("to have the use restricted (Article 18) and, where no law requires keeping it, the data erased (Article 17): ask the contact for rights that the agreement names")
	}
	return b.String()
}
