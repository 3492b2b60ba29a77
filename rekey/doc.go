// Package rekey carries what is stored over to new pseudonyms while a purpose key
// rotates, and keeps a gateway in step with the keyholder's keys.
//
// Guarantee: no event is refused and none is lost or stored twice by it. Who is in
// memory under the old pseudonyms is forgotten first; then what was spooled under
// them is stored; then, while no gateway stores, partition after partition is
// copied, compared and exchanged; and the keyholder hears that the old key may go
// only when no row is left under it. The map of old and new pseudonyms is in this
// process and in ClickHouse's memory for as long as that takes, and on no disk.
// Whatever dies on the way, the next gateway begins anew, and every step can be
// done again.
//
//	Keeper  ── Attend, each second ──> keyholder: revision, hold, open
//	        revision changed: keys fetched, old pseudonyms forgotten, spool marked
//	        hold: what was spooled before the mark is stored, then the writer holds
//	Job     while open, where this gateway may look after keys:
//	        lease ─> map ─> (hold ─> rewrite one partition ─> let go) ─> none left ─> done
package rekey
