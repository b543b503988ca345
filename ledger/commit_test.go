package ledger

import "testing"

// The register that readers see only moves forward, although a commit may publish its own after a
// reader has advanced it.
func TestPublishRegisterNeverGoesBack(t *testing.T) {
	l := new(Log)
	five := &registerState{upto: 5}
	l.reg.Store(five)
	for _, upto := range []uint64{4, 5} {
		if l.publishRegister(&registerState{upto: upto}); l.reg.Load() != five {
			t.Errorf("the register went from 5 to %d", upto)
		}
	}
	if l.publishRegister(&registerState{upto: 6}); l.reg.Load().upto != 6 {
		t.Error("the register did not move forward")
	}
}
