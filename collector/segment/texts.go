package segment

import (
	"zgoda/event"
	"zgoda/jsontape"
)

// Place is a text of an event's context that is looked for.
type Place uint8

// The places: of the page, of the campaign, and of the context itself.
const (
	PageURL Place = iota
	PagePath
	PageSearch
	PageTitle
	PageReferrer
	CampaignName
	CampaignSource
	CampaignMedium
	CampaignTerm
	CampaignContent
	ContextIP
	ContextAgent
	places
)

// Texts are the texts at the places, nil or empty where there is none.
type Texts [places][]byte

// Read fills in the texts of an event. A page view may tell of its page in its
// properties too; the page itself wins.
func (t *Texts) Read(e *Event) {
	clear(t[:])
	t.page(e.Page)
	if e.Type == event.TypePage {
		t.page(e.Properties)
	}
	t.campaign(e.Campaign)
	t[ContextIP], t[ContextAgent] = e.IP.Text(), e.UserAgent.Text()
}

// ReadContext fills in the texts of a context that stands beside events.
func (t *Texts) ReadContext(context jsontape.Value) {
	clear(t[:])
	t.page(context.Get("page"))
	t.campaign(context.Get("campaign"))
	t[ContextIP], t[ContextAgent] = context.Get("ip").Text(), context.Get("userAgent").Text()
}

// page fills in the places of the page that are empty.
func (t *Texts) page(v jsontape.Value) {
	for m := v.Members(); m.Next(); {
		var at Place
		switch m.Known() {
		case jsontape.URL:
			at = PageURL
		case jsontape.Path:
			at = PagePath
		case jsontape.Search:
			at = PageSearch
		case jsontape.Title:
			at = PageTitle
		case jsontape.Referrer:
			at = PageReferrer
		default:
			continue
		}
		if len(t[at]) == 0 {
			t[at] = m.Value().Text()
		}
	}
}

func (t *Texts) campaign(v jsontape.Value) {
	for m := v.Members(); m.Next(); {
		switch m.Known() {
		case jsontape.Name:
			t[CampaignName] = m.Value().Text()
		case jsontape.Source:
			t[CampaignSource] = m.Value().Text()
		case jsontape.Medium:
			t[CampaignMedium] = m.Value().Text()
		case jsontape.Term:
			t[CampaignTerm] = m.Value().Text()
		case jsontape.Content:
			t[CampaignContent] = m.Value().Text()
		default:
		}
	}
}
