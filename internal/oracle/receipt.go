package oracle

import (
	"slices"
	"time"
)

// Section 10: openings and receipts. Section 11: callers' tokens.

var verdictShape = object{
	"result": aText, "rules": listOf(aText), "agreement": aText, "version": aNumber, "consent": aText, "policies": aNumber,
}

// remarkShape is what the ledger says of an entry and nothing proves.
var remarkShape = object{"flags": atMost(32, aText), "received": aText, "verdict": verdictShape.fits}

var openingShape = remarkShape.and(object{
	"index": aNumber, "tagSalt": bytesOf(32), "tag": bytesOf(32), "vrfProof": bytesOf(80),
	"bodySalt": bytesOf(32), "jws": aText, "disclosures": listOf(aText),
})

// openLeaf reads an opening of the leaf b for the person id. The signature is for whoever has the
// key.
func openLeaf(text string, b []byte, origin string, vrfKey []byte, id string) *entry {
	v := parseJSON(text)
	openingShape.fits(v)
	must(v.num("index") <= maxInteger, "bad-claim")
	must(len(v.octets("vrfProof")) == 80, "bad-length")
	l := readLeaf(b)
	must(l.entry == nil, "bad-leaf")
	must(slices.Equal(l.tagCommit, tagCommit(v.octets("tagSalt"), v.octets("tag"))), "bad-commitment")
	must(slices.Equal(l.body, bodyCommit(v.octets("bodySalt"), v.str("jws"))), "bad-commitment")
	e := readShown(v.str("jws"), v.texts("disclosures"))
	checkTag(vrfKey, origin, id, v.octets("tag"), v.octets("vrfProof"))
	if sub := e.disclosed("sub"); sub != nil {
		must(sub.text == id, "bad-id")
	}
	return e
}

var receiptShape = object{
	"leaf": bytesOf(0), "proof": aText,
	"tagSalt": bytesOf(32), "tag": bytesOf(32), "vrfProof": bytesOf(0), "bodySalt": bytesOf(32),
}

const maxReceipt = 1048576

// A receiptPlace is where a receipt shows its entry to be.
type receiptPlace struct {
	index uint64
	under *checkpoint
}

// checkReceipt checks the receipt for the entry that the source holds.
func checkReceipt(text, held, logKey string, vrfKey []byte) receiptPlace {
	must(len(text) <= maxReceipt, "too-large")
	v := parseJSON(text)
	receiptShape.fits(v)
	k := readVerifierKey(logKey)
	e := readEntry(held)
	must(e.claims.str("aud") == k.name, "wrong-audience")
	p := readProof(v.str("proof"))
	b := v.octets("leaf")
	l := readLeaf(b)
	must((l.entry == nil) == e.kind.sealed, "bad-leaf")
	if l.entry != nil {
		must(l.entry.text == e.text, "bad-commitment")
	} else {
		must(v.has("tagSalt") && v.has("tag") && v.has("bodySalt"), "bad-json")
		must(slices.Equal(l.tagCommit, tagCommit(v.octets("tagSalt"), v.octets("tag"))), "bad-commitment")
		must(slices.Equal(l.body, bodyCommit(v.octets("bodySalt"), e.text)), "bad-commitment")
		sub := e.disclosed("sub")
		must(sub != nil, "bad-disclosure")
		checkTag(vrfKey, k.name, sub.text, v.octets("tag"), v.octets("vrfProof"))
	}
	c := readCheckpoint(p.note, k)
	must(includedRoot(leafHash(b), p.index, c.size, p.hashes) == c.root, "bad-proof")
	return receiptPlace{p.index, c}
}

// checkCaller checks a caller's token at the time now.
func checkCaller(text, origin string, now time.Time) (*jws, *value) {
	must(len(text) <= 4096, "too-large")
	j := readJWS(text, typCaller)
	v := parseJSON(j.payload)
	object{"iss": aText, "sub": aText, "aud": aText, "iat": aTime, "exp": aTime, "jti": aText}.fits(v)
	must(organisationForm.MatchString(v.str("iss")) && sourceForm.MatchString(v.str("sub")) && v.str("jti") != "", "bad-claim")
	iat, exp, at := v.num("iat"), v.num("exp"), uint64(now.Unix())
	must(iat >= 1 && iat < 1<<40 && iat < exp && exp <= iat+300, "bad-claim")
	must(v.str("aud") == origin, "wrong-audience")
	must(iat <= at+60 && exp+60 >= at, "bad-claim")
	return j, v
}

// A ReceiptAnswer is what a source learns from a receipt.
type ReceiptAnswer struct {
	First  string `json:"check,omitempty"` // the first check that failed, "" if none did
	Index  uint64 `json:"index,omitzero"`  // of good ones
	Size   uint64 `json:"size,omitzero"`
	Quorum bool   `json:"quorum"` // the policy asks for cosigners, and enough of them cosigned
}

// Receipt judges a receipt for the entry that the source holds (section 12). vrfKey is the log's.
func Receipt(file, held string, vrfKey []byte, asked Asked) ReceiptAnswer {
	w := &walk{asked: asked}
	var index uint64
	w.receipt(file, held, vrfKey, &index)
	if len(w.failed) > 0 {
		return ReceiptAnswer{First: w.failed[0]}
	}
	return ReceiptAnswer{Index: index, Size: w.head.size, Quorum: w.policy.quorum != "none"}
}

func (w *walk) receipt(file, held string, vrfKey []byte, index *uint64) {
	var v *value
	var e *entry
	var p tlogProof
	if !w.step("policy", func() { w.policy = readPolicy(w.asked.Policy) }) ||
		!w.coded("receipt-form", func() {
			must(len(file) <= maxReceipt, "too-large")
			v = parseJSON(file)
			receiptShape.fits(v)
		}) ||
		!w.coded("entry-form", func() { e = readEntry(held) }) ||
		!w.coded("receipt-form", func() { p = readProof(v.str("proof")) }) {
		return
	}
	*index = p.index
	w.bundle = &bundle{origin: w.signer(p.note), checkpoint: p.note}
	if !w.openHead() {
		return
	}
	w.require(e.claims.str("aud") == w.head.origin, "audience")
	b := v.octets("leaf")
	if !w.coded("leaf-form", func() { must((leafKind(b) == 2) == e.kind.sealed, "bad-leaf") }) {
		return
	}
	if e.kind.sealed {
		w.receiptLink(v, e, readLeaf(b), vrfKey)
	} else {
		w.require(string(b[1:]) == e.text, "leaf-content")
	}
	w.step("inclusion", func() {
		must(includedRoot(leafHash(b), p.index, w.head.size, p.hashes) == w.head.root, "bad-proof")
	})
}

// receiptLink checks the commitments of a sealed leaf, and under whom it is filed.
func (w *walk) receiptLink(v *value, e *entry, l leaf, vrfKey []byte) {
	if !v.has("tagSalt") || !v.has("tag") || !v.has("bodySalt") {
		w.failed = append(w.failed, "receipt-form")
		return
	}
	w.require(slices.Equal(l.tagCommit, tagCommit(v.octets("tagSalt"), v.octets("tag"))), "tag-commitment")
	w.require(slices.Equal(l.body, bodyCommit(v.octets("bodySalt"), e.text)), "body-commitment")
	sub := e.disclosed("sub")
	if sub == nil {
		w.failed = append(w.failed, "disclosures")
		return
	}
	w.step("filing", func() { checkTag(vrfKey, w.head.origin, sub.text, v.octets("tag"), v.octets("vrfProof")) })
}
