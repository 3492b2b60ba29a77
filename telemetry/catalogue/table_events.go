package catalogue

// reasons are event.Reason, why an event is not stored.
var reasons = []string{"consent", "control_away", "criminal", "draining", "erased", "internal", "keyholder_away", "malformed", "no_identity", "restricted", "sealed_full", "spool_failed", "spool_full", "too_large", "withdrawn"}

// sites are the first sites of the configuration by name, and one for all others.
var sites = upTo(51, "site", "the first 50 sites by name; `other` is all others")

var events = group("events", Gateway,
	counter("zgoda_events_dropped_later_total", "Accepted events stopped by a later withdrawal or erasure, by reason.",
		by("reason", reasons...)),
	counter("zgoda_events_dropped_total", "Events not stored, and answered so, by reason.",
		by("reason", reasons...)),
	counter("zgoda_events_duplicate_total", "Events whose messageId was stored already."),
	gauge("zgoda_events_in_flight", "Events received or recovered that have not met their fate yet."),
	gauge("zgoda_events_in_hand", "Events of requests that are not answered yet."),
	counter("zgoda_events_quarantined_total", "Events that ClickHouse refuses for their content."),
	counter("zgoda_events_received_total", "Events decoded out of requests."),
	counter("zgoda_events_recovered_total", "Events that an earlier process left in the spool."),
	counter("zgoda_events_refused_total", "Events answered with an error, by reason.", note("Senders try again, but browsers may be gone."),
		by("reason", reasons...)),
	counter("zgoda_events_stored_total", "Events that are in ClickHouse."),
	counter("zgoda_site_events_total", "Events by site and what the answer said: accepted (on disk), dropped (for consent) or refused (to be sent again, or wrong). The first 50 sites by name have a label of their own, the others are other. Of a request that is refused before its events are read, one is counted.",
		sites, by("fate", "accepted", "dropped", "refused")),
)
