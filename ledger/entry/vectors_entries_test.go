package entry_test

import (
	"fmt"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func (w *world) entryVectors() map[string]madeFile {
	b := w.board
	good := w.sign(b, w.accessBody())
	reg := w.accessBody()
	reg.Sub = entry.RegSources
	reg.Staff = nil
	reg.Parties = nil
	reg.Text = nil
	reg.Seq = nil
	reg.FHIR = nil
	reg.Machine, reg.Event = true, []string{"http://dicom.nema.org/resources/ontology/DCM|110114"}
	ec := w.accessBody()
	ec.Sub = "temp:north-board:A:17"
	ec.Emergency = true
	ec.Purpose = []string{"BTG"}
	ec.Text = &entry.Text{Justification: "unconscious on arrival"}
	access := func(name, e string, s *wire.Signer, code wire.Code) made {
		return made{name, entryIn{e, s.Public}, code}
	}
	// edit changes one thing in the claims of a valid access and signs again.
	edit := func(name, old, new string, code wire.Code) made {
		return access(name, w.edit(good, b, old, new), b, code)
	}
	// disclosed signs an access with exactly these disclosures, [name, value as JSON].
	disclosed := func(name string, code wire.Code, pairs ...[2]string) made {
		var list []string
		sd := slices.Clone(good.Body.(*entry.Access).SD)
		for i, p := range pairs {
			salt := sha([]byte(name), []byte{byte(i)})
			d := wire.Disclosure{Encoded: wire.Encode64(fmt.Appendf(nil, "[%q,%q,%s]", wire.Encode64(salt[:17]), p[0],
				p[1]))}
			list = append(list, d.Encoded)
			sd[i] = d.Digest()
		}
		slices.Sort(sd)
		old := `"` + strings.Join(good.Body.(*entry.Access).SD, `","`) + `"`
		e := w.edit(good, b, old, `"`+strings.Join(sd, `","`)+`"`)
		compact, _, _ := strings.Cut(e, "~")
		return access(name, compact+"~"+strings.Join(list, "~")+"~", b, code)
	}
	sd := good.Body.(*entry.Access).SD
	d := good.Encoded()
	foreign := w.sign(b, w.accessBody()).Encoded()[0]
	return map[string]madeFile{"access": {"Accesses in SD-JWT form: JWS, disclosures, ~ between and at the end. shown holds the disclosures' values as JSON text.", []made{
		access("EdDSA, all six disclosures", good.SDJWT(), b, ""),
		access("ES256, emergency", w.sign(w.boardEC, ec).SDJWT(), w.boardEC, ""),
		access("without a patient", w.sign(b, reg).SDJWT(), b, ""),
		access("only sub shown", good.Compact+"~"+d[0]+"~", b, ""),
		access("nothing shown", good.Compact+"~", b, ""),
		access("nothing shown, bare JWS", good.Compact, b, ""),
		access("disclosures in another order", good.Compact+"~"+d[3]+"~"+d[0]+"~", b, ""),
		edit("wrong check digits and unknown codes are taken", `"TREAT"`, `"XYZZY"`, ""),
		edit("fractions of seconds and offset", "2026-11-22T08:15:00Z", "2026-11-22T08:15:00.123456789+01:00", ""),
		edit("not JSON", `{`, ``, wire.BadJSON),
		edit("two values", `{`, `{}{`, wire.BadJSON),
		edit("an unknown claim: exp", `{`, `{"exp":1,`, wire.BadJSON),
		edit("an unknown claim: cnf", `{`, `{"cnf":{},`, wire.BadJSON),
		edit("an unknown claim: _sd_alg", `{`, `{"_sd_alg":"sha-256",`, wire.BadJSON),
		edit("a claim twice", `{`, `{"iss":"north-board",`, wire.BadJSON),
		edit("a claim in capitals", `"iss"`, `"Iss"`, wire.BadJSON),
		edit("a claim null", `"agreement":"isa-2026-17"`, `"agreement":null`, wire.BadJSON),
		edit("a claim of another kind", `"action":"R"`, `"action":1`, wire.BadJSON),
		edit("invalid UTF-8", `nurse`, "nurse\xff", wire.BadJSON),
		edit("half a surrogate pair", `nurse`, `nurse\ud800`, wire.BadJSON),
		edit("sub as open claim", `{`, `{"sub":"chi:0101011237",`, wire.BadJSON),
		edit("type missing", `"type":"access",`, ``, wire.UnknownType),
		edit("type unknown", `"type":"access"`, `"type":"acces"`, wire.UnknownType),
		edit("iss malformed", `"iss":"north-board"`, `"iss":"north board"`, wire.BadClaim),
		edit("iss with colon", `"iss":"north-board"`, `"iss":"north:board"`, wire.BadClaim),
		edit("iss of 65 characters", `"iss":"north-board"`, `"iss":"`+strings.Repeat("n", 65)+`"`, wire.BadClaim),
		edit("aud with plus", `"aud":"log.`, `"aud":"log+`, wire.BadClaim),
		edit("aud empty", `"aud":"`+testOrigin+`"`, `"aud":""`, wire.BadClaim),
		edit("iat zero", fmt.Sprintf(`"iat":%d`, good.IssuedAt), `"iat":0`, wire.BadClaim),
		edit("iat too large", fmt.Sprintf(`"iat":%d`, good.IssuedAt), `"iat":1099511627777`, wire.BadClaim),
		edit("iat with fraction", fmt.Sprintf(`"iat":%d`, good.IssuedAt), `"iat":1.5`, wire.BadJSON),
		edit("iat with exponent", fmt.Sprintf(`"iat":%d`, good.IssuedAt), `"iat":1e9`, wire.BadJSON),
		edit("iat as text", fmt.Sprintf(`"iat":%d`, good.IssuedAt), `"iat":"1"`, wire.BadJSON),
		edit("jti in capitals", good.ID, strings.ToUpper(good.ID), wire.BadClaim),
		edit("jti without hyphens", good.ID, strings.ReplaceAll(good.ID, "-", ""), wire.BadClaim),
		edit("jti as URN", good.ID, "urn:uuid:"+good.ID, wire.BadClaim),
		edit("jti missing", `"jti":"`+good.ID+`",`, ``, wire.BadClaim),
		edit("source missing", `"source":"trak",`, ``, wire.BadClaim),
		edit("source with space", `"source":"trak"`, `"source":"trak care"`, wire.BadClaim),
		edit("source of 129 characters", `"source":"trak"`, `"source":"`+strings.Repeat("t", 129)+`"`, wire.BadClaim),
		edit("org malformed", `"source":"trak"`, `"source":"trak","org":"a b"`, wire.BadClaim),
		edit("an organisation that the log does not know", `"source":"trak"`, `"source":"trak","foreign":true`, ""),
		edit("foreign false, with org", `"source":"trak"`, `"source":"trak","foreign":false,"org":"moor"`, ""),
		edit("foreign and org", `"source":"trak"`, `"source":"trak","foreign":true,"org":"moor"`, wire.BadClaim),
		edit("a recipient", `"source":"trak"`, `"source":"trak","recipient":"moor"`, ""),
		edit("a recipient that is no organisation id", `"source":"trak"`, `"source":"trak","recipient":"moor: ward 2"`, wire.BadClaim),
		edit("foreign as text", `"source":"trak"`, `"source":"trak","foreign":"true"`, wire.BadJSON),
		disclosed("the words for that organisation", "", [2]string{"text", `{"organisation":"Moor clinic"}`}),
		edit("action missing", `"action":"R",`, ``, wire.BadClaim),
		edit("action unknown", `"action":"R"`, `"action":"X"`, wire.BadClaim),
		edit("two actions", `"action":"R"`, `"action":"RU"`, wire.BadClaim),
		edit("outcome unknown", `"outcome":"0"`, `"outcome":"1"`, wire.BadClaim),
		edit("outcome missing", `"outcome":"0",`, ``, wire.BadClaim),
		edit("a code empty", `["TREAT"]`, `["TREAT",""]`, wire.BadClaim),
		edit("65 codes", `["TREAT"]`, `["A"`+strings.Repeat(`,"A"`, 64)+`]`, wire.BadClaim),
		edit("a code of 513 bytes", `["TREAT"]`, `["`+strings.Repeat("A", 513)+`"]`, wire.BadClaim),
		edit("a code with an escape character", `["TREAT"]`, `["TREAT\u001b[2J"]`, wire.BadClaim),
		edit("recorded missing", `,"recorded":"2026-11-22T08:15:00.250Z"`, ``, wire.BadClaim),
		edit("recorded without zone", `08:15:00.250Z`, `08:15:00.250`, wire.BadClaim),
		edit("recorded with a comma", `08:15:00.250Z`, `08:15:00,250Z`, wire.BadClaim),
		edit("hour of one digit", `T08:15:00.250Z`, `T8:15:00.250Z`, wire.BadClaim),
		edit("occurred is a date", `"2026-11-22T08:15:00Z"`, `"2026-11-22"`, wire.BadClaim),
		edit("the 31st of November", `"2026-11-22T08:15:00Z"`, `"2026-11-31T08:15:00Z"`, wire.BadClaim),
		edit("leap second", `"2026-11-22T08:15:00Z"`, `"2026-12-31T23:59:60Z"`, wire.BadClaim),
		edit("seven digests", `"`+sd[7]+`"]`, `]`, wire.BadJSON),
		edit("seven digests, well-formed", `,"`+sd[7]+`"]`, `]`, wire.BadClaim),
		edit("digests not sorted", sd[0]+`","`+sd[1], sd[1]+`","`+sd[0], wire.BadClaim),
		edit("a digest twice", sd[1], sd[0], wire.BadClaim),
		edit("a digest of 31 bytes", sd[0], wire.Encode64(make([]byte, 31)), wire.BadClaim),
		edit("no digests", `"_sd":["`+strings.Join(sd, `","`)+`"]`, `"_sd":[]`, wire.BadClaim),
		access("no ~ at the end", good.Compact+"~"+d[0], b, wire.BadDisclosure),
		access("key binding JWT at the end", good.Compact+"~"+d[0]+"~"+good.Compact, b, wire.BadDisclosure),
		access("an empty disclosure", good.Compact+"~~", b, wire.BadJSON),
		access("nine disclosures", good.Compact+"~"+strings.Repeat(d[0]+"~", 9), b, wire.BadDisclosure),
		access("a disclosure twice", good.Compact+"~"+d[0]+"~"+d[0]+"~", b, wire.DuplicateDisc),
		access("another entry's disclosure", good.Compact+"~"+foreign+"~", b, wire.UnreferencedDisc),
		access("a disclosure changed",
			good.Compact+"~"+wire.Encode64([]byte(`["0123456789012345678901","sub","chi:0101201234"]`))+"~", b,
			wire.UnreferencedDisc),
		disclosed("a disclosure's name twice", wire.DuplicateDisc, [2]string{"sub", `"chi:0101011237"`},
			[2]string{"sub", `"chi:0101201234"`}),
		disclosed("a name that accesses do not have", wire.BadDisclosure, [2]string{"ward", `"7"`}),
		disclosed("a claim's name", wire.BadDisclosure, [2]string{"iss", `"x"`}),
		disclosed("_sd as a name", wire.BadDisclosure, [2]string{"_sd", `[]`}),
		disclosed("sub is no id", wire.BadID, [2]string{"sub", `"0101011237"`}),
		disclosed("sub is empty", wire.BadID, [2]string{"sub", `""`}),
		disclosed("sub is a number", wire.BadJSON, [2]string{"sub", `101011237`}),
		disclosed("sub is null", wire.BadJSON, [2]string{"sub", `null`}),
		disclosed("staff with an unknown member", wire.BadJSON, [2]string{"staff", `{"nhs":"1"}`}),
		disclosed(
			"staff at places", "",
			[2]string{"staff", `{"id":"n-7","system":"https://staff.example","units":["https://units.example|w4","w5"]}`},
		),
		disclosed("units without a name of staff", "", [2]string{"staff", `{"units":["https://units.example|w4"]}`}),
		disclosed("an empty unit", wire.BadDisclosure, [2]string{"staff", `{"units":[""]}`}),
		disclosed("65 units", wire.BadDisclosure, [2]string{"staff", `{"units":["` + strings.Join(numbered(65), `","`) + `"]}`}),
		disclosed("units as text", wire.BadJSON, [2]string{"staff", `{"units":"w4"}`}),
		disclosed("staff null", wire.BadJSON, [2]string{"staff", `null`}),
		disclosed("name of staff null", wire.BadJSON, [2]string{"staff", `{"name":null}`}),
		disclosed("parties is an object", wire.BadJSON, [2]string{"parties", `{}`}),
		disclosed("text is text", wire.BadJSON, [2]string{"text", `"why"`}),
		disclosed("seq zero", wire.BadDisclosure, [2]string{"seq", `0`}),
		disclosed("seq negative", wire.BadJSON, [2]string{"seq", `-1`}),
		disclosed("seq above 2^53-1", wire.BadDisclosure, [2]string{"seq", `9007199254740992`}),
		disclosed("seq as text", wire.BadJSON, [2]string{"seq", `"1"`}),
		disclosed("fhir is a list", wire.BadDisclosure, [2]string{"fhir", `[]`}),
		disclosed("fhir nested 33 deep", wire.BadDisclosure, [2]string{"fhir",
			`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`}),
		disclosed("fhir nested 32 deep", "", [2]string{"fhir", `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]",
			31) + `}`}),
		disclosed("largest seq", "", [2]string{"seq", `9007199254740991`}),
		access("signed by another key", w.edit(good, w.stranger, `{`, `{`), b, wire.UnknownKey),
		access("payload exchanged under the old signature", exchangePayload(good.SDJWT(), "nurse", "nurs3"), b,
			wire.BadSignature),
		edit("a person's request", `"outcome":"0"`, `"request":"SAR-2026-0042","identity":"documents","outcome":"0"`, ""),
		edit("a request without identity", `"outcome":"0"`, `"request":"SAR-2026-0042","outcome":"0"`, wire.BadClaim),
		edit("identity without a request", `"outcome":"0"`, `"identity":"documents","outcome":"0"`, wire.BadClaim),
		edit("an unknown check of identity", `"outcome":"0"`, `"request":"SAR-1","identity":"face","outcome":"0"`, wire.BadClaim),
		edit("a person's number as request", `"outcome":"0"`, `"request":"0101011237","identity":"documents","outcome":"0"`, wire.BadClaim),
		edit("a request with a space", `"outcome":"0"`, `"request":"SAR 1","identity":"documents","outcome":"0"`, wire.BadClaim),
		edit("a request of 129 characters", `"outcome":"0"`,
			`"request":"`+strings.Repeat("S", 129)+`","identity":"documents","outcome":"0"`, wire.BadClaim),
	}}}
}

// exchangePayload changes the payload and keeps the signature.
func exchangePayload(sdjwt, old, new string) string {
	parts := strings.SplitN(sdjwt, ".", 3)
	payload, err := wire.Decode64("", parts[1])
	if err != nil || !strings.Contains(string(payload), old) {
		panic("nothing to exchange")
	}
	return parts[0] + "." + wire.Encode64([]byte(strings.Replace(string(payload), old, new, 1))) + "." + parts[2]
}

func (w *world) enrolmentVectors() map[string]madeFile {
	vector := func(name, e string, s *wire.Signer, code wire.Code) made {
		return made{name, entryIn{e, s.Public}, code}
	}
	r := w.registrar
	org := w.sign(r, w.boardBody())
	plain := &entry.Organisation{Common: w.common("registry"), Organisation: member("ac-uk.7",
		"Universität München – Prüfung", "university", entry.RoleAuditor)}
	editOrg := func(name, old, new string, code wire.Code) made {
		return vector(name, w.edit(org, r, old, new), r, code)
	}
	key := w.sign(r, w.boardKeyBody())
	rotation := w.sign(w.board, w.ownKey(w.boardNext, entry.PurposeSubmit))
	later := w.ownKey(w.boardEC, entry.PurposeAudit, entry.PurposeSubmit)
	later.Key.ValidFrom = 100
	editKey := func(name, old, new string, code wire.Code) made {
		return vector(name, w.edit(rotation, w.board, old, new), w.board, code)
	}
	proof := rotation.Body.(*entry.Key).Proof
	suspect := uint64(0)
	revoke := func(reason string, suspect *uint64) *entry.Entry {
		return w.sign(w.board, &entry.KeyRevocation{Common: w.common("north-board"), Org: "north-board",
			KID: w.board.KID, Reason: reason, SuspectFrom: suspect})
	}
	rev := revoke("compromised", &suspect)
	editRev := func(name, old, new string, code wire.Code) made {
		return vector(name, w.edit(rev, w.board, old, new), w.board, code)
	}
	keyProof := func(name, p string, s *wire.Signer, code wire.Code) made {
		return made{name, keyProofIn{p, testOrigin, "north-board", s.Public}, code}
	}
	proofBy := func(s *wire.Signer, payload string) string {
		return rawJWS(s, header(s.Public.Algorithm(), s.KID, wire.TypKeyProof), payload)
	}
	claims := fmt.Sprintf(`{"aud":%q,"org":"north-board","jkt":%q}`, testOrigin, w.board.KID)
	counter := func(name, c string, code wire.Code) made { return made{name, counterIn{c, w.enroller.Public}, code} }
	counterBy := func(payload string) string {
		return rawJWS(w.enroller, header(wire.ES256, w.enroller.KID, wire.TypCountersignature), payload)
	}
	boardKey := pk(w.board, entry.PurposeSubmit)
	orgCounter := w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian", Organisation: &boardMember})
	wrongOrg := orgCounter[:len(orgCounter)-4] + "AAAA"
	files := map[string]madeFile{
		"organisation": {"An organisation is registered or its registration changed. Whether it may be is for register.json.", []made{
			vector("first enrolment with countersignature", org.Compact, r, ""),
			vector("change without countersignature", w.sign(r, plain).Compact, r, ""),
			editOrg("another order of members", `"type":"organisation","iss":"registry"`,
				`"iss":"registry","type":"organisation"`, ""),
			vector("in SD-JWT form", org.Compact+"~", r, wire.BadDisclosure),
			vector("with a disclosure", org.Compact+"~"+wire.Encode64([]byte(`["0123456789012345678901","x",1]`))+"~",
				r, wire.BadDisclosure),
			editOrg("id malformed", `"id":"north-board"`, `"id":"-north"`, wire.BadClaim),
			editOrg("id with slash", `"id":"north-board"`, `"id":"north/board"`, wire.BadClaim),
			editOrg("name empty", `"name":"North Test Health Board"`, `"name":""`, wire.BadClaim),
			editOrg("name of 201 bytes", `"North Test Health Board"`, `"`+strings.Repeat("N", 201)+`"`, wire.BadClaim),
			editOrg("name with a line feed", `North Test`, `North\nTest`, wire.BadClaim),
			editOrg("name with a byte-order mark", `North Test`, "North\ufeff Test", wire.BadClaim),
			editOrg("kind in capitals", `"health-board"`, `"Health-Board"`, wire.BadClaim),
			editOrg("kind missing", `"kind":"health-board",`, ``, wire.BadClaim),
			editOrg("role unknown", `"controller","source"`, `"controller","spy"`, wire.BadClaim),
			editOrg("roles not sorted", `"controller","source"`, `"source","controller"`, wire.BadClaim),
			editOrg("a role twice", `"controller","source"`, `"source","source"`, wire.BadClaim),
			editOrg("no roles", `"controller","source"`, ``, wire.BadClaim),
			editOrg("NHS number in the name", `North Test Health Board`, `Board 943 476 5919`, wire.PersonalData),
			editOrg("CHI as id", `"id":"north-board"`, `"id":"0101011237"`, wire.PersonalData),
			editOrg("CHI as iss", `"iss":"registry"`, `"iss":"0101011237"`, wire.PersonalData),
			editOrg("an officer's name", `"name":"North`, `"officer":"A. Tester","name":"North`, wire.BadJSON),
			editOrg("countersignature is no JWS", `"countersignature":"`, `"countersignature":"x`, wire.BadHeader),
			editOrg("countersignature null", `"countersignature":"`+org.Body.(*entry.Organisation).Counter+`"`,
				`"countersignature":null`, wire.BadJSON),
		}},
		"key": {"A key is activated. Whether it may be is for register.json.", []made{
			vector("by a registrar, countersigned", key.Compact, r, ""),
			vector("by the organisation itself", rotation.Compact, w.board, ""),
			vector("P-256, valid from a later index", w.sign(w.board, later).Compact, w.board, ""),
			editKey("organisation malformed", `"organisation":"north-board"`, `"organisation":""`, wire.BadClaim),
			editKey("CHI as organisation", `"organisation":"north-board"`, `"organisation":"0101011237"`,
				wire.PersonalData),
			editKey("key of an unknown kind", `"crv":"Ed25519"`, `"crv":"X25519"`, wire.BadKey),
			editKey("private part", `"crv":`, `"d":"AA","crv":`, wire.BadJSON),
			editKey("purpose unknown", `["submit"]`, `["sign"]`, wire.BadClaim),
			editKey("a guard's", `["submit"]`, `["guard"]`, ""),
			editKey("no purposes", `["submit"]`, `[]`, wire.BadClaim),
			editKey("purposes not sorted", `["submit"]`, `["submit","audit"]`, wire.BadClaim),
			editKey("validFrom above 2^53-1", `["submit"]`, `["submit"],"validFrom":9007199254740992`, wire.BadClaim),
			editKey("proof missing", `"proof":"`+proof+`"`, `"proof":""`, wire.BadJWS),
			editKey("proof by another key", proof, w.prove(w.board, "north-board"), wire.BadClaim),
			editKey("proof for another organisation", proof, w.prove(w.boardNext, "registry"), wire.BadClaim),
			editKey("proof by another key that names this one", proof, rawJWS(w.board,
				header(wire.EdDSA, w.boardNext.KID, wire.TypKeyProof),
				fmt.Sprintf(`{"aud":%q,"org":"north-board","jkt":%q}`, testOrigin, w.boardNext.KID)),
				wire.BadSignature),
			editKey("proof is an entry", proof, rotation.Compact, wire.BadHeader),
			editKey("countersignature is an entry", `"proof"`, `"countersignature":"`+org.Compact+`","proof"`,
				wire.BadHeader),
		}},
		"key-revocation": {"A key's end. suspectFrom flags earlier entries and voids none.", []made{
			vector("compromised", rev.Compact, w.board, ""),
			vector("superseded", revoke("superseded", nil).Compact, w.board, ""),
			vector("retired", revoke("retired", nil).Compact, w.board, ""),
			vector("other", revoke("other", nil).Compact, w.board, ""),
			editRev("organisation malformed", `"organisation":"north-board"`, `"organisation":"."`, wire.BadClaim),
			editRev("CHI as organisation", `"organisation":"north-board"`, `"organisation":"010101-1237"`,
				wire.PersonalData),
			editRev("kid is no thumbprint", `"kid":"`, `"kid":"A`, wire.BadClaim),
			editRev("reason unknown", `compromised`, `lost`, wire.BadClaim),
			editRev("reason missing", `"reason":"compromised",`, ``, wire.BadClaim),
			editRev("suspectFrom negative", `"suspectFrom":0`, `"suspectFrom":-1`, wire.BadJSON),
			editRev("suspectFrom null", `"suspectFrom":0`, `"suspectFrom":null`, wire.BadJSON),
			editRev("suspectFrom above 2^53-1", `"suspectFrom":0`, `"suspectFrom":9007199254740992`, wire.BadClaim),
		}},
		"genesis": w.genesisVectors(),
		"key-proof": {"Proof by the holder of a new key: a JWS of typ igl-key-proof+jwt over aud, org, jkt.", []made{
			{"Ed25519", keyProofIn{w.prove(w.board, "north-board"), testOrigin, "north-board", w.board.Public}, ""},
			{"P-256", keyProofIn{w.prove(w.enroller, "guardian"), testOrigin, "guardian", w.enroller.Public}, ""},
			keyProof("another order of members", proofBy(w.board, fmt.Sprintf(`{"jkt":%q,"org":"north-board","aud":%q}`,
				w.board.KID, testOrigin)), w.board, ""),
			keyProof("another key's", w.prove(w.stranger, "north-board"), w.board, wire.BadClaim),
			keyProof("another organisation", w.prove(w.board, "registry"), w.board, wire.BadClaim),
			keyProof("another log", proofBy(w.board, strings.Replace(claims, "2026", "2027", 1)), w.board,
				wire.BadClaim),
			keyProof("signed by another key", proofBy(w.stranger, claims), w.board, wire.UnknownKey),
			keyProof("signed by another key under this kid", rawJWS(w.stranger,
				header(wire.EdDSA, w.board.KID, wire.TypKeyProof), claims), w.board, wire.BadSignature),
			keyProof("an unknown member", proofBy(w.board, strings.Replace(claims, `{`, `{"iat":1,`, 1)), w.board,
				wire.BadJSON),
			keyProof("an entry's typ", rawJWS(w.board, header(wire.EdDSA, w.board.KID, wire.TypEntry), claims), w.board,
				wire.BadHeader),
			keyProof("empty", "", w.board, wire.BadJWS),
		}},
		"countersignature": {"An enroller's word for an organisation or a key: a JWS of typ igl-countersignature+jwt. Whether the signer is an enroller is for register.json.", []made{
			counter("over an organisation", orgCounter, ""),
			counter("over a key", w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian",
				Org: "north-board", Key: &boardKey}), ""),
			counter("over a role more", w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian",
				Organisation: &entry.Member{ID: "a", Name: "A", Kind: "b", Roles: []entry.Role{entry.RoleAuditor}}}),
				""),
			counter("signature exchanged", wrongOrg, wire.BadSignature),
			counter("signed by another key", w.countersign(w.registrar,
				entry.Countersignature{Issuer: "guardian", Organisation: &boardMember}), wire.UnknownKey),
			counter("iat missing", counterBy(`{"iss":"guardian","aud":"`+testOrigin+`"}`), wire.BadClaim),
			counter("an unknown member", counterBy(`{"iss":"guardian","aud":"x","iat":1,"jti":"1"}`), wire.BadJSON),
			counter("organisation null", counterBy(`{"iss":"guardian","aud":"x","iat":1,"organisation":null}`),
				wire.BadJSON),
			counter("an entry's typ", rawJWS(w.enroller, header(wire.ES256, w.enroller.KID, wire.TypEntry), `{}`),
				wire.BadHeader),
			counter("three words", "a b c", wire.BadJWS),
		}},
	}
	return files
}

func (w *world) genesisVectors() madeFile {
	r := w.registrar
	g := w.sign(r, w.genesisBody())
	vector := func(name, e string, code wire.Code) made { return made{name, entryIn{e, r.Public}, code} }
	edit := func(name, old, new string, code wire.Code) made { return vector(name, w.edit(g, r, old, new), code) }
	follows := w.genesisBody()
	follows.Predecessor = &entry.Predecessor{Origin: "log.igledger.example/2025", Size: 12345,
		Root: sha([]byte("a root"))}
	more := w.genesisBody()
	more.Registrar.Roles = []entry.Role{entry.RoleAuditor, entry.RoleRegistrar}
	// body makes an invalid genesis by changing a valid body before it is signed by hand.
	body := func(name string, change func(g *entry.Genesis), code wire.Code) made {
		b := w.genesisBody()
		b.Type = entry.TypeGenesis
		change(b)
		payload, err := wire.EncodeJSON(b)
		if err != nil {
			panic(err)
		}
		return vector(name, rawJWS(r, header(wire.EdDSA, r.KID, wire.TypEntry), string(payload)), code)
	}
	_, otherLogKey := testLogKey(w.t, "log.igledger.example/2027")
	lowHash := strings.Split(w.logKey, "+")
	return madeFile{"Leaf 0. Its three parties, their key proofs, the VRF key and the log's key.", []made{
		vector("first shard", g.Compact, ""),
		vector("with a predecessor", w.sign(r, follows).Compact, ""),
		vector("a party with more roles", w.sign(r, more).Compact, ""),
		edit("formats of a later version", entry.FormatsV1, "igledger/2", wire.BadGenesis),
		edit("formats missing", `"formats":"igledger/1",`, ``, wire.BadGenesis),
		body("VRF key zero", func(g *entry.Genesis) { g.VRFKey = wire.Hash{} }, wire.BadGenesis),
		body("VRF key no element", func(g *entry.Genesis) { g.VRFKey[31] = 0xff }, wire.BadGenesis),
		edit("VRF key of 31 bytes", `"vrfKey":"`+wire.Encode64(pubOf(w))+`"`,
			`"vrfKey":"`+wire.Encode64(pubOf(w)[:31])+`"`, wire.BadLength),
		body("log key of another origin", func(g *entry.Genesis) { g.LogKey = otherLogKey }, wire.BadGenesis),
		body("log key without hash", func(g *entry.Genesis) { g.LogKey = lowHash[0] + "+" + lowHash[2] },
			wire.BadGenesis),
		body("log key's hash in capitals",
			func(g *entry.Genesis) { g.LogKey = lowHash[0] + "+" + strings.ToUpper(lowHash[1]) + "+" + lowHash[2] },
			wire.BadGenesis),
		body("no index lag", func(g *entry.Genesis) { g.IndexLag = 0 }, wire.BadGenesis),
		body("index lag above 2^53-1", func(g *entry.Genesis) { g.IndexLag = 1 << 53 }, wire.BadGenesis),
		body("iss is not the registrar", func(g *entry.Genesis) { g.Issuer = "operator" }, wire.BadGenesis),
		body("its own predecessor", func(g *entry.Genesis) {
			g.Predecessor = &entry.Predecessor{Origin: testOrigin,
				Size: 1}
		}, wire.BadGenesis),
		body("predecessor is empty",
			func(g *entry.Genesis) { g.Predecessor = &entry.Predecessor{Origin: "log.igledger.example/2025"} },
			wire.BadGenesis),
		edit("predecessor null", `"formats"`, `"predecessor":null,"formats"`, wire.BadJSON),
		body("two key proofs", func(g *entry.Genesis) { g.Proofs = g.Proofs[:2] }, wire.BadGenesis),
		body("key proofs in another order", func(g *entry.Genesis) {
			g.Proofs[0], g.Proofs[1] = g.Proofs[1],
				g.Proofs[0]
		}, wire.BadClaim),
		body("registrar without its role",
			func(g *entry.Genesis) { g.Registrar.Roles = []entry.Role{entry.RoleAuditor} }, wire.BadGenesis),
		body("registrar's key is not for administering",
			func(g *entry.Genesis) { g.Registrar.Key.Purposes = []entry.Purpose{entry.PurposeSubmit} },
			wire.BadGenesis),
		body("operator's key is not for submitting",
			func(g *entry.Genesis) { g.Operator.Key.Purposes = []entry.Purpose{entry.PurposeAdminister} },
			wire.BadGenesis),
		body("enroller is an operator", func(g *entry.Genesis) {
			g.Enroller.Roles = []entry.Role{entry.RoleEnroller,
				entry.RoleOperator}
		}, wire.BadGenesis),
		body("a key with validFrom", func(g *entry.Genesis) { g.Registrar.Key.ValidFrom = 9 }, wire.BadGenesis),
		body("two parties are one organisation", func(g *entry.Genesis) {
			g.Enroller.ID, g.Proofs[1] = "registry",
				w.prove(w.enroller, "registry")
		}, wire.BadGenesis),
		body("two parties share a key", func(g *entry.Genesis) {
			g.Enroller.Key, g.Proofs[1] = g.Registrar.Key, w.prove(w.registrar, "guardian")
		}, wire.BadGenesis), body("CHI in a name", func(g *entry.Genesis) { g.Operator.Name = "Operator 010101 1237" }, wire.PersonalData),
	}}
}

func pubOf(w *world) []byte { pub := w.vrf.Public(); return pub[:] }

// numbered returns n different codes.
func numbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("u-%d", i))
	}
	return list
}
