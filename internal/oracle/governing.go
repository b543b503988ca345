package oracle

import (
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
)

// Section 15: agreements, consents and decisions, by their form.

var noticeShape = object{"url": aText, "hash": bytesOf(32), "version": aText, "language": aText}

var agreementShape = object{
	"id": aText, "version": aNumber, "supersedes": listOf(aText), "under": aText, "title": aText, "tier": aText,
	"parties": listOf(object{
		"organisation": aText, "role": aText, "contact": aText,
		"icoRegistration": aText, "dpo": aText, "siro": aText, "caldicott": aText,
	}.fits),
	"drivers":  aText,
	"purposes": listOf(object{"text": aText, "code": aText, "dpv": aText}.fits),
	"article6": listOf(aText), "article9": listOf(aText), "dpaCondition": aText, "legalPower": aText,
	"data":     listOf(object{"text": aText, "codes": listOf(aText), "identifiable": aFlag}.fits),
	"subjects": aText,
	"flows":    listOf(object{"from": aText, "to": aText, "how": aText}.fits),
	"roles":    listOf(aText), "necessity": aText, "quality": aText,
	"retention": aText, "disposal": aText, "security": aText, "transfers": listOf(aText),
	"dpia":          object{"reference": aText, "date": aText, "opinion": aText}.fits,
	"approvals":     listOf(object{"body": aText, "reference": aText, "date": aText}.fits),
	"privacyNotice": noticeShape.fits,
	"rightsContact": aText, "breachContact": aText, "start": aText, "end": aText, "reviewDue": aText, "document": aText,
}

func agreementHistory(e *entry) string { return "agreement:" + e.claims.str("agreement") }
func requestHistory(e *entry) string   { return "request:" + e.claims.str("request") }

var governingKinds = map[string]*entryKind{
	"agreement": {
		claims: object{"agreement": agreementShape.fits}, check: checkAgreement,
		history: func(e *entry) string { return "agreement:" + e.claims.get("agreement").str("id") },
	},
	"agreement-signature": {
		claims: object{"agreement": aText, "version": aNumber, "proposal": aText}, history: agreementHistory,
		check: func(e *entry) {
			checkVersion(e)
			must(isDigest(e.claims.str("proposal")), "bad-claim")
		},
	},
	"agreement-act": {
		claims: object{"agreement": aText, "version": aNumber, "act": aText, "reason": aText}, history: agreementHistory,
		check: func(e *entry) {
			checkVersion(e)
			must(amongAll([]string{e.claims.str("act")}, "withdraw", "review", "confirm", "suspend", "resume", "terminate"), "bad-claim")
			required(e.claims, "reason")
			checkPublicTexts(e.claims)
		},
	},
	"sharing-request": {
		claims: object{
			"request": aText, "holder": aText, "data": aText, "purpose": aText, "codes": listOf(aText),
			"necessity": aText, "legalPower": aText, "agreement": aText, "by": aText, "needed": aText,
		},
		check: checkRequest, history: requestHistory,
	},
	"sharing-decision": {
		claims: object{
			"request": aText, "decision": aText, "reasons": aText, "article6": listOf(aText), "article9": listOf(aText),
			"dpaCondition": aText, "dpoOpinion": aText, "dpia": aText, "retention": aText, "security": aText,
			"rights": aText, "interval": aText, "agreement": aText, "by": aText,
		},
		check: checkSharing, history: requestHistory,
	},
	"policy-set": {
		claims: object{"version": aNumber, "schema": aText, "text": aText, "hash": aText, "reason": aText,
			"terminology": listOf(bytesOf(32))},
		check: checkPolicySet, history: func(*entry) string { return "policies" },
	},
}

// isRemark is a text of section 15: no hidden characters, no control characters but line feeds.
func isRemark(text string) bool {
	return len(text) <= 8192 && isSeen(text) && !isControl(strings.ReplaceAll(text, "\n", ""))
}

// required refuses unless each of these texts is there and not empty.
func required(v *value, names ...string) {
	for _, name := range names {
		must(v != nil && v.str(name) != "" && isRemark(v.str(name)), "bad-claim")
	}
}

// checkPublicTexts refuses texts of a public entry that are malformed or hold a person's number.
func checkPublicTexts(v *value) {
	if v.kind == '"' {
		must(isRemark(v.text), "bad-claim")
		must(!holdsNumber(v.text), "personal-data")
	}
	for _, m := range v.members {
		checkPublicTexts(m.value)
	}
	for _, e := range v.list {
		checkPublicTexts(e)
	}
}

func checkVersion(e *entry) {
	must(organisationForm.MatchString(e.claims.str("agreement")), "bad-claim")
	v := e.claims.num("version")
	must(v >= 1 && v <= maxInteger, "bad-claim")
}

var lettersForm = map[string]*regexp.Regexp{
	"article6": regexp.MustCompile(`\A[a-f]\z`), "article9": regexp.MustCompile(`\A[a-j]\z`),
}

func checkLetters(v *value, name string) {
	letters := v.texts(name)
	must(ascending(letters) && !slices.ContainsFunc(letters, func(l string) bool {
		return !lettersForm[name].MatchString(l)
	}), "bad-claim")
}

// isDigest says whether text is base64url of a SHA-256; 32 zero bytes stand for none.
func isDigest(text string) bool {
	return isThumbprint(text) && text != strings.Repeat("A", 43)
}

func checkNotice(v *value) {
	required(v, "url")
	must(isDigest(v.str("hash")), "bad-claim")
	must(isRemark(v.str("version")) && isRemark(v.str("language")), "bad-claim")
}

func within(n, least, most int) { must(n >= least && n <= most, "bad-claim") }

func checkAgreement(e *entry) {
	a := e.claims.get("agreement")
	must(a != nil && organisationForm.MatchString(a.str("id")), "bad-claim")
	within(int(min(a.num("version"), maxInteger+1)), 1, maxInteger)
	replaced := a.texts("supersedes")
	within(len(replaced), 0, 64)
	for _, id := range replaced {
		must(organisationForm.MatchString(id) && id != a.str("id"), "bad-claim")
	}
	must(distinct(replaced), "bad-claim")
	must(isOptional(a, "under", organisationForm.MatchString) && a.str("under") != a.str("id"), "bad-claim")
	required(a, "title", "legalPower", "subjects", "retention", "disposal", "security", "rightsContact", "breachContact")
	must(amongAll([]string{a.str("tier")}, "mou", "isa", "work-instruction"), "bad-claim")
	parties := checkParties(a.items("parties"))
	within(len(a.items("purposes")), 1, 64)
	for _, p := range a.items("purposes") {
		required(p, "text", "code")
	}
	within(len(a.items("article6")), 1, 6)
	checkLetters(a, "article6")
	checkLetters(a, "article9")
	within(len(a.items("data")), 1, 256)
	for _, d := range a.items("data") {
		required(d, "text")
		must(areCodes(d.texts("codes"), 1<<20), "bad-claim")
	}
	within(len(a.items("flows")), 1, 256)
	for _, f := range a.items("flows") {
		must(parties[f.str("from")] && parties[f.str("to")], "bad-claim")
		required(f, "how")
	}
	must(areCodes(a.texts("roles"), 1<<20), "bad-claim")
	within(len(a.items("transfers")), 0, 256)
	for _, c := range a.texts("transfers") {
		must(countryForm.MatchString(c), "bad-claim")
	}
	required(a.get("dpia"), "reference")
	must(isDay(a.get("dpia").str("date")), "bad-claim")
	within(len(a.items("approvals")), 0, 64)
	for _, p := range a.items("approvals") {
		required(p, "body", "reference")
		must(isDay(p.str("date")), "bad-claim")
	}
	checkNotice(a.get("privacyNotice"))
	must(isDay(a.str("start")) && isDay(a.str("end")) && isDay(a.str("reviewDue")) && a.str("start") <= a.str("end"), "bad-claim")
	must(isOptional(a, "document", isDigest), "bad-claim")
	checkPublicTexts(a)
}

// checkParties returns which organisations are parties.
func checkParties(list []*value) map[string]bool {
	within(len(list), 2, 256)
	parties, controlled := map[string]bool{}, false
	for _, p := range list {
		id, role := p.str("organisation"), p.str("role")
		must(organisationForm.MatchString(id) && !parties[id], "bad-claim")
		must(amongAll([]string{role}, "controller", "joint-controller", "processor", "recipient"), "bad-claim")
		required(p, "contact")
		parties[id] = true
		controlled = controlled || role == "controller" || role == "joint-controller"
	}
	must(controlled, "bad-claim")
	return parties
}

func checkRequest(e *entry) {
	c := e.claims
	must(organisationForm.MatchString(c.str("request")) && organisationForm.MatchString(c.str("holder")), "bad-claim")
	must(c.str("holder") != c.str("iss"), "bad-claim")
	required(c, "data", "purpose", "necessity", "legalPower", "by")
	must(len(c.items("codes")) >= 1 && areCodes(c.texts("codes"), 1<<20), "bad-claim")
	must(isOptional(c, "agreement", organisationForm.MatchString) && isOptional(c, "needed", isDay), "bad-claim")
	checkPublicTexts(c)
}

func checkSharing(e *entry) {
	c := e.claims
	must(organisationForm.MatchString(c.str("request")), "bad-claim")
	must(amongAll([]string{c.str("decision")}, "agreed", "agreed-in-part", "refused"), "bad-claim")
	required(c, "reasons", "dpia", "by")
	must(c.str("decision") == "refused" || len(c.items("article6")) > 0, "bad-claim")
	checkLetters(c, "article6")
	checkLetters(c, "article9")
	must(isOptional(c, "agreement", organisationForm.MatchString), "bad-claim")
	checkPublicTexts(c)
}

func checkPolicySet(e *entry) {
	c := e.claims
	must(c.num("version") >= 1 && c.num("version") <= maxInteger && c.str("schema") == "igledger/1", "bad-claim")
	text := c.str("text")
	must(len(text) >= 1 && len(text) <= 40960 && !isControl(strings.NewReplacer("\n", "", "\t", "").Replace(text)), "bad-claim")
	must(isSeen(text), "bad-claim")
	files := c.items("terminology")
	must(len(files) <= 8, "too-large")
	for i := 1; i < len(files); i++ {
		must(string(unbase64url(files[i-1].text)) < string(unbase64url(files[i].text)), "bad-claim")
	}
	h := sha256.Sum256([]byte(text))
	must(c.str("hash") == base64url(h[:]), "bad-claim")
	required(c, "reason")
	must(!holdsNumber(text) && !holdsNumber(c.str("reason")), "personal-data")
}
