package statement

import (
	"fmt"

	"igledger/ledger/bundle"
)

// What a statement proves and what it does not, for people who read the file. Verifiers ignore it.
var (
	limits = []string{
		"It cannot prove that every access was reported to this ledger. " +
			"If an organisation does not report an access, it is not in this file.",
		"It cannot prove that no entry was lawfully withheld. The law allows some accesses to be kept from the person " +
			"for a time, " +
			"and this file does not say whether there are any.",
		"It cannot prove that what an organisation says about its own access is true. " +
			"The organisation signed what it said and cannot deny it later.",
		"Unless an independent auditor has cosigned, only the operator says that nothing is missing. " +
			"Unless witnesses have cosigned, only the operator says that everyone is shown the same log.",
		"Check this file with a verifier that the operator did not give you, such as igverify built from its source, " +
			"and with a trust policy of your own.",
	}
	wholeText = "This statement lists the accesses to one person's record. " +
		"The file does not say whose record it is: the checker asks for the number."
	partText = "This extract shows chosen accesses to one person's record. It does not say whether there are others."
	ownText  = "This extract shows only accesses to one person's record that the organisation which asked for it made, " +
		"or that were to records it holds, and what it recorded itself. It is not complete: it does not say whether there are others."
)

func statementText(g *gathered, p *bundle.Period) []string {
	text := []string{wholeText}
	own := g.pasts[0]
	covers := "The proof covers " + number(g.root.Size, "entry of the log", "entries of the log") + ". "
	if own.covered == 0 {
		text = append(text, covers+"It proves that none of them is about this person.")
	} else {
		text = append(text, fmt.Sprintf("%sIt proves that exactly %s about this person, and that each entry listed was signed by "+
			"the organisation that it names.", covers, number(uint64(own.covered), "of them is", "of them are")))
	}
	if p != nil {
		text = append(text, fmt.Sprintf("This file shows what was entered in the log from %s to %s (UTC), which is at positions "+
			"%d to %d. An access that was reported late is listed under the day on which it was reported. "+
			"The other entries are counted and proved, but their content is not shown.",
			p.Days.From, p.Days.To, p.From, p.To-1))
	}
	if n := len(own.entries) - own.covered; n > 0 {
		text = append(text, fmt.Sprintf("The proof does not yet cover %s that came later. "+
			"Those that were asked for are listed under newer. A later statement will cover them.",
			number(uint64(n), "entry", "entries")))
	}
	if len(g.pasts) > 1 {
		text = append(text, fmt.Sprintf("Some accesses are to everyone's data at once, and so to this record too. The proof covers exactly %s "+
			"of this kind, listed separately under everyone. Anything in them that may name other people is not shown.",
			number(uint64(g.pasts[1].covered), "entry", "entries")))
	}
	if n := uint64(len(g.linked)); n > 0 {
		text = append(text, fmt.Sprintf("The links listed connect %s with this person's. Everything on record under a linked number is listed "+
			"under linked. Links of those numbers are not followed: ask for a statement of each number.",
			number(n, "other number", "other numbers")))
	}
	if p != nil {
		text = append(text, "Links are shown even outside the period. Only the operator says that there are no other links among the entries "+
			"that are not shown. A statement without a period proves it.")
	}
	return append(text, limits...)
}

func extractText(g *gathered, what string) []string {
	proved := fmt.Sprintf("It proves that each entry shown is in the log, and was signed by the organisation that "+
		"it names. The log has %s.",
		number(g.size, "entry", "entries"))
	return append([]string{what, proved}, limits[2:]...)
}

// number returns n with the right form of what it counts.
func number(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
