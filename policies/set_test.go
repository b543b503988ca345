package policies

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cedar-policy/cedar-go"

	"igledger/ledger/entry"
)

// changed is the built-in set with one text replaced, and that must be there.
func changed(t testing.TB, old, new string) string {
	t.Helper()
	if strings.Count(defaultText, old) == 0 {
		t.Fatalf("the built-in set does not hold %q", old)
	}
	return strings.Replace(defaultText, old, new, 1)
}

func policy(notes, rest string) string { return defaultText + "\n" + notes + "\n" + rest }

func TestCompileRefuses(t *testing.T) {
	const good = `@id("x") @plain("words")`
	const noop = `forbid (principal, action, resource) when { context.machine };`
	end := strings.Count(defaultText, "\n") + 1
	for _, c := range []struct {
		name, text string
		code       Code
		line       int
	}{
		{"empty", "", DeniesEverything, 0},
		{"comments only", "// nothing\n", DeniesEverything, 0},
		{"forbids all", policy(good, `forbid (principal, action, resource);`), DeniesEverything, 0},
		{"one policy, which forbids", good + ` forbid (principal, action, resource);`, DeniesEverything, 0},
		{"permits all", good + ` permit (principal, action, resource);`, PermitsEverything, 0},
		{"not Cedar", policy("", "Let there be care."), Syntax, end + 2},
		{"cut off", policy(good, "permit (principal"), Syntax, end + 2},
		{"not UTF-8", policy(good, "// \xff\n"+noop), Syntax, 0},
		{"no such fact", policy(good, `forbid (principal, action, resource) when { context.machin };`), Schema, end + 1},
		{
			"wrong type",
			policy(good, `forbid (principal, action, resource) when { context.machine == "yes" };`), Schema,
			end + 1,
		},
		{"not a condition", policy(good, `forbid (principal, action, resource) when { context.consent };`), Schema, end + 1},
		{
			"agreement not asked for first",
			policy(good, `forbid (principal, action, resource) when { context.agreement.research };`),
			Schema, end + 1,
		},
		{"no such ground", policy(good, `forbid (principal, action == Action::"whim", resource);`), Schema, end + 1},
		{"no such entity", policy(good, `forbid (principal is Person, action, resource);`), Schema, end + 1},
		{
			"an attribute of the person",
			policy(good, `forbid (principal, action, resource) when { resource.name == "x" };`), Schema,
			end + 1,
		},
		{"no id", policy(`@plain("words")`, noop), Annotation, end + 1},
		{"bad id", policy(`@id("X y") @plain("words")`, noop), Annotation, end + 1},
		{"reserved id", policy(`@id("no-rule") @plain("words")`, noop), Annotation, end + 1},
		{"long id", policy(`@id("`+strings.Repeat("a", 65)+`") @plain("words")`, noop), Annotation, end + 1},
		{"id twice", policy(`@id("consent") @plain("words")`, noop), Annotation, end + 1},
		{"no words", policy(`@id("x")`, noop), Annotation, end + 1},
		{"blank words", policy(`@id("x") @plain(" ")`, noop), Annotation, end + 1},
		{"too many words", policy(`@id("x") @plain("`+strings.Repeat("w", maxPlain+1)+`")`, noop), Annotation, end + 1},
		{"words with a bell", policy(`@id("x") @plain("a\u{7}")`, noop), Annotation, end + 1},
		{"unknown annotation", policy(good+` @plane("x")`, noop), Annotation, end + 1},
		{"unknown obligation", policy(good+` @obligation("apologise")`, noop), Annotation, end + 1},
		{"empty obligation", policy(good+` @obligation("")`, noop), Annotation, end + 1},
		{"cites what there is not", policy(good+` @cites("law")`, noop), Annotation, end + 1},
		{"too long", defaultText + strings.Repeat("// x\n", MaxText/5), TooLarge, 0},
		{"too long by one", defaultText + "//" + strings.Repeat("x", MaxText-len(defaultText)-1), TooLarge, 0},
		{"too deep", policy(good, "forbid (principal, action, resource) when { "+strings.Repeat("(", 40)+"true"+strings.Repeat(")", 40)+" };"), TooLarge, end + 2},
		{"too deep by one", policy(good, "forbid (principal, action, resource) when { "+strings.Repeat("(", maxNesting)+"true"+strings.Repeat(")", maxNesting)+" };"), TooLarge, end + 2},
		{"too deep after a quoted quote", policy(`@id("x") @plain("a \" b")`, "forbid (principal, action, resource) when { "+strings.Repeat("(", 40)+"true"+strings.Repeat(")", 40)+" };"), TooLarge, end + 2},
		{"too often not", policy(good, "forbid (principal, action, resource) when { "+strings.Repeat("! ", 40)+"true };"), TooLarge, end + 2},
		{"too often minus", policy(good, "forbid (principal, action, resource) when { 1 == "+strings.Repeat("-\n-", 40)+"1 };"), TooLarge, end + 18},
		{"too many", defaultText + many(MaxRules), TooLarge, 0},
		{"too many by one", defaultText + many(MaxRules-len(BuiltIn().IDs())+1), TooLarge, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Compile(1, c.text)
			var p *PolicyError
			if !errors.As(err, &p) {
				t.Fatalf("Compile gave %v, %v", s, err)
			}
			if p.Code != c.code || p.Line != c.line || p.Reason == "" {
				t.Errorf("%v (line %d), want %s on line %d", err, p.Line, c.code, c.line)
			}
			if !errors.Is(err, c.code) {
				t.Errorf("errors.Is does not find %s", c.code)
			}
		})
	}
}

// many is n harmless policies.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n@id(\"x%d\") @plain(\"words\") forbid (principal, action, resource) when { context.action == \"%d\" };", i, i)
	}
	return b.String()
}

// The same fault is told in the same words every time: the checker of types goes through maps, and
// refusals are compared between replicas.
func TestCompileIsDeterministic(t *testing.T) {
	text := policy(`@id("x") @plain("words")`, `forbid (principal, action, resource) when { context.a && context.b && context.agreement.c };`)
	_, first := Compile(1, text)
	for range 20 {
		if _, err := Compile(1, text); err.Error() != first.Error() {
			t.Fatalf("%q, then %q", first, err)
		}
	}
	text = policy(`@id("x") @plain("words") @weight("1") @obligation("apologise") @cites("law") @author("a")`, `forbid (principal, action, resource);`)
	for range 100 {
		if _, err := Compile(1, text); !strings.Contains(err.Error(), "@author") {
			t.Fatalf("%q, want it of @author, the first by name", err)
		}
	}
}

// A registrar changes the set: a stricter rule takes effect, a rule taken out no longer counts, and
// the version in use is told.
func TestChangedSets(t *testing.T) {
	emergency := with(func(f *Facts, a *Agreement) { f.Emergency, f.Justified, f.Named, f.Agreement = true, true, false, nil })
	machine := with(func(f *Facts, a *Agreement) { f.Machine = true })
	for _, c := range []struct {
		name, text string
		f          Facts
		want       string
	}{
		{"no machines", policy(`@id("no-machines") @plain("Machines may not.")`, `forbid (principal, action, resource) when { context.machine };`),
			machine, "not-covered no-machines"},
		{"one organisation", policy(`@id("not-a") @plain("Board A may not.")`, `forbid (principal == Organisation::"BOARD-A", action, resource);`),
			with(func(f *Facts, a *Agreement) { f.Org, a.Parties = "BOARD-A", append([]string{"BOARD-A"}, a.Parties...) }), "not-covered not-a"},
		{"by name of the agreement", policy(`@id("not-probe") @plain("Not that agreement.")`,
			`forbid (principal, action, resource) when { context has agreement && context.agreement.id == "probe" && context.agreement.version < 2 };`),
			sound(), "not-covered not-probe"},
		{"no break-glass", changed(t, `permit (principal, action == Action::"break-glass", resource);`,
			`permit (principal, action == Action::"break-glass", resource) when { context.action == "C" };`), emergency, "not-covered agreement-named"},
		{
			"review suspends", changed(t, `, "under-review"]`, `]`),
			with(func(f *Facts, a *Agreement) { a.State = "under-review" }),
			"not-covered agreement-in-force",
		},
		{
			"roles do not matter", changed(t, `!context.agreement.role `, `false `),
			with(func(f *Facts, a *Agreement) { a.Roles = []string{"nurse"} }), "covered agreement",
		},
		// A forbid that cannot be evaluated (here: 64-bit overflow) closes the ground; Cedar alone
		// would pass over it.
		{"overflow", policy(`@id("overflow") @plain("words")`,
			`forbid (principal, action == Action::"agreement", resource) when { context has agreement && context.agreement.version * 9223372036854775807 == 2 };`),
			with(func(f *Facts, a *Agreement) { a.Version = 3 }), "not-covered overflow"},
		// And a permit that cannot be evaluated opens none.
		{"overflow of a permit", policy(`@id("overflow") @plain("words")`,
			`permit (principal, action == Action::"own-records", resource) when { context has agreement && context.agreement.version * 9223372036854775807 == 2 };`),
			with(func(f *Facts, a *Agreement) {
				f.Org, f.Own, f.Purposes, f.Named, a.Version, a.State = f.Holder, true, []string{"HMARKT"}, true, 3, "terminated"
			}), "not-covered agreement-in-force,agreement-purpose"},
		{"as long as can be", defaultText + "//" + strings.Repeat("x", MaxText-len(defaultText)-2), sound(), "covered agreement"},
		{"as many as can be", defaultText + many(MaxRules-len(BuiltIn().IDs())), sound(), "covered agreement"},
		{"as deep as can be", policy(`@id("x") @plain("words")`, "forbid (principal, action, resource) when { "+strings.Repeat("(", maxNesting-1)+"false"+strings.Repeat(")", maxNesting-1)+" };"),
			sound(), "covered agreement"},
		// One of the accesses that no sound set covers suffices: a set is a mistake only if it
		// covers them all.
		{"allows all but after the end", `@id("all") @plain("words") permit (principal, action, resource); @id("ended") @plain("words") ` +
			`forbid (principal, action, resource) when { context has agreement && context.agreement.state == "terminated" };`, sound(), "covered all"},
	} {
		s, err := Compile(7, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := show(s.Decide(c.f)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if s.Version() != 7 || s.Text() != c.text {
			t.Errorf("%s: version %d, or another text", c.name, s.Version())
		}
	}
	if BuiltIn().Version() != 0 || BuiltIn().Text() != defaultText || BuiltIn().Plain("no-such-rule") != "" {
		t.Error("the built-in set is not version 0 of default.cedar")
	}
}

// What Decide asks conforms to the schema that authors of policies write against, with every
// optional part and without.
func TestQuestionsConformToSchema(t *testing.T) {
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	full := with(func(f *Facts, a *Agreement) { f.Ledger, a.Version, f.Delegate = true, 1<<64-1, &Delegation{} })
	for _, f := range append(append(soundAccesses(), unsoundAccesses()...), full, Facts{}) {
		for _, ground := range []cedar.EntityUID{ownRecords, ledger, agreement, breakGlass} {
			for _, q := range f.questions() {
				q.Action = ground
				if err := v.Request(q); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// docs/POLICIES.md tells of every built-in rule in the words that citizens are shown, and of no
// others.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/POLICIES.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, r := range slices.Collect(maps.Values(BuiltIn().rules)) {
		want = append(want, fmt.Sprintf("| `%s` | %s |", r.id, r.plain))
	}
	rules := false // within a table of rules
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSpace(line)
		rules = line == "| Rule | In words |" || rules && strings.HasPrefix(line, "|")
		if rules && strings.HasPrefix(line, "| `") {
			got = append(got, line)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/POLICIES.md has\n%s\nthe set has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, o := range obligations {
		if !strings.Contains(string(doc), "\n| `"+o+"` |") {
			t.Errorf("docs/POLICIES.md does not tell of the obligation %s", o)
		}
	}
}

// Many callers at once get what each would get alone. Worth its time under -race.
func TestConcurrentDecisions(t *testing.T) {
	s, err := Compile(1, defaultText)
	if err != nil {
		t.Fatal(err)
	}
	list := append(soundAccesses(), unsoundAccesses()...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				for i, f := range list {
					if covered := s.Decide(f).Result != entry.NotCovered; covered != (i < len(soundAccesses())) {
						t.Errorf("access %d: covered %v", i, covered)
					}
				}
			}
		})
	}
	wg.Wait()
}
