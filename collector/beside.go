package collector

import (
	"zgoda/collector/dryrun"
	"zgoda/collector/minimise"
	"zgoda/collector/segment"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/signal"
	"zgoda/event"
	"zgoda/jsontape"
)

// besideFactor times MaxTextBytes is how long a text beside the events may be.
// A longer one is left out: it would be read again for every event that has some
// part of the address of its own, and cutting it might cut what a mask looks for.
const besideFactor = 2

// beside is what stands beside the events of a batch and holds for each. It is
// taken out of the batch once, so that an event costs the same however much
// stands beside it, and the batch's own values are forgotten.
type beside struct {
	any     bool // a text is there
	texts   segment.Texts
	signals consent.Signals
	// candidate has the same signals as the site's candidate reads them; nil
	// without one.
	candidate *dryrun.Case
	// The classes that the keys of the context's traits come to, by the site's
	// lists and by its candidate's.
	class, candidateClass consent.Class

	// What the texts come to, for events that have none of their own.
	buffer minimise.Buffer
	page   pageView
	made   bool
}

// pageView is where something happened, minimised.
type pageView struct {
	host, path, query, title, refHost, refPath string
	campaign                                   event.Campaign
}

// takeBeside fills in w.beside from the batch.
func (w *work) takeBeside() {
	b, batch := &w.beside, &w.batch
	limit := besideFactor * w.c.cfg.MaxTextBytes
	if batch.Context.Exists() {
		b.class, b.candidateClass = w.classesOfTraits(batch.Context.Get("traits"))
		b.texts.ReadContext(batch.Context)
		for p, s := range b.texts {
			if len(s) > limit {
				b.texts[p] = nil
			}
			b.any = b.any || len(b.texts[p]) > 0
		}
	}
	if w.many { // what stands beside one event alone is read with it
		in := signal.Input{Context: batch.Context, Consent: batch.Consent, GPC: batch.GPC, Now: w.r.ReceivedAt}
		w.carry(&in)
		signal.ReadAll(w.c.parsers, &in, w.site.Policy, &b.signals)
		w.readBesideForCandidate(&in)
	}
	batch.Context, batch.Consent, batch.GPC = jsontape.Value{}, jsontape.Value{}, jsontape.Value{}
}

// addBeside adds the signals beside the events to those of one.
func (w *work) addBeside() {
	addSignals(&w.signals, &w.beside.signals)
}

func addSignals(to, from *consent.Signals) {
	if from.GPC != consent.Absent {
		to.SeeGPC(from.GPCIn)
	}
	to.DNT = max(to.DNT, from.DNT)
	for i := range from.Statements[:from.Count] {
		to.Put(&from.Statements[i])
	}
}

// carry fills in what the request itself carries: headers, parameters and cookies.
func (w *work) carry(in *signal.Input) {
	in.Header, in.Query, in.Cookies = w.r.Header, w.r.Queries, w.r.Cookies
	if w.r.Cookies != nil {
		w.sole = cookie.Sole{}
		w.r.Cookies(w.seeChoice)
		in.Cookie = w.sole.Value()
	} else if w.r.Cookie != nil {
		in.Cookie = w.r.Cookie(cookie.Choice)
	}
}

// saysWhere says whether an event tells anything of where it happened.
func (w *work) saysWhere(it *item) bool {
	return w.r.Route == RoutePixel || it.ev.Page.Exists() || it.ev.Campaign.Exists() ||
		(it.ev.Type == event.TypePage && it.ev.Properties.Exists())
}

// page fills in where an event happened.
func (w *work) page(it *item) {
	b := &w.beside
	if !b.any || w.saysWhere(it) {
		v := w.view(&w.text)
		v.fill(&it.raw)
		return
	}
	if !b.made {
		b.page, b.made = w.view(&b.buffer), true
	}
	b.page.fill(&it.raw)
}

// fill writes the view into an event.
func (v *pageView) fill(raw *event.Raw) {
	raw.PageHost, raw.PagePath, raw.PageQuery, raw.PageTitle = v.host, v.path, v.query, v.title
	raw.RefHost, raw.RefPath, raw.Campaign = v.refHost, v.refPath, v.campaign
}
