package console

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/doctor"
	"zgoda/retention"
	"zgoda/stores"
)

// Retention keeps nothing for too long; retention.Job does.
type Retention interface {
	Last(ctx context.Context) (r retention.RunReport, found bool, err error)
	Look(ctx context.Context) ([]retention.Finding, error)
	Begin()
}

// Backups write a backup as a tar.
type Backups interface {
	Backup(ctx context.Context, w io.Writer) error
}

const mediaTar = "application/x-tar"

type retentionOutput struct {
	Body struct {
		Report *retention.RunReport `json:"report" doc:"of the last run; null: none was made yet"`
	}
}

type doctorOutput struct {
	Body struct {
		Past     []retention.Finding `json:"past" doc:"what is past its time"`
		Findings []lookedBody        `json:"findings" doc:"what this gateway alone can look at: the ledger's chain, tables that nobody listed, clocks"`
	}
}

// lookedBody is a doctor.Finding, under a name of its own: another type is called so.
type lookedBody doctor.Finding

// placeBody is a store.
type placeBody struct {
	Name     string    `json:"name"`
	Files    []string  `json:"files,omitempty" doc:"in the data folder"`
	Personal bool      `json:"personal"`
	Holds    string    `json:"holds"`
	How      string    `json:"how" doc:"it forgets"`
	Until    time.Time `json:"until" doc:"when the last copy is gone here of what is erased now"`
}

type storesOutput struct {
	Body struct {
		Stores []placeBody `json:"stores"`
		Until  time.Time   `json:"until" doc:"when the last copy is gone anywhere of what is erased now"`
	}
}

func (s *Server) keepingRoutes(api huma.API) {
	tags := []string{"retention"}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-stores", Method: http.MethodGet, Path: "/stores", Tags: tags, Summary: "Where something personal is kept",
		Description: "Every place where something personal is kept, how it forgets, and when the last copy is gone there of what is erased now.",
	}, operators), s.listStores)
	if s.deps.Retention != nil {
		huma.Register(api, s.operation(huma.Operation{
			OperationID: "get-retention", Method: http.MethodGet, Path: "/retention", Tags: tags, Summary: "The last run of retention",
			Description: "The report of the last run: rows past their end, contacts that were not seen for too long, rows that were given another end.",
		}, operators), s.lastRetention)
		huma.Register(api, s.operation(huma.Operation{
			OperationID: "run-retention", Method: http.MethodPost, Path: "/retention:run", Tags: tags, Summary: "Make a run of retention now",
			DefaultStatus: http.StatusAccepted, Description: "It is made beside everything else, on the gateway that is called; its report says when it is over.",
		}, []Role{RoleAdministrator, RoleDPO}), s.runRetention)
		huma.Register(api, s.operation(huma.Operation{
			OperationID: "doctor", Method: http.MethodGet, Path: "/doctor", Tags: tags, Summary: "What is past its time",
			Description: "Rows past their end, contacts that are kept though they were not seen for too long, requests past their deadline, runs that failed, files that nobody can tell whose they are; " +
				"and whether the ledger's chain holds, tables are all ours and clocks agree. It takes little more than 2 seconds at most.",
		}, operators), s.doctor)
	}
	if s.deps.Backups != nil {
		huma.Register(api, s.operation(huma.Operation{
			OperationID: "make-backup", Method: http.MethodPost, Path: "/backup", Tags: []string{"operation"}, Summary: "Back up",
			Description: "Streams a tar of the control store and of ClickHouse's tables, as far as they are this system's own; the last member, manifest.json, says what is in it. " +
				"The trailer Zgoda-Outcome is `done` when it is whole. Keys have a backup of their own: `zgoda keys backup`.",
			Responses: map[string]*huma.Response{"200": {Description: "a tar", Content: map[string]*huma.MediaType{mediaTar: {}}}},
		}, admins), s.backup)
	}
}

func (s *Server) listStores(context.Context, *struct{}) (*storesOutput, error) {
	horizon := s.deps.Horizons.Of(time.Now())
	until := map[string]time.Time{}
	for _, h := range horizon.Stores {
		until[h.Name] = h.Until
	}
	out := &storesOutput{}
	out.Body.Until = horizon.Until
	for _, p := range stores.All {
		b := placeBody{Name: p.Name, Files: p.Files, Personal: p.Personal, Holds: p.Holds, How: p.How, Until: until[p.Name]}
		out.Body.Stores = append(out.Body.Stores, b)
	}
	return out, nil
}

func (s *Server) lastRetention(ctx context.Context, _ *struct{}) (*retentionOutput, error) {
	r, found, err := s.deps.Retention.Last(ctx)
	if err != nil {
		return nil, s.failed(ctx, "read the last report", err)
	}
	out := &retentionOutput{}
	if found {
		out.Body.Report = &r
	}
	return out, nil
}

func (s *Server) runRetention(ctx context.Context, _ *struct{}) (*struct{}, error) {
	s.log.Info("a run of retention was asked for", "actor", actor(ctx))
	s.deps.Retention.Begin()
	return nil, nil
}

// lookWithin bounds what the gateway looks at when it is asked how all is.
const lookWithin = 2 * time.Second

// doctor looks. What could not be looked at is a finding too: somebody asks because
// something is away, and what hangs is left behind.
func (s *Server) doctor(ctx context.Context, _ *struct{}) (*doctorOutput, error) {
	past := make(chan []retention.Finding, 1)
	checks := append(slices.Clone(s.deps.Checks), doctor.Check{Name: "retention", Look: func(ctx context.Context) []doctor.Finding {
		list, err := s.deps.Retention.Look(ctx)
		if err != nil {
			s.log.Warn("what is past its time could not be looked for", "err", err)
			return []doctor.Finding{{
				Level: doctor.Failed, What: "what is past its time could not be looked for: ClickHouse or the control store did not answer in time",
				Do: "bring it back, then run `zgoda doctor` again",
			}}
		}
		past <- list
		return nil
	}})
	report := doctor.Run(ctx, checks, lookWithin)
	out := &doctorOutput{}
	out.Body.Past, out.Body.Findings = []retention.Finding{}, []lookedBody{}
	for _, f := range report.Findings {
		out.Body.Findings = append(out.Body.Findings, lookedBody(f))
	}
	select {
	case list := <-past:
		out.Body.Past = append(out.Body.Past, list...)
	default: // a finding says so
	}
	return out, nil
}

func (s *Server) backup(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	s.log.Info("a backup was asked for", "actor", actor(ctx))
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // huma.Context carries the request's
		w, raw := s.streamed(hctx, mediaTar)
		err := s.deps.Backups.Backup(hctx.Context(), w)
		w.deadline(w.write)
		if err != nil {
			s.log.Warn("the backup was not made", "err", err)
		}
		if err != nil && !w.begun {
			sendProblem(hctx, problem(http.StatusServiceUnavailable, "no backup can be made now: "+err.Error()))
			return
		}
		w.begin()
		raw.Header().Set(TrailerOutcome, "failed")
		if err != nil {
			raw.Header().Set(TrailerError, `"the backup was not read to its end"`)
			return
		}
		raw.Header().Set(TrailerOutcome, "done")
	}}, nil
}
