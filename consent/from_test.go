package consent_test

import (
	"testing"

	"igledger/consent"
	"igledger/ledger/register"
)

func TestFrom(t *testing.T) {
	own := consent.New()
	if got, err := consent.From(own); err != nil || got != own {
		t.Errorf("its own rules: %v, %v", got, err)
	}
	for name, r := range map[string]register.Rules{"wrapped": struct{ register.Rules }{own}, "none": nil} {
		if got, err := consent.From(r); err == nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
