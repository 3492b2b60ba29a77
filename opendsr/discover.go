package opendsr

import (
	"net/http"
	"slices"

	"zgoda/control"
)

// types are the request types of the specification (6.2).
var types = map[string]control.Right{
	"erasure": control.RightErasure, "access": control.RightAccess, "portability": control.RightPortability,
}

// offers says whether a right is taken: those that need results only when there are
// any to be given.
func (s *Server) offers(right control.Right) bool {
	if (right == control.RightAccess || right == control.RightPortability) && s.deps.Results == nil {
		return false
	}
	return slices.Contains(s.cfg.Rights, right)
}

// discover answers what is supported (6). Whoever checks a signature asks it, so it
// needs no token.
func (s *Server) discover(w http.ResponseWriter, r *http.Request) {
	d := discovery{
		APIVersion: "2.0",
		Identities: []identity{{Type: "email", Format: "raw"}, {Type: "controller_customer_id", Format: "raw"}},
		Types:      []string{}, Certificate: s.at("certificate.pem"),
	}
	var others []string
	for _, right := range s.cfg.Rights {
		switch {
		case !s.offers(right):
		case types[string(right)] != "":
			d.Types = append(d.Types, string(right))
		default:
			others = append(others, string(right))
		}
	}
	d.Extensions = s.extension(map[string]any{"rights": others, "identifiers": []string{"email", "user_id", "customer_id", "phone"}})
	if err := s.answer(w, dialects[0], http.StatusOK, &d); err != nil {
		s.refuseFor(r.Context(), w, err)
	}
}

// certificate answers the chain that signatures are checked with.
func (s *Server) certificate(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(s.deps.Key.chain) // the client has gone; nobody is left to tell
}
