package wire

import "testing"

func TestServerURL(t *testing.T) {
	for text, want := range map[string]struct{ valid, private bool }{
		"https://ledger.example.scot":     {true, true},
		"http://ledger.example.scot/log/": {true, false},
		"http://localhost:8080":           {true, true},
		"http://127.0.0.9:65535":          {true, true},
		"http://[::1]:8080":               {true, true},
		"http://localhost.example:8080":   {true, false},
		"http://h:65536":                  {}, "http://h:99999": {}, "http://h:0": {}, "http://h:-1": {}, "http://h:x": {},
		"http://:8080": {}, "https:///x": {}, "https:h": {}, "h:8080": {}, "h": {}, "": {}, "ftp://h": {},
		"https://h?": {}, "https://h?q=1": {}, "https://h#f": {}, "https://h#": {}, "http://[::1": {},
	} {
		u, err := ServerURL(text)
		if (err == nil) != want.valid {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && Private(u) != want.private {
			t.Errorf("%q: private is %v", text, !want.private)
		}
	}
}
