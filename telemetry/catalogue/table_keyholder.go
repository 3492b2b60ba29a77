package catalogue

// roles are the callers of the keyholder; acts what they ask for.
var (
	roles   = []string{"pseudonymise", "rights", "administrator"}
	callers = append([]string{"none"}, roles...) // none: who was turned away before a role was known
	acts    = []string{
		"keys", "resolve", "link", "open", "keep", "renew", "day",
		"find", "search", "list", "reveal", "approve", "waiting", "put", "remove", "merge", "forget", "attach", "attachment",
		"open_cases", "case_pseudonyms", "case_identifiers", "destroy", "close_cases", "list_cases", "erasures", "replay", "idle",
		"status", "rotate", "purpose_map", "lease", "rotate_done", "issue", "backup", "calls",
		"ready",
	}
)

// calls are the edges of calls to the keyholder.
var calls = append([]float64{.0001, .00025}, answers...)

var keyholder = group("keyholder", Gateway,
	gauge("zgoda_keyholder_away_seconds", "How long the keyholder has not answered; not ready beyond the limit."),
	histogram("zgoda_keyholder_call_seconds", "Time of calls to the keyholder, by act and outcome.", calls,
		by("act", acts...), by("outcome", "done", "away", "failed"), sparse, note("`ready`, `keys`, `resolve` and `link`, which events wait for, are there from the start.")),
	gauge("zgoda_keys_revision", "The keyholder's revision of the keys that this gateway works with."),
	counter("zgoda_link_conflicts_total", "Links that named identifiers of two known contacts, which were not merged."),
	gauge("zgoda_certificate_expires_seconds", "How long the certificate for the keyholder is in force; it is renewed at half of its life.",
		by("role", roles...), when("keyholder.address")),
	gauge("zgoda_certificate_life_seconds", "How long the certificate for the keyholder was in force when it was made.",
		by("role", roles...), when("keyholder.address")),
)

var keyholderCalls = group("keyholder", Keyholder,
	gauge("zgoda_keyholder_contacts", "Contacts in the vault."),
	counter("zgoda_keyholder_erasures_total", "Cases whose person was destroyed, those that were asked for again too."),
	gauge("zgoda_keyholder_identifiers", "Blinded identifiers that lead to a contact."),
	gauge("zgoda_keyholder_kek_unreached", "1 while another keyholder has wrapped the keys anew and they cannot be opened here: the key-encryption key in use is not reached.", note("It ends answering when a key changes.")),
	gauge("zgoda_keyholder_key_age_seconds", "Age of the version of a key that is in use.",
		upTo(200, "key", "the names of keys, with the month or the year of those that end")),
	gauge("zgoda_keyholder_locked_bytes", "How much of it is locked, and never in swap."),
	gauge("zgoda_keyholder_rewrap_age_seconds", "Since salts and contacts' keys were last sealed under a new slot key.", note("Above 100,000: what was deleted is still readable in copies. [Re-wrap](format/keys.md#re-wrap).")),
	gauge("zgoda_keyholder_rotation_progress", "Part of a rotation under way that is done, 0 to 1.", note("[Rotations](format/keys.md#rotations)."),
		upTo(200, "key", "the keys that are rotated now"), sparse),
	counter("zgoda_keyholder_said_total", "Identifiers and traits that contacts' events said, by fate: written, same, older, elsewhere (an identifier that does not lead to the contact), full, unfit or unreadable.",
		by("fate", "written", "same", "older", "elsewhere", "full", "unfit", "unreadable")),
	gauge("zgoda_keyholder_table_bytes", "Memory of the contacts' salts."),
	gauge("zgoda_keyholder_tombstones", "Identifiers of contacts that were erased within the last 30 days, which late events are known by."),
	gauge("zgoda_keyholder_call_log_seq", "Number of the last entry of the log of calls."),
	counter("zgoda_keyholder_calls_total", "Calls, by role, act and outcome.",
		by("role", callers...), by("act", append([]string{"connect", "none"}, acts...)...), by("outcome", "done", "refused", "failed")),
	counter("zgoda_keyholder_incident_drafts_total", "Incidents that the keyholder suspects and opened a draft for, by kind.", note("`zgoda keys incidents` lists them. Somebody decides whether it was a breach, within 72 hours of knowing (Art. 33 GDPR)."),
		by("kind", "guesses", "reveals")),
	counter("zgoda_keyholder_minted_total", "Contacts that were made."),
	counter("zgoda_keyholder_panics_total", "Calls whose handler panicked."),
	counter("zgoda_keyholder_quota_refused_total", "Batches that were refused since a quota was used up, by role and limit.",
		by("role", roles...), by("limit", "aliases", "erasures", "mints", "mints_day", "said", "unknown")),
	counter("zgoda_keyholder_refused_total", "Calls and callers that were refused, by reason.", note("[What each means](format/calls.md). `peer`, `certificate`, `role` and `replay` are nobody of yours."),
		by("why", "peer", "certificate", "expired", "handshake", "role", "replay", "call", "oversized", "malformed", "busy", "quota", "approval")),
	counter("zgoda_keyholder_reveal_limit_total", "Reveals above the limit, which want a second person."),
	counter("zgoda_keyholder_reveals_total", "Reveals of contacts, by outcome.",
		by("outcome", "done", "waiting", "refused", "failed")),
	counter("zgoda_keyholder_rows_total", "Identifiers that gateways and people asked about, by role.",
		by("role", roles...)),
	counter("zgoda_keyholder_unknown_total", "Contacts that were asked about and are not there, by role.", note("A credential that guesses does little else."),
		by("role", roles...)),
	histogram("zgoda_keyholder_batch_rows", "Identifiers of one call, by role.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}, by("role", roles...)),
	histogram("zgoda_keyholder_serve_seconds", "Time to answer a call, by role and act.", []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}, by("role", roles...), by("act", acts...)),
	gauge("zgoda_keyholder_build_info", "One, with the version that runs.", upTo(1, "version", "what runs"), upTo(1, "goversion", "what it was built with")),
)
