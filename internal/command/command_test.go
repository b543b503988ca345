package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestFlagsMayFollowArguments(t *testing.T) {
	tree := []*cli.Command{{Name: "agreement", Subcommands: []*cli.Command{{Name: "act", Flags: []cli.Flag{
		&cli.StringFlag{Name: "reason", Aliases: []string{"r"}}, &cli.BoolFlag{Name: "json"}, &cli.StringSliceFlag{Name: "org"}}}}}}
	global := []cli.Flag{&cli.StringFlag{Name: "profile"}}
	for _, c := range []struct{ in, want string }{
		{"agreement act isa-1 suspend --reason why", "agreement act --reason why -- isa-1 suspend"},
		{"agreement act isa-1 --json suspend", "agreement act --json -- isa-1 suspend"},
		{"agreement act --org A isa-1 -r why --org=B x", "agreement act --org A -r why --org=B -- isa-1 x"},
		{"agreement act isa-1 -- --reason why", "agreement act -- isa-1 --reason why"},
		{"agreement act - --json", "agreement act --json -- -"},
		{"agreement act isa-1 --unknown x", "agreement act --unknown -- isa-1 x"},
		{"agreement act isa-1 --reason", "agreement act --reason"},
		{"agreement act isa-1 --reason --json", "agreement act --reason"},
		{"agreement act isa-1 --reason --help", "agreement act --reason"},
		{"agreement act isa-1 --reason=--help", "agreement act --reason=--help -- isa-1"},
		{"agreement act isa-1 --profile --json", "--profile"},
		{"agreement act isa-1 --reason -1", "agreement act --reason -1 -- isa-1"},
		{"agreement act isa-1 --profile work --json", "--profile work agreement act --json -- isa-1"},
		{"--profile=work agreement act", "--profile=work agreement act"},
		{"agreement nonsense --json", "agreement --json -- nonsense"},
		{"agreement act act", "agreement act -- act"},
		{"", ""},
	} {
		if got := strings.Join(arrange(tree, global, strings.Fields(c.in)).args, " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

// noConfig makes a configuration without anything in it.
func noConfig(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IGLEDGER_CONFIG", none)
}

// program returns a program with a command that prints its settings.
func program(oneOf ...[]string) *Program {
	show := func(c *cli.Context) error {
		switch c.String("fail") {
		case "refused":
			return Errorf(Refused, "the ledger refused entry %d", 7)
		case "said":
			return &Error{Partial, nil}
		case "other":
			return errors.New("no answer <from> the ledger")
		}
		for _, f := range []string{"from", "log-key", "policy", "org"} {
			if v := c.String(f); v != "" {
				c.App.Writer.Write([]byte(f + "=" + v + " ")) //nolint:errcheck // a test
			}
		}
		return nil
	}
	flags := func() []cli.Flag {
		return []cli.Flag{&cli.StringFlag{Name: "from"}, &cli.StringFlag{Name: "log-key"}, &cli.StringFlag{Name: "policy"},
			&cli.StringFlag{Name: "org"}, &cli.StringFlag{Name: "fail"}, &cli.BoolFlag{Name: "json"}}
	}
	return &Program{Name: "prog", OneOf: oneOf,
		Settings: []Setting{{"url", "from", []string{"offline"}}, {"log-key", "log-key", nil}, {"policy", "policy", nil}, {"org", "org", nil}},
		Commands: func() []*cli.Command {
			return []*cli.Command{
				{Name: "show", Flags: flags(), Action: show},
				{Name: "offline", Flags: flags(), Action: show},
				{Name: "own", Flags: append(flags(), &cli.StringFlag{Name: "database"}), Action: show},
				{Name: "other", Action: show, Flags: []cli.Flag{&cli.StringFlag{Name: "policy", EnvVars: []string{"OTHER_POLICY"}},
					&cli.StringFlag{Name: "fail"}}},
				{Name: "needs", Action: show, Flags: append(flags(), &cli.StringFlag{Name: "source", Required: true},
					&cli.StringSliceFlag{Name: "purpose", Required: true})},
				{Name: "both", Action: show, Subcommands: []*cli.Command{{Name: "list", Flags: flags(), Action: show}}},
				{Name: "group", Subcommands: []*cli.Command{{Name: "list", Flags: flags(), Action: show}}},
			}
		}}
}

func call(p *Program, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = p.Run(context.Background(), args, nil, &o, &e)
	return code, o.String(), e.String()
}

// No mistake prints a result, each has exit code 2 and one line that says what to do.
func TestMistakes(t *testing.T) {
	noConfig(t)
	for _, c := range []struct{ args, want string }{
		{"shw", `prog has no command "shw" (did you mean show?); see prog --help`},
		{"xyzzy", `prog has no command "xyzzy"; see prog --help`},
		{"group", "prog group needs one of its commands: list; see prog group --help"},
		{"group lost", `prog group has no command "lost" (did you mean list?); see prog group --help`},
		{"show --frmo x", "prog show has no flag --frmo (did you mean --from?); see prog show --help"},
		{"group list --frmo x", "prog group list has no flag --frmo (did you mean --from?); see prog group list --help"},
		{"show --ogr x", "prog show has no flag --ogr (did you mean --org?); see prog show --help"},
		{"show --from", "--from needs a value; see prog show --help"},
		{"show --from= x", "--from is empty: give a value, or leave it out"},
		{"needs --purpose x", "give --source; see prog needs --help"},
		{"both lost", `prog both has no command "lost" (did you mean list?); see prog both --help`},
		{"needs", "give --source, --purpose; see prog needs --help"},
		{"db6622a846a0101011237c6064350af5c6bfea12fcf924a0a7be5ce5f9d5e968", "prog has no command " +
			`"db6622a846a0101011237c6064350af5c6bfea12fcf924a0a7be5ce5f9d5e968"; see prog --help`}, // a hash
		{"0101011237", `prog has no command "(a person's number)"; see prog --help`},
		{"show --0101011237", "prog show has no flag --(a person's number); see prog show --help"},
		{"completion", "give one shell: bash, zsh or fish"},
		{"completion tcsh", `there is completion for bash, zsh and fish, not for "tcsh"`},
		{"show --from x --from y", "--from is given twice: give it once"},
		{"show --profile --wide", "--profile needs a value; see prog --help"},
	} {
		code, out, errOut := call(program(), strings.Fields(c.args)...)
		if code != Usage || out != "" || errOut != "prog: "+c.want+"\n" {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, out, errOut)
		}
	}
	if code, out, errOut := call(program()); code != Usage || out != "" || !strings.Contains(errOut, "COMMANDS") {
		t.Errorf("no command at all: exit %d, %q, %q", code, out, errOut)
	}
}

func TestErrors(t *testing.T) {
	noConfig(t)
	for _, c := range []struct {
		fail  string
		code  int
		error string
	}{
		{"refused", Refused, "the ledger refused entry 7"}, {"said", Partial, ""}, {"other", Unreachable, "no answer <from> the ledger"},
	} {
		code, out, errOut := call(program(), "show", "--fail", c.fail)
		if want := "prog: " + c.error + "\n"; code != c.code || out != "" || errOut != want && errOut != c.error {
			t.Errorf("%s: exit %d, %q, %q", c.fail, code, out, errOut)
		}
		code, out, errOut = call(program(), "show", "--fail", c.fail, "--json")
		if c.error == "" {
			if code != c.code || errOut != "" {
				t.Errorf("%s --json: exit %d, %q", c.fail, code, errOut)
			}
			continue
		}
		var r report
		if err := json.Unmarshal([]byte(errOut), &r); err != nil || out != "" || code != c.code ||
			r != (report{c.error, c.code, names[c.code]}) || !strings.Contains(errOut, c.error) {
			t.Errorf("%s --json: exit %d, %q, %q", c.fail, code, out, errOut)
		}
	}
	if code, _, errOut := call(program(), "needs", "--json"); code != Usage || !strings.HasPrefix(errOut, `{"error":"give --source`) {
		t.Errorf("usage with --json: exit %d, %q", code, errOut)
	}
}

func TestSettings(t *testing.T) {
	folder := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("IGLEDGER_CONFIG", filepath.Join(folder, "config.yaml"))
	trust := []string{"log-key", "policy"}
	write("default: work\nprofiles:\n" +
		"  work: {url: https://ledger.example, policy: policy.txt, org: NHSL}\n" +
		"  test: {url: https://test.example, log-key: k1}\n")
	policy := "policy=" + filepath.Join(folder, "policy.txt")
	for _, c := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"show", nil, "from=https://ledger.example " + policy + " org=NHSL"},
		{"show --from dir --org X", nil, "from=dir " + policy + " org=X"},
		{"show --log-key k2", nil, "from=https://ledger.example log-key=k2 org=NHSL"},
		{"show", map[string]string{"IGLEDGER_LOG_KEY": "k3"}, "from=https://ledger.example log-key=k3 org=NHSL"},
		{"show --policy p", map[string]string{"IGLEDGER_LOG_KEY": "k3"}, "from=https://ledger.example policy=p org=NHSL"},
		{"show", map[string]string{"IGLEDGER_URL": "u", "IGLEDGER_ORG": "O"}, "from=u " + policy + " org=O"},
		{"show --profile test", nil, "from=https://test.example log-key=k1"},
		{"--profile test show --from u", nil, "from=u log-key=k1"},
		{"show", map[string]string{"IGLEDGER_PROFILE": "test"}, "from=https://test.example log-key=k1"},
		{"show --profile work", map[string]string{"IGLEDGER_PROFILE": "test"}, "from=https://ledger.example " + policy + " org=NHSL"},
		{"offline", nil, policy + " org=NHSL"},
		{"other", map[string]string{"IGLEDGER_POLICY": "p"}, policy},
		{"other", map[string]string{"OTHER_POLICY": "q"}, "policy=q"},
		{"own", nil, ""},
		{"own", map[string]string{"IGLEDGER_URL": "u"}, "from=u"},
		{"group list", nil, "from=https://ledger.example " + policy + " org=NHSL"},
	} {
		t.Run(c.args, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			code, out, errOut := call(program(trust), strings.Fields(c.args)...)
			if code != Good || strings.TrimSpace(out) != c.want || errOut != "" {
				t.Errorf("exit %d, %q, %q; want %q", code, out, errOut, c.want)
			}
		})
	}
	for text, want := range map[string]string{
		"default: wrok\nprofiles: {work: {}}\n":  `has no profile "wrok" (did you mean work?)`,
		"profiles: {work: {adress: x}}\n":        "adress",
		"profiles: [\n":                          "config.yaml",
		"default: work\nprofiles: {work: {}}\n":  "",
		"":                                       "",
		"# nothing is chosen\nprofiles: {a: {}}": "",
	} {
		write(text)
		code, out, errOut := call(program(trust), "show")
		if want == "" && code != Good || want != "" && (code != Usage || !strings.Contains(errOut, want)) || out != "" {
			t.Errorf("%q: exit %d, %q, %q", text, code, out, errOut)
		}
	}
	write("profiles: [\n")
	if code, out, _ := call(program(trust), "version"); code != Good || !strings.HasPrefix(out, "prog ") {
		t.Errorf("version: exit %d, %q", code, out)
	}
}

// A shell gets the commands and flags that there are, and the manual has them all.
func TestCompletionAndManual(t *testing.T) {
	for args, want := range map[string][]string{
		"--generate-bash-completion":           {"show", "group", "completion", "version"},
		"group --generate-bash-completion":     {"list"},
		"show --fr --generate-bash-completion": {"--from"},
		"completion bash":                      {"complete -o", "-F _prog_complete prog"},
		"completion zsh":                       {"#compdef prog"},
		"completion fish":                      {"complete", "log-key"},
		"man":                                  {".TH", "prog", "log-key", "offline"},
		"version":                              {"prog ", "formats igledger/1"},
		"--version":                            {"prog ", "formats igledger/1"},
		"version --json":                       {`"go":"go`, `"formats":"igledger/1"`},
	} {
		old := os.Args // where urfave/cli looks for what a shell wants to complete
		os.Args = append([]string{"prog"}, strings.Fields(args)...)
		code, out, errOut := call(program(), strings.Fields(args)...)
		os.Args = old
		for _, w := range want {
			if code != Good || !strings.Contains(out, w) {
				t.Errorf("%s: exit %d, %q, %q; want %q", args, code, out, errOut, w)
			}
		}
	}
}

// A configuration that is named is one that there is, and what is wrong in it is said in its own
// words.
func TestConfigurationsThatAreWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	t.Setenv("IGLEDGER_CONFIG", file)
	for _, c := range []struct {
		text, want string
		code       int
	}{
		{"", "no such file", Unreachable},
		{"profiles: [a]", "another kind", Usage},
		{"profiles: {live: {uri: x}}", "no setting uri", Usage},
		{"default: nope", "no profile", Usage},
	} {
		if c.text != "" {
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, errOut bytes.Buffer
		code := program().Run(t.Context(), []string{"show"}, strings.NewReader(""), &out, &errOut)
		if said := errOut.String(); code != c.code || !strings.Contains(said, c.want) || strings.Contains(said, "command.") {
			t.Errorf("%q: exit code %d, %q", c.text, code, said)
		}
	}
}
