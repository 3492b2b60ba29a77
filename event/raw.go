package event

import "time"

// Raw is one event after decoding and minimisation. It holds no identifier, no
// network address and no full user agent: those never get this far. Texts have
// had everything that looks personal masked.
//
// Strings may point into a request's buffer: a Raw must not outlive its request.
type Raw struct {
	Site       SiteID
	Type       Type
	MessageID  string    // 1 to 99 characters; unique per site
	ReceivedAt time.Time // UTC
	Time       time.Time // UTC, corrected by the client's clock (sentAt - originalTimestamp)
	Name       string    // event, page or screen name
	PageHost   string
	PagePath   string // segments that look like ids are ":id"
	PageQuery  string // only parameters on the site's allow-list, re-encoded
	PageTitle  string
	RefHost    string
	RefPath    string // own hosts only; external referrers keep their host alone
	Campaign   Campaign
	Browser    string // family
	OS         string // family
	Device     string // family
	Country    string // ISO 3166-1 alpha-2, or empty
	SourceTag  string
	Group      Blinded // group id, blinded; zero when there is none
	Properties string  // a JSON object, or empty
}

// Campaign is Segment's context.campaign, or the utm_ parameters of the page.
type Campaign struct {
	Name, Source, Medium, Term, Content string
}
