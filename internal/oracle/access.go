package oracle

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"
)

// Section 6: accesses, heartbeats and counts of sources.

var accessClaims = object{
	"source": aText, "org": aText, "foreign": aFlag, "recipient": aText, "system": aText, "event": listOf(aText),
	"action": aText, "data": listOf(aText),
	"purpose": listOf(aText), "role": listOf(aText), "machine": aFlag, "emergency": aFlag, "agreement": aText,
	"decision": aText, "delegation": aText, "outcome": aText, "occurred": aText, "occurredEnd": aText, "recorded": aText,
	"request": aText, "identity": aText,
}

var accessKinds = map[string]*entryKind{
	"access": {
		sealed: true, claims: accessClaims, check: checkAccess,
		names: object{
			"sub": anID, "staff": isStaff,
			"parties": listOf(texts("type", "id", "name", "address")),
			"text":    texts("why", "justification", "outcome", "query", "organisation"),
			"seq":     aSequence, "fhir": aDocument,
		},
	},
	"heartbeat": {
		claims: object{"source": aText, "day": aText, "interval": aNumber, "gaps": aFlag, "receipts": aFlag},
		check:  checkHeartbeat,
		history: func(e *entry) string {
			return "source:" + e.claims.str("iss") + ":" + e.claims.str("source")
		},
	},
	"source-count": {
		sealed: true, claims: object{"source": aText, "day": aText}, check: checkCount,
		names: object{"sub": anID, "first": aNumber, "last": aNumber, "count": aNumber, "receipts": aNumber},
	},
}

// isStaff is who accessed, with at most 64 further identifiers and 64 units.
func isStaff(v *value) {
	object{"id": aText, "system": aText, "name": aText, "altId": aText, "ids": listOf(aText), "units": listOf(aText)}.fits(v)
	must(areCodes(v.texts("ids"), 64) && areCodes(v.texts("units"), 64), "bad-disclosure")
}

func aSequence(v *value) {
	aNumber(v)
	must(v.integer() >= 1 && v.integer() <= maxInteger, "bad-disclosure")
}

// isOptional says whether the claim is absent, or empty, or passes f.
func isOptional(v *value, name string, f func(string) bool) bool {
	return v.str(name) == "" || f(v.str(name))
}

func isCode(text string) bool {
	return len(text) >= 1 && len(text) <= 512 && !isControl(text)
}

// isShortText is a text of at most 512 bytes without control characters.
func isShortText(text string) bool {
	return len(text) <= 512 && !isControl(text)
}

func areCodes(list []string, most int) bool {
	return len(list) <= most && !slices.ContainsFunc(list, func(c string) bool { return !isCode(c) })
}

func checkAccess(e *entry) {
	c := e.claims
	must(sourceForm.MatchString(c.str("source")), "bad-claim")
	must(isOptional(c, "org", organisationForm.MatchString), "bad-claim")
	foreign := c.get("foreign")
	must(foreign == nil || foreign.kind == 'f' || c.str("org") == "", "bad-claim")
	must(isOptional(c, "recipient", organisationForm.MatchString), "bad-claim")
	must(isOptional(c, "system", isShortText), "bad-claim")
	for _, name := range []string{"event", "data", "purpose", "role"} {
		must(areCodes(c.texts(name), 64), "bad-claim")
	}
	must(amongAll([]string{c.str("action")}, "C", "R", "U", "D", "E"), "bad-claim")
	must(isOptional(c, "agreement", isShortText), "bad-claim")
	must(isOptional(c, "decision", uuidForm.MatchString), "bad-claim")
	must(isOptional(c, "delegation", uuidForm.MatchString), "bad-claim")
	if request := c.str("request"); request != "" || c.str("identity") != "" {
		must(requestForm.MatchString(request) && !holdsNumber(request), "bad-claim")
		must(amongAll([]string{c.str("identity")}, "documents", "vouched", "vouched-record", "sign-in"), "bad-claim")
	}
	must(amongAll([]string{c.str("outcome")}, "0", "4", "8", "12"), "bad-claim")
	must(isOptional(c, "occurred", isTime) && isOptional(c, "occurredEnd", isTime), "bad-claim")
	must(isTime(c.str("recorded")), "bad-claim")
}

// checkDay checks source and day, and that the jti is the one of this stream and day.
func checkDay(e *entry, domain string) {
	c := e.claims
	must(sourceForm.MatchString(c.str("source")), "bad-claim")
	start, ok := day(c.str("day"))
	must(ok && start.Unix() >= 0, "bad-claim")
	must(c.num("iat") >= uint64(start.Unix())+86400, "bad-claim")
	name := strings.Join([]string{domain, c.str("aud"), c.str("iss"), c.str("source"), c.str("day")}, "\n")
	must(c.str("jti") == uuid5(name), "bad-claim")
}

// uuid5 is the UUID version 5 of the name in the namespace URL (RFC 9562 section 5.5).
func uuid5(name string) string {
	namespace, _ := hex.DecodeString("6ba7b8119dad11d180b400c04fd430c8")
	h := sha1.Sum(append(namespace, name...))
	h[6] = h[6]&0x0f | 0x50
	h[8] = h[8]&0x3f | 0x80
	s := hex.EncodeToString(h[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func checkHeartbeat(e *entry) {
	must(!holdsNumber(e.claims.str("source")), "personal-data")
	checkDay(e, "igledger/heartbeat/v1")
	interval := e.claims.num("interval")
	must(interval >= 60 && interval <= 2678400, "bad-claim")
}

func checkCount(e *entry) {
	if sub := e.disclosed("sub"); sub != nil {
		must(sub.text == "reg:sources", "bad-id")
	}
	number := func(name string) (uint64, bool) {
		v := e.disclosed(name)
		if v == nil {
			return 0, false
		}
		must(v.integer() <= maxInteger, "bad-disclosure")
		return v.integer(), true
	}
	first, hasFirst := number("first")
	last, hasLast := number("last")
	count, hasCount := number("count")
	receipts, hasReceipts := number("receipts")
	must(!hasFirst || first >= 1, "bad-disclosure")
	must(!hasFirst || !hasLast || last+1 >= first, "bad-disclosure")
	must(!hasFirst || !hasLast || !hasCount || count <= last+1-first, "bad-disclosure")
	must(!hasCount || !hasReceipts || receipts <= count, "bad-disclosure")
	checkDay(e, "igledger/source-count/v1")
}
