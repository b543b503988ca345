package entry_test

import (
	"fmt"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	testDay   = "2026-11-21"
	nextNight = 1795305600 + 300 // 2026-11-22T00:05:00Z: testDay is over
)

func (w *world) heartbeatBody() *entry.Heartbeat {
	return &entry.Heartbeat{
		Common: entry.Common{Issuer: "north-board", Audience: testOrigin, IssuedAt: nextNight,
			ID: entry.HeartbeatID(testOrigin, "north-board", "trak", testDay)},
		Source: "trak", Day: testDay, Interval: 3600, Receipts: true,
	}
}

func (w *world) sourceCountBody(first, last, count, receipts uint64) *entry.SourceCount {
	return &entry.SourceCount{
		Common: entry.Common{Issuer: "north-board", Audience: testOrigin, IssuedAt: nextNight,
			ID: entry.SourceCountID(testOrigin, "north-board", "trak", testDay)},
		Source:   "trak",
		Day:      testDay,
		Sub:      entry.RegSources,
		First:    &first,
		Last:     &last,
		Count:    &count,
		Receipts: &receipts,
	}
}

func (w *world) heartbeatVectors() map[string]madeFile {
	good := w.sign(w.board, w.heartbeatBody())
	vector := func(name, e string, s *wire.Signer, code wire.Code) made {
		return made{name, entryIn{e, s.Public}, code}
	}
	edit := func(name, old, new string, code wire.Code) made {
		return vector(name, w.edit(good, w.board, old, new), w.board, code)
	}
	// another returns the claims of another stream or day, with the jti that follows from them.
	another := func(name string, change func(*entry.Heartbeat), code wire.Code) made {
		h := w.heartbeatBody()
		change(h)
		h.Type, h.ID = entry.TypeHeartbeat, entry.HeartbeatID(h.Audience, h.Issuer, h.Source, h.Day)
		payload, err := wire.EncodeJSON(h)
		if err != nil {
			panic(err)
		}
		return vector(name, rawJWS(w.board, header(wire.EdDSA, w.board.KID, wire.TypEntry), string(payload)), w.board,
			code)
	}
	number := "943-476-5919"
	return map[string]madeFile{
		"heartbeat": {"Heartbeats of streams: public. The jti follows from origin, organisation, source and day.",
			[]made{
				vector("a whole day", good.Compact, w.board, ""),
				another("gaps declared, not all receipts", func(h *entry.Heartbeat) { h.Gaps, h.Receipts = true, false },
					""),
				another("29 February of a leap year", func(h *entry.Heartbeat) { h.Day = "2024-02-29" }, ""),
				another("in the second in which the day is over", func(h *entry.Heartbeat) { h.IssuedAt = 1795305600 }, ""),
				another("a second before", func(h *entry.Heartbeat) { h.IssuedAt = 1795305599 }, wire.BadClaim),
				another("the longest interval", func(h *entry.Heartbeat) { h.Interval = entry.MaxInterval }, ""),
				another("a longer interval", func(h *entry.Heartbeat) { h.Interval = entry.MaxInterval + 1 },
					wire.BadClaim),
				another("an interval of 59 seconds", func(h *entry.Heartbeat) { h.Interval = 59 }, wire.BadClaim),
				another("29 February of another year", func(h *entry.Heartbeat) { h.Day = "2026-02-29" }, wire.BadClaim),
				another("a day in 1969", func(h *entry.Heartbeat) { h.Day = "1969-12-31" }, wire.BadClaim),
				another("a day of nine characters", func(h *entry.Heartbeat) { h.Day = "2026-1-21" }, wire.BadClaim),
				another("source with space", func(h *entry.Heartbeat) { h.Source = "trak care" }, wire.BadClaim),
				another("NHS number as source", func(h *entry.Heartbeat) { h.Source = number }, wire.PersonalData),
				edit("the jti of another day", testDay, "2026-11-20", wire.BadClaim),
				edit("the jti of another source", `"source":"trak"`, `"source":"lims"`, wire.BadClaim),
				edit("any other jti", good.ID, "6ba7b810-9dad-41d1-80b4-000000000001", wire.BadClaim),
				edit("gaps left out", `,"gaps":false`, ``, ""),
				edit("gaps as text", `"gaps":false`, `"gaps":"no"`, wire.BadJSON),
				edit("a count in the open", `{`, `{"count":1,`, wire.BadJSON),
				vector("with disclosures", good.Compact+"~", w.board, wire.BadDisclosure),
				vector("by another key", good.Compact, w.university, wire.UnknownKey),
			}},
		"source-count": w.sourceCountVectors(),
	}
}

func (w *world) sourceCountVectors() madeFile {
	access := func(name, e string, code wire.Code) made { return made{name, entryIn{e, w.board.Public}, code} }
	good := w.sign(w.board, w.sourceCountBody(41, 60, 20, 20))
	day := func(name string, first, last, count, receipts uint64) made {
		return access(name, w.sign(w.board, w.sourceCountBody(first, last, count, receipts)).SDJWT(), "")
	}
	// disclosed signs a count with exactly these disclosures, [name, value as JSON].
	disclosed := func(name string, code wire.Code, pairs ...[2]string) made {
		var list []string
		sd := slices.Clone(good.Body.(*entry.SourceCount).SD)
		for i, p := range pairs {
			salt := sha([]byte(name), []byte{byte(i)})
			d := wire.Disclosure{Encoded: wire.Encode64(fmt.Appendf(nil, "[%q,%q,%s]", wire.Encode64(salt[:17]), p[0],
				p[1]))}
			list = append(list, d.Encoded)
			sd[i] = d.Digest()
		}
		slices.Sort(sd)
		e := w.edit(good, w.board, `"`+strings.Join(good.Body.(*entry.SourceCount).SD, `","`)+`"`,
			`"`+strings.Join(sd, `","`)+`"`)
		compact, _, _ := strings.Cut(e, "~")
		return access(name, compact+"~"+strings.Join(list, "~")+"~", code)
	}
	edit := func(name, old, new string, code wire.Code) made {
		return access(name, w.edit(good, w.board, old, new), code)
	}
	d := good.Encoded()
	return madeFile{"The numbers of a stream's day: sealed, under reg:sources. shown holds the disclosures' values as JSON text.", []made{
		access("a whole day", good.SDJWT(), ""),
		day("a day without entries", 61, 60, 0, 0),
		day("the first day of a stream, without entries", 1, 0, 0, 0),
		day("entries that never came, receipts outstanding", 61, 70, 8, 7),
		access("only sub shown", good.Compact+"~"+d[0]+"~", ""),
		access("nothing shown", good.Compact+"~", ""),
		access("last shown without first", good.Compact+"~"+d[2]+"~", ""),
		disclosed("filed under a person", wire.BadID, [2]string{"sub", `"chi:0101011237"`}),
		disclosed("filed under another register", wire.BadID, [2]string{"sub", `"reg:padding"`}),
		disclosed("first zero", wire.BadDisclosure, [2]string{"first", `0`}, [2]string{"last", `0`}),
		disclosed("last two below first", wire.BadDisclosure, [2]string{"first", `5`}, [2]string{"last", `3`}),
		disclosed("more entries than numbers", wire.BadDisclosure, [2]string{"first", `1`}, [2]string{"last", `2`},
			[2]string{"count", `3`}),
		disclosed("more receipts than entries", wire.BadDisclosure, [2]string{"count", `1`},
			[2]string{"receipts", `2`}),
		disclosed("above 2^53-1", wire.BadDisclosure, [2]string{"last", `9007199254740992`}),
		disclosed("negative", wire.BadJSON, [2]string{"count", `-1`}),
		disclosed("count as text", wire.BadJSON, [2]string{"count", `"1"`}),
		disclosed("a name of accesses", wire.BadDisclosure, [2]string{"seq", `1`}),
		edit("the jti of another day", testDay, "2026-11-20", wire.BadClaim),
		edit("the heartbeat's jti", good.ID, entry.HeartbeatID(testOrigin, "north-board", "trak", testDay),
			wire.BadClaim),
		edit("a number in the open", `{`, `{"count":20,`, wire.BadJSON),
		edit("no digests", `,"_sd":["`+strings.Join(good.Body.(*entry.SourceCount).SD, `","`)+`"]`, ``, wire.BadClaim),
	}}
}
