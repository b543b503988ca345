package ui

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Config is what a Site is made from.
type Config struct {
	Brand  Brand // zero: that of a demonstration
	Logger *slog.Logger
	Zone   *time.Location   // in which times are shown; nil: Europe/London
	Now    func() time.Time // nil: time.Now
	// Secure says that browsers reach the pages by TLS, which may end before this program.
	Secure bool
	// NoSignIn says that nobody can sign in, so that pages do not offer it.
	NoSignIn bool
	// Forms are further origins to which an answer to a form may lead, such as an OpenID provider's.
	Forms []string
}

// Site is what all pages share. It is safe for concurrent use.
type Site struct {
	config      Config
	assets      *assets
	stylesheets []string
	csp         string
	problems    *Room
	mux         *http.ServeMux // of all pages, see Serves
}

// New returns a Site.
func New(c Config) (*Site, error) {
	if c.Brand == (Brand{}) {
		c.Brand = defaultBrand
	}
	if err := c.Brand.check(); err != nil {
		return nil, fmt.Errorf("brand: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Zone == nil {
		zone, err := time.LoadLocation("Europe/London")
		if err != nil {
			return nil, err
		}
		c.Zone = zone
	}
	s := &Site{config: c, csp: policy(c.Forms)}
	if err := s.loadAssets(); err != nil {
		return nil, err
	}
	problems, err := fs.Sub(own, "templates/problem")
	if err != nil {
		return nil, err
	}
	s.problems, err = s.Room(withWords{problems})
	return s, err
}

// withWords is a folder of templates whose words are those of ui itself.
type withWords struct{ fs.FS }

func (f withWords) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".properties") {
		return own.Open(name)
	}
	return f.FS.Open(name)
}

// Plain reports whether the pages have our own plain style and no scripts, because the program was
// built without npm.
func (s *Site) Plain() bool { return !s.assets.has(designSystem) }

const designSystem = "design-system.css"

func (s *Site) loadAssets() error {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return err
	}
	ours, err := fs.Sub(styles, "styles")
	if err != nil {
		return err
	}
	if s.assets, err = newAssets(built, ours); err != nil {
		return err
	}
	if err := s.assets.add("brand.css", []byte(s.config.Brand.css())); err != nil {
		return err
	}
	s.assets.seal()
	s.stylesheets = []string{designSystem, "pages.css", "brand.css"}
	if s.Plain() {
		s.stylesheets[0] = "plain.css"
	}
	return nil
}

// Asset returns the address of an asset.
func (s *Site) Asset(name string) (string, error) { return s.assets.url(name) }
