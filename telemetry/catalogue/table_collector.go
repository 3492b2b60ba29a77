package catalogue

// kinds are the kinds of purposes, deciders who decided.
var (
	kinds    = []string{"analytics", "marketing", "measurement", "profiling", "sharing", "unknown"}
	deciders = []string{"adpc", "basis", "cookie", "criminal", "default", "dnt", "erased", "google", "gpc", "gpp", "ledger", "minor", "no-origin", "opt-out", "request", "restricted", "rudderstack", "segment", "special", "switch", "tcf", "unreadable", "us-privacy"}
)

var collector = group("collector", Gateway,
	counter("zgoda_choice_contacts_total", "Contacts that choices named with a public key: proven, claimed without a proof and dropped, or refused for a wrong one.",
		by("fate", "claimed", "proven", "wrong")),
	gauge("zgoda_collector_agents_kept", "User agents whose families are remembered, by a hash (cached_agents).", note("As many kept as may be, with many missed: raise `cached_agents`.")),
	counter("zgoda_collector_agents_missed_total", "User agents that were not remembered and were read."),
	counter("zgoda_collector_agents_unread_total", "User agents never seen before that were not read, since too many came at once.", note("Beyond 200 new ones a second; stored as \"Other\".")),
	counter("zgoda_collector_claims_dropped_total", "Identifiers of contacts claimed with a public key and without a proof, dropped."),
	counter("zgoda_collector_clock_corrected_total", "Times out of range that were set to the time of receipt."),
	counter("zgoda_collector_held_total", "Events that a page held because nobody had chosen yet, by what became of them: released by a grant there, not_released, denied for what they were released for, or off where the site releases none.",
		by("fate", "denied", "not_released", "off", "released")),
	counter("zgoda_collector_traits_left_out_total", "Identifiers and traits that a contact's own events said and that cannot be kept: too long, too many, or with control characters."),
	gauge("zgoda_consent_strings_bytes", "Memory of the decoded strings that are kept.", note("At most `cached_strings`. Many bytes with many misses: raise it.")),
	counter("zgoda_consent_strings_hits_total", "TC and GPP strings that were decoded already."),
	counter("zgoda_consent_strings_misses_total", "TC and GPP strings that were decoded, or could not be."),
	histogram("zgoda_collector_stage_seconds", "Time of each stage of a request with events, of one request in 64 and of each that comes a tenth of a second after the last that was timed: read (and check), load (who it is of), decide (and make the record), spool (wait for the disk), answer.", stages,
		by("stage", "read", "load", "decide", "spool", "answer")),
)

var deciding = group("collector", Gateway,
	counter("zgoda_collector_decisions_repeated_total", "Decisions made again because a change overtook them."),
	counter("zgoda_collector_decisions_total", "Decisions by kind of purpose, outcome and who decided.",
		by("by", deciders...), by("kind", kinds...), by("outcome", "allow", "deny")),
	counter("zgoda_collector_drops_total", "Purposes of events that were not stored at all, by kind of purpose and who denied it. An event counts once for each purpose of its site.",
		by("by", deciders...), by("kind", kinds...)),
	counter("zgoda_optouts_total", "Opt-outs by Global Privacy Control of known contacts under the law of a US state, by what became of them.",
		by("outcome", "failed", "queue_full", "recorded")),
	gauge("zgoda_reasons_entries_limit", "How many entries may be kept."),
	counter("zgoda_reasons_kept_total", "Of those, whose reasons were kept to be looked up."),
	counter("zgoda_reasons_offered_total", "Events with a messageId that were dropped or stored for less than all purposes."),
	gauge("zgoda_reasons_one_in", "How many are offered for each one that is kept now."),
	counter("zgoda_dryrun_events_total", "Events that the live and the candidate policy decided about.", sites, when("--candidate")),
	counter("zgoda_dryrun_events_differ_total", "Of them, those that the candidate policy decides otherwise for at least one purpose.", note("[Trying a policy out](operating.md#trying-a-policy-out)."), sites, when("--candidate")),
	counter("zgoda_dryrun_rows_total", "Of them, by what the live and the candidate policy would store.",
		sites, upTo(4, "live", ""), upTo(4, "candidate", ""), when("--candidate"), sparse),
	counter("zgoda_dryrun_decisions_total", "Decisions about a purpose, by outcome and who decided under the live and the candidate policy.",
		sites, upTo(64, "purpose", "the purposes of the configuration"), by("live", "allow", "deny"), by("live_by", deciders...),
		by("candidate", "allow", "deny"), by("candidate_by", deciders...), when("--candidate"), sparse),
)
