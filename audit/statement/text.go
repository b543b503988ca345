package statement

import (
	"fmt"

	"igledger/ledger/bundle"
)

// What a statement proves and what not, for those who read the file: verifiers do not look at it.
var (
	limits = []string{
		"It cannot prove: that every access was reported to this ledger in the first place; an organisation that reports none is not seen here.",
		"It cannot prove: that no entry was lawfully withheld. The law allows some accesses to be kept from the person for a time; this file does not say whether there are such.",
		"It cannot prove: that what an organisation stated of its own access is true. Its signature holds it to its words.",
		"That none is missing is the operator's word unless an independent auditor has cosigned; that everybody is shown the same log is the operator's word unless witnesses have.",
		"Check it with a verifier that the operator did not give you, such as igverify built from its source, and with a trust policy of your own.",
	}
	wholeText = "This statement lists the accesses to one person's record. Whose it is the file does not say: the checker asks for the number."
	partText  = "This extract shows chosen accesses to one person's record. It does not say whether there are others."
)

func statementText(g *gathered, p *bundle.Period) []string {
	text := []string{wholeText}
	own := g.pasts[0]
	if own.covered == 0 {
		text = append(text, fmt.Sprintf("It proves: among the %d entries of the log that the proof covers there is no access on record for this person.", g.root.Size))
	} else {
		text = append(text, fmt.Sprintf("It proves: among the %d entries of the log that the proof covers exactly %d are about this person, and each listed one was "+
			"signed by the organisation named in it.", g.root.Size, own.covered))
	}
	if p != nil {
		text = append(text, fmt.Sprintf("Opened are the entries at positions %d to %d of the log; the others are counted and proved, but their content is not shown.", p.From, p.To-1))
	}
	if n := len(own.entries) - own.covered; n > 0 {
		text = append(text, fmt.Sprintf("%d entries came after that and are not covered by the proof yet: those asked for are listed under newer. A later statement covers them.", n))
	}
	if len(g.pasts) > 1 {
		text = append(text, fmt.Sprintf("Reads of everybody's data at once touch this record too: exactly %d are among the entries that the proof covers, and they are listed apart, under everyone. "+
			"What in them may name other persons is not shown.", g.pasts[1].covered))
	}
	if n := len(g.linked); n > 0 {
		text = append(text, fmt.Sprintf("%d other numbers are linked with this person's by the links listed: what is on record under each of them is shown whole, under linked. Links of those numbers are not followed: "+
			"ask for a statement of each.", n))
	}
	if p != nil {
		text = append(text, "Links are shown even outside the period. That there are no others among what is not shown is the operator's word: only a statement without period proves it.")
	}
	return append(text, limits...)
}

func extractText(g *gathered) []string {
	return append([]string{partText, fmt.Sprintf("It proves: each entry shown stands in the log of %d entries and was signed by the organisation named in it.", g.size)}, limits[2:]...)
}
