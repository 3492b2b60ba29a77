package collector

import (
	"bytes"
	"net/netip"
	"unsafe"

	"zgoda/collector/enrich"
	"zgoda/collector/minimise"
	"zgoda/collector/segment"
	"zgoda/event"
)

// minimise fills in the event with what may go further, and nothing else.
func (w *work) minimise(it *item) {
	limit := w.c.cfg.MaxTextBytes
	it.raw.Name = w.text.Text(it.ev.Name, limit)
	w.readTexts(it)
	w.page(it)
	w.enrich(it)
	if it.cast.entitled {
		if group := groupID(&it.ev); len(group) > 0 {
			it.raw.Group = w.c.deps.Blinder.BlindOther(w.site.ID, "group", group)
		}
	}
	it.class = w.classify(it) | w.beside.class
	w.classifyForCandidate(it)
}

func groupID(e *segment.Event) []byte {
	if len(e.GroupID) > 0 {
		return e.GroupID
	}
	return e.Group.Text()
}

// view minimises the addresses, the title and the campaign among w.texts into a
// buffer.
func (w *work) view(text *minimise.Buffer) (v pageView) {
	limit := w.c.cfg.MaxTextBytes
	u := minimise.Split(w.texts[segment.PageURL])
	if path := w.texts[segment.PagePath]; len(path) > 0 {
		u.Path = minimise.Split(path).Path
	}
	if len(u.Query) == 0 {
		u.Query = w.texts[segment.PageSearch]
	}
	v.host = text.Host(u.Host)
	v.path = text.Path(u.Path, limit)
	v.query = text.Query(u.Query, w.site.keepQuery, limit)
	if w.site.KeepTitles {
		v.title = text.Text(w.texts[segment.PageTitle], limit)
	}
	w.referrer(text, u.Host, &v)
	w.campaign(text, u.Query, &v.campaign)
	return v
}

// referrer keeps of another host's address the host alone.
func (w *work) referrer(text *minimise.Buffer, own []byte, v *pageView) {
	u := minimise.Split(w.texts[segment.PageReferrer])
	v.refHost = text.Host(u.Host)
	if _, listed := w.site.hosts[v.refHost]; listed || (len(own) > 0 && bytes.EqualFold(u.Host, own)) {
		v.refPath = text.Path(u.Path, w.c.cfg.MaxTextBytes)
	}
}

// readTexts finds the texts of an event's page, context and campaign; where the
// event has none, those beside it stand.
func (w *work) readTexts(it *item) {
	t, b := &w.texts, &w.beside
	t.Read(&it.ev)
	if w.r.Route == RoutePixel {
		t[segment.PageURL], t[segment.PageReferrer] = w.addresses.Page, w.addresses.Referrer
	}
	if !b.any {
		return
	}
	for p := range t {
		if len(t[p]) == 0 {
			t[p] = b.texts[p]
		}
	}
}

// campaign takes context.campaign, else the utm parameters of the address.
func (w *work) campaign(text *minimise.Buffer, query []byte, c *event.Campaign) {
	limit := w.c.cfg.MaxTextBytes
	for _, part := range [...]struct {
		to  *string
		at  segment.Place
		utm string
	}{
		{&c.Name, segment.CampaignName, "utm_campaign"},
		{&c.Source, segment.CampaignSource, "utm_source"},
		{&c.Medium, segment.CampaignMedium, "utm_medium"},
		{&c.Term, segment.CampaignTerm, "utm_term"},
		{&c.Content, segment.CampaignContent, "utm_content"},
	} {
		if s := w.texts[part.at]; len(s) > 0 {
			*part.to = text.Text(s, limit)
		} else if s := minimise.Parameter(query, part.utm); len(s) > 0 {
			*part.to = text.ParameterText(s, limit)
		}
	}
}

// enrich fills in country and families. A server's own address and user agent
// stand only where it does not tell those of the person.
func (w *work) enrich(it *item) {
	address, agent := w.r.Address, w.r.UserAgent
	if w.secret {
		if s := w.texts[segment.ContextIP]; len(s) > 0 && len(s) < 64 {
			it.told = true
			address, _ = netip.ParseAddr(textOf(s)) // it keeps nothing; what is none has no country
		}
		if s := w.texts[segment.ContextAgent]; len(s) > 0 {
			agent = s
		}
	}
	if !w.located || address != w.address {
		w.located, w.address, w.country = true, address, w.c.deps.Enricher.Country(address)
	}
	families := enrich.Families{}
	if len(agent) > 0 {
		families = w.c.deps.Enricher.Families(agent)
	}
	it.raw.Country = w.country
	it.raw.Browser, it.raw.OS, it.raw.Device = families.Browser, families.OS, families.Device
}

// keepProperties fills in the properties that the scope allows: all of them,
// minimised, about a person who agreed to profiling; those that the site lists
// for a period; none without a subject. Those of identify, alias and group are
// traits whatever they are called, and never kept.
func (w *work) keepProperties(it *item, scope event.Scope) {
	it.raw.Properties = ""
	if it.waited != nil {
		it.raw.Properties = properties(it.waited, scope)
		return
	}
	switch it.raw.Type {
	case event.TypeTrack, event.TypePage, event.TypeScreen:
	default:
		return
	}
	var allow map[string]struct{}
	switch scope {
	case event.ScopePerson:
	case event.ScopePeriod:
		if allow = w.site.keepProperties; len(allow) == 0 {
			return
		}
	default:
		return
	}
	if o := it.ev.Properties; o.Exists() {
		it.raw.Properties = textOf(w.text.Properties(o, allow, w.site.keepQuery, it.raw.Type == event.TypePage))
	}
}

// textOf returns bytes of a request or of its buffers as a text, without
// copying. Neither is written again while the event is on its way.
func textOf(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the bytes are not written again, as said above
}
