// Package access decides who may ask the keyholder what, and how much of it, and
// has every call recorded.
//
// Guarantee: a call reaches its handler only if its caller's role allows it, its
// certificate is in force, and, for people's requests and administration, it is
// fresh, was never seen and names who acts. What it was, how much it was about
// and what came of it is in the log of calls before its answer leaves; of
// gateways' calls, the sums are. A refusal is recorded too.
//
//	socket, certificate --> Caller --> role, replay, reason, limit --> handler --> log --> answer
package access
