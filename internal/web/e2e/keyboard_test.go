package e2e_test

import (
	"testing"

	"igledger/internal/web/webtest"
)

// keyed presses the tab key until the focus is on something, and then Enter.
func (v *visitor) keyed(text string) {
	v.Helper()
	v.Reach(text)
	v.Enter()
}

// Morag has no mouse. Everything that she came for goes with Tab, Enter and Space, and she always
// sees where she is.
func TestKeyboard(t *testing.T) {
	v := visit(t, webtest.How{})
	v.Open(demo.url)
	v.keyed("Sign in")
	v.keyed("Demonstration account")
	v.keyed("Morag Example")
	v.says("Who looked at my record")

	v.Reach("Choose what to see")
	v.Key(" ")
	v.Reach("Who")
	v.Key("P") // People
	v.keyed("Show")
	v.says("What you chose, newest first")
	v.keyed("Show everything")

	v.keyed("Read prescriptions")
	v.says("What happened", "If this looks wrong")

	v.keyed("My choices")
	v.keyed("Say no to research")
	v.keyed("Morag Example") // a proof of who it is, at the provider
	v.keyed("Yes, say no to research")
	v.says("You have said no to research.")
	v.keyed("Take back my no to research")
	v.says("You have taken back your no to research.")

	v.Open(demo.url + "/you?org=gp-braeside&who=people")
	v.keyed("Created prescriptions")
	v.keyed("Keep out: Dr Ishbel Tarrant")
	v.keyed("Yes, keep this person out")
	v.says("You have kept them out.")
	v.keyed("Take this back")
	v.says("You have taken it back.")

	v.keyed("Who looked")
	v.keyed("Print the list")
	v.Reach("Put a code on the paper")
	v.Key("\r")
	v.Await(sealedAndDrawn)
	v.Reach("Print this page")
	v.keyed("Who looked")
	v.keyed("Codes on paper")
	v.keyed("Stop this code")
	v.says("The code was stopped")

	v.keyed("Sign out")
	v.Wait("You are signed out")
}

// Aileen at the front desk has no mouse either.
func TestKeyboardAtTheDesk(t *testing.T) {
	v := visit(t, webtest.How{})
	v.Open(demo.url)
	v.keyed("Sign in")
	v.keyed("Demonstration account for staff")
	v.keyed("Aileen Counter")
	v.keyed("Front desk")
	v.Reach("The number")
	v.Key("290240 0015")
	v.Reach("They showed documents")
	v.Key(" ")
	v.Reach("Reference of the person")
	v.Key("SAR-2026-0043")
	v.keyed("Show the list")
	v.says("Request SAR-2026-0043", "Everything on your list")
	v.keyed("Add to the post")
	v.keyed("Done: close the list")
	v.says("The number is forgotten.")
	v.keyed("Sign out")
	v.Wait("You are signed out")
}
