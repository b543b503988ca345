package ui

import (
	"slices"
	"testing"
)

type somebody struct {
	staff bool
	may   []string
}

func (s *somebody) DisplayName() string      { return "Ailsa" }
func (s *somebody) IsStaff() bool            { return s.staff }
func (s *somebody) Allowed(what string) bool { return slices.Contains(s.may, what) }

// The name at the top leads everybody to where they start: nobody who is signed in to the page of
// those who are not.
func TestHome(t *testing.T) {
	if got := Home(nil); got != "/" {
		t.Errorf("nobody: %s", got)
	}
	for want, u := range map[string]*somebody{
		"/you": {}, "/trust": {true, []string{"audit"}}, "/desk": {true, []string{"front-desk"}},
		"/officer": {true, []string{"front-desk", "reports"}},
	} {
		if got := Home(u); got != want {
			t.Errorf("%v: %s, want %s", u, got, want)
		}
	}
}
