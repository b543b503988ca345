// Package build says which build of the software runs.
package build

import (
	"runtime"
	"runtime/debug"

	"igledger/ledger/entry"
)

// Info is what a build is made from.
type Info struct {
	Version  string `json:"version" doc:"Version of the software; (devel) for one built from a working copy" example:"v1.4.0"`
	Commit   string `json:"commit,omitempty" doc:"Commit from which it was built" example:"1f3a9c2e5d7b8a6049c3e1f2a5b7d8c9e0f1a2b3"`
	Modified bool   `json:"modified,omitempty" doc:"Whether the code was changed since that commit"`
	Go       string `json:"go" doc:"Version of Go" example:"go1.26.3"`
	Formats  string `json:"formats" doc:"Version of the formats that it reads and writes" example:"igledger/1"`
}

// Read returns the build that runs.
func Read() Info {
	b := Info{Version: "(unknown)", Go: runtime.Version(), Formats: entry.FormatsV1}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
