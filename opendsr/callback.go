package opendsr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"zgoda/control"
	"zgoda/notice"
	"zgoda/rights"
)

// toTellAtOnce bounds one look.
const toTellAtOnce = 256

// Run looks for requests whose status is another, and lets it be told, until ctx
// ends. Several nodes may run.
func (s *Server) Run(ctx context.Context) error {
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	for {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the statuses of requests of other systems were not looked at", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		}
	}
}

func (s *Server) look(ctx context.Context) error {
	for {
		list, err := s.deps.Store.OpenDSRToTell(ctx, statuses, toTellAtOnce)
		if err != nil {
			return err
		}
		for i := range list {
			o := &list[i]
			status := statusOf(o)
			tell, err := s.notices(o, status)
			if err != nil {
				return err
			}
			if err := s.deps.Store.TellOpenDSR(ctx, o.Controller, o.ID, o.Status, status, tell); err != nil {
				return err
			}
		}
		if len(list) > 0 && s.deps.Wake != nil {
			s.deps.Wake()
		}
		if len(list) < toTellAtOnce {
			return nil
		}
	}
}

// notices are the callbacks that tell a status, one for each URL and status.
func (s *Server) notices(o *control.OpenDSR, status string) (list []control.Notice, err error) {
	now := s.now()
	for _, address := range o.Callbacks {
		b := kept{standing: *s.standing(o, status)}
		b.Callback = address
		if b.ResultsURL != "" { // a link that opens what is held of a person is in no outbox
			b.ResultsURL, b.Results = "", s.now().Add(s.cfg.ResultsFor).Unix()
		}
		body, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		id := s.deps.Key.keyed("callback", []byte(o.Controller), []byte(o.ID), []byte(status), []byte(address))
		n := control.Notice{
			Kind: control.NoticeOpenDSR, Request: o.Request, Recipient: address, Body: string(body), Next: now, Until: now.Add(s.cfg.GiveUp),
		}
		copy(n.ID[:], id[:])
		list = append(list, n)
	}
	return list, nil
}

// kept is a callback as it lies in the outbox: without the link to results, but with
// until when that is good, from which it is made anew, the same at each try.
type kept struct {
	standing
	Results int64 `json:"results_until,omitempty"` // Unix seconds
}

// body is what a callback tells.
func (s *Server) body(n *control.Notice) ([]byte, error) {
	var k kept
	if err := json.Unmarshal([]byte(n.Body), &k); err != nil {
		return nil, fmt.Errorf("read the callback: %w", err)
	}
	if k.Results != 0 {
		k.ResultsURL = s.resultsURL(k.Controller, k.ID, k.Results)
	}
	return json.Marshal(&k.standing)
}

// Request writes a callback, for notice.Service.
func (s *Server) Request(ctx context.Context, n control.Notice) (*http.Request, notice.Outcome, error) {
	body, err := s.body(&n)
	if err != nil {
		return nil, notice.Outcome{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Recipient, bytes.NewReader(body))
	if err != nil {
		return nil, notice.Outcome{}, err // it is tried until it is given up: the URL was checked when it was taken
	}
	header, err := s.headers(dialects[0], body)
	if err != nil {
		return nil, notice.Outcome{}, err
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "zgoda")
	return r, notice.Outcome{}, nil
}

// isLate says whether an act came too late.
func isLate(err error) bool {
	return errors.Is(err, rights.ErrTooLate) || errors.Is(err, rights.ErrTransition)
}
