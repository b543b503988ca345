package e2e_test

import (
	"strings"
	"testing"

	"igledger/internal/web/webtest"
)

const sealedAndDrawn = `!document.querySelector("[data-code]").hidden`

// Morag prints her list, and a stranger scans the code and checks it; then she stops the code.
func TestPaper(t *testing.T) {
	v := visit(t, webtest.How{})
	v.signIn(citizens, "Morag Example")
	v.Open(demo.url + "/you")
	v.Press("Print the list")
	v.says("Put a code on the paper", "Anybody who has the code can see the whole list.")
	v.Click("Put a code on the paper")
	v.Await(sealedAndDrawn)
	v.good("print")
	words := strings.Join(strings.Fields(v.Text("[data-words]")), " ")
	stranger := visit(t, webtest.How{Width: webtest.Phone})
	stranger.Open(v.Scan())
	stranger.Await(`document.querySelectorAll("[data-when]:not([hidden])").length === 0`)
	stranger.says("What we found", "The list is", words, "0 failed")
	stranger.good("stranger")
	v.Open(demo.url + "/you/papers")
	v.Press("Stop this code")
	v.says("The code was stopped")
}

// Somebody without a phone asks at the front desk.
func TestFrontDesk(t *testing.T) {
	v := visit(t, webtest.How{})
	v.signIn(staff, "Aileen Counter")
	v.Open(demo.url + "/desk")
	v.good("desk")
	v.Fill("The number", "290240 0015")
	v.Fill("They showed documents", "")
	v.Fill("Reference of the person", "SAR-2026-0042")
	v.Press("Show the list")
	v.says("Request SAR-2026-0042", "Everything on your list")
	v.Click("Put a code on the paper")
	v.Await(sealedAndDrawn)
	v.good("desk-print")
	v.Press("Add to the post")
	v.Press("Done: close the list")
	v.says("The number is forgotten.")
	v.Press("Post")
	v.says("Request SAR-2026-0042", "Printed by Aileen Counter")
	v.good("desk-post")
}
