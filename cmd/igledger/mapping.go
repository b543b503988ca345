package main

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/consent/fhir/mapping"
)

// mappingFlags are those of the commands that read FHIR.
func mappingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "map",
			Usage: "`FILE` that says what your systems' own words mean (YAML), or REFERENCE=ORG for one organisation; repeat for more"},
		&cli.StringSliceFlag{Name: "system",
			Usage: "URI=chi or URI=nhs: a further identifier system for people; repeat for more"},
	}
}

// mappingOf reads --map and --system. At most one file may be given; single settings add to it.
func mappingOf(c *cli.Context) (*mapping.Map, error) {
	m := &mapping.Map{}
	files := 0
	for _, arg := range c.StringSlice("map") {
		if ref, org, ok := cutLast(arg); ok && !exists(arg) {
			m.Organisations = append(m.Organisations, mapping.Organisation{ID: org, References: []string{ref}})
			continue
		}
		data, err := os.ReadFile(arg)
		if err != nil {
			return nil, usage("--map: %v", err)
		}
		read, err := mapping.Parse(data)
		if err != nil {
			return nil, usage("--map %s: %v", arg, err)
		}
		if files++; files > 1 {
			return nil, usage("--map: give one file")
		}
		read.Organisations = append(read.Organisations, m.Organisations...)
		m = read
	}
	for _, arg := range c.StringSlice("system") {
		uri, scheme, ok := cutLast(arg)
		if !ok {
			return nil, usage("--system must have the form URI=chi or URI=nhs")
		}
		if m.Identifiers == nil {
			m.Identifiers = map[string]string{}
		}
		m.Identifiers[uri] = scheme
	}
	if err := m.Check(); err != nil {
		return nil, usage("--map, --system: %v", err)
	}
	return m, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cutLast cuts NAME=VALUE at the last "=". Both parts must be there.
func cutLast(s string) (name, value string, ok bool) {
	i := strings.LastIndexByte(s, '=')
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
