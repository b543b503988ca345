package paper

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"igledger/internal/web/draw"
)

// mostInCode is the longest policy, in bytes, that a code holds itself: more would be too fine
// for the camera of a telephone.
const mostInCode = 1000

// normalPolicy is a policy's text as its code has it and its digest is made of it:
// docs/FORMATS.md section 18.
func normalPolicy(policy string) string {
	return strings.Trim(strings.ReplaceAll(policy, "\r\n", "\n"), " \t\n") + "\n"
}

// policyCode returns what the code of a policy says, which can be got at an address.
func policyCode(policy, address string) string {
	text := normalPolicy(policy)
	if len(text) <= mostInCode {
		return "igledger-policy/1\n" + text
	}
	sum := sha256.Sum256([]byte(text))
	return "igledger-policy/1 " + base64.RawURLEncoding.EncodeToString(sum[:]) + " " + address
}

// mountPolicy adds the operator's policy as text and as a code.
func mountPolicy(mux *http.ServeMux, d Deps) {
	if strings.TrimSpace(d.Policy) == "" {
		return
	}
	give := func(w http.ResponseWriter, media, text string) {
		w.Header().Set("Content-Type", media)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(text)) // it fails only if the reader went away
	}
	mux.HandleFunc("GET /check/policy.txt", func(w http.ResponseWriter, _ *http.Request) {
		give(w, "text/plain; charset=utf-8", normalPolicy(d.Policy))
	})
	mux.HandleFunc("GET /check/policy.svg", func(w http.ResponseWriter, r *http.Request) {
		drawing, err := draw.Code(policyCode(d.Policy, strings.TrimRight(d.Public, "/")+"/check/policy.txt"), "A code of a trust policy")
		if err != nil {
			d.Site.Problem(w, r, http.StatusInternalServerError, "500")
			return
		}
		give(w, "image/svg+xml", string(drawing))
	})
}
