package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// Corrections end requests of rectification: rights.Service does.
type Corrections interface {
	Finish(ctx context.Context, id control.RequestID, tasks []control.Task) error
}

// ToldOf tells recipients which data were corrected; notice.Service does.
type ToldOf interface {
	TellChanges(ctx context.Context, r control.Request, names []string) error
}

func (s *Server) correctRoutes(api huma.API) {
	if s.deps.Corrections == nil || s.deps.Requests == nil || s.deps.RequestStore == nil || s.deps.People == nil {
		return
	}
	const more = "Rectification (GDPR Art. 16): opens a request, corrects or completes data, takes wrong ones away, and tells recipients which (Art. 19). " +
		"A datum with an id takes the place of that one; an identifier that was corrected leads to the contact no more, the new one does. Data are put first, all or none, then those to be removed are taken away. " +
		"202: the request waits for a reviewer; it is called again with the request then."
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "correct-contact", Method: http.MethodPost, Path: "/sites/{site}/contacts:correct", MaxBodyBytes: maxData,
		Tags: []string{"requests", "data"}, Summary: "Correct what is kept of a contact", Description: more,
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.correctContact)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "correct-by-handle", Method: http.MethodPatch, Path: "/sites/{site}/contacts/{contact}", MaxBodyBytes: maxData,
		Tags: []string{"requests", "data"}, Summary: "Correct what is kept of a contact, by its handle", Description: more,
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.correctByHandle)
}

// CorrectionBody says what is to be corrected.
type CorrectionBody struct {
	ReasonBody
	Revision uint64      `json:"revision,omitempty" doc:"of what was shown; left out: whatever there is"`
	Data     []DatumBody `json:"data,omitempty" maxItems:"1000" doc:"with an id: in its place; without: completes what is there"`
	Remove   []int64     `json:"remove,omitempty" maxItems:"1000" doc:"ids of data that are wrong altogether"`
	Request  string      `json:"request,omitempty" maxLength:"28" doc:"a request of rectification about the contact that is in progress; left out: one is opened"`
}

type correctInput struct {
	SitePath
	Body struct {
		PersonBody
		CorrectionBody
	}
}

type correctHandleInput struct {
	ContactPath
	Body CorrectionBody
}

type correctOutput struct {
	Status int
	Body   struct {
		Contact  string  `json:"contact"`
		Request  string  `json:"request"`
		State    string  `json:"state" doc:"of the request"`
		IDs      []int64 `json:"ids,omitempty" doc:"of the data, in their order"`
		Revision uint64  `json:"revision,omitempty"`
	}
}

func (s *Server) correctContact(ctx context.Context, in *correctInput) (*correctOutput, error) {
	return s.correct(ctx, in.Site, in.Body.PersonBody, &in.Body.CorrectionBody)
}

func (s *Server) correctByHandle(ctx context.Context, in *correctHandleInput) (*correctOutput, error) {
	return s.correct(ctx, in.Site, PersonBody{Contact: in.Contact}, &in.Body)
}

func (s *Server) correct(ctx context.Context, site string, of PersonBody, in *CorrectionBody) (*correctOutput, error) {
	if len(in.Data)+len(in.Remove) == 0 {
		return nil, wrong("body", "names data to correct or to remove")
	}
	data := make([]pseudonym.Datum, len(in.Data))
	for i := range in.Data {
		var err error
		if data[i], err = in.Data[i].read(i); err != nil {
			return nil, err
		}
	}
	acting := because(ctx, in.Reason)
	w, err := s.find(acting, site, of)
	if err != nil {
		return nil, err
	}
	r, err := s.correction(acting, site, w, in)
	if err != nil {
		return nil, err
	}
	out := &correctOutput{Status: http.StatusOK}
	out.Body.Contact, out.Body.Request, out.Body.State = w.name(), r.ID.String(), string(r.State)
	if r.State != control.RequestRunning {
		out.Status = http.StatusAccepted
		return out, nil
	}
	names, err := s.namesOf(acting, w, data, in.Remove)
	if err == nil {
		out.Body.IDs, out.Body.Revision, err = s.putCorrection(acting, site, w, data, in)
	}
	if err != nil {
		return nil, s.uncorrected(ctx, r, in.Request == "", len(out.Body.IDs) > 0, err)
	}
	s.heed(ctx, event.SiteID(site), data)
	out.Body.State, err = s.corrected(context.WithoutCancel(ctx), r, names) // it is done, whoever called has gone or not
	return out, err
}

// correction returns the request that a correction answers.
func (s *Server) correction(ctx context.Context, site string, w who, in *CorrectionBody) (control.Request, error) {
	if in.Request == "" {
		r, err := s.deps.Requests.Open(ctx, rights.Opening{
			Site: event.SiteID(site), Right: control.RightRectification, Who: rights.Who{Ref: w.ref}, Origin: "operator", Proof: "operator",
			Actor: actor(ctx), Reason: in.Reason, Known: true,
		})
		if err != nil {
			return r, s.requestFailed(ctx, "open the request", err)
		}
		return r, nil
	}
	r, err := s.requestOf(ctx, "body.request", in.Request)
	switch {
	case err != nil:
		return r, err
	case r.Right != control.RightRectification || r.Handle != w.handle || r.Site != event.SiteID(site):
		return r, wrong("body.request", "expected a request of rectification about this contact")
	case !r.State.Open():
		return r, problem(http.StatusConflict, "the request is over")
	}
	return r, nil
}

// namesOf are the names of what changes, never the values: recipients are told which
// data to ask for. What is to be taken away has to be there, before anything is put.
func (s *Server) namesOf(ctx context.Context, w who, data []pseudonym.Datum, remove []int64) (names []string, err error) {
	name := func(d *pseudonym.Datum) string {
		if d.Kind != event.KindUnknown {
			return d.Kind.String()
		}
		return d.Name
	}
	seen := map[string]bool{}
	add := func(n string) {
		if !seen[n] {
			seen[n], names = true, append(names, n)
		}
	}
	for i := range data {
		add(name(&data[i]))
	}
	if len(remove) == 0 {
		return names, nil
	}
	revealed, err := s.deps.People.Reveal(ctx, w.ref, nil)
	if err != nil {
		return nil, err
	}
	for _, id := range remove {
		i := slices.IndexFunc(revealed.Data, func(d pseudonym.Datum) bool { return d.ID == id })
		if i < 0 {
			return nil, pseudonym.ErrNotFound
		}
		add(name(&revealed.Data[i]))
	}
	return names, nil
}

// putCorrection puts what is right before it takes away what is wrong: the last
// identifier that leads to a contact stays. The second is on the revision of the first.
func (s *Server) putCorrection(ctx context.Context, site string, w who, data []pseudonym.Datum, in *CorrectionBody) (ids []int64, now uint64, err error) {
	now = in.Revision
	if len(data) > 0 {
		if ids, now, err = s.deps.People.Put(ctx, w.ref, event.SiteID(site), data, now); err != nil {
			return nil, 0, err
		}
	}
	if len(in.Remove) > 0 {
		now, err = s.deps.People.Remove(ctx, w.ref, in.Remove, nil, now)
	}
	return ids, now, err // with ids and an error: half of it is done
}

// uncorrected answers for a correction that was not done, or half of it. A request that
// was opened for it is ended when the data were refused; otherwise it stays, to be
// called again with.
func (s *Server) uncorrected(ctx context.Context, r control.Request, opened, half bool, err error) error {
	answer := s.peopleFailed(ctx, "correct the data", err)
	var p *Problem
	if !opened || half || !errors.As(answer, &p) || p.Status == http.StatusServiceUnavailable {
		if p != nil && half {
			p.Detail += "; data were put, and nothing was taken away"
		}
		if p != nil && opened {
			p.Detail += "; the request " + r.ID.String() + " stays open"
		}
		return answer
	}
	for _, name := range []string{"pause", "cancel"} {
		if _, err := s.deps.Requests.Act(ctx, r.ID, rights.Act{Name: name, Actor: actor(ctx), Note: "the correction was refused"}); err != nil {
			s.log.Warn("a request whose correction was refused stays open", "request", r.ID.String(), "error", err)
			break
		}
	}
	return answer
}

// corrected tells recipients and ends the request.
func (s *Server) corrected(ctx context.Context, r control.Request, names []string) (state string, err error) {
	if s.deps.ToldOf != nil {
		if err := s.deps.ToldOf.TellChanges(ctx, r, names); err != nil {
			return "", s.failed(ctx, "tell the recipients of the correction, which is done; call it again with its request", err)
		}
	}
	task := control.Task{Name: "keyholder", State: control.TaskDone, Before: -1, After: -1, Verified: time.Now().UTC().Truncate(time.Microsecond), Actor: actor(ctx)}
	if err := s.deps.Corrections.Finish(ctx, r.ID, []control.Task{task}); err != nil {
		return "", s.requestFailed(ctx, "end the request of the correction, which is done", err)
	}
	now, _, err := s.deps.RequestStore.Request(ctx, r.ID)
	if err != nil {
		return "", s.failed(ctx, "read the request", err)
	}
	return string(now.State), nil
}
