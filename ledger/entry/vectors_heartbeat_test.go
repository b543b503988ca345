package entry

import (
	"fmt"
	"slices"
	"strings"
)

const (
	testDay   = "2026-11-21"
	nextNight = 1795305600 + 300 // 2026-11-22T00:05:00Z: testDay is over
)

func (w *world) heartbeatBody() *Heartbeat {
	return &Heartbeat{
		Common: Common{Issuer: "north-board", Audience: testOrigin, IssuedAt: nextNight, ID: HeartbeatID(testOrigin, "north-board", "trak", testDay)},
		Source: "trak", Day: testDay, Interval: 3600, Receipts: true,
	}
}

func (w *world) sourceCountBody(first, last, count, receipts uint64) *SourceCount {
	return &SourceCount{
		Common: Common{Issuer: "north-board", Audience: testOrigin, IssuedAt: nextNight, ID: SourceCountID(testOrigin, "north-board", "trak", testDay)},
		Source: "trak", Day: testDay, Sub: RegSources, First: &first, Last: &last, Count: &count, Receipts: &receipts,
	}
}

func (w *world) heartbeatVectors() map[string]madeFile {
	good := w.sign(w.board, w.heartbeatBody())
	vector := func(name, e string, s *Signer, code Code) made { return made{name, entryIn{e, s.Public}, code} }
	edit := func(name, old, new string, code Code) made {
		return vector(name, w.edit(good, w.board, old, new), w.board, code)
	}
	// another gives the claims of another stream or day, with the jti that follows from them.
	another := func(name string, change func(*Heartbeat), code Code) made {
		h := w.heartbeatBody()
		change(h)
		h.Type, h.ID = TypeHeartbeat, HeartbeatID(h.Audience, h.Issuer, h.Source, h.Day)
		payload, err := encodeJSON(h)
		if err != nil {
			panic(err)
		}
		return vector(name, rawJWS(w.board, header(EdDSA, w.board.KID, TypEntry), string(payload)), w.board, code)
	}
	number := "943-476-5919"
	return map[string]madeFile{
		"heartbeat": {"Heartbeats of streams: public. The jti follows from origin, organisation, source and day.", []made{
			vector("a whole day", good.Compact, w.board, ""),
			another("gaps declared, not all receipts", func(h *Heartbeat) { h.Gaps, h.Receipts = true, false }, ""),
			another("29 February of a leap year", func(h *Heartbeat) { h.Day = "2024-02-29" }, ""),
			another("in the second in which the day is over", func(h *Heartbeat) { h.IssuedAt = 1795305600 }, ""),
			another("a second before", func(h *Heartbeat) { h.IssuedAt = 1795305599 }, BadClaim),
			another("the longest interval", func(h *Heartbeat) { h.Interval = MaxInterval }, ""),
			another("a longer interval", func(h *Heartbeat) { h.Interval = MaxInterval + 1 }, BadClaim),
			another("an interval of 59 seconds", func(h *Heartbeat) { h.Interval = 59 }, BadClaim),
			another("29 February of another year", func(h *Heartbeat) { h.Day = "2026-02-29" }, BadClaim),
			another("a day in 1969", func(h *Heartbeat) { h.Day = "1969-12-31" }, BadClaim),
			another("a day of nine characters", func(h *Heartbeat) { h.Day = "2026-1-21" }, BadClaim),
			another("source with space", func(h *Heartbeat) { h.Source = "trak care" }, BadClaim),
			another("NHS number as source", func(h *Heartbeat) { h.Source = number }, PersonalData),
			edit("the jti of another day", testDay, "2026-11-20", BadClaim),
			edit("the jti of another source", `"source":"trak"`, `"source":"lims"`, BadClaim),
			edit("any other jti", good.ID, "6ba7b810-9dad-41d1-80b4-000000000001", BadClaim),
			edit("gaps left out", `,"gaps":false`, ``, ""),
			edit("gaps as text", `"gaps":false`, `"gaps":"no"`, BadJSON),
			edit("a count in the open", `{`, `{"count":1,`, BadJSON),
			vector("with disclosures", good.Compact+"~", w.board, BadDisclosure),
			vector("by another key", good.Compact, w.university, UnknownKey),
		}},
		"source-count": w.sourceCountVectors(),
	}
}

func (w *world) sourceCountVectors() madeFile {
	access := func(name, e string, code Code) made { return made{name, entryIn{e, w.board.Public}, code} }
	good := w.sign(w.board, w.sourceCountBody(41, 60, 20, 20))
	day := func(name string, first, last, count, receipts uint64) made {
		return access(name, w.sign(w.board, w.sourceCountBody(first, last, count, receipts)).SDJWT(), "")
	}
	// disclosed signs a count with exactly these disclosures, [name, value as JSON].
	disclosed := func(name string, code Code, pairs ...[2]string) made {
		var list []string
		sd := slices.Clone(good.Body.(*SourceCount).SD)
		for i, p := range pairs {
			salt := sha([]byte(name), []byte{byte(i)})
			d := Disclosure{Encoded: Encode64(fmt.Appendf(nil, "[%q,%q,%s]", Encode64(salt[:17]), p[0], p[1]))}
			list = append(list, d.Encoded)
			sd[i] = d.Digest()
		}
		slices.Sort(sd)
		e := w.edit(good, w.board, `"`+strings.Join(good.Body.(*SourceCount).SD, `","`)+`"`, `"`+strings.Join(sd, `","`)+`"`)
		compact, _, _ := strings.Cut(e, "~")
		return access(name, compact+"~"+strings.Join(list, "~")+"~", code)
	}
	edit := func(name, old, new string, code Code) made {
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
		disclosed("filed under a person", BadID, [2]string{"sub", `"chi:0101011237"`}),
		disclosed("filed under another register", BadID, [2]string{"sub", `"reg:padding"`}),
		disclosed("first zero", BadDisclosure, [2]string{"first", `0`}, [2]string{"last", `0`}),
		disclosed("last two below first", BadDisclosure, [2]string{"first", `5`}, [2]string{"last", `3`}),
		disclosed("more entries than numbers", BadDisclosure, [2]string{"first", `1`}, [2]string{"last", `2`}, [2]string{"count", `3`}),
		disclosed("more receipts than entries", BadDisclosure, [2]string{"count", `1`}, [2]string{"receipts", `2`}),
		disclosed("above 2^53-1", BadDisclosure, [2]string{"last", `9007199254740992`}),
		disclosed("negative", BadJSON, [2]string{"count", `-1`}),
		disclosed("count as text", BadJSON, [2]string{"count", `"1"`}),
		disclosed("a name of accesses", BadDisclosure, [2]string{"seq", `1`}),
		edit("the jti of another day", testDay, "2026-11-20", BadClaim),
		edit("the heartbeat's jti", good.ID, HeartbeatID(testOrigin, "north-board", "trak", testDay), BadClaim),
		edit("a number in the open", `{`, `{"count":20,`, BadJSON),
		edit("no digests", `,"_sd":["`+strings.Join(good.Body.(*SourceCount).SD, `","`)+`"]`, ``, BadClaim),
	}}
}
