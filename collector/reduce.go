package collector

import (
	"bytes"
	"net/netip"

	"github.com/valyala/fastjson"

	"zgoda/collector/enrich"
	"zgoda/collector/minimise"
	"zgoda/collector/segment"
	"zgoda/event"
)

// minimise fills in the event with what may go further, and nothing else.
func (w *work) minimise(it *item) {
	limit := w.c.cfg.MaxTextBytes
	it.raw.Name = w.text.Text(it.ev.Name, limit)
	w.page(it)
	w.enrich(it)
	if it.cast.entitled {
		if group := groupID(&it.ev); len(group) > 0 {
			it.raw.Group = w.c.deps.Blinder.BlindOther(w.site.ID, "group", group)
		}
	}
}

func groupID(e *segment.Event) []byte {
	if len(e.GroupID) > 0 {
		return e.GroupID
	}
	return e.Context.GetStringBytes("groupId")
}

// page fills in the addresses, the title and the campaign.
func (w *work) page(it *item) {
	limit := w.c.cfg.MaxTextBytes
	search := w.pageText(it, "search")
	u := minimise.Split(w.pageText(it, "url"))
	if path := w.pageText(it, "path"); len(path) > 0 {
		u.Path = minimise.Split(path).Path
	}
	if len(u.Query) == 0 {
		u.Query = search
	}
	it.raw.PageHost = w.text.Host(u.Host)
	it.raw.PagePath = w.text.Path(u.Path, limit)
	it.raw.PageQuery = w.text.Query(u.Query, w.site.keepQuery, limit)
	if w.site.KeepTitles {
		it.raw.PageTitle = w.text.Text(w.pageText(it, "title"), limit)
	}
	w.referrer(it, u.Host)
	w.campaign(it, u.Query)
}

// referrer keeps of another host's address the host alone.
func (w *work) referrer(it *item, own []byte) {
	u := minimise.Split(w.pageText(it, "referrer"))
	it.raw.RefHost = w.text.Host(u.Host)
	if _, listed := w.site.hosts[it.raw.RefHost]; listed || (len(own) > 0 && bytes.EqualFold(u.Host, own)) {
		it.raw.RefPath = w.text.Path(u.Path, w.c.cfg.MaxTextBytes)
	}
}

// pageText returns a text about the page: of the page object, of the batch's,
// of a page view's own properties, or of the pixel.
func (w *work) pageText(it *item, name string) []byte {
	if w.r.Route == RoutePixel {
		switch name {
		case "url":
			return w.addresses.Page
		case "referrer":
			return w.addresses.Referrer
		}
		return nil
	}
	if s := it.ev.Page.GetStringBytes(name); len(s) > 0 {
		return s
	}
	if it.ev.Type == event.TypePage {
		if s := it.ev.Properties.GetStringBytes(name); len(s) > 0 {
			return s
		}
	}
	return w.batch.Context.GetStringBytes("page", name)
}

// campaign takes context.campaign, else the utm parameters of the address.
func (w *work) campaign(it *item, query []byte) {
	limit := w.c.cfg.MaxTextBytes
	c := &it.raw.Campaign
	for _, part := range [...]struct {
		to        *string
		name, utm string
	}{
		{&c.Name, "name", "utm_campaign"},
		{&c.Source, "source", "utm_source"},
		{&c.Medium, "medium", "utm_medium"},
		{&c.Term, "term", "utm_term"},
		{&c.Content, "content", "utm_content"},
	} {
		if s := w.contextText(it, "campaign", part.name); len(s) > 0 {
			*part.to = w.text.Text(s, limit)
		} else if s := minimise.Parameter(query, part.utm); len(s) > 0 {
			*part.to = w.text.ParameterText(s, limit)
		}
	}
}

func (w *work) contextText(it *item, path ...string) []byte {
	return segment.ContextText(it.ev.Context, w.batch.Context, path...)
}

// enrich fills in country and families. A server's own address and user agent
// stand only where it does not tell those of the person.
func (w *work) enrich(it *item) {
	address, agent := w.r.Address, w.r.UserAgent
	if w.secret {
		if s := w.contextText(it, "ip"); len(s) > 0 && len(s) < 64 {
			address, _ = netip.ParseAddr(string(s)) // what is none has no country
		}
		if s := w.contextText(it, "userAgent"); len(s) > 0 {
			agent = s
		}
	}
	if w.country == "" || address != w.address {
		w.address, w.country = address, w.c.deps.Enricher.Country(address)
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
	it.raw.Properties = nil
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
	if o := object(it.ev.Properties); o != nil {
		it.raw.Properties = w.text.Properties(o, allow, w.site.keepQuery, it.raw.Type == event.TypePage)
	}
}

func object(v *fastjson.Value) *fastjson.Object { return v.GetObject() }
