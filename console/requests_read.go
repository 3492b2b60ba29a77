package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
)

func (s *Server) requestReadRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-requests", Method: http.MethodGet, Path: "/requests",
		Tags: []string{"requests"}, Summary: "Requests of data subjects, the nearest deadline first",
	}, operators), s.listRequests)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "show-request", Method: http.MethodGet, Path: "/requests/{request}",
		Tags: []string{"requests"}, Summary: "A request with its tasks, its reviewers and its history",
		Errors: []int{http.StatusNotFound},
	}, operators), s.showRequest)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "request-states", Method: http.MethodPost, Path: "/requests:states",
		Tags: []string{"requests"}, Summary: "How far many requests are",
		Description: "Of those that there are; in no order.",
	}, operators), s.requestStates)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "request-queue", Method: http.MethodGet, Path: "/requests:queue",
		Tags: []string{"requests"}, Summary: "How far erasures under way are",
	}, operators), s.requestQueue)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-nodes", Method: http.MethodGet, Path: "/nodes",
		Tags: []string{"requests"}, Summary: "The gateways whose acknowledgement erasures wait for",
	}, operators), s.listNodes)
}

type requestsInput struct {
	Site    string `query:"site" maxLength:"64"`
	Right   string `query:"right" doc:"several are separated by commas"`
	State   string `query:"state" doc:"several are separated by commas; open: all that are not over"`
	Contact string `query:"contact" maxLength:"28" doc:"the consent handle of a contact or visitor"`
	After   string `query:"after" maxLength:"28" doc:"the last request of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1024" default:"100"`
}

// words reads which rights and states are asked for. One that there is not is refused:
// nobody is to take a slip for "there are none".
func (in *requestsInput) words(q *control.RequestQuery) error {
	for name := range strings.SplitSeq(in.Right, ",") {
		switch right := control.Right(name); {
		case name == "":
		case !slices.Contains(rights.Rights, right):
			return wrong("query.right", "expected rights that there are, separated by commas")
		default:
			q.Rights = append(q.Rights, right)
		}
	}
	for name := range strings.SplitSeq(in.State, ",") {
		switch state := control.RequestState(name); {
		case name == "":
		case name == "open":
			q.States = append(q.States, rights.OpenStates()...)
		case !slices.Contains(control.RequestStates, state):
			return wrong("query.state", "expected states that there are, separated by commas, or open")
		default:
			q.States = append(q.States, state)
		}
	}
	return nil
}

type requestsOutput struct {
	Body struct {
		Requests []RequestBody `json:"requests"`
	}
}

func (s *Server) listRequests(ctx context.Context, in *requestsInput) (*requestsOutput, error) {
	q := control.RequestQuery{Site: event.SiteID(in.Site), Limit: in.Limit}
	err := in.words(&q)
	if err != nil {
		return nil, err
	}
	if in.Contact != "" {
		if q.Handle, err = event.ParseHandle(in.Contact); err != nil || q.Handle.IsZero() {
			return nil, wrong("query.contact", "expected c_ or v_ and 26 letters")
		}
	}
	if in.After != "" {
		if q.AfterID, err = readRequestID("query.after", in.After); err != nil {
			return nil, err
		}
		last, found, err := s.deps.RequestStore.Request(ctx, q.AfterID)
		switch {
		case err != nil:
			return nil, s.failed(ctx, "list the requests", err)
		case !found:
			return nil, wrong("query.after", "expected a request that there is")
		}
		q.AfterDeadline = last.Deadline
	}
	list, err := s.deps.RequestStore.Requests(ctx, q)
	if err != nil {
		return nil, s.failed(ctx, "list the requests", err)
	}
	out := &requestsOutput{}
	out.Body.Requests = make([]RequestBody, len(list))
	for i := range list {
		out.Body.Requests[i] = NewRequestBody(&list[i])
	}
	return out, nil
}

type showOutput struct {
	Body struct {
		RequestBody
		Place   *int64           `json:"queue_place,omitempty" doc:"how many erasures come before it"`
		Tasks   []taskBody       `json:"tasks"`
		Reviews []reviewBody     `json:"reviews"`
		History []requestActBody `json:"history" doc:"oldest first"`
	}
}

type taskBody struct {
	Name     string     `json:"name"`
	State    string     `json:"state" enum:"waiting,done,failed,signed_off"`
	Before   *int64     `json:"rows_before,omitempty"`
	After    *int64     `json:"rows_after,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	Verified *time.Time `json:"verified,omitempty"`
	Actor    string     `json:"actor,omitempty"`
	Note     string     `json:"note,omitempty"`
}

type reviewBody struct {
	Reviewer string    `json:"reviewer"`
	At       time.Time `json:"at"`
	Word     string    `json:"word"`
}

type requestActBody struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Act   string    `json:"act"`
	From  string    `json:"from,omitempty"`
	To    string    `json:"to"`
	Note  string    `json:"note,omitempty"`
}

func (s *Server) showRequest(ctx context.Context, in *RequestPath) (*showOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	out, err := s.readRequest(ctx, id)
	if err != nil {
		return nil, s.requestFailed(ctx, "show the request", err)
	}
	return out, nil
}

func (s *Server) readRequest(ctx context.Context, id control.RequestID) (*showOutput, error) {
	r, found, err := s.deps.RequestStore.Request(ctx, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, rights.ErrRequest
	}
	out := &showOutput{}
	out.Body.RequestBody = NewRequestBody(&r)
	place, err := s.deps.RequestStore.QueuePlace(ctx, &r)
	if err != nil {
		return nil, err
	}
	out.Body.Place = counted(place)
	tasks, err := s.deps.RequestStore.Tasks(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Body.Tasks = make([]taskBody, len(tasks))
	for i, t := range tasks {
		out.Body.Tasks[i] = taskBody{t.Name, t.State, counted(t.Before), counted(t.After), t.Attempts, given(t.Verified), t.Actor, t.Note}
	}
	reviews, err := s.deps.RequestStore.Reviews(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Body.Reviews = make([]reviewBody, len(reviews))
	for i, v := range reviews {
		out.Body.Reviews[i] = reviewBody(v)
	}
	history, err := s.deps.RequestStore.RequestHistory(ctx, id)
	if err != nil {
		return nil, err
	}
	out.Body.History = make([]requestActBody, len(history))
	for i, h := range history {
		out.Body.History[i] = requestActBody{h.At, h.Actor, h.Act, string(h.From), string(h.To), h.Note}
	}
	return out, nil
}

// counted is nil for what was not counted.
func counted(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

type statesInput struct {
	Body struct {
		Requests []string `json:"requests" minItems:"1" maxItems:"1024"`
	}
}

type statesOutput struct {
	Body struct {
		Requests []requestState `json:"requests"`
	}
}

type requestState struct {
	Request string `json:"request"`
	State   string `json:"state"`
	Step    string `json:"step,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (s *Server) requestStates(ctx context.Context, in *statesInput) (*statesOutput, error) {
	ids := make([]control.RequestID, len(in.Body.Requests))
	for i, text := range in.Body.Requests {
		var err error
		if ids[i], err = readRequestID("body.requests", text); err != nil {
			return nil, err
		}
	}
	list, err := s.deps.RequestStore.Requests(ctx, control.RequestQuery{IDs: ids})
	if err != nil {
		return nil, s.failed(ctx, "look at the requests", err)
	}
	out := &statesOutput{}
	out.Body.Requests = make([]requestState, len(list))
	for i := range list {
		r := &list[i]
		out.Body.Requests[i] = requestState{r.ID.String(), string(r.State), string(r.Step), r.Error}
	}
	return out, nil
}

type queueOutput struct {
	Body struct {
		Waiting int64       `json:"waiting" doc:"erasures under way"`
		Late    int64       `json:"late" doc:"of them, those whose rows are there for longer than rights.limit"`
		Steps   []queueBody `json:"steps" doc:"by the last step that is done"`
	}
}

type queueBody struct {
	Step     string    `json:"step"`
	Requests int64     `json:"requests"`
	Oldest   time.Time `json:"oldest" doc:"when the first of them was received"`
	Deadline time.Time `json:"deadline" doc:"the nearest"`
	Failing  int64     `json:"failing" doc:"of them, those whose last try failed"`
	Error    string    `json:"error,omitempty" doc:"of one of these, what is waited for or wrong"`
}

func (s *Server) requestQueue(ctx context.Context, _ *struct{}) (*queueOutput, error) {
	steps, err := s.deps.RequestStore.Queue(ctx)
	if err != nil {
		return nil, s.failed(ctx, "read the queue", err)
	}
	out := &queueOutput{}
	if out.Body.Late, err = s.deps.Requests.Late(ctx); err != nil {
		return nil, s.failed(ctx, "read the queue", err)
	}
	out.Body.Steps = make([]queueBody, len(steps))
	for i, q := range steps {
		out.Body.Steps[i] = queueBody{string(q.Step), q.Count, q.Oldest, q.Deadline, q.Failing, q.Error}
		out.Body.Waiting += q.Count
	}
	return out, nil
}

type nodesOutput struct {
	Body struct {
		Nodes []nodeBody `json:"nodes"`
	}
}

type nodeBody struct {
	Node    string         `json:"node"`
	Seen    time.Time      `json:"seen"`
	Through event.Sequence `json:"through" doc:"every change of the control store up to it is enforced there"`
	Gone    bool           `json:"gone"`
}

func (s *Server) listNodes(ctx context.Context, _ *struct{}) (*nodesOutput, error) {
	nodes, err := s.deps.RequestStore.Nodes(ctx)
	if err != nil {
		return nil, s.failed(ctx, "list the gateways", err)
	}
	out := &nodesOutput{}
	out.Body.Nodes = make([]nodeBody, len(nodes))
	for i, n := range nodes {
		out.Body.Nodes[i] = nodeBody{string(n.Name), n.Seen, n.Through, n.Gone}
	}
	return out, nil
}
