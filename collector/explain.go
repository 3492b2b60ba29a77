package collector

import (
	"context"
	"net/http"

	"zgoda/consent"
	"zgoda/event"
)

// Explanation says what would become of a request, and why. It holds no
// identifier and no content, and marshals to JSON.
type Explanation struct {
	Site   event.SiteID    `json:"site"`
	Key    string          `json:"key"`    // public or secret
	Origin string          `json:"origin"` // listed or none
	Events []ExplainedItem `json:"events"`
}

// ExplainedItem is one event of the request.
type ExplainedItem struct {
	Index    int            `json:"index"`
	Type     string         `json:"type"`
	Fate     string         `json:"fate"` // stored, dropped or refused
	Reason   string         `json:"reason,omitempty"`
	Field    string         `json:"field,omitempty"`
	Scope    string         `json:"scope,omitempty"`
	Held     bool           `json:"held"`     // its page held it until somebody would have chosen
	Released bool           `json:"released"` // stored for what a grant on that page released it for
	Day      bool           `json:"day"`      // stored under a pseudonym of one day, of a browser that nobody knows
	Claim    bool           `json:"claim"`    // a contact was claimed without a proof, and is left out
	Visitor  bool           `json:"visitor"`
	Contact  bool           `json:"contact"`
	Header   string         `json:"header,omitempty"` // X-Consent-Decision
	Decision *consent.Trace `json:"decision,omitempty"`
}

// Explain goes the way of Collect up to the decision. It stores nothing, links
// and mints nothing and counts nothing.
func (c *Collector) Explain(ctx context.Context, r *Request) (Explanation, Answer) {
	var a Answer
	w := acquire(&c.works, r, &a)
	defer w.release(&c.works)
	w.dry = true
	if !w.open() || !w.begin(ctx) {
		return Explanation{}, a
	}
	w.load(ctx)
	x := Explanation{Site: w.site.ID, Key: "public", Origin: "none"}
	if w.secret {
		x.Key = "secret"
	}
	if a.OriginListed {
		x.Origin = "listed"
	}
	for i := range w.items {
		x.Events = append(x.Events, w.explain(i))
	}
	a.Status = http.StatusOK
	return x, a
}

func (w *work) explain(i int) ExplainedItem {
	it := &w.items[i]
	x := ExplainedItem{Index: i, Type: it.ev.Type.String(), Visitor: it.cast.hasVisitor(), Contact: it.cast.hasContact(), Claim: it.claim, Held: w.held(it)}
	if it.fate.met {
		x.Fate, x.Reason, x.Field = "refused", it.fate.reason.String(), it.fate.field
		return x
	}
	w.minimise(it)
	w.read(it)
	subject, ids := w.subject(it)
	trace := consent.Explain(w.site.Policy, &w.signals, subject)
	w.decision = consent.Decide(w.site.Policy, &w.signals, subject)
	x.Decision = &trace
	x.Header = string(w.decision.AppendHeader(nil, !w.secret, &w.signals))
	permit, ok := w.decision.Permit(ids)
	if !ok {
		x.Fate, x.Reason = "dropped", w.dropReason().String()
		return x
	}
	x.Fate, x.Scope, x.Released, x.Day = "stored", permit.Scope().String(), permit.Released(), permit.Day()
	return x
}
