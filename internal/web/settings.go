package web

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"igledger/internal/web/signin"
	"igledger/ledger/keyfile"
	"igledger/ledger/wire"
)

// Settings is the file that `igledger serve --pages` names: docs/WEB.md describes every key. Names of
// files in it are relative to its folder.
type Settings struct {
	// Brand is a file with the name, colours and contacts of whoever runs the ledger.
	Brand string `yaml:"brand"`
	// SignIn says who can sign in, and how. Without it there are the public pages alone.
	SignIn *signin.Config `yaml:"signIn"`
	// Signers are keys that this server holds for organisations, so that their officers need none in
	// their browsers.
	Signers []Signer `yaml:"signers"`
	// Choices is the organisation that records what people choose here. It needs a signer.
	Choices string `yaml:"choices"`
	// RolesOnly leaves the names of staff out of citizens' pages and shows their roles.
	RolesOnly bool `yaml:"rolesOnly"`

	dir string
}

// Signer is a key that the server holds for an organisation. The register says what it may sign.
type Signer struct {
	Organisation string `yaml:"organisation"`
	Key          string `yaml:"key"` // file with the private JWK, or exec: and what signs
}

// ReadSettings reads the file.
func ReadSettings(path string) (Settings, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Settings{}, err
	}
	s, err := parseSettings(data)
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	s.dir = filepath.Dir(path)
	return s, nil
}

func parseSettings(data []byte) (Settings, error) {
	var s Settings
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && err != io.EOF { // an empty file asks for the public pages
		return Settings{}, err
	}
	for i, k := range s.Signers {
		if wire.CheckOrgID(k.Organisation) != nil || k.Key == "" {
			return Settings{}, fmt.Errorf("signers: number %d must have the id of an organisation, and the file of a key", i+1)
		}
	}
	if s.Choices != "" && wire.CheckOrgID(s.Choices) != nil {
		return Settings{}, fmt.Errorf("choices must be the id of an organisation")
	}
	return s, nil
}

// file returns where a file of the settings is.
func (s *Settings) file(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

// signers reads the keys, by organisation.
func (s *Settings) signers(l *keyfile.Loader) (map[string][]*wire.Signer, error) {
	out := map[string][]*wire.Signer{}
	for _, k := range s.Signers {
		name := k.Key
		if !strings.HasPrefix(name, keyfile.External) {
			name = s.file(name)
		}
		key, err := l.Signer(name)
		if err != nil {
			return nil, fmt.Errorf("the key of %s: %w", k.Organisation, err)
		}
		out[k.Organisation] = append(out[k.Organisation], key)
	}
	return out, nil
}
