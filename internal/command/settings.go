package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"igledger/ledger/keyfile"
)

// Setting is a value of many commands that the environment and a profile may give.
type Setting struct {
	Name string   // in a profile; the variable is IGLEDGER_ and the name in capitals
	Flag string   // that it sets
	Not  []string // commands for which the flag is a choice, not a setting
}

func (s Setting) variable() string {
	return "IGLEDGER_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Profile is what a person would write again and again. Files are named from the folder of the
// configuration.
type Profile struct {
	URL    string `yaml:"url"`     // the ledger's address
	LogKey string `yaml:"log-key"` // the log's verifier key
	Policy string `yaml:"policy"`  // file with whom they trust (C2SP tlog-policy)
	Org    string `yaml:"org"`     // id of their organisation
	Key    string `yaml:"key"`     // file with its private JWK, or exec: and what signs
}

// config is config.yaml.
type config struct {
	Default  string             `yaml:"default"`
	Profiles map[string]Profile `yaml:"profiles"`
}

// settle sets those flags that the command line leaves out: from the environment, or else from the
// profile.
func (p *Program) settle(c *cli.Context) error {
	environment := map[string]string{}
	for _, s := range p.Settings {
		environment[s.Name] = os.Getenv(s.variable())
	}
	for _, f := range c.Command.Flags { // some have a variable of their own
		if d, ok := f.(cli.DocGenerationFlag); ok && len(d.GetEnvVars()) > 0 {
			delete(environment, p.named(f.Names()[0]))
		}
	}
	layers := []map[string]string{environment}
	if p.callsOut(c) {
		profile, err := readProfile(c.String("profile"))
		if err != nil {
			return err
		}
		layers = append(layers, profile)
	}
	for _, layer := range layers {
		set := p.taken(c)
		for _, s := range p.Settings {
			if layer[s.Name] == "" || set[s.Name] || !has(c, s.Flag) || slices.Contains(s.Not, c.Command.Name) {
				continue
			}
			if err := c.Set(s.Flag, layer[s.Name]); err != nil {
				return Errorf(Usage, "%s: %v", s.Name, err)
			}
		}
	}
	return nil
}

// named returns the setting of a flag, "" if it has none.
func (p *Program) named(flag string) string {
	i := slices.IndexFunc(p.Settings, func(s Setting) bool { return s.Flag == flag })
	if i < 0 {
		return ""
	}
	return p.Settings[i].Name
}

// callsOut reports whether a profile is for a command: it says whom one calls or trusts, and is not
// about the operator's own database.
func (p *Program) callsOut(c *cli.Context) bool {
	return !has(c, "database") && slices.ContainsFunc(p.Settings, func(s Setting) bool { return has(c, s.Flag) })
}

// taken returns the settings that are set, and those which what is set excludes.
func (p *Program) taken(c *cli.Context) map[string]bool {
	set := map[string]bool{}
	for _, s := range p.Settings {
		set[s.Name] = has(c, s.Flag) && c.IsSet(s.Flag)
	}
	for _, group := range p.OneOf {
		if slices.ContainsFunc(group, func(name string) bool { return set[name] }) {
			for _, name := range group {
				set[name] = true
			}
		}
	}
	return set
}

func has(c *cli.Context, flag string) bool {
	return slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag) })
}

// settingsFault says what is wrong with the settings, without the names of our types.
func settingsFault(err error) string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors: ")
	text = unknownSetting.ReplaceAllString(text, "there is no setting $1")
	return otherSetting.ReplaceAllString(text, "a value of another kind than the setting has")
}

var (
	unknownSetting = regexp.MustCompile(`field (\S+) not found in type \S+`)
	otherSetting   = regexp.MustCompile(`cannot unmarshal .*? into \S+`)
)

// readProfile returns the settings of a profile. name is that of --profile: "" for that of the
// environment, or else for the file's own choice.
func readProfile(name string) (map[string]string, error) {
	if name == "" {
		name = os.Getenv("IGLEDGER_PROFILE")
	}
	file := os.Getenv("IGLEDGER_CONFIG")
	if file == "" {
		folder, err := os.UserConfigDir()
		if err != nil {
			if name == "" {
				return nil, nil // who has no home has no profiles
			}
			return nil, Errorf(Unreachable, "looking for the profile %q: %v", name, err)
		}
		file = filepath.Join(folder, "igledger", "config.yaml")
	}
	data, err := os.ReadFile(file)
	if _, none := os.Stat(file); none != nil && name == "" && os.Getenv("IGLEDGER_CONFIG") == "" {
		return nil, nil // there is none, or none that this user could have, as of a service without a home
	}
	if err != nil {
		return nil, Errorf(Unreachable, "reading the profiles: %v", err)
	}
	var all config
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil && !errors.Is(err, io.EOF) {
		return nil, Errorf(Usage, "%s: %s", file, settingsFault(err))
	}
	if name == "" {
		if name = all.Default; name == "" {
			return nil, nil
		}
	}
	profile, ok := all.Profiles[name]
	if !ok {
		return nil, Errorf(Usage, "%s has no profile %q%s", file, name, meant(name, sorted(all.Profiles)))
	}
	from := func(path string) string {
		if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, keyfile.External) {
			return path
		}
		return filepath.Join(filepath.Dir(file), path)
	}
	return map[string]string{"url": profile.URL, "log-key": profile.LogKey, "org": profile.Org,
		"policy": from(profile.Policy), "key": from(profile.Key)}, nil
}
