package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// Brand is who runs the ledger, as the pages show it. There is no logo: a name in letters cannot be
// taken for the crest of a government.
type Brand struct {
	Name    string  `yaml:"name"`    // of the organisation: "Example Health Board"
	Service string  `yaml:"service"` // of the web site: "Who has looked at my record"
	Colours Colours `yaml:"colours"`
	Contact Contact `yaml:"contact"`
	// ICO is where people can complain to the Information Commissioner.
	ICO string `yaml:"ico"`
}

// Colours are written as #rrggbb. A missing one is the design system's.
type Colours struct {
	Main string `yaml:"main"` // the band across the top, and buttons; white text stands on it
	Link string `yaml:"link"` // links, on white
}

// Contact is whom readers ask. Empty parts are not shown.
type Contact struct {
	Name      string `yaml:"name"`
	Email     string `yaml:"email"`
	Telephone string `yaml:"telephone"`
	Address   string `yaml:"address"` // may have several lines
}

// defaultBrand is for demonstrations.
var defaultBrand = Brand{
	Name:    "Demonstration Health Board",
	Service: "Who looked at my record",
	Colours: Colours{Main: "#00437e", Link: "#0065bd"},
	Contact: Contact{
		Name: "Information governance team", Email: "governance@demo.example", Telephone: "0800 000 0000",
		Address: "1 Example Street\nExampletown",
	},
	ICO: "https://ico.org.uk/make-a-complaint/",
}

// LoadBrand reads a brand from a YAML file, which must have a name. The service, the colours and
// where to complain may be left out; whom to contact is only what the file says. Without a file
// the brand is the demonstration's.
func LoadBrand(file string) (Brand, error) {
	b := defaultBrand
	if file == "" {
		return b, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Brand{}, err
	}
	b.Name, b.Contact = "", Contact{} // of who runs the ledger: a demonstration's would be false
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&b); err != nil && !errors.Is(err, io.EOF) {
		return Brand{}, fmt.Errorf("%s: %w", file, err)
	}
	if err := b.check(); err != nil {
		return Brand{}, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// leastContrast is what WCAG 2.2 asks of text (success criterion 1.4.3).
const leastContrast = 4.5

func (b *Brand) check() error {
	for _, required := range []struct{ name, value string }{{"name", b.Name}, {"service", b.Service}} {
		if required.value == "" {
			return fmt.Errorf("%s is missing or empty", required.name)
		}
	}
	for _, c := range []struct{ name, value string }{{"main", b.Colours.Main}, {"link", b.Colours.Link}} {
		if !colour.MatchString(c.value) {
			return fmt.Errorf("colours.%s: %q is not a colour like #00437e", c.name, c.value)
		}
		if got := contrast(c.value, "#ffffff"); got < leastContrast {
			return fmt.Errorf("colours.%s: %s has a contrast of %.1f to white, and text needs %.1f", c.name, c.value, got, leastContrast)
		}
	}
	if u, err := url.Parse(b.ICO); err != nil || u.Scheme != "https" {
		return fmt.Errorf("ico: %q is not an https address", b.ICO)
	}
	return nil
}

// css returns the brand's colours as a stylesheet: custom properties that pages.css uses.
func (b *Brand) css() string {
	return fmt.Sprintf(":root{--brand:%s;--brand-link:%s}\n", b.Colours.Main, b.Colours.Link)
}
