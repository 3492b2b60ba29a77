package catalogue

// rights are the rights of people, states those of their requests, steps those of an
// erasure.
var (
	rightNames = []string{"access", "automated", "erasure", "objection", "portability", "rectification", "restriction", "withdrawal"}
	states     = []string{"identity_unverified", "requires_input", "pending", "approved", "in_progress", "paused", "failed", "denied", "complete", "cancelled", "duplicate"}
	steps      = []string{"accepted", "fenced", "drained", "deleted", "settled", "proven", "told", "destroyed", "certified"}
)

var rights = group("rights", Gateway,
	counter("zgoda_erasure_batches_total", "Batches of erasures that were begun."),
	gauge("zgoda_erasure_late", "Erasures whose rows are there for longer than rights.limit after they were accepted."),
	gauge("zgoda_erasure_oldest_seconds", "Since when the oldest erasure under way was received; 0 when there is none."),
	gauge("zgoda_erasure_queue", "Erasures under way."),
	counter("zgoda_erasure_rows_total", "Rows that erasures took away, proven."),
	counter("zgoda_erasures_total", "Erasures that are complete, with their certificates."),
	gauge("zgoda_erasures_written_down", "Erasures that a restore cannot undo."),
	counter("zgoda_exports_total", "Exports of what is held of a person that were handed out whole, by form.",
		by("format", "csv", "json", "xlsx")),
	counter("zgoda_hidden_refills_total", "Times that the table of who is hidden was filled anew."),
	gauge("zgoda_hidden_subjects", "Pseudonyms whose rows are not shown everywhere.", note("Above 200,000 queries get slower.")),
	counter("zgoda_notice_tries_total", "Tries to deliver a notice, by what came of it.",
		by("outcome", "delivered", "failed")),
	counter("zgoda_notices_failed_total", "Notices that were given up: somebody has to tell by hand."),
	gauge("zgoda_notices_waiting", "Notices to recipients and other systems that are not delivered yet."),
	counter("zgoda_reach_total", "Withdrawals that have reached all stored rows."),
	counter("zgoda_reach_unknown_total", "Withdrawals of whom the keyholder knows no rows: visitors by their handle, and who is gone."),
	gauge("zgoda_reach_waiting", "Withdrawals that have not reached all stored rows yet, by state.",
		by("state", "noted", "open", "taken", "waiting")),
	gauge("zgoda_requests_open", "Open requests of data subjects by right and by how long ago they were received: week, fortnight, month (31 days), older.", note("Counted each 15 s, alike on all gateways of a store: take the greatest, not the sum."),
		by("age", "week", "fortnight", "month", "older"), by("right", rightNames...)),
	gauge("zgoda_requests_overdue", "Open requests whose deadline is over.", note("Alike on all gateways of a store."),
		by("right", rightNames...)),
	gauge("zgoda_restore_gate", "1: nothing is served, since erasures after a backup are not all carried out again yet.", note("[After a restore](operating.md#backup).")),
	counter("zgoda_restore_replayed_total", "Erasures that were carried out again, since a part of the system did not know them."),
	gauge("zgoda_retention_past", "What was past its time at the last run and still there: rows, contacts.",
		by("what", "contacts", "rows")),
	gauge("zgoda_retention_run_failures", "Parts of the last run that failed."),
	gauge("zgoda_retention_run_timestamp_seconds", "When the last run was; 0: none was.", note("A run is due each day.")),
	counter("zgoda_identity_mails_total", "Mails with a link that proves who makes a request of a data subject, by outcome; unknown: nobody has the address, and none was sent.",
		by("outcome", "sent", "failed", "limited", "unknown"), when("mail"), note("Many `unknown`: somebody tries addresses out.")),
	counter("zgoda_identity_answers_total", "Requests proven by a link that was mailed, and links that do not work, are used or are over.",
		by("outcome", "proven", "gone"), when("mail")),
	gauge("zgoda_requests", "Requests of data subjects by right and state.", note("Counted each 15 s, alike on all gateways of a store: take the greatest, not the sum."), by("right", rightNames...), by("state", states...)),
	gauge("zgoda_requests_deadline_days", "Days to the nearest deadline of an open request whose clock runs; negative when it is over.", by("right", rightNames...), sparse),
	counter("zgoda_erasure_failures_total", "Steps of erasures that failed and are tried again, by the step before.", by("step", append([]string{"case"}, steps...)...)),
	histogram("zgoda_erasure_step_seconds", "How long the parts of erasures took, by part.", []float64{.01, .04, .16, .64, 2.56, 10.24, 40.96, 163.84, 655.36},
		by("step", "rows", "deleted", "settled", "after_proven", "after_told", "after_destroyed"), note("`rows` is a whole batch without the wait for the fence; `deleted` and `settled` are parts of it.")),
)

var ledger = group("ledger", Gateway,
	counter("zgoda_ledger_checkpoint_failures_total", "Times a checkpoint could not be made; it is tried again."),
	gauge("zgoda_ledger_checkpoint_number", "The entry of this node's chain that the last checkpoint is over."),
	counter("zgoda_ledger_checkpoints_total", "Checkpoints of the ledger that were signed."),
	counter("zgoda_ledger_entries_total", "Entries that this process has written to the ledger."),
	gauge("zgoda_ledger_checkpoint_age_seconds", "How long ago the last checkpoint was signed; 0: none was.", note("A checkpoint is only made when there is something new.")),
	counter("zgoda_ledger_anchor_failures_total", "Times a checkpoint could not be put to its place outside; it is tried again.",
		by("anchor", "file", "log", "mail"), when("ledger.anchors")),
	gauge("zgoda_ledger_anchored_number", "The entry of this node's chain that the last checkpoint in the place is over.",
		by("anchor", "file", "log", "mail"), when("ledger.anchors")),
)
