package signin

import (
	"cmp"
	"time"
)

// Config is the part "signIn" of the pages' configuration file: docs/WEB.md describes every key.
type Config struct {
	Sessions Sessions `yaml:"sessions"`
	Limits   Limits   `yaml:"limits"`
}

// Sessions says when a session ends. The zero value of each stands for its default.
type Sessions struct {
	Idle     time.Duration `yaml:"idle"`     // without a request; default 15 minutes
	Absolute time.Duration `yaml:"absolute"` // after sign-in, whatever happens; default 8 hours
	StepUp   time.Duration `yaml:"stepUp"`   // how long after a proof of identity changes need no other; default 10 minutes
	Kept     time.Duration `yaml:"kept"`     // how long what was typed is kept for its author; default 1 hour
}

// Limits bounds how often strangers and sessions may ask.
type Limits struct {
	SignIns  float64 `yaml:"signInsPerSecond"`  // from one address; default 2, and 60 at once
	Requests float64 `yaml:"requestsPerSecond"` // of one session; default 10, and 100 at once
}

func (c Config) orDefault() Config {
	c.Sessions.Idle = cmp.Or(c.Sessions.Idle, 15*time.Minute)
	c.Sessions.Absolute = cmp.Or(c.Sessions.Absolute, 8*time.Hour)
	c.Sessions.StepUp = cmp.Or(c.Sessions.StepUp, 10*time.Minute)
	c.Sessions.Kept = cmp.Or(c.Sessions.Kept, time.Hour)
	c.Limits.SignIns = cmp.Or(c.Limits.SignIns, 2)
	c.Limits.Requests = cmp.Or(c.Limits.Requests, 10)
	return c
}
