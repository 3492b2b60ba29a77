package collector

import (
	"zgoda/collector/dryrun"
	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/consent/signal"
	"zgoda/event"
)

// Candidate is a policy that runs beside a site's live one: it decides about the
// same events, its decisions are counted, and nothing follows from them.
type Candidate struct {
	Trial                    *dryrun.Trial
	Special, Criminal, Child SpecialData // as the candidate has them
}

// site returns the site as the candidate would have it.
func (c *Candidate) site(live *Site) *Site {
	other := *live
	other.Policy, other.Candidate = c.Trial.Candidate(), nil
	other.classes = newClasses(&c.Special, &c.Criminal, &c.Child)
	return &other
}

// observe shows a decision to those who only watch: the ring of reasons and the
// site's candidate. Of what is stored the reason is none.
func (w *work) observe(it *item, reason event.Reason, scope event.Scope) {
	w.note(it, reason, scope)
	if w.site.candidate != nil && it.waited == nil { // it reads the request anew, which is gone
		w.compare(it)
	}
}

// note keeps why an event was dropped, or stored for less than all purposes.
func (w *work) note(it *item, reason event.Reason, scope event.Scope) {
	fate := reasons.Dropped
	if reason == event.ReasonNone {
		fate = reasons.Narrowed
	}
	if fate == reasons.Narrowed && !w.narrowed() {
		return
	}
	key, ok := w.c.deps.Reasons.Wants(w.site.ID, it.ev.MessageID, w.r.ReceivedAt)
	if !ok {
		return
	}
	d := reasons.Decided{
		At: w.r.ReceivedAt, Fate: fate, Reason: reason, Scope: scope, Revision: w.site.Policy.Revision, Purposes: len(w.site.Policy.Purposes),
	}
	public := w.decision.Public(&w.signals)
	for i := range w.site.Policy.Purposes {
		v := w.decision.Verdict(i)
		d.Verdicts[i] = reasons.Verdict{Outcome: v.Outcome, By: v.By}
		told, known := public.Of(i)
		if w.secret { // a server is told the decision itself
			told, known = v, true
		}
		d.Public[i], d.Private[i] = reasons.Verdict{Outcome: told.Outcome, By: told.By}, !known
	}
	w.c.deps.Reasons.Note(key, &d)
}

// narrowed says whether any purpose was denied.
func (w *work) narrowed() bool {
	for i := range w.site.Policy.Purposes {
		if w.decision.Verdict(i).Outcome != consent.Allow {
			return true
		}
	}
	return false
}

// compare lets the candidate decide about an event, by its own reading of
// everything, and counts how that differs.
func (w *work) compare(it *item) {
	live, class, trial := w.site, it.class, w.site.Candidate.Trial
	w.site, it.class = live.candidate, it.candidateClass
	look := trial.Acquire()
	signal.ReadAll(w.c.parsers, &w.input, w.site.Policy, &look.Signals)
	if w.beside.candidate != nil {
		addSignals(&look.Signals, &w.beside.candidate.Signals)
	}
	subject, ids := w.subject(it)
	trial.Compare(look, subject, ids, &w.decision)
	trial.Release(look)
	w.site, it.class = live, class
}

// readBesideForCandidate reads what stands beside the events of a batch by the
// candidate's mappings.
func (w *work) readBesideForCandidate(in *signal.Input) {
	if w.site.candidate == nil {
		return
	}
	w.beside.candidate = w.site.Candidate.Trial.Acquire()
	signal.ReadAll(w.c.parsers, in, w.site.candidate.Policy, &w.beside.candidate.Signals)
}

// releaseCandidate gives back what readBesideForCandidate took.
func (w *work) releaseCandidate() {
	if w.beside.candidate != nil {
		w.site.Candidate.Trial.Release(w.beside.candidate)
	}
}

// classifyForCandidate finds an event's class by the candidate's lists.
func (w *work) classifyForCandidate(it *item) {
	if w.site.candidate == nil {
		return
	}
	live := w.site
	w.site = live.candidate
	it.candidateClass = w.classify(it) | w.beside.candidateClass
	w.site = live
}
