// Package writer ships what the spool holds to the inserter, exactly once.
//
// Its guarantee: every record that the spool made durable meets one fate (stored,
// duplicate, dropped later, quarantined), and a stored one is in the store once,
// whatever is killed and in whatever order the answers get lost. It rests on four
// habits: a range is written to the journal before it is sent and never cut anew;
// a range goes under one deduplication token; after an unknown outcome what is
// there is read back before anything is sent again; only then is the range released.
//
//	spool --Next--> decode --> journal --> recheck --> drop duplicates --> insert --> release
//	                                         |             unknown: read back, insert what is missing
//	                                         |             refused: split, until one row is left: quarantine
package writer
