package consent_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// version makes an act a version of a FHIR resource, as an import reports it.
func version(dated, updated string, number uint64) func(*entry.Consent) {
	return func(c *entry.Consent) {
		c.Decided, c.Updated, c.Version, c.FHIR = dated, updated, number, []byte(`{"resourceType":"Consent"}`)
	}
}

const (
	january  = "2026-01-05T10:00:00Z"
	february = "2026-02-05T10:00:00Z"
	march    = "2026-03-05T10:00:00Z"
	april    = "2026-04-05T10:00:00Z"
)

// The decision made last counts, whichever comes first.
func TestOrderOfDecisions(t *testing.T) {
	given := func(v func(*entry.Consent)) func(w *world) *entry.Consent {
		return func(w *world) *entry.Consent { return w.consent("given", v) }
	}
	refused := func(v func(*entry.Consent)) func(w *world) *entry.Consent {
		return func(w *world) *entry.Consent { return w.consent("refused", v) }
	}
	ended := func(v func(*entry.Consent)) func(w *world) *entry.Consent {
		return func(w *world) *entry.Consent { return w.consent("withdrawn", v) }
	}
	for _, c := range []struct {
		name string
		acts []func(w *world) *entry.Consent
		want string // the rule that decides
	}{
		{"a newer refusal", acts(given(version(january, "", 0)), refused(version(march, "", 0))), "consent-refused"},
		{"a newer permission", acts(refused(version(january, "", 0)), given(version(march, "", 0))), "consent"},
		{"refused with the next version", acts(given(version(january, january, 1)), refused(version(january, march, 2))), "consent-refused"},
		{"the date before the version", acts(refused(version(march, march, 1)), given(version(january, april, 2))), "consent-refused"},
		{"the number of the version", acts(given(version(january, january, 2)), refused(version(january, january, 10))), "consent-refused"},
		{"the claims do not tell", acts(given(version(january, "", 0)), refused(version(january, "", 0))), "consent-refused"},
		{"ended", acts(given(version(january, january, 1)), ended(version(january, march, 2))), "consent-missing"},
		{"ended and active again", acts(given(version(january, january, 1)), ended(version(january, march, 2)),
			given(version(january, april, 3))), "consent"},
		{"ended, refused, and active again", acts(given(version(january, january, 1)), ended(version(january, february, 2)),
			refused(version(january, march, 3)), given(version(january, april, 4))), "consent"},
		{"within one second", acts(given(version(january, january, 1)), ended(version(january, january, 2)),
			given(version(january, january, 3))), "consent"},
		{"ended, which does not say when", acts(given(version(january, "", 0)), ended(version(january, "", 0))), "consent-missing"},
		{"a refusal ended, which does not say when", acts(refused(version(january, "", 0)), ended(version(january, "", 0))), "consent-refused"},
		{
			"an end of what was dated before, made after",
			acts(given(version(february, "", 0)), ended(version(january, march, 2))), "consent-missing",
		},
		{"withdrawn here, then written again there", acts(given(version(january, january, 1)), ended(version(february, "", 0)),
			given(version(january, march, 2))), "consent-missing"},
		{
			"dated in the future",
			acts(given(version("2099-01-01T00:00:00Z", "", 0)), refused(version("2098-01-01T00:00:00Z", "", 0))),
			"consent-refused",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			permutations(len(c.acts), func(order []int) {
				w := newWorld(t)
				w.agree(isa("isa-1", 1, onConsent))
				for _, i := range order {
					w.mustJudge(c.acts[i](w))
				}
				j := w.mustJudge(w.access())
				if !slices.Contains(j.Verdict.Rules, c.want) {
					t.Errorf("in order %v: %v, want %s", order, j.Verdict.Rules, c.want)
				}
			})
		})
	}
}

func acts(list ...func(w *world) *entry.Consent) []func(w *world) *entry.Consent { return list }

func permutations(n int, do func(order []int)) {
	var next func(done []int)
	next = func(done []int) {
		if len(done) == n {
			do(done)
			return
		}
		for i := range n {
			if !slices.Contains(done, i) {
				next(append(slices.Clone(done), i))
			}
		}
	}
	next(nil)
}

// What an act decided before makes no difference, and is flagged.
func TestLateDecisionIsFlagged(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	flagged := func(c *entry.Consent, want ...entry.Flag) {
		t.Helper()
		if j := w.mustJudge(c); !slices.Equal(j.Flags, want) {
			t.Errorf("flags %v, want %v", j.Flags, want)
		}
	}
	flagged(w.consent("refused", version(march, "", 0)))
	flagged(w.consent("given", version(january, "", 0)), entry.FlagLateDecision)
	flagged(w.consent("withdrawn", version(february, "", 0)), entry.FlagLateDecision)
	flagged(w.consent("withdrawn", version(april, "", 0)))
	flagged(w.consent("given", version(february, "", 0)), entry.FlagLateDecision)
	flagged(w.consent("withdrawn", version("2026-05-05T10:00:00Z", "", 0))) // it had ended
	flagged(w.consent("given"))
	// What was dated in the future stands above nothing that is decided after it was signed.
	flagged(w.consent("given", version("2099-01-01T00:00:00Z", "", 0)))
	w.clock = w.clock.Add(2 * time.Second)
	flagged(w.consent("refused"))
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
}

// An end is recorded before its beginning, if another system reports it. An officer who names a
// record that is not there has mistaken it.
func TestEndWithoutBeginning(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	_, err := w.judge(w.consent("withdrawn"))
	w.want(err, register.UnknownConsent)
	w.mustJudge(w.consent("withdrawn", version(march, march, 2)))
	w.mustJudge(w.consent("given", version(january, january, 1)))
	w.verdict(w.access(), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("given", version(april, april, 3)))
	w.verdict(w.access(), entry.Covered)
}

// A proxy without a delegation takes away permissions and gives none.
func TestProxyWithoutDelegation(t *testing.T) {
	proxy := func(c *entry.Consent) { c.By = &entry.ConsentBy{Name: "J. Tester", Relation: "DAU"} }
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	j := w.mustJudge(w.consent("given", proxy))
	if !slices.Equal(j.Flags, []entry.Flag{entry.FlagNoDelegation}) {
		t.Errorf("flags %v", j.Flags)
	}
	w.verdict(w.access(), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("given"))
	w.verdict(w.access(), entry.Covered)
	w.mustJudge(w.consent("refused", proxy))
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
	w.mustJudge(w.consent("given", proxy)) // lifts nothing
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
	w.mustJudge(w.consent("withdrawn", proxy))
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
	w.mustJudge(w.consent("given"))
	w.verdict(w.access(), entry.Covered) // the person decided last
	w.mustJudge(w.consent("withdrawn", proxy))
	w.verdict(w.access(), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("refused"))
	w.mustJudge(w.consent("withdrawn", proxy))
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
	// With a delegation it counts, as the person's own does.
	w.mustJudge(w.delegation("granted"))
	w.mustJudge(w.consent("given", byDelegate))
	w.verdict(w.access(), entry.Covered)
	// A refusal counts, whatever becomes of the authority.
	w.mustJudge(w.delegation("revoked"))
	w.mustJudge(w.consent("refused", byDelegate))
	w.verdict(w.access(), entry.NotCovered, "consent-refused")
}

// One consent may be asked for several agreements, and counts under each.
func TestSeveralAgreements(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"isa-1", "isa-2", "isa-3"} {
		w.agree(isa(id, 1, onConsent))
	}
	w.mustJudge(w.consent("given", func(c *entry.Consent) { c.Agreements = []string{"isa-1", "isa-2"} }))
	under := func(id string) *entry.Access { return w.access(func(a *entry.Access) { a.Agreement = id }) }
	w.verdict(under("isa-1"), entry.Covered)
	w.verdict(under("isa-2"), entry.Covered)
	w.verdict(under("isa-3"), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("withdrawn"))
	w.verdict(under("isa-2"), entry.NotCovered, "consent-missing")
}

// holds says what of one record holds, as the package's comment reads: slowly, from the set of all
// acts.
func holds(all []*entry.Consent) (permits, refuses bool) {
	proved := func(c *entry.Consent) bool { return c.By == nil }
	denies := func(c *entry.Consent) bool { return c.Rule.Decision == "deny" }
	asOf := func(c *entry.Consent) time.Time { return c.Order().AsOf() }
	newest := func(keep func(c *entry.Consent) bool) (last *entry.Consent) {
		for _, c := range all {
			if c.Rule != nil && keep(c) && (last == nil || c.Order().Compare(last.Order()) > 0 ||
				c.Order() == last.Order() && denies(c)) {
				last = c
			}
		}
		return last
	}
	ended := func(d *entry.Consent, refusal bool, by func(c *entry.Consent) bool) bool {
		var last, when bool
		for _, e := range all {
			if !e.Ends() || !by(e) {
				continue
			}
			order, times := e.Order().Compare(d.Order()), asOf(e).Compare(asOf(d))
			if refusal {
				last, when = last || order > 0, when || times >= 0
			} else {
				last, when = last || order >= 0 || times > 0, true
			}
		}
		return last && when
	}
	own := newest(proved)
	if own != nil && !ended(own, denies(own), proved) {
		permits = !denies(own) && !ended(own, false, func(c *entry.Consent) bool { return !proved(c) })
		refuses = denies(own)
	}
	proxy := newest(func(c *entry.Consent) bool { return !proved(c) && denies(c) })
	if proxy != nil && (own == nil || proxy.Order().Compare(own.Order()) >= 0) && !ended(proxy, true, proved) {
		refuses = true
	}
	return permits && !refuses, refuses
}

// In whatever order the acts of a record reach the log, what holds is the same, and is what the
// naive reading of all of them says.
func TestArrivalDoesNotMatter(t *testing.T) {
	times := []string{january, february, march, april}
	for seed := range uint64(testneeds.Part(300, 60)) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		var all []*entry.Consent
		for i := range 1 + r.IntN(5) {
			v := version(times[r.IntN(4)], "", 0)
			if r.IntN(3) > 0 {
				v = version(times[r.IntN(4)], times[r.IntN(4)], uint64(r.IntN(4)))
			}
			c := w.consent([]string{"given", "refused", "withdrawn"}[r.IntN(3)], v)
			if r.IntN(4) == 0 {
				c.By = &entry.ConsentBy{Name: "J. Tester"}
			}
			c.ID = fmt.Sprintf("6ba7b810-9dad-41d1-80b4-0000%08x", i)
			all = append(all, c)
		}
		permits, refuses := holds(all)
		want := map[bool]string{true: "consent-refused", false: "consent-missing"}[refuses]
		if permits {
			want = "consent"
		}
		for range 6 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			w.states = map[string][]byte{}
			for _, c := range all {
				w.index++
				w.mustJudge(c)
			}
			w.index++
			j := w.mustJudge(w.access())
			if !slices.Contains(j.Verdict.Rules, want) {
				for _, c := range all {
					t.Logf("%s %v %v", c.Act, c.Order(), c.By != nil)
				}
				t.Fatalf("seed %d: %v, want %s", seed, j.Verdict.Rules, want)
			}
		}
	}
}

// What is shown to hold is what holds.
func TestHolding(t *testing.T) {
	w := newWorld(t)
	refused := w.consent("refused", version(march, "", 0))
	late := w.consent("given", version(january, "", 0))
	ended := w.consent("withdrawn", version(april, "", 0))
	elsewhere := w.consent("given", func(c *entry.Consent) { c.Consent = deed })
	all := []*entry.Consent{refused, late, elsewhere}
	if got := consent.Holding(all); !got[refused] || got[late] || !got[elsewhere] {
		t.Errorf("got %v", got)
	}
	if got := consent.Holding(append(all, ended)); got[refused] || got[late] || !got[ended] {
		t.Errorf("got %v", got)
	}
}

// What was forgotten for room is not revived by what was decided before it ended.
func TestForgottenIsNotRevived(t *testing.T) {
	for _, c := range []struct{ act, decided, want string }{
		{"given", february, "consent-missing"}, {"given", april, "consent"}, {"refused", february, "consent-refused"},
	} {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		w.states[person] = []byte(`{"v":1,"forgotten":"` + march + `"}`)
		w.mustJudge(w.consent(c.act, version(c.decided, "", 0)))
		if j := w.mustJudge(w.access()); !slices.Contains(j.Verdict.Rules, c.want) {
			t.Errorf("%s in %s: %v, want %s", c.act, c.decided, j.Verdict.Rules, c.want)
		}
	}
}

// A record that ended is forgotten with the time as of which it ended, if there is no room for it.
func TestForgottenForRoom(t *testing.T) {
	for _, c := range []struct {
		what, decided string
		except        []entry.ConsentRule
		want          string
	}{
		{"decided before the end", february, nil, "consent-missing"},
		{"decided after the end", april, nil, "consent"},
		{"before, with a refusal in it", february, []entry.ConsentRule{{Decision: "deny", Purposes: []string{"TREAT"}}}, "consent-refused"},
		{
			"before, with another refusal in it", february,
			[]entry.ConsentRule{{Decision: "deny", Purposes: []string{"HMARKT"}}}, "consent-missing",
		},
	} {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		var closed []string
		for i := range 7_000 {
			closed = append(closed, fmt.Sprintf(`{"id":"%08x-9dad-41d1-80b4-00c04fd430c8","holder":"north","index":%d,`+
				`"ended":{"act":"withdrawn","last":{"d":%q}}}`, i, i+1, march))
		}
		state := `{"v":1,"consents":[` + strings.Join(closed, ",") + `]}`
		pad := strings.Repeat("h", 1<<20-len(state)) // as much as may be kept
		w.states[person] = []byte(strings.Replace(state, `"holder":"north"`, `"holder":"north`+pad+`"`, 1))
		w.index = 20_000
		other := "6ba7b811-9dad-41d1-80b4-00c04fd430c8"
		w.mustJudge(w.consent("withdrawn", version(january, "", 0), func(c *entry.Consent) { c.Consent = other }))
		w.index++
		w.mustJudge(w.consent("given", version(c.decided, "", 0), func(x *entry.Consent) {
			x.Consent, x.Rule.Except = "00000000-9dad-41d1-80b4-00c04fd430c8", c.except
		}))
		if j := w.mustJudge(w.access()); !slices.Contains(j.Verdict.Rules, c.want) {
			t.Errorf("%s: %v, want %s", c.what, j.Verdict.Rules, c.want)
		}
	}
}

// Who shows no authority lifts no refusal of another such, nor narrows an earlier one of their own,
// in whatever order they come.
func TestProxiesNarrowNoRefusal(t *testing.T) {
	acts := []struct{ act, decided, purpose string }{
		{"given", january, ""}, {"refused", february, ""}, {"refused", march, "HMARKT"}, {"given", april, ""},
	}
	permutations(len(acts), func(order []int) {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		for _, i := range order {
			a := acts[i]
			w.mustJudge(w.consent(a.act, version(a.decided, "", 0), func(c *entry.Consent) {
				c.ID = fmt.Sprintf("6ba7b810-9dad-41d1-80b4-0000%08x", i)
				if i > 0 {
					c.By = &entry.ConsentBy{Name: "J. Tester"}
				}
				if a.purpose != "" {
					c.Rule.Purposes = []string{a.purpose}
				}
				if i == 3 { // a permission that refuses something in it
					c.Rule.Except = []entry.ConsentRule{{Decision: "deny", Purposes: []string{"HMARKT"}}}
				}
			}))
			w.index++
		}
		if j := w.mustJudge(w.access()); !slices.Contains(j.Verdict.Rules, "consent-refused") {
			t.Errorf("%v: %v", order, j.Verdict.Rules)
		}
		w.index++
		w.mustJudge(w.consent("given"))
		w.index++
		w.verdict(w.access(), entry.Covered) // the person decides anew
	})
}

// Of a day on which the person permitted and someone for them refused it cannot be told which came
// last: the refusal counts.
func TestProxyOnTheSameDay(t *testing.T) {
	permutations(2, func(order []int) {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		for _, i := range order {
			w.mustJudge(w.consent([]string{"given", "refused"}[i], version(january, "", 0), func(c *entry.Consent) {
				if i == 1 {
					c.By = &entry.ConsentBy{Name: "J. Tester"}
				}
			}))
			w.index++
		}
		if j := w.mustJudge(w.access()); !slices.Contains(j.Verdict.Rules, "consent-refused") {
			t.Errorf("%v: %v", order, j.Verdict.Rules)
		}
	})
}

// A relative reference is that of the organisation that stated the rule, whoever stated the record
// first.
func TestRuleIsItsIssuers(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent, func(t *entry.AgreementText) { t.Data[0].Codes = nil }))
	w.mustJudge(w.consent("withdrawn", version(january, "", 0), func(c *entry.Consent) { c.Issuer = "south" }))
	one := "urn:igledger:record|Observation/7"
	w.mustJudge(w.consent("given", func(c *entry.Consent) { c.Rule.Data = []string{one} }))
	w.verdict(w.access(func(a *entry.Access) { a.Data = []string{one} }), entry.Covered)
}

// Officers may state two acts within one second: the later one in the log counts.
func TestActsOfOneSecond(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	at := func(c *entry.Consent) { c.Decided = now.Format(time.RFC3339) }
	for _, s := range []struct{ act, want string }{
		{"refused", "consent-refused"}, {"given", "consent"}, {
			"withdrawn", "consent-missing",
		}, {"given", "consent"}, {"refused", "consent-refused"},
		{"withdrawn", "consent-missing"},
	} {
		w.mustJudge(w.consent(s.act, at))
		if j := w.mustJudge(w.access()); !slices.Contains(j.Verdict.Rules, s.want) {
			t.Errorf("%s: %v, want %s", s.act, j.Verdict.Rules, s.want)
		}
	}
}
