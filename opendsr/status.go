package opendsr

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"zgoda/control"
	"zgoda/rights"
)

// find returns a request of the caller's.
func (s *Server) find(ctx context.Context, c *call, r *http.Request) (control.OpenDSR, error) {
	id := r.PathValue("id")
	if !uuid4.MatchString(id) {
		return control.OpenDSR{}, wrong("subject_request_id", "subject_request_id must be a UUID of version 4 in lower case")
	}
	o, found, err := s.deps.Store.OpenDSR(ctx, c.controller.ID, id)
	if err == nil && !found {
		err = &fault{http.StatusNotFound, "unknown_request", "no request was handed over under this subject_request_id"}
	}
	return o, err
}

// status answers how far a request is (8).
func (s *Server) status(ctx context.Context, c *call, r *http.Request) (int, any, error) {
	o, err := s.find(ctx, c, r)
	if err != nil {
		return 0, nil, err
	}
	b := s.standing(&o, statusOf(&o))
	b.APIVersion = c.dialect.version
	return http.StatusOK, b, nil
}

// standing is the body of a status and of a callback.
func (s *Server) standing(o *control.OpenDSR, status string) *standing {
	b := &standing{Controller: o.Controller, Expected: expected(o), ID: o.ID, Status: status, APIVersion: "2.0"}
	more := map[string]any{}
	if o.Request == (control.RequestID{}) {
		none := 0
		b.Count = &none
	} else {
		more["request"] = o.Request.String()
	}
	if o.State == control.RequestDenied {
		more["denied"] = o.Ground
	}
	if o.Duplicate {
		more["duplicate"] = true
	}
	b.Extensions = s.extension(more)
	if status == statusRunning && s.deps.Results != nil && (o.Right == control.RightAccess || o.Right == control.RightPortability) {
		b.ResultsURL = s.resultsURL(o.Controller, o.ID, s.now().Add(s.cfg.ResultsFor).Unix())
	}
	return b
}

// cancel takes a request back (9) while nothing of it is done for good: before it is
// in progress, and in the time in which an erasure may be undone.
func (s *Server) cancel(ctx context.Context, c *call, r *http.Request) (int, any, error) {
	o, err := s.find(ctx, c, r)
	if err != nil {
		return 0, nil, err
	}
	done := func() (int, any, error) {
		return http.StatusAccepted, &taken{
			Controller: o.Controller, Expected: expected(&o), Received: s.now(), ID: o.ID, APIVersion: c.dialect.version, Extensions: s.extension(nil),
		}, nil
	}
	late := &fault{http.StatusConflict, "too_late", "the request is being done, or is done: it cannot be cancelled any more"}
	switch {
	case o.State == control.RequestCancelled && !o.Duplicate:
		return done()
	case o.Request == (control.RequestID{}) || o.Duplicate || statusOf(&o) != statusPending:
		return 0, nil, late
	}
	_, err = s.deps.Requests.Act(ctx, o.Request, rights.Act{Name: "cancel", Actor: "opendsr:" + o.Controller, Note: "cancelled by OpenDSR"})
	if isLate(err) {
		return 0, nil, late
	}
	if err != nil {
		return 0, nil, err
	}
	return done()
}

// resultsURL is a link to what a request asked to be given. It needs no token, since
// whoever fetches it may have none, and is good until a time in Unix seconds.
func (s *Server) resultsURL(controller, id string, until int64) string {
	return s.at("v2", "results", url.PathEscape(controller), id) +
		fmt.Sprintf("?until=%d&t=%s", until, s.resultsToken(controller, id, until))
}

func (s *Server) resultsToken(controller, id string, until int64) string {
	sum := s.deps.Key.keyed("results", []byte(controller), []byte(id), strconv.AppendInt(nil, until, 10))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// results streams what a request asked to be given. What is cut off can be fetched
// again while the request is in progress.
func (s *Server) results(w http.ResponseWriter, r *http.Request) {
	if s.closed(w) {
		return
	}
	controller, id := r.PathValue("controller"), r.PathValue("id")
	until, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64)
	want := s.resultsToken(controller, id, until)
	gone := &fault{http.StatusNotFound, "unknown_results", "the link is wrong, or is not good any more"}
	if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(r.URL.Query().Get("t"))) != 1 || !s.now().Before(time.Unix(until, 0)) || s.deps.Results == nil {
		s.refuse(w, gone)
		return
	}
	o, found, err := s.deps.Store.OpenDSR(r.Context(), controller, id)
	if err != nil {
		s.refuseFor(r.Context(), w, err)
		return
	}
	if !found || statusOf(&o) != statusRunning {
		s.refuse(w, gone)
		return
	}
	request, found, err := s.deps.Store.Request(r.Context(), o.Request)
	if err == nil && !found {
		err = gone
	}
	if err != nil {
		s.refuseFor(r.Context(), w, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it takes as long as it takes
	out := &begun{to: w}
	err = s.deps.Results.Write(r.Context(), request, out)
	if err != nil && r.Context().Err() == nil {
		s.log.Warn("results were not given to their end", "error", err)
	}
	if err != nil && !out.yes {
		s.refuse(w, &fault{http.StatusServiceUnavailable, "unavailable", "the results cannot be given now; come back"})
	}
}

// begun is an answer with results, whose headers go with its first byte.
type begun struct {
	to  http.ResponseWriter
	yes bool
}

// Write passes bytes on.
func (b *begun) Write(p []byte) (int, error) {
	if !b.yes {
		b.yes = true
		b.to.Header().Set("Content-Type", "application/json")
		b.to.Header().Set("Content-Disposition", `attachment; filename="results.json"`)
	}
	return b.to.Write(p)
}
