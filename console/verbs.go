package console

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Routes such as /contacts/{contact}:forget end in a verb. net/http's mux wants
// a wildcard to be a whole segment, so a verb is a segment of its own inside:
// "/contacts/{contact}:forget" is registered as "/contacts/{contact}/:forget",
// and a request's path is split the same way before it is routed. Outside, in
// the document and on the wire, the path is the one with the colon.

// verbAdapter registers operations under their split path.
type verbAdapter struct{ huma.Adapter }

func (a verbAdapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	inner := *op
	inner.Path, _ = splitVerb(op.Path)
	a.Adapter.Handle(&inner, handler)
}

// splitVerb sets a verb at the end of a path apart: "/a/b:find" becomes
// "/a/b/:find". ok is false for a path that has a segment that begins with a
// colon, which no route of ours has: else two paths would lead to one route.
func splitVerb(path string) (split string, ok bool) {
	if strings.Contains(path, "/:") {
		return path, false
	}
	slash := strings.LastIndexByte(path, '/')
	colon := strings.LastIndexByte(path, ':')
	if colon < slash || colon == len(path)-1 {
		return path, true
	}
	return path[:colon] + "/" + path[colon:], true
}

// withVerbs routes requests by their split path.
func withVerbs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		split, ok := splitVerb(r.URL.Path)
		if !ok {
			writeProblem(w, http.StatusNotFound, "there is no such route")
			return
		}
		if split != r.URL.Path {
			u := *r.URL
			u.Path, u.RawPath = split, ""
			r2 := *r
			r2.URL = &u
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}
