package collector

import (
	"zgoda/collector/minimise"
	"zgoda/consent"
	"zgoda/consent/signal"
	"zgoda/event"
)

// place is a text of an event's context that is looked for.
type place uint8

// The places. Those of the page come first, those of the campaign after them.
const (
	pageURL place = iota
	pagePath
	pageSearch
	pageTitle
	pageReferrer
	campaignName
	campaignSource
	campaignMedium
	campaignTerm
	campaignContent
	contextIP
	contextAgent
	placeCount
)

// paths are the members that lead to a place, from the context down.
var paths = [placeCount][]string{
	{"page", "url"},
	{"page", "path"},
	{"page", "search"},
	{"page", "title"},
	{"page", "referrer"},
	{"campaign", "name"},
	{"campaign", "source"},
	{"campaign", "medium"},
	{"campaign", "term"},
	{"campaign", "content"},
	{"ip"},
	{"userAgent"},
}

// name returns the last member on the way to a place.
func (p place) name() string { return paths[p][len(paths[p])-1] }

// besideFactor times MaxTextBytes is how long a text beside the events may be.
// A longer one is left out: it would be read again for every event that has some
// part of the address of its own, and cutting it might cut what a mask looks for.
const besideFactor = 2

// beside is what stands beside the events of a batch and holds for each. It is
// taken out of the batch once, so that an event costs the same however much
// stands beside it, and the batch's own values are forgotten.
type beside struct {
	any     bool // a text is there
	texts   [placeCount][]byte
	signals consent.Signals

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
	if batch.Context != nil {
		for p := range placeCount {
			if s := batch.Context.GetStringBytes(paths[p]...); len(s) > 0 && len(s) <= limit {
				b.texts[p], b.any = s, true
			}
		}
	}
	if batch.Context != nil || batch.Consent != nil || batch.GPC != nil {
		in := signal.Input{Context: batch.Context, Consent: batch.Consent, GPC: batch.GPC, Now: w.r.ReceivedAt}
		signal.ReadAll(w.c.parsers, &in, w.site.Policy, &b.signals)
	}
	batch.Context, batch.Consent, batch.GPC = nil, nil, nil
}

// addBeside adds the signals beside the events to those of one.
func (w *work) addBeside() {
	from := &w.beside.signals
	w.signals.GPC = max(w.signals.GPC, from.GPC)
	w.signals.DNT = max(w.signals.DNT, from.DNT)
	for i := range from.Statements[:from.Count] {
		full := w.signals.Count == consent.MaxStatements
		if st := w.signals.Add(from.Statements[i].Source); !full {
			*st = from.Statements[i]
		}
	}
}

// saysWhere says whether an event tells anything of where it happened.
func (w *work) saysWhere(it *item) bool {
	return w.r.Route == RoutePixel || it.ev.Page != nil || it.ev.Context.Get("campaign") != nil ||
		(it.ev.Type == event.TypePage && it.ev.Properties != nil)
}

// page fills in where an event happened.
func (w *work) page(it *item) {
	b := &w.beside
	if !b.any || w.saysWhere(it) {
		v := w.view(it, &w.text)
		v.fill(&it.raw)
		return
	}
	if !b.made {
		b.page, b.made = w.view(it, &b.buffer), true
	}
	b.page.fill(&it.raw)
}

// fill writes the view into an event.
func (v *pageView) fill(raw *event.Raw) {
	raw.PageHost, raw.PagePath, raw.PageQuery, raw.PageTitle = v.host, v.path, v.query, v.title
	raw.RefHost, raw.RefPath, raw.Campaign = v.refHost, v.refPath, v.campaign
}
