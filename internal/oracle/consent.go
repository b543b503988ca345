package oracle

import "strings"

// Section 15: consents, delegations, decisions and links, by their form.

// ruleShape is a rule; its exceptions are rules again.
func ruleShape(v *value) {
	object{
		"decision": aText, "start": aText, "end": aText, "purposes": listOf(aText), "data": listOf(aText),
		"recipients": listOf(aText), "roles": listOf(aText), "actions": listOf(aText), "restricts": aFlag,
		"staff": listOf(aText), "units": listOf(aText), "also": listOf(ruleShape),
		"dataStart": aText, "dataEnd": aText, "except": listOf(ruleShape),
	}.fits(v)
}

var consentKinds = map[string]*entryKind{
	"consent": {
		sealed: true, check: checkConsent,
		claims: object{
			"consent": aText, "act": aText, "scope": aText, "agreements": listOf(aText), "decided": aText,
			"updated": aText, "version": aNumber, "rule": ruleShape,
			"expressed": object{"how": aText, "verified": aText, "language": aText}.fits, "notice": noticeShape.fits,
		},
		names: object{
			"sub": anID, "by": texts("delegation", "name", "relation"), "text": texts("reason", "evidence"), "fhir": aDocument,
		},
	},
	"delegation": {
		sealed: true, check: checkDelegation,
		claims: object{
			"delegation": aText, "act": aText, "kind": aText, "scope": listOf(aText), "start": aText, "end": aText, "basis": aText,
		},
		names: object{"sub": anID, "delegate": aDelegate, "evidence": texts("reference", "seen", "office")},
	},
	"decision": {
		sealed: true, check: checkDecision,
		claims: object{
			"org": aText, "holder": aText, "system": aText, "machine": aFlag, "action": aText, "data": listOf(aText),
			"purpose": listOf(aText), "role": listOf(aText), "emergency": aFlag, "justified": aFlag, "agreement": aText,
			"delegation": aText, "decision": aText, "rules": listOf(aText), "obligations": listOf(aText), "asked": aText,
		},
		names: object{
			"sub": anID, "staff": isStaff, "text": texts("why", "justification", "outcome", "query", "organisation"),
		},
	},
	"link": {
		sealed: true, check: checkLink,
		claims: object{"act": aText, "reason": aText},
		names:  object{"sub": anID, "other": anID},
	},
}

func aDelegate(v *value) {
	texts("id", "name")(v)
	must(isID(v.str("id")), "bad-id")
}

func checkConsent(e *entry) {
	c := e.claims
	act := c.str("act")
	must(uuidForm.MatchString(c.str("consent")), "bad-claim")
	must(amongAll([]string{act}, "given", "refused", "amended", "reconfirmed", "withdrawn", "expired"), "bad-claim")
	must(amongAll([]string{c.str("scope")}, "adr", "patient-privacy", "research", "treatment"), "bad-claim")
	within(len(c.items("agreements")), 0, 64)
	for i, id := range c.texts("agreements") {
		must(organisationForm.MatchString(id) && !amongAll([]string{id}, c.texts("agreements")[:i]...), "bad-claim")
	}
	must(isTime(c.str("decided")) && isOptional(c, "updated", isTime) && c.num("version") <= maxInteger, "bad-claim")
	if rule := c.get("rule"); rule != nil {
		must(act != "withdrawn" && act != "expired", "bad-claim")
		must(act != "given" || rule.str("decision") == "permit", "bad-claim")
		must(act != "refused" || rule.str("decision") == "deny", "bad-claim")
		must(ruleLevels(rule) <= 8 && ruleCount(rule) <= 256, "too-large")
		checkRule(rule)
		for _, also := range rule.items("also") {
			must(rule.str("decision") == "permit" && also.str("decision") == "permit", "bad-claim")
			must(ruleLevels(also) <= 8, "too-large")
			checkRule(also)
			noAlso(also)
		}
		for _, x := range rule.items("except") {
			noAlso(x)
		}
	}
	if x := c.get("expressed"); x != nil {
		must(amongAll([]string{x.str("how")}, "implied", "verbal", "written", "electronic", "explicit-electronic"), "bad-claim")
		must(isOptional(x, "verified", isTime) && len(x.str("language")) <= 35 && !isControl(x.str("language")), "bad-claim")
	}
	if c.has("notice") {
		checkNotice(c.get("notice"))
	}
}

// noAlso refuses permissions beside a rule that is not the outermost.
func noAlso(rule *value) {
	must(len(rule.items("also")) == 0, "bad-claim")
	for _, x := range rule.items("except") {
		noAlso(x)
	}
}

func ruleLevels(rule *value) int {
	most := 0
	for _, r := range rule.items("except") {
		most = max(most, ruleLevels(r))
	}
	return most + 1
}

func ruleCount(rule *value) int {
	n := 1
	for _, r := range append(rule.items("except"), rule.items("also")...) {
		n += ruleCount(r)
	}
	return n
}

func checkRule(r *value) {
	must(amongAll([]string{r.str("decision")}, "permit", "deny"), "bad-claim")
	restricts := r.get("restricts")
	must(r.str("decision") == "deny" || restricts == nil || restricts.kind == 'f', "bad-claim")
	checkSpan(r, "start", "end")
	checkSpan(r, "dataStart", "dataEnd")
	for _, name := range []string{"purposes", "data", "roles", "staff", "units"} {
		must(areCodes(r.texts(name), 256), "bad-claim")
	}
	within(len(r.items("recipients")), 0, 256)
	for _, id := range r.texts("recipients") {
		must(organisationForm.MatchString(id), "bad-claim")
	}
	must(amongAll(r.texts("actions"), "C", "R", "U", "D", "E"), "bad-claim")
	for _, x := range r.items("except") {
		must(x.str("decision") != r.str("decision"), "bad-claim")
		checkRule(x)
	}
}

// checkSpan refuses two times of which the second is not after the first. Both are optional.
func checkSpan(v *value, from, to string) {
	must(isOptional(v, from, isTime) && isOptional(v, to, isTime), "bad-claim")
	if v.has(from) && v.has(to) {
		a, _ := instant(v.str(from))
		b, _ := instant(v.str(to))
		must(b.After(a), "bad-claim")
	}
}

func checkDelegation(e *entry) {
	c := e.claims
	must(uuidForm.MatchString(c.str("delegation")), "bad-claim")
	if c.str("act") == "revoked" {
		for _, name := range []string{"kind", "scope", "start", "end", "basis"} {
			must(!c.has(name), "bad-claim")
		}
		return
	}
	must(c.str("act") == "granted", "bad-claim")
	must(amongAll([]string{c.str("kind")}, "AGNT", "DELEGATEE", "DPOWATT", "GUADLTM", "GUARD", "HPOWATT", "NOK", "POWATT",
		"RESPRSN", "SPOWATT"), "bad-claim")
	scope := c.texts("scope")
	must(len(scope) > 0 && ascending(scope) && amongAll(scope, "access", "consent", "question"), "bad-claim")
	must(c.has("start") && c.has("end"), "bad-claim")
	checkSpan(c, "start", "end")
	must(isRemark(c.str("basis")), "bad-claim")
}

func checkDecision(e *entry) {
	c := e.claims
	must(organisationForm.MatchString(c.str("org")), "bad-claim")
	must(isOptional(c, "holder", organisationForm.MatchString) && isOptional(c, "system", isShortText), "bad-claim")
	must(amongAll([]string{c.str("action")}, "C", "R", "U", "D", "E"), "bad-claim")
	for _, name := range []string{"data", "purpose", "role", "rules", "obligations"} {
		must(areCodes(c.texts(name), 64), "bad-claim")
	}
	must(isOptional(c, "agreement", isShortText) && isOptional(c, "delegation", uuidForm.MatchString), "bad-claim")
	must(amongAll([]string{c.str("decision")}, "permit", "deny"), "bad-claim")
	must(isTime(c.str("asked")), "bad-claim")
}

func checkLink(e *entry) {
	c := e.claims
	must(amongAll([]string{c.str("act")}, "linked", "unlinked"), "bad-claim")
	must(c.str("reason") != "" && isShortText(c.str("reason")) && isSeen(c.str("reason")), "bad-claim")
	sub, other := e.disclosed("sub"), e.disclosed("other")
	must((sub == nil) == (other == nil), "bad-disclosure")
	if sub != nil {
		must(sub.text != other.text, "bad-id")
		must(!strings.HasPrefix(sub.text, "reg:") && !strings.HasPrefix(other.text, "reg:"), "bad-id")
	}
}
