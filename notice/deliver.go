package notice

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

const (
	dueAtOnce = 64
	// holdFor is longer than a try can take: nobody else takes the notice meanwhile.
	holdFor    = 2 * time.Minute
	sweepEvery = time.Hour
)

// Run delivers what is due until ctx ends. Several nodes may run.
func (s *Service) Run(ctx context.Context) error {
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	defer s.deps.Client.CloseIdleConnections()
	var swept time.Time
	for {
		full, err := s.round(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("notices were not looked at", "error", err)
		}
		if now := s.now(); now.Sub(swept) >= sweepEvery {
			swept = now
			if err := s.deps.Store.SweepNotices(ctx, now.Add(-s.cfg.Keep)); err != nil && ctx.Err() == nil {
				s.log.Warn("old notices stay", "error", err)
			}
		}
		if full && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
		case <-s.wake:
		}
	}
}

// round tries what is due, and says whether there may be more.
func (s *Service) round(ctx context.Context) (full bool, err error) {
	now := s.now()
	due, err := s.deps.Store.DueNotices(ctx, now, now.Add(holdFor), dueAtOnce)
	if err != nil {
		return false, err
	}
	var work errgroup.Group
	work.SetLimit(s.cfg.Workers)
	for i := range due {
		work.Go(func() error { return s.try(ctx, due[i]) })
	}
	err = errors.Join(work.Wait(), s.tellSettled(ctx))
	if waiting, countErr := s.deps.Store.CountNotices(ctx); countErr == nil {
		s.metrics.waiting.Set(float64(waiting))
	}
	return len(due) == dueAtOnce, err
}

// try makes one try and writes what came of it.
func (s *Service) try(ctx context.Context, n control.Notice) error {
	state, answer := s.send(ctx, n)
	if errors.Is(ctx.Err(), context.Canceled) { // the end of the process is nobody's failure; it is tried again
		return nil
	}
	now := s.now()
	n.State, n.Answer = state, answer
	if state == control.NoticeWaiting {
		n.Next = now.Add(wait(n.Attempts, s.cfg.First, s.cfg.Most))
		if n.Next.After(n.Until) {
			n.State = control.NoticeFailed
		}
		s.metrics.tries.WithLabelValues("failed").Inc()
	}
	if n.State != control.NoticeWaiting {
		n.End = now
	}
	if n.State == control.NoticeFailed {
		s.metrics.failed.Inc()
		s.log.Warn("a notice is given up; somebody has to tell by hand", "kind", n.Kind, "request", n.Request.String(), "attempts", n.Attempts, "class", answer)
	}
	if n.State == control.NoticeDelivered {
		s.metrics.tries.WithLabelValues("delivered").Inc()
	}
	if n.Kind == control.NoticeArt19 {
		if err := s.note(ctx, &n); err != nil {
			return err // the notice is taken again, and then the task is written
		}
	}
	if err := s.deps.Store.SettleNotice(ctx, n); err != nil {
		return err
	}
	if n.Kind == control.NoticeArt19 && n.State != control.NoticeWaiting {
		s.mu.Lock()
		s.settled[n.Request] = true
		s.mu.Unlock()
	}
	return nil
}

// tellSettled says of which requests a recipient was told. What fails is said again;
// what a crash loses is found when the work on the request is looked at after the
// start.
func (s *Service) tellSettled(ctx context.Context) error {
	s.mu.Lock()
	ids := slices.Collect(maps.Keys(s.settled))
	s.mu.Unlock()
	for _, id := range ids {
		if s.deps.Settled != nil {
			if err := s.deps.Settled(ctx, id); err != nil {
				return fmt.Errorf("say that recipients of a request were told: %w", err)
			}
		}
		s.mu.Lock()
		delete(s.settled, id)
		s.mu.Unlock()
	}
	return nil
}

// note writes the recipient's task as it is now, unless somebody signed it off.
func (s *Service) note(ctx context.Context, n *control.Notice) error {
	t := taskOf(n)
	tasks, err := s.deps.Store.Tasks(ctx, n.Request)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(tasks, func(has control.Task) bool { return has.Name == t.Name && has.State == control.TaskSignedOff }) {
		return nil
	}
	return s.deps.Store.PutTasks(ctx, []control.Task{t})
}

// send makes the call and returns the state that it leads to, and a class.
func (s *Service) send(ctx context.Context, n control.Notice) (state, answer string) {
	sender := s.senders[n.Kind]
	if sender == nil {
		return control.NoticeWaiting, "not_configured"
	}
	r, outcome, err := sender.Request(ctx, n)
	switch {
	case err != nil:
		return control.NoticeWaiting, classOf(err)
	case outcome.State != "":
		return outcome.State, outcome.Answer
	}
	answered, err := s.deps.Client.Do(r)
	if err != nil {
		return control.NoticeWaiting, Class(err)
	}
	_, _ = io.CopyN(io.Discard, answered.Body, 4<<10) // so that the connection can be used again
	_ = answered.Body.Close()
	answer = fmt.Sprintf("http_%d", answered.StatusCode)
	switch {
	case answered.StatusCode/100 == 2:
		return control.NoticeDelivered, answer
	case answered.StatusCode == http.StatusGone:
		return control.NoticeFailed, answer
	}
	return control.NoticeWaiting, answer
}

// wait doubles from try to try, and differs by a fifth, so that many do not come
// back together.
func wait(attempts int, first, most time.Duration) time.Duration {
	d := first << min(max(attempts-1, 0), 30)
	if d <= 0 || d > most {
		d = most
	}
	return d*9/10 + rand.N(d/5+1) //nolint:gosec // when to come back is no secret
}

// Class says in one word why a call failed, without a word of others.
func Class(err error) string {
	var unknown *tls.CertificateVerificationError
	var name *net.DNSError
	var late net.Error
	switch {
	case errors.Is(err, ErrHost), errors.Is(err, ErrScheme):
		return "host_not_named"
	case errors.Is(err, ErrAddress):
		return "private_address"
	case errors.As(err, &unknown):
		return "certificate"
	case errors.As(err, &name):
		return "name"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	}
	return "connection"
}

// errGone says that the recipient is not in the configuration any more.
var errGone = errors.New("the recipient is not configured any more")

// classOf says why a notice could not be written.
func classOf(err error) string {
	if errors.Is(err, errGone) {
		return "not_configured"
	}
	return "keyholder"
}

// art19 writes the notices of recipients.
type art19 struct{ s *Service }

// Request asks the keyholder what the recipient knows the person by.
func (a *art19) Request(ctx context.Context, n control.Notice) (*http.Request, Outcome, error) {
	at := slices.IndexFunc(a.s.cfg.Recipients, func(r Recipient) bool { return r.Name == n.Recipient })
	if at < 0 {
		return nil, Outcome{}, errGone
	}
	to := &a.s.cfg.Recipients[at]
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: "Art. 19: " + n.Request.String()})
	data, err := a.s.deps.Keys.CaseIdentifiers(ctx, n.Request, to.Kinds, to.Name)
	if errors.Is(err, pseudonym.ErrNotFound) {
		return nil, Outcome{control.NoticeFailed, "case_closed"}, nil
	}
	if err != nil {
		return nil, Outcome{}, err
	}
	body, some, err := withIdentifiers(n.Body, to.Kinds, data)
	if err != nil {
		return nil, Outcome{}, err
	}
	if !some {
		return nil, Outcome{control.NoticeNothing, control.NoticeNothing}, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return nil, Outcome{}, errGone // its URL was read when the service was made
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "zgoda")
	r.Header.Set(HeaderNotice, uuid(n.ID))
	r.Header.Set(HeaderSignature, Signature(to.Secret, a.s.now(), body))
	return r, Outcome{}, nil
}

// withIdentifiers returns the body with what the recipient knows the person by, and
// whether there is anything.
func withIdentifiers(kept string, kinds []event.IdentifierKind, data []pseudonym.Datum) (body []byte, some bool, err error) {
	var t told
	if err := json.NewDecoder(strings.NewReader(kept)).Decode(&t); err != nil {
		return nil, false, fmt.Errorf("read the notice: %w", err)
	}
	for i := range data {
		if slices.Contains(kinds, data[i].Kind) {
			t.Identifiers = append(t.Identifiers, identifier{data[i].Kind.String(), data[i].Value})
		}
	}
	if len(t.Identifiers) == 0 {
		return nil, false, nil
	}
	body, err = json.Marshal(t)
	return body, true, err
}
