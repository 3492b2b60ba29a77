// Package dryrun runs candidate policies beside the live ones, on real traffic,
// and counts where they would decide otherwise.
//
// A candidate decides after the live policy has, about the same event, with the
// same records and with the request's signals read by its own mappings. Nothing
// follows from what it decides: nothing is stored, answered, written to the
// ledger or noted about anybody but numbers of events, by site, purpose, outcome
// and who decided. A site without a candidate costs one comparison with nil.
package dryrun
