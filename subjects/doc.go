// Package subjects is the cached consent set: for a blinded identifier, the
// pseudonyms of the person behind it and what the ledger holds about them now.
//
// It guarantees that a refusal holds: when SetProfiling, SetConsent or SetChoices
// has returned, Accept runs no put for an entry that was loaded before the
// change. The cache only accelerates, the control store decides: a miss loads,
// and a load that fails is an error and never a grant. It is bounded: so many
// entries (the metric zgoda_subjects_bytes says about how much memory they take),
// so many identifiers that wait to be loaded, so many changes known by name.
//
//	Load   ── hit ───────────────────────────────> Entry (sequence, expiry)
//	       └─ miss ─ batch, once in Wait ─ keyholder ─ store ──> Entry ──> cache
//	Accept ── read locks of the entries' shards: fence older? then put
//	change ── durable write ── write lock: fence := sequence ── answer
package subjects
