// Package restore keeps a system from serving what was erased after a backup was
// made.
//
// Which erasures were carried out is written down four times: by the keyholder, in
// the control store, in the files of this package on the disk of the gateway that
// carried them out, and in ClickHouse. Any of them may be restored from a backup on
// its own. At each start, and once an hour, the Gate compares the four sets of ids.
// What one of them lacks is carried out again everywhere and proven gone; until then
// nothing is served. So as long as one of them knows of an erasure, a restore of the
// others does not undo it.
//
// The content of an erasure is sealed by the keyholder; this package reads ids and
// times alone. The files of a Journal are never part of a backup and never restored.
package restore
