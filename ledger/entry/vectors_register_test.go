package entry_test

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// replay builds a log of public entries, and of accesses if they are to be checked, at given
// indices.
type replay []positioned

// at returns the log with e at index. It does not change the original.
func (r replay) at(index uint64, e string) replay {
	return append(append(replay{}, r...), positioned{index, e})
}

func (w *world) registerVectors() map[string]madeFile {
	r, b := w.registrar, w.board
	genesis := replay{}.at(0, w.sign(r, w.genesisBody()).Compact)
	boardOrg := w.sign(r, w.boardBody())
	enrolled := genesis.at(1, boardOrg.Compact)
	boardKey := w.sign(r, w.boardKeyBody())
	base := enrolled.at(2, boardKey.Compact) // the board's key is valid from 3
	access := func(s *wire.Signer) string { return w.sign(s, w.accessBody()).Compact }
	org := func(m entry.Member, counter string) *entry.Organisation {
		return &entry.Organisation{Common: w.common("registry"), Organisation: m, Counter: counter}
	}
	by := func(s *wire.Signer, iss string, m entry.Member) string {
		return w.countersign(s, entry.Countersignature{Issuer: iss, Organisation: &m})
	}
	uni := member("university", "Test University", "university", entry.RoleAuditor)
	uniOrg := w.sign(r, org(uni, by(w.enroller, "guardian", uni))).Compact
	addFor := func(orgID string, s *wire.Signer, counter func(k entry.PublicKey) string,
		purposes ...entry.Purpose) string {
		key := pk(s, purposes...)
		return w.sign(r, &entry.Key{Common: w.common("registry"), Org: orgID, Key: key, Proof: w.prove(s, orgID),
			Counter: counter(key)}).Compact
	}
	none := func(entry.PublicKey) string { return "" }
	guardianFor := func(orgID string) func(entry.PublicKey) string {
		return func(k entry.PublicKey) string {
			return w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian", Org: orgID, Key: &k})
		}
	}
	withUni := base.at(3, uniOrg).at(4, addFor("university", w.university, guardianFor("university"),
		entry.PurposeAdminister, entry.PurposeSubmit))
	own := func(s *wire.Signer, purposes ...entry.Purpose) string {
		return w.sign(b, w.ownKey(s, purposes...)).Compact
	}
	revoke := func(s *wire.Signer, iss, org, kid string, suspect *uint64) string {
		return w.sign(s, &entry.KeyRevocation{Common: w.common(iss), Org: org, KID: kid, Reason: "superseded",
			SuspectFrom: suspect}).Compact
	}
	n := func(i uint64) *uint64 { return &i }
	later := w.ownKey(w.boardNext, entry.PurposeSubmit)
	later.Key.ValidFrom = 10
	withLater := base.at(3, w.sign(b, later).Compact)
	withAudit := base.at(3, own(w.boardNext, entry.PurposeAudit))
	withSubmit := base.at(3, own(w.boardNext, entry.PurposeSubmit))
	revoked := withSubmit.at(4, revoke(b, "north-board", "north-board", b.KID, n(3)))
	registrar2 := w.sign(r, &entry.Key{Common: w.common("registry"), Org: "registry",
		Key: pk(w.stranger, entry.PurposeAdminister), Proof: w.prove(w.stranger, "registry")}).Compact
	fewer := member("north-board", boardMember.Name, "health-board", entry.RoleSource)
	more := member("north-board", boardMember.Name, "health-board", entry.RoleAuditor, entry.RoleController,
		entry.RoleSource)
	renamed := member("north-board", "North and East Test Health Board", "health-board", entry.RoleController,
		entry.RoleSource)
	operatorToo := member("operator", "Test Operator", "supplier", entry.RoleEnroller,
		entry.RoleSource) // no longer has the role operator
	registryToo := member("registry", "Test Register of Organisations", "regulator", entry.RoleEnroller,
		entry.RoleRegistrar)
	demoted := member("registry", "Test Register of Organisations", "regulator", entry.RoleAuditor)
	otherLog := w.common("registry")
	otherLog.Audience = "log.igledger.example/2027"
	foreign := &entry.Organisation{Common: otherLog, Organisation: uni}
	byBoard := &entry.Organisation{Common: w.common("north-board"), Organisation: uni,
		Counter: by(w.enroller, "guardian", uni)}
	byOther := w.accessBody()
	byOther.Issuer = "registry"
	forUni := &entry.Key{Common: w.common("north-board"), Org: "university", Key: pk(w.boardNext, entry.PurposeSubmit),
		Proof: w.prove(w.boardNext, "university")}
	byOperator := &entry.Key{Common: w.common("operator"), Org: "north-board",
		Key: pk(w.boardNext, entry.PurposeSubmit), Proof: w.prove(w.boardNext, "north-board")}
	ownWithCounter := w.ownKey(w.boardNext, entry.PurposeSubmit)
	ownWithCounter.Counter = guardianFor("north-board")(ownWithCounter.Key)
	submitAdds := w.sign(w.boardNext, w.ownKey(w.boardEC, entry.PurposeSubmit)).Compact
	forged := rawJWS(w.stranger, header(wire.EdDSA, b.KID, wire.TypEntry), string(w.sign(b, w.accessBody()).Payload))
	c := by(w.enroller, "guardian", uni)
	badCounter := c[:len(c)-4] + "AAAA"
	counterElsewhere := w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian",
		Audience: "log.igledger.example/2027", Organisation: &uni})
	uniMore := uni
	uniMore.Roles = []entry.Role{entry.RoleAuditor, entry.RoleSource}
	overAccess := func(name string, log replay, index uint64, s *wire.Signer, code wire.Code) made {
		return made{name, registerIn{testOrigin, log.at(index, access(s))}, code}
	}
	log := func(name string, entries replay, code wire.Code) made {
		return made{name, registerIn{testOrigin, entries}, code}
	}
	return map[string]madeFile{"register": {"A log's public entries (and accesses) replayed in order of index; only the last may be refused. out is the register after it.", []made{
		log("genesis", genesis, ""),
		log("an organisation and its first key", base, ""),
		overAccess("an access at the first index at which the key counts", base, 3, b, ""),
		overAccess("an access by the operator, whose key stands in the genesis", genesis, 1, w.operator,
			wire.WrongIssuer), // accessBody says north-board
		overAccess("a key with validFrom 10, at 10", withLater, 10, w.boardNext, ""),
		overAccess("rotation: the new key after the old one's end", revoked, 5, w.boardNext, ""),
		log("a registrar revokes another's key", base.at(3, revoke(r, "registry", "north-board", b.KID, n(3))), ""),
		log("the registrar rotates its key", genesis.at(1, registrar2).at(2,
			revoke(r, "registry", "registry", r.KID, nil)), ""),
		log("a change of name, without countersignature", base.at(3, w.sign(r, org(renamed, "")).Compact), ""),
		log("a role less, without countersignature", base.at(3, w.sign(r, org(fewer, "")).Compact), ""),
		log("a role more, countersigned", base.at(3, w.sign(r, org(more, by(w.enroller, "guardian", more))).Compact),
			""),
		log("a second organisation", withUni, ""),

		log("no genesis", replay{}.at(0, boardOrg.Compact), wire.BadGenesis),
		log("genesis at index 1", replay{}.at(1, genesis[0].Entry), wire.BadGenesis),
		log("genesis twice", genesis.at(1, genesis[0].Entry), wire.BadGenesis),
		log("genesis again at index 0", genesis.at(0, genesis[0].Entry), wire.BadGenesis),
		log("genesis signed by the operator", replay{}.at(0, w.sign(w.operator, w.genesisBody()).Compact),
			wire.UnknownKey),
		{"genesis of another log", registerIn{"log.igledger.example/2027", genesis}, wire.WrongAudience},
		log("an entry for another log", base.at(3, w.sign(r, foreign).Compact), wire.WrongAudience),
		overAccess("unknown key", base, 3, w.stranger, wire.UnknownKey),
		overAccess("a key at the index of its own entry", enrolled.at(2, boardKey.Compact), 2, b, wire.InactiveKey),
		overAccess("a key with validFrom 10, at 9", withLater, 9, w.boardNext, wire.InactiveKey),
		overAccess("a revoked key, at the index after the revocation", revoked, 5, b, wire.RevokedKey),
		log("a revoked key adds a key", revoked.at(5, own(w.boardEC, entry.PurposeSubmit)), wire.RevokedKey),
		overAccess("a key for audit signs an access", withAudit, 4, w.boardNext, wire.WrongPurpose),
		log("a key for submitting adds a key", withSubmit.at(4, submitAdds), wire.WrongPurpose),
		log("an organisation that is no source reports an access", withUni.at(5,
			w.sign(w.university, &entry.Access{Common: w.common("university"), Source: "x", Action: "R", Outcome: "0",
				Recorded: "2026-11-22T00:00:00Z", Sub: testSub}).Compact), wire.WrongPurpose),
		log("an organisation that is no registrar registers one", base.at(3, w.sign(b, byBoard).Compact),
			wire.WrongPurpose),
		log("iss is not the key's organisation", base.at(3, w.sign(b, byOther).Compact), wire.WrongIssuer),
		log("signature by another key", base.at(3, forged), wire.BadSignature),

		log("enrolment without countersignature", base.at(3, w.sign(r, org(uni, "")).Compact), wire.NotCountersigned),
		log("enrolment countersigned by an unknown key", base.at(3, w.sign(r,
			org(uni, by(w.stranger, "guardian", uni))).Compact), wire.NotCountersigned),
		log("enrolment countersigned by the operator", base.at(3, w.sign(r,
			org(uni, by(w.operator, "operator", uni))).Compact), wire.NotCountersigned),
		log("enrolment countersigned by the registrar itself", base.at(3,
			w.sign(r, org(uni, by(r, "registry", uni))).Compact), wire.NotCountersigned),
		log("enrolment countersigned by an organisation that is no enroller",
			base.at(3, w.sign(r, org(uni, by(b, "north-board", uni))).Compact), wire.NotCountersigned),
		log("enrolment countersigned by a key of another organisation than it says",
			base.at(3, w.sign(r, org(uni, by(b, "guardian", uni))).Compact), wire.NotCountersigned),
		log("the founding operator countersigns after it became an enroller and dropped the role of operator",
			base.at(3, w.sign(r, org(operatorToo, by(w.enroller, "guardian", operatorToo))).Compact).at(4,
				w.sign(r, org(uni, by(w.operator, "operator", uni))).Compact), wire.NotCountersigned),
		log("a registrar that is an enroller too countersigns its own entry",
			base.at(3, w.sign(r, org(registryToo, by(w.enroller, "guardian", registryToo))).Compact).at(4,
				w.sign(r, org(uni, by(r, "registry", uni))).Compact), wire.NotCountersigned),
		log("countersignature over other roles", base.at(3, w.sign(r, org(uniMore,
			by(w.enroller, "guardian", uni))).Compact), wire.NotCountersigned),
		log("countersignature over a key", base.at(3, w.sign(r, org(uni,
			guardianFor("university")(pk(w.university, entry.PurposeSubmit)))).Compact), wire.NotCountersigned),
		log("countersignature for another log", base.at(3, w.sign(r, org(uni, counterElsewhere)).Compact),
			wire.WrongAudience),
		log("countersignature with a bad signature", base.at(3, w.sign(r, org(uni, badCounter)).Compact),
			wire.BadSignature),
		log("a role more without countersignature", base.at(3, w.sign(r, org(more, "")).Compact),
			wire.NotCountersigned),
		log("a role taken away comes back by the old countersignature",
			base.at(3, w.sign(r, org(fewer, "")).Compact).at(4, w.sign(r,
				org(boardMember, boardOrg.Body.(*entry.Organisation).Counter)).Compact), wire.NotCountersigned),
		log("countersignature on a change that gains nothing", base.at(3,
			w.sign(r, org(renamed, by(w.enroller, "guardian", renamed))).Compact), wire.RegisterConflict),
		log("the last registrar gives up its role", base.at(3, w.sign(r,
			org(demoted, by(w.enroller, "guardian", demoted))).Compact), wire.RegisterConflict),

		log("a key for an organisation that is not registered", genesis.at(1,
			addFor("university", w.university, guardianFor("university"), entry.PurposeSubmit)), wire.UnknownOrg),
		log("a key twice", base.at(3, own(b, entry.PurposeSubmit)), wire.RegisterConflict),
		log("a revoked key again", revoked.at(5, addFor("north-board", b, guardianFor("north-board"),
			entry.PurposeSubmit)), wire.RegisterConflict),
		log("another organisation's key", withUni.at(5, w.sign(w.university,
			&entry.Key{Common: w.common("university"), Org: "university", Key: pk(b, entry.PurposeSubmit),
				Proof: w.prove(b, "university")}).Compact), wire.RegisterConflict),
		log("registrar adds a key without countersignature", enrolled.at(2,
			addFor("north-board", b, none, entry.PurposeSubmit)), wire.NotCountersigned),
		log("registrar adds a key countersigned for other purposes", enrolled.at(2,
			addFor("north-board", b, func(k entry.PublicKey) string {
				return guardianFor("north-board")(pk(b,
					entry.PurposeSubmit))
			}, entry.PurposeAdminister, entry.PurposeSubmit)), wire.NotCountersigned),
		log("registrar adds a key countersigned for another organisation",
			enrolled.at(2, addFor("north-board", b, guardianFor("university"), entry.PurposeSubmit)),
			wire.NotCountersigned),
		log("own key with a countersignature", base.at(3, w.sign(b, ownWithCounter).Compact), wire.RegisterConflict),
		log("an organisation adds a key for another", withUni.at(5, w.sign(b, forUni).Compact), wire.WrongIssuer),
		log("the operator adds a key for an organisation", base.at(3, w.sign(w.operator, byOperator).Compact),
			wire.WrongIssuer),

		log("revocation of an unknown key", base.at(3, revoke(b, "north-board", "north-board", w.stranger.KID, nil)),
			wire.UnknownKey),
		log("revocation names another organisation", base.at(3, revoke(r, "registry", "registry", b.KID, nil)),
			wire.RegisterConflict),
		log("revocation twice", revoked.at(5, revoke(r, "registry", "north-board", b.KID, nil)), wire.RegisterConflict),
		log("revocation of another's key", withUni.at(5, revoke(b, "north-board", "university", w.university.KID, nil)),
			wire.WrongIssuer),
		log("suspectFrom beyond the revocation", base.at(3, revoke(b, "north-board", "north-board", b.KID, n(4))),
			wire.BadClaim),
		log("the last registrar's key", base.at(3, revoke(r, "registry", "registry", r.KID, nil)),
			wire.RegisterConflict),
	}}}
}
