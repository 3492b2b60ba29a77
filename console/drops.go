package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/event"
)

type dropsInput struct {
	SitePath
	Body struct {
		MessageID string `json:"messageId" minLength:"1" maxLength:"99" doc:"as the client sent it"`
	}
}

type dropsOutput struct {
	Body struct {
		Found   []foundDrop `json:"found" doc:"the newest first, 16 at most"`
		Sampled bool        `json:"sampled" doc:"an event of this messageId would have been kept ever since; if not, that none was found says nothing"`
		OneIn   int         `json:"one_in" doc:"of how many such events one is kept now; 0 where none is"`
		Since   *time.Time  `json:"since,omitempty" doc:"from when on this is about all there was"`
		Words   string      `json:"words" doc:"the same in a sentence"`
	}
}

type foundDrop struct {
	Time     time.Time      `json:"time"`
	Fate     string         `json:"fate" enum:"dropped,narrowed" doc:"not stored, or stored for less than all purposes"`
	Reason   string         `json:"reason,omitempty" doc:"why it was not stored, in the words of the metrics: erased is also somebody who was erased after it happened"`
	Scope    string         `json:"scope,omitempty" enum:"none,period,person" doc:"of the row, where it was stored"`
	Policy   uint32         `json:"policy_version" doc:"the policy's revision that it was decided by"`
	Told     string         `json:"told" doc:"X-Consent-Decision, as whoever sent it was told if it came alone"`
	Purposes []foundPurpose `json:"purposes" doc:"empty when the policy has changed since"`
}

type foundPurpose struct {
	Purpose string `json:"purpose"`
	Outcome string `json:"outcome" enum:"deny,allow"`
	By      string `json:"by" doc:"who decided"`
}

func (s *Server) dropRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "find-drops", Method: http.MethodPost, Path: "/sites/{site}/drops:find",
		Tags: []string{"decisions"}, Summary: "Why an event was not stored",
		Description: "Looks for recent events of a messageId that were dropped, or stored for less than all purposes. A bounded sample is kept, in memory, without content.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.findDrops)
}

func (s *Server) findDrops(_ context.Context, in *dropsInput) (*dropsOutput, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	var answer reasons.Answer
	if s.deps.Drops != nil {
		answer = s.deps.Drops.Find(event.SiteID(in.Site), []byte(in.Body.MessageID))
	}
	out := &dropsOutput{}
	out.Body.Found = make([]foundDrop, 0, len(answer.Found))
	for i := range answer.Found {
		out.Body.Found = append(out.Body.Found, viewDrop(policy, &answer.Found[i]))
	}
	out.Body.Sampled, out.Body.OneIn = answer.Sampled, answer.OneIn
	if !answer.Since.IsZero() {
		out.Body.Since = &answer.Since
	}
	out.Body.Words = dropWords(&answer)
	return out, nil
}

// dropWords says what an answer comes to.
func dropWords(a *reasons.Answer) string {
	switch {
	case a.OneIn == 0:
		return "No reasons are kept here (kept_reasons is 0)."
	case len(a.Found) > 0:
		return "Events of this messageId were decided as follows, the newest first."
	case !a.Sampled:
		return "Nothing was found, and this messageId does not belong to the sample that is kept, so it may have been dropped all the same."
	case a.Since.IsZero():
		return "Nothing was found: no event was dropped or narrowed since the gateway started."
	default:
		return "Nothing was found: no such event was dropped or narrowed on this node since " + a.Since.Format(time.RFC3339) + "."
	}
}

func viewDrop(policy *consent.Policy, d *reasons.Decided) foundDrop {
	v := foundDrop{Time: d.At, Fate: d.Fate.String(), Policy: d.Revision, Purposes: []foundPurpose{}}
	if d.Reason != event.ReasonNone {
		v.Reason = d.Reason.String()
	}
	if d.Fate == reasons.Narrowed {
		v.Scope = d.Scope.String()
	}
	if d.Revision != policy.Revision {
		return v
	}
	var told []string
	for i := range min(d.Purposes, len(policy.Purposes)) {
		id := string(policy.Purposes[i].ID)
		v.Purposes = append(v.Purposes, foundPurpose{id, d.Verdicts[i].Outcome.String(), d.Verdicts[i].By.String()})
		if d.Private[i] {
			told = append(told, id+"; by=private")
		} else {
			told = append(told, id+"="+d.Public[i].Outcome.String()+"; by="+d.Public[i].By.String())
		}
	}
	v.Told = strings.Join(told, ", ")
	return v
}
