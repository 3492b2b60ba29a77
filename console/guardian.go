package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/guardian"
	"zgoda/subjects"
)

// Writer finds or makes many contacts at once, and writes entries of the ledger
// that are enforced when it returns; subjects.Directory is one.
type Writer interface {
	MakeAll(ctx context.Context, site event.SiteID, names []subjects.Name, out []event.Handle, bad []error) error
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

type guardianInput struct {
	ContactPath
	Purpose string `path:"purpose" maxLength:"64" doc:"the purpose's id"`
	Body    struct {
		Born     string `json:"born" format:"date" doc:"the minor's date of birth, used to find when the grant lapses and kept nowhere" example:"2014-05-01"`
		Country  string `json:"country,omitempty" pattern:"^[A-Z]{2}$" doc:"where the minor lives (ISO 3166-1); left out: not known, and the age of 16 counts"`
		Verified string `json:"verified" minLength:"3" maxLength:"500" doc:"who the guardian is to the minor, and how that was verified; kept with the ledger entry"`
		Channel  string `json:"channel,omitempty" pattern:"^[a-z][a-z0-9_-]{0,31}$" default:"operator"`
	}
}

type guardianOutput struct {
	Body struct {
		EnforcedBody
		Purpose string `json:"purpose"`
		Until   string `json:"until" doc:"the first day on which the grant does not count any more"`
	}
}

func (s *Server) guardianRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "grant-as-guardian", Method: http.MethodPost, Path: "/sites/{site}/contacts/{contact}/consents/{purpose}:guardian",
		Tags: []string{"consents"}, Summary: "Record a guardian's grant for a minor",
		Description: "Records that the contact is a minor, and the grant with how the guardian was verified. It lapses at the national age (GDPR Art. 8).",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.guardian)
}

func (s *Server) guardian(ctx context.Context, in *guardianInput) (*guardianOutput, error) {
	start := time.Now()
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	i := policy.Find(event.PurposeID(in.Purpose))
	if i < 0 || s.deps.Writer == nil {
		return nil, problem(http.StatusNotFound, "the site has no such purpose")
	}
	p := &policy.Purposes[i]
	born, err := time.Parse(time.DateOnly, in.Body.Born)
	if err != nil {
		return nil, wrong("body.born", "must be a day as 2014-05-01")
	}
	entries, err := guardian.Entries(p, ledger.Entry{
		Site: policy.Site, Subject: h, Purpose: p.ID, PurposeVersion: p.Version, TextHash: p.TextHash, Proof: ledger.ProofKey,
		Channel: in.Body.Channel, Actor: actor(ctx), At: start.UTC().Truncate(time.Microsecond),
	}, guardian.Minor{Born: born, Country: in.Body.Country}, masked(in.Body.Verified), time.Time{})
	switch {
	case errors.Is(err, guardian.ErrBorn), errors.Is(err, guardian.ErrNoMinor):
		return nil, wrong("body.born", err.Error())
	case err != nil:
		return nil, wrong("path.purpose", err.Error())
	}
	seq, err := s.deps.Writer.Write(ctx, entries...)
	if err != nil {
		return nil, s.failed(ctx, "record the guardian's grant", err)
	}
	out := &guardianOutput{}
	out.Body.Purpose, out.Body.Until = in.Purpose, entries[len(entries)-1].Until.Format(time.DateOnly)
	out.Body.EnforcedBody = EnforcedBody{in.name(h), seq, time.Since(start).Seconds()}
	return out, nil
}
