package export

// Section is one kind of what is held.
type Section string

// The sections, in the order in which they are written.
const (
	Controller  Section = "controller"
	Purposes    Section = "purposes"
	Identifiers Section = "identifiers"
	Traits      Section = "traits"
	Consents    Section = "consents"
	Standing    Section = "standing"
	Agreements  Section = "agreements"
	Documents   Section = "documents"
	Activity    Section = "activity"
	Links       Section = "links"
	Segments    Section = "segments"
	Requests    Section = "requests"
	Recipients  Section = "recipients"
	Exports     Section = "exports"
	Retention   Section = "retention"
)

// Sections are all of them, in their order.
var Sections = []Section{
	Controller, Purposes, Identifiers, Traits, Consents, Standing, Agreements, Documents,
	Activity, Links, Segments, Requests, Recipients, Exports, Retention,
}

// activityColumns are what an export shows of a stored event: all but the pseudonyms
// and the version of their key.
var activityColumns = []string{
	"at", "received_at", "message_id", "scope", "type", "name",
	"page_host", "page_path", "page_query", "page_title", "referrer_host", "referrer_path",
	"campaign_name", "campaign_source", "campaign_medium", "campaign_term", "campaign_content",
	"browser", "os", "device", "country", "source_tag", "purposes", "decided_by", "policy_version", "flags",
	"grouped", "properties", "expires_at", "stored_on",
}

var columns = map[Section][]string{
	Controller:  {"name", "address", "establishment", "contact", "email", "phone", "policy_url"},
	Purposes:    {"purpose", "version", "in_force", "kind", "basis", "text", "text_hash", "scope", "retention", "data", "recipients", "storage", "shown_since"},
	Identifiers: {"kind", "value", "source", "basis", "seen"},
	Traits:      {"name", "value", "source", "basis", "seen"},
	Consents: {
		"at", "purpose", "version", "state", "text_hash", "until", "channel", "surface", "locale", "event", "by_browser", "gpc", "dnt", "adpc",
		"guardian", "guardian_verified", "signal", "country", "reason",
	},
	Standing:   {"what", "purpose", "value", "version", "until"},
	Agreements: {"document", "kind", "signed", "until"},
	Documents:  {"document", "name", "type", "bytes", "source", "basis", "seen", "complete", "file"},
	Activity:   activityColumns,
	Links:      {"seen_at"},
	Segments:   {"segment", "since"},
	Requests:   {"request", "right", "mode", "origin", "state", "received", "deadline", "extended", "extension", "ground", "done"},
	Recipients: {"recipient", "request", "right", "state", "at"},
	Exports:    {"request", "at", "format", "recipient", "items"},
	Retention:  {"what", "purpose", "kept"},
}

// Columns are the names of a section's values, in their order.
func (s Section) Columns() []string { return columns[s] }
