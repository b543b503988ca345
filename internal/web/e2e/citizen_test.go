package e2e_test

import (
	"testing"

	"igledger/internal/web/webtest"
)

// Morag sees who looked, says no to research, and sees that it counts.
func TestMorag(t *testing.T) {
	v := visit(t, webtest.How{Width: webtest.Phone})
	v.Open(demo.url)
	v.says("See who looked at your health and care record")
	v.good("home-phone")
	v.signIn(citizens, "Morag Example")
	v.says("Who looked at my record", "In the last 30 days", "Look at these first", "emergency override", "Family medicine specialist")
	v.good("you-phone")
	v.Read(webtest.How{})
	v.good("you-desk")
	v.Press("See these and")
	v.says("What you chose, newest first")
	v.Open(demo.url + "/you/choices")
	v.says("Say no to research", "At the moment these agreements let someone use your record", "Say no to planning", "Uses that you cannot switch off here")
	v.good("choices")
	v.Press("Say no to research")
	v.says("A change needs a stronger proof") // at the provider
	v.Press("Morag Example")
	v.says("Nothing has changed yet", "Your care stays the same")
	v.good("choices-check")
	v.Press("Yes, say no to research")
	v.says("You have said no to research.", "Take back my no to research", "At the moment nobody may use your record")
	v.good("choices-done")
	v.Press("Take back my no to research")
	v.says("You have taken back your no to research.")
	for _, page := range []struct{ path, says string }{
		{"/you/people", "Who may act for you"}, {"/you/numbers", "CHI number 290240 0015"}, {"/you/told", "What you were told"},
		{"/you/download", "The whole list, with its proof"},
	} {
		v.Open(demo.url + page.path)
		v.says(page.says)
		v.good("you-" + page.path[len("/you/"):])
	}
	v.Press("Sign out")
	v.Wait("You are signed out")
	v.Open(demo.url + "/you")
	v.says("Choose who you are") // at the provider again
}

// A carer signs in as herself, acts within what was granted, and her look shows.
func TestCarer(t *testing.T) {
	v := visit(t, webtest.How{Width: webtest.Phone, NoScript: true})
	v.signIn(citizens, "Catriona Mockett")
	v.Open(demo.url + "/you/people")
	v.says("For whom you may act", "Power of attorney")
	v.good("people-carer")
	v.Press("Look at their list")
	v.says("You are looking at this list for someone else")
	v.good("list-carer")
	person := visit(t, webtest.How{})
	person.signIn(citizens, "Murdo Fixture")
	person.Open(demo.url + "/you/people")
	person.says("Catriona Mockett", "1 time they looked at your list")
}
