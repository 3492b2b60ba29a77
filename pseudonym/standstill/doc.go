// Package standstill lets one gateway rewrite what is stored while no other
// stores: the keyholder's board of which gateways there are, who of them leads,
// and which have stopped.
//
// Guarantee: a lease is held only after every other gateway that was heard of
// within a day has said that it holds, and said so when it had heard of the
// lease; none is told to go on while the lease lasts. A gateway that does not
// answer is waited for and named, never passed over.
//
//	leader ── Lease ──> board <── Ready(held) ── every other gateway, each second
//	                      └─ hold ──────────────>
package standstill
